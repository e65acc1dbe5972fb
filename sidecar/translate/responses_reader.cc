// The OpenAI Responses half of stream_reader.h: only for watching a stream that its caller gets as
// it is.
#include "sidecar/translate/answer_words.h"
#include "sidecar/translate/stream_reader.h"

namespace reliability::sidecar::translate {

Status StreamReader::OnResponsesEvent(std::string_view data) {
  const auto parsed = parser_.Parse(data);
  const auto event = parsed ? Fields::Of(*parsed, "the event") : Fail(parsed.error());
  if (!event) {
    ++malformed_;
    return sequencer_.in_tool_call() ? Fail(event.error()) : Status();
  }
  last_sequence_ = event->Int("sequence_number").value_or(last_sequence_ + 1);
  const std::string_view type = event->TextOr("type", "");
  const std::int64_t index = event->Int("output_index").value_or(last_index_);
  if (type == "response.created") {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields response, event->Child("response"));
    head_.created = response.Int("created_at").value_or(head_.created);
    Begin(response);
    return {};
  }
  if (type == "response.output_item.added") {
    return OnItemAdded(*event);
  }
  if (type == "response.output_item.done") {
    return OnItemDone(*event);
  }
  if (type == "response.output_text.delta" || type == "response.refusal.delta") {
    const bool text = type == "response.output_text.delta";
    // A second part of one item is a block of its own here: nobody could go on in it.
    only_text_ = only_text_ && text && event->Int("content_index").value_or(0) == 0;
    EnsureStarted();
    return sequencer_.Text(text ? BlockKind::kText : BlockKind::kRefusal,
                           event->TextOr("delta", ""));
  }
  if (type == "response.function_call_arguments.delta" && !ignored_.contains(index)) {
    const std::string_view json = event->TextOr("delta", "");
    return json.empty() ? Status() : sequencer_.Arguments(index, json);
  }
  if (type == "error") {
    return ProviderFailed(data);
  }
  return OnResponseEnded(*event, type);
}

Status StreamReader::OnItemAdded(const Fields& event) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields item, event.Child("item"));
  const std::string_view type = item.TextOr("type", "");
  last_index_ = event.Int("output_index").value_or(last_index_ + 1);
  between_items_ = false;
  EnsureStarted();
  if (type == "message") {
    item_ids_.emplace_back(item.TextOr("id", ""));
    return {};
  }
  only_text_ = false;
  if (type != "function_call") {
    ignored_.insert(last_index_);
    return {};
  }
  item_ids_.emplace_back(item.TextOr("id", ""));
  return sequencer_.OpenTool(last_index_, item.TextOr("call_id", ""), item.TextOr("name", ""));
}

Status StreamReader::OnItemDone(const Fields& event) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields item, event.Child("item"));
  const std::string_view type = item.TextOr("type", "");
  between_items_ = (type == "message" || type == "function_call") &&
                   item.TextOr("status", "completed") == "completed";
  sequencer_.CloseText();
  return sequencer_.CloseTool(event.Int("output_index").value_or(last_index_));
}

Status StreamReader::OnResponseEnded(const Fields& event, std::string_view type) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields response, event.Child("response"));
  if (type == "response.failed") {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields error, response.Child("error"));
    error_ = policy::ProviderError{};
    error_->code = error.TextOr("code", "");
    error_->message = error.TextOr("message", "");
    return Fail(Code::kInvalid, "the provider reports an error");
  }
  if (type != "response.completed" && type != "response.incomplete") {
    return {};
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Fields details, response.Child("incomplete_details"));
  terminal_ = true;
  finish_ = Finish::kStop;
  if (type == "response.incomplete") {
    finish_ = details.TextOr("reason", "") == "content_filter" ? Finish::kRefused : Finish::kLength;
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Fields usage, response.Child("usage"));
  ReadResponsesUsage(usage, usage_);
  return {};
}

void StreamReader::EndBetweenItems() {
  if (between_items_ && finish_ == Finish::kNone) {
    finish_ = Finish::kStop;
  }
}

}  // namespace reliability::sidecar::translate
