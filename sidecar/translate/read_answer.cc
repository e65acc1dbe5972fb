// ReadAnswer of answer.h.
#include "sidecar/translate/answer.h"
#include "sidecar/translate/answer_words.h"
#include "sidecar/translate/json.h"

namespace reliability::sidecar::translate {
namespace {

// What a model wrote as arguments must be one JSON object before anyone runs a tool with it.
Status AddToolCall(std::string_view id, std::string_view name, std::string arguments,
                   const Origin& origin, Answer& answer) {
  if (name.empty()) {
    return Malformed("tool call name");
  }
  if (arguments.empty()) {
    arguments = "{}";
  }
  JsonParser parser;
  const auto parsed = parser.Parse(arguments);
  if (!parsed || !IsObject(*parsed)) {
    return Malformed("tool call arguments");
  }
  std::string call_id(id);
  if (call_id.empty()) {
    call_id = MadeId("call_", origin.fallback_id) + "_" + std::to_string(answer.blocks.size());
  }
  answer.blocks.push_back(
      {BlockKind::kToolCall, std::move(arguments), std::move(call_id), std::string(name)});
  return {};
}

void AddText(BlockKind kind, std::string_view text, Answer& answer) {
  if (!text.empty()) {
    answer.blocks.push_back({kind, std::string(text), {}, {}});
  }
}

Status ReadChatMessage(const Fields& message, const Origin& origin, Answer& answer) {
  if (const auto text = message.Text("content")) {
    AddText(BlockKind::kText, *text, answer);
  } else if (const auto parts = message.List("content")) {  // not official, but seen
    for (const JsonElement part : *parts) {
      RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(part, "content"));
      AddText(BlockKind::kText, fields.TextOr("text", ""), answer);
    }
  }
  AddText(BlockKind::kRefusal, message.TextOr("refusal", ""), answer);
  if (const auto calls = message.List("tool_calls")) {
    for (const JsonElement element : *calls) {
      RELIABILITY_ASSIGN_OR_RETURN(const Fields call, Fields::Of(element, "tool call"));
      RELIABILITY_ASSIGN_OR_RETURN(const Fields function, call.Child("function"));
      RELIABILITY_TRY(AddToolCall(call.TextOr("id", ""), function.TextOr("name", ""),
                                  std::string(function.TextOr("arguments", "")), origin, answer));
    }
  }
  return {};
}

Status ReadChat(const Fields& root, const Origin& origin, Answer& answer) {
  answer.created = root.Int("created").value_or(origin.created);
  const auto choices = root.List("choices");
  if (!choices || choices->begin() == choices->end()) {
    return Malformed("choices");
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Fields choice, Fields::Of(*choices->begin(), "choice"));
  RELIABILITY_ASSIGN_OR_RETURN(const Fields message, choice.Child("message"));
  RELIABILITY_TRY(ReadChatMessage(message, origin, answer));
  answer.finish = FinishOfChat(choice.TextOr("finish_reason", "stop"));
  if (root.Find("usage")) {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields usage, root.Child("usage"));
    ReadChatUsage(usage, answer.usage);
  }
  return {};
}

Status ReadMessages(const Fields& root, const Origin& origin, Answer& answer) {
  answer.created = origin.created;
  const auto content = root.List("content");
  if (!content) {
    return Malformed("content");
  }
  for (const JsonElement element : *content) {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields block, Fields::Of(element, "block"));
    const std::string_view type = block.TextOr("type", "");
    if (type == "text") {
      AddText(BlockKind::kText, block.TextOr("text", ""), answer);
    } else if (type == "tool_use") {
      const auto input = block.Find("input");
      RELIABILITY_TRY(AddToolCall(block.TextOr("id", ""), block.TextOr("name", ""),
                                  input ? ToJson(*input) : "{}", origin, answer));
    }  // thinking: no other client can use it
  }
  answer.finish = FinishOfMessages(root.TextOr("stop_reason", "end_turn"));
  if (root.Find("usage")) {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields usage, root.Child("usage"));
    ReadMessagesUsage(usage, answer.usage);
  }
  return {};
}

}  // namespace

Result<Answer> ReadAnswer(Format tier, std::string_view body, const Origin& origin) {
  JsonParser parser;
  RELIABILITY_ASSIGN_OR_RETURN(const JsonElement root, parser.Parse(body));
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(root, "the answer"));
  if (fields.Find("error")) {
    return Fail(Code::kInvalid, "the answer is an error");
  }
  Answer answer;
  answer.id = fields.TextOr("id", "");
  if (answer.id.empty()) {
    answer.id = origin.fallback_id;
  }
  answer.model = fields.TextOr("model", origin.model);
  RELIABILITY_TRY(tier == Format::kMessages ? ReadMessages(fields, origin, answer)
                                            : ReadChat(fields, origin, answer));
  return answer;
}

}  // namespace reliability::sidecar::translate
