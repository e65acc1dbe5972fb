#pragma once
// Which of the known fields a name is; ASCII case does not matter. Pure.
#include <string_view>

#include "libs/net/http_head.h"

namespace reliability::net {

// `name` is a token (RFC 9110 section 5.1).
[[nodiscard]] FieldId IdOf(std::string_view name);

}  // namespace reliability::net
