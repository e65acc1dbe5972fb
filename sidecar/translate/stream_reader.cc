#include "sidecar/translate/stream_reader.h"

#include <utility>

#include "sidecar/inspect/llm_answer.h"
#include "sidecar/translate/answer_words.h"

namespace reliability::sidecar::translate {

StreamReader::StreamReader(Format tier, Origin origin, StreamWriter& writer)
    : tier_(tier), writer_(writer), sequencer_(writer) {
  head_.id = std::move(origin.fallback_id);
  head_.model = std::move(origin.model);
  head_.created = origin.created;
}

Status StreamReader::OnEvent(const inspect::SseSplitter::Event& event) {
  if (event.data == "[DONE]") {
    terminal_ = true;
    if (finish_ == Finish::kNone) {
      finish_ = Finish::kStop;
    }
    return {};
  }
  if (event.type == "error") {
    return ProviderFailed(event.data);
  }
  switch (tier_) {
    case Format::kChat:
      return OnChatEvent(event.data);
    case Format::kMessages:
      return OnMessagesEvent(event.data);
    case Format::kResponses:
      break;
  }
  return OnResponsesEvent(event.data);
}

Status StreamReader::Flush() {
  EnsureStarted();
  return sequencer_.Flush(finish_ == Finish::kLength);
}

void StreamReader::Begin(const Fields& head) {
  if (std::exchange(begun_, true)) {
    return;
  }
  if (const std::string_view id = head.TextOr("id", ""); !id.empty()) {
    head_.id = id;
  }
  head_.model = head.TextOr("model", head_.model);
  head_.created = head.Int("created").value_or(head_.created);
  EnsureStarted();
}

void StreamReader::EnsureStarted() {
  begun_ = true;
  if (writer_.started()) {  // a second tier goes on where the first one broke off
    writer_.set_model(head_.model);
    return;
  }
  head_.usage = usage_;
  writer_.Start(head_);
}

Status StreamReader::ProviderFailed(std::string_view data) {
  error_ = inspect::ReadProviderError(data);
  return Fail(Code::kInvalid, "the provider reports an error");
}

// OpenAI chat completions.

Status StreamReader::OnChatEvent(std::string_view data) {
  const auto parsed = parser_.Parse(data);
  const auto root = parsed ? Fields::Of(*parsed, "the event") : Fail(parsed.error());
  if (!root) {
    ++malformed_;
    return sequencer_.in_tool_call() ? Fail(root.error()) : Status();
  }
  if (root->Find("error")) {
    return ProviderFailed(data);
  }
  Begin(*root);
  if (root->Find("usage")) {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields usage, root->Child("usage"));
    ReadChatUsage(usage, usage_);
  }
  const auto choices = root->List("choices");
  if (!choices || terminal_) {
    return {};
  }
  for (const JsonElement element : *choices) {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields choice, Fields::Of(element, "choice"));
    if (choice.Int("index").value_or(0) != 0) {
      continue;  // nobody asked for a second one
    }
    RELIABILITY_ASSIGN_OR_RETURN(const Fields delta, choice.Child("delta"));
    RELIABILITY_TRY(OnChatDelta(delta));
    if (const auto reason = choice.Text("finish_reason"); reason && finish_ == Finish::kNone) {
      finish_ = FinishOfChat(*reason);
    }
  }
  return {};
}

Status StreamReader::OnChatDelta(const Fields& delta) {
  RELIABILITY_TRY(sequencer_.Text(BlockKind::kText, delta.TextOr("content", "")));
  if (const std::string_view refusal = delta.TextOr("refusal", ""); !refusal.empty()) {
    only_text_ = false;
    RELIABILITY_TRY(sequencer_.Text(BlockKind::kRefusal, refusal));
  }
  if (const auto calls = delta.List("tool_calls")) {
    std::int64_t position = 0;
    for (const JsonElement element : *calls) {
      RELIABILITY_ASSIGN_OR_RETURN(const Fields call, Fields::Of(element, "tool call"));
      RELIABILITY_TRY(OnChatToolCall(call, position++));
    }
  }
  return {};
}

