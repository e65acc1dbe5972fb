#pragma once
// Words of the APIs for the enums of answer.h, and shared pieces of JSON. Internal.
#include <string>
#include <string_view>

#include "sidecar/translate/answer.h"
#include "sidecar/translate/json.h"
#include "sidecar/translate/json_writer.h"

namespace reliability::sidecar::translate {

// `finish_reason`, `stop_reason`; unknown words read as kStop, absent ones as kNone.
[[nodiscard]] Finish FinishOfChat(std::string_view reason);
[[nodiscard]] Finish FinishOfMessages(std::string_view reason);
// `has_tools` corrects servers that say "stop" beside tool calls, or call for tools without naming
// one.
[[nodiscard]] std::string_view ChatFinish(Finish finish, bool has_tools);
[[nodiscard]] std::string_view MessagesFinish(Finish finish, bool has_tools);

// An id with the caller's prefix, made from the answer's own so that logs can be joined.
[[nodiscard]] std::string MadeId(std::string_view prefix, std::string_view id);

// `usage` objects; absent fields leave what was known before.
void ReadChatUsage(const Fields& usage, Usage& into);
void ReadMessagesUsage(const Fields& usage, Usage& into);
void ReadResponsesUsage(const Fields& usage, Usage& into);
void WriteChatUsage(const Usage& usage, JsonWriter& json);       // the object
void WriteResponsesUsage(const Usage& usage, JsonWriter& json);  // the object
void WriteMessagesUsage(const Usage& usage, JsonWriter& json);   // the object

}  // namespace reliability::sidecar::translate
