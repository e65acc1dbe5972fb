#pragma once
// What the two OpenAI request formats share. Internal.
#include "sidecar/translate/conversation.h"

namespace reliability::sidecar::translate {

// `tools`, `tool_choice`, `parallel_tool_calls`. Chat wraps a function in "function", Responses
// does not.
[[nodiscard]] Status ReadOpenAiTools(const Fields& root, Format format, Conversation& conversation);
// The object with name, schema, strict.
[[nodiscard]] Status ReadJsonSchema(const Fields& fields, ResponseFormat& format);
// `stop`: a text or a list of texts.
[[nodiscard]] Status ReadStop(const Fields& root, std::vector<std::string_view>& stop);
// `modalities` that name audio.
[[nodiscard]] Status RefuseAudio(const Fields& root);
// temperature, top_p, stream, and who asks.
void ReadOpenAiScalars(const Fields& root, Conversation& conversation);

}  // namespace reliability::sidecar::translate
