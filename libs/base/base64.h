#pragma once
// Base64 (RFC 4648, with padding), as Kubernetes writes binaryData and Secrets. Pure.
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability {

[[nodiscard]] std::string Base64Encode(std::string_view bytes);
// kInvalid: a character outside the alphabet, a wrong length or padding.
[[nodiscard]] Result<std::string> Base64Decode(std::string_view text);

}  // namespace reliability
