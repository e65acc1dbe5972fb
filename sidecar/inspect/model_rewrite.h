#pragma once
// The same request for another model. Pure.
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::sidecar::inspect {

// `body` with its top-level "model" replaced, everything else byte for byte. kInvalid: no JSON
// object with a string "model".
[[nodiscard]] Result<std::string> WithModel(std::string_view body, std::string_view model);

}  // namespace reliability::sidecar::inspect