Status StreamReader::OnChatToolCall(const Fields& call, std::int64_t position) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields function, call.Child("function"));
  const std::int64_t index = call.Int("index").value_or(position);
  const std::string_view id = call.TextOr("id", "");
  const auto [entry, added] = calls_.try_emplace(index);
  if (added || (!id.empty() && !entry->second.id.empty() && id != entry->second.id)) {
    entry->second = {next_key_++, std::string(id)};
  } else if (entry->second.id.empty()) {
    entry->second.id = id;
  }
  const std::int64_t key = entry->second.key;
  RELIABILITY_TRY(sequencer_.OpenTool(key, id, function.TextOr("name", "")));
  const std::string_view arguments = function.TextOr("arguments", "");
  return arguments.empty() ? Status() : sequencer_.Arguments(key, arguments);
}

// Anthropic messages.

Status StreamReader::OnMessagesEvent(std::string_view data) {
  const auto parsed = parser_.Parse(data);
  const auto event = parsed ? Fields::Of(*parsed, "the event") : Fail(parsed.error());
  if (!event) {
    ++malformed_;
    return sequencer_.in_tool_call() ? Fail(event.error()) : Status();
  }
  const std::string_view type = event->TextOr("type", "");
  if (type == "message_start") {
    return OnMessageStart(*event);
  }
  if (type == "content_block_start") {
    return OnBlockStart(*event);
  }
  if (type == "content_block_delta") {
    return OnBlockDelta(*event);
  }
  if (type == "content_block_stop") {
    return OnBlockStop(*event);
  }
  if (type == "message_delta") {
    return OnMessageDelta(*event);
  }
  if (type == "message_stop") {
    terminal_ = true;
    if (finish_ == Finish::kNone) {
      finish_ = Finish::kStop;
    }
  }
  return type == "error" ? ProviderFailed(data) : Status();  // ping, and what later versions add
}

Status StreamReader::OnMessageStart(const Fields& event) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields message, event.Child("message"));
  RELIABILITY_ASSIGN_OR_RETURN(const Fields usage, message.Child("usage"));
  ReadMessagesUsage(usage, usage_);
  Begin(message);
  return {};
}

Status StreamReader::OnBlockStart(const Fields& event) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields block, event.Child("content_block"));
  const std::int64_t index = event.Int("index").value_or(last_index_ + 1);
  last_index_ = index;
  EnsureStarted();
  const std::string_view type = block.TextOr("type", "");
  if (type == "text") {
    return sequencer_.Text(BlockKind::kText, block.TextOr("text", ""));
  }
  if (type != "tool_use") {
    thought_ = true;
    ignored_.insert(index);  // thinking: no other client can use it
    return {};
  }
  RELIABILITY_TRY(sequencer_.OpenTool(index, block.TextOr("id", ""), block.TextOr("name", "")));
  if (const auto input = block.Find("input")) {
    const std::string whole = ToJson(*input);
    if (whole != "{}") {  // deltas follow an empty one
      return sequencer_.Arguments(index, whole);
    }
  }
  return {};
}

Status StreamReader::OnBlockDelta(const Fields& event) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields delta, event.Child("delta"));
  const std::string_view type = delta.TextOr("type", "");
  const std::int64_t index = event.Int("index").value_or(last_index_);
  if (ignored_.contains(index)) {
    return {};
  }
  EnsureStarted();
  if (type == "text_delta") {
    return sequencer_.Text(BlockKind::kText, delta.TextOr("text", ""));
  }
  if (type == "input_json_delta") {
    const std::string_view json = delta.TextOr("partial_json", "");
    return json.empty() ? Status() : sequencer_.Arguments(index, json);
  }
  return {};
}

Status StreamReader::OnBlockStop(const Fields& event) {
  sequencer_.CloseText();
  return sequencer_.CloseTool(event.Int("index").value_or(last_index_));
}

Status StreamReader::OnMessageDelta(const Fields& event) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields delta, event.Child("delta"));
  if (const auto reason = delta.Text("stop_reason")) {
    finish_ = FinishOfMessages(*reason);
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Fields usage, event.Child("usage"));
  ReadMessagesUsage(usage, usage_);
  return {};
}

}  // namespace reliability::sidecar::translate
