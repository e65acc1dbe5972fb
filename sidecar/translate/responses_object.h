#pragma once
// The response object of the OpenAI Responses API and its items. Internal.
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/translate/answer.h"
#include "sidecar/translate/json_writer.h"

namespace reliability::sidecar::translate {

// "in_progress", "completed", "incomplete".
[[nodiscard]] std::string_view ResponseStatus(const Answer& answer);

// Of the item at this place of `output`; the same for body and stream.
[[nodiscard]] std::string ItemId(const Answer& answer, std::size_t index);
// `{"type":"output_text",…}` or a refusal.
void WriteResponsePart(BlockKind kind, std::string_view text, JsonWriter& json);
// A message or function call; `done` = with its content.
void WriteResponseItem(const Answer& answer, std::size_t index, bool done, JsonWriter& json);
// `done` = with output, usage and final status.
void WriteResponse(const Answer& answer, const Caller& caller, bool done, JsonWriter& json);

}  // namespace reliability::sidecar::translate
