#include "operator/webhook/review_codec.h"

#include <openssl/evp.h>

#include <algorithm>

namespace reliability::webhook {
namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::string_view kApiVersion = "admission.k8s.io/v1";
// The API server cuts longer warnings, and all of them beyond 4,096 characters.
constexpr std::size_t kMaxWarning = 256;

}  // namespace

Result<ReviewRequest> DecodeReview(std::string_view body) {
  if (Depth(body) > kMaxDepth) {
    return Fail(Code::kInvalid, "nested too deeply");
  }
  const Json review = Json::parse(body, nullptr, false);
  if (review.is_discarded()) {
    return Fail(Code::kInvalid, "not JSON");
  }
  if (Text(review, "kind") != "AdmissionReview" || Text(review, "apiVersion") != kApiVersion) {
    return Fail(Code::kInvalid, "not an AdmissionReview of " + std::string(kApiVersion));
  }
  const Json& request = Member(review, "request");
  ReviewRequest out;
  out.uid = Text(request, "uid");
  if (out.uid.empty()) {
    return Fail(Code::kInvalid, "no request.uid");
  }
  const Json& resource = Member(request, "resource");
  out.group = Text(resource, "group");
  out.resource = Text(resource, "resource");
  out.subresource = Text(request, "subResource");
  out.operation = Text(request, "operation");
  out.ns = Text(request, "namespace");
  out.name = Text(request, "name");
  out.dry_run = True(request, "dryRun");
  out.object = Member(request, "object");
  if (!out.object.is_object() && !out.object.is_null()) {
    return Fail(Code::kInvalid, "request.object is no object");
  }
  return out;
}

std::string EncodeReview(const std::string& uid, const ReviewAnswer& answer) {
  Json response{{"uid", uid}, {"allowed", true}};
  if (!answer.patch.empty()) {
    response["patchType"] = "JSONPatch";
    response["patch"] = Base64(answer.patch.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  for (const std::string& warning : answer.warnings) {
    response["warnings"].push_back(warning.substr(0, kMaxWarning));
  }
  const Json review{
      {"apiVersion", kApiVersion}, {"kind", "AdmissionReview"}, {"response", response}};
  return review.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP writes a final NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

Result<std::string> FromBase64(std::string_view text) {
  std::string out(3 * (text.size() / 4) + 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0 || text.size() % 4 != 0) {
    return Fail(Code::kInvalid, "not base64");
  }
  // EVP counts the zero bytes that stand for the padding.
  const auto padding = static_cast<std::size_t>(
      std::count(text.end() - std::min<std::ptrdiff_t>(2, std::ssize(text)), text.end(), '='));
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

}  // namespace reliability::webhook
