#pragma once
// What the types cannot say: names unique, URLs usable, bounds, limits that fit each other. Pure.
// The operator calls it before it writes, the sidecar before it uses a document.
#include <string>
#include <vector>

#include "libs/base/result.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config {

struct FieldError {
  std::string path;  // "upstreams[1].url"
  std::string reason;
};

// Empty = valid. All errors, in document order.
[[nodiscard]] std::vector<FieldError> Validate(const PolicyDocument& document);
[[nodiscard]] std::vector<FieldError> Validate(const ModeDocument& document);

// First error as kInvalid, with the number of further ones.
[[nodiscard]] Status ToStatus(const std::vector<FieldError>& errors);

// An http(s) URL with host, without user info, query or fragment.
[[nodiscard]] bool IsUpstreamUrl(std::string_view url);

}  // namespace reliability::sidecar_config
