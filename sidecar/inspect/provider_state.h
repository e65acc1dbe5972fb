#pragma once
// What a request refers to that only one account of one provider has: earlier responses, files,
// thoughts that nobody else can read (data-plane ruling 36). Pure.
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/inspect/llm_request.h"

namespace reliability::sidecar::inspect {

// The field that refers to it: "previous_response_id", "conversation", "prompt", "background" (the
// answer would be asked for there), "item_reference", "file_id"; empty: the request stands for
// itself, or is no JSON object. `room`: readable bytes behind the body; with 64 of them it is not
// copied.
[[nodiscard]] std::string_view ProviderState(LlmApi api, std::string_view body,
                                             std::size_t room = 0);

// A Responses request without the reasoning items of its input, everything else byte for byte.
// nullopt: it has none.
[[nodiscard]] std::optional<std::string> WithoutReasoning(std::string_view body);

}  // namespace reliability::sidecar::inspect
