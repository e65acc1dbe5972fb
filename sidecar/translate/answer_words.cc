#include "sidecar/translate/answer_words.h"

#include <algorithm>

namespace reliability::sidecar::translate {

Finish FinishOfChat(std::string_view reason) {
  if (reason == "length") {
    return Finish::kLength;
  }
  if (reason == "tool_calls" || reason == "function_call") {
    return Finish::kToolCalls;
  }
  if (reason == "content_filter") {
    return Finish::kRefused;
  }
  return reason.empty() ? Finish::kNone : Finish::kStop;
}

Finish FinishOfMessages(std::string_view reason) {
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") {
    return Finish::kLength;
  }
  if (reason == "tool_use") {
    return Finish::kToolCalls;
  }
  if (reason == "refusal") {
    return Finish::kRefused;
  }
  return reason.empty() ? Finish::kNone : Finish::kStop;
}

std::string_view ChatFinish(Finish finish, bool has_tools) {
  switch (finish) {
    case Finish::kNone:
    case Finish::kStop:
    case Finish::kToolCalls:
      return has_tools ? "tool_calls" : "stop";
    case Finish::kLength:
      return "length";
    case Finish::kRefused:
      return "content_filter";
  }
  return "stop";
}

std::string_view MessagesFinish(Finish finish, bool has_tools) {
  switch (finish) {
    case Finish::kNone:
    case Finish::kStop:
    case Finish::kToolCalls:
      return has_tools ? "tool_use" : "end_turn";
    case Finish::kLength:
      return "max_tokens";
    case Finish::kRefused:
      return "refusal";
  }
  return "end_turn";
}

std::string MadeId(std::string_view prefix, std::string_view id) {
  constexpr std::size_t kMaxId = 64;
  for (const std::string_view theirs : {"chatcmpl-", "msg_", "resp_"}) {
    if (id.starts_with(theirs)) {
      id.remove_prefix(theirs.size());
    }
  }
  std::string out(prefix);
  for (const char c : id.substr(0, kMaxId)) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out.push_back(fits || c == '_' || c == '-' ? c : '_');
  }
  return out;
}

namespace {

// Counts of a hostile server cannot make a sum overflow.
constexpr std::int64_t kMaxTokens = 1'000'000'000'000;

void Set(const Fields& fields, std::string_view key, std::int64_t& into) {
  if (const auto value = fields.Int(key)) {
    into = std::clamp<std::int64_t>(*value, 0, kMaxTokens);
  }
}

std::int64_t Uncached(const Usage& usage) {
  return std::max<std::int64_t>(0, usage.input - usage.cache_read - usage.cache_write);
}

}  // namespace

void ReadChatUsage(const Fields& usage, Usage& into) {
  into.known = true;
  Set(usage, "prompt_tokens", into.input);
  Set(usage, "completion_tokens", into.output);
  if (const auto details = usage.Child("prompt_tokens_details")) {
    Set(*details, "cached_tokens", into.cache_read);
    Set(*details, "cache_write_tokens", into.cache_write);
  }
  if (const auto details = usage.Child("completion_tokens_details")) {
    Set(*details, "reasoning_tokens", into.reasoning);
  }
}

void ReadMessagesUsage(const Fields& usage, Usage& into) {
  std::int64_t uncached = Uncached(into);
  Set(usage, "input_tokens", uncached);
  Set(usage, "cache_read_input_tokens", into.cache_read);
  Set(usage, "cache_creation_input_tokens", into.cache_write);
  Set(usage, "output_tokens", into.output);
  if (const auto details = usage.Child("output_tokens_details")) {
    Set(*details, "thinking_tokens", into.reasoning);
  }
  into.input = uncached + into.cache_read + into.cache_write;
  into.known = into.known || usage.Int("input_tokens") || usage.Int("output_tokens");
}

void ReadResponsesUsage(const Fields& usage, Usage& into) {
  into.known = into.known || usage.Int("input_tokens") || usage.Int("output_tokens");
  Set(usage, "input_tokens", into.input);
  Set(usage, "output_tokens", into.output);
  if (const auto details = usage.Child("input_tokens_details")) {
    Set(*details, "cached_tokens", into.cache_read);
    Set(*details, "cache_write_tokens", into.cache_write);
  }
  if (const auto details = usage.Child("output_tokens_details")) {
    Set(*details, "reasoning_tokens", into.reasoning);
  }
}

void WriteChatUsage(const Usage& usage, JsonWriter& json) {
  json.Object().Int("prompt_tokens", usage.input).Int("completion_tokens", usage.output);
  json.Int("total_tokens", usage.input + usage.output).Object("prompt_tokens_details");
  json.Int("cached_tokens", usage.cache_read).Int("cache_write_tokens", usage.cache_write);
  json.EndObject().Object("completion_tokens_details");
  json.Int("reasoning_tokens", usage.reasoning).EndObject().EndObject();
}

void WriteResponsesUsage(const Usage& usage, JsonWriter& json) {
  json.Object().Int("input_tokens", usage.input).Object("input_tokens_details");
  json.Int("cached_tokens", usage.cache_read).Int("cache_write_tokens", usage.cache_write);
  json.EndObject().Int("output_tokens", usage.output).Object("output_tokens_details");
  json.Int("reasoning_tokens", usage.reasoning).EndObject();
  json.Int("total_tokens", usage.input + usage.output).EndObject();
}

void WriteMessagesUsage(const Usage& usage, JsonWriter& json) {
  json.Object().Int("input_tokens", Uncached(usage));
  json.Int("cache_creation_input_tokens", usage.cache_write);
  json.Int("cache_read_input_tokens", usage.cache_read);
  json.Int("output_tokens", usage.output);
  if (usage.reasoning > 0) {
    json.Object("output_tokens_details").Int("thinking_tokens", usage.reasoning).EndObject();
  }
  json.EndObject();
}

}  // namespace reliability::sidecar::translate
