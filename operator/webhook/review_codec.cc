#include "operator/webhook/review_codec.h"

#include "libs/base/base64.h"

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
    response["patch"] =
        Base64Encode(answer.patch.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  for (const std::string& warning : answer.warnings) {
    response["warnings"].push_back(warning.substr(0, kMaxWarning));
  }
  const Json review{
      {"apiVersion", kApiVersion}, {"kind", "AdmissionReview"}, {"response", response}};
  return review.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace reliability::webhook
