#pragma once
// How large an LLM request is, in the terms that its cost is estimated in. Pure.
#include <string_view>

#include "libs/policy/cost_budget.h"

namespace reliability::sidecar::inspect {

// Of a body of any of the three APIs: text of messages, system prompt and tools; images, audio and
// files as media parts, whatever their bytes; the limits that the caller set. What is no JSON
// object counts as text.
[[nodiscard]] policy::RequestSize ReadRequestSize(std::string_view body);

}  // namespace reliability::sidecar::inspect
