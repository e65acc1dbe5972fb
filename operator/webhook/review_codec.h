#pragma once
// AdmissionReview (admission.k8s.io/v1) <-> plain values. Pure; never throws.
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"
#include "operator/webhook/json_access.h"

namespace reliability::webhook {

struct ReviewRequest {
  std::string uid;
  std::string group;  // of the resource
  std::string resource;
  std::string subresource;
  std::string operation;  // CREATE, UPDATE, DELETE, CONNECT
  std::string ns;
  std::string name;  // may be empty: generateName
  bool dry_run = false;
  Json object;  // null for DELETE
};

struct ReviewAnswer {
  // There is no "denied": whatever must be refused, the CRD schemas refuse.
  Json patch = Json::array();  // RFC 6902; empty = no change
  std::vector<std::string> warnings{};
};

// kInvalid says what is wrong with the text. Nested deeper than 100 levels is wrong: no object of
// the API server is, and writing such a document would exhaust the stack.
[[nodiscard]] Result<ReviewRequest> DecodeReview(std::string_view body);

[[nodiscard]] std::string EncodeReview(const std::string& uid, const ReviewAnswer& answer);

}  // namespace reliability::webhook
