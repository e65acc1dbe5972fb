// OpenAI chat completions, the request half.
#include <array>

#include "sidecar/translate/conversation.h"
#include "sidecar/translate/read_openai.h"

namespace reliability::sidecar::translate {
namespace {

// Set to anything but null or false, these change what the answer must hold.
constexpr std::array<std::string_view, 6> kRefused = {
    "audio", "function_call", "functions", "logprobs", "moderation", "web_search_options"};

Status ReadFile(const Fields& part, std::vector<Part>& parts) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields file, part.Child("file"));
  if (file.Find("file_id")) {
    return Untranslatable("file.file_id");
  }
  Part document{.kind = Part::Kind::kDocument, .name = file.TextOr("filename", "")};
  const std::string_view data = file.TextOr("file_data", "");
  if (!ReadDataUrl(data, document)) {
    return Untranslatable("file.file_data", "not a data URL");
  }
  parts.push_back(document);
  return {};
}

Status ReadPart(JsonElement element, std::vector<Part>& parts) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields part, Fields::Of(element, "part"));
  const std::string_view type = part.TextOr("type", "");
  if (type == "text" || type == "refusal") {
    parts.push_back({.text = part.TextOr(type, "")});
    return {};
  }
  if (type == "image_url") {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields image, part.Child("image_url"));
    Part& added = parts.emplace_back(Part{.kind = Part::Kind::kImage});
    return ReadUrl("image_url.url", image.TextOr("url", ""), added);
  }
  if (type == "file") {
    return ReadFile(part, parts);
  }
  return Untranslatable("type", type);  // audio, and what later versions add
}

Status ReadContent(const Fields& message, std::vector<Part>& parts) {
  const auto content = message.Find("content");
  if (!content) {
    return {};
  }
  if (const auto text = TextOf(*content)) {
    parts.push_back({.text = *text});
    return {};
  }
  const auto list = ListOf(*content);
  if (!list) {
    return Malformed("content");
  }
  std::size_t index = 0;
  for (const JsonElement part : *list) {
    RELIABILITY_TRY(In("content", index++, ReadPart(part, parts)));
  }
  return {};
}

Status ReadToolCalls(const Fields& message, std::vector<Part>& parts) {
  const auto calls = message.List("tool_calls");
  if (!calls) {
    return {};
  }
  std::size_t index = 0;
  for (const JsonElement element : *calls) {
    const auto read = [&]() -> Status {
      RELIABILITY_ASSIGN_OR_RETURN(const Fields call, Fields::Of(element, "call"));
      if (const auto type = call.TextOr("type", "function"); type != "function") {
        return Untranslatable("type", type);
      }
      RELIABILITY_ASSIGN_OR_RETURN(const Fields function, call.Child("function"));
      const std::string_view id = call.TextOr("id", "");
      const std::string_view name = function.TextOr("name", "");
      if (id.empty() || name.empty()) {
        return Malformed(id.empty() ? "id" : "function.name");
      }
      parts.push_back({.kind = Part::Kind::kToolCall,
                       .text = function.TextOr("arguments", ""),
                       .id = id,
                       .name = name});
      return {};
    };
    RELIABILITY_TRY(In("tool_calls", index++, read()));
  }
  return {};
}

Status ReadMessage(JsonElement element, std::vector<Message>& messages) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(element, "message"));
  const std::string_view role = fields.TextOr("role", "");
  Message message;
  RELIABILITY_TRY(ReadContent(fields, message.parts));
  if (role == "tool") {
    const std::string_view id = fields.TextOr("tool_call_id", "");
    if (id.empty()) {
      return Malformed("tool_call_id");
    }
    Part result{.kind = Part::Kind::kToolResult, .id = id, .parts = std::move(message.parts)};
    message.parts.clear();
    message.parts.push_back(std::move(result));
  } else if (role == "assistant") {
    constexpr std::array<std::string_view, 2> kNot = {"audio", "function_call"};
    RELIABILITY_TRY(RefuseSet(fields, kNot));
    message.role = Role::kAssistant;
    if (const auto refusal = fields.Text("refusal")) {
      message.parts.push_back({.text = *refusal});
    }
    RELIABILITY_TRY(ReadToolCalls(fields, message.parts));
  } else if (role == "system" || role == "developer") {
    message.role = Role::kSystem;
  } else if (role != "user") {
    return Untranslatable("role", role);
  }
  messages.push_back(std::move(message));
  return {};
}

Status ReadResponseFormat(const Fields& root, ResponseFormat& format) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, root.Child("response_format"));
  const std::string_view type = fields.TextOr("type", "text");
  if (type == "json_schema") {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields schema, fields.Child("json_schema"));
    return ReadJsonSchema(schema, format);
  }
  if (type == "json_object") {
    format.kind = ResponseFormat::Kind::kJsonObject;
  } else if (type != "text") {
    return Untranslatable("type", type);
  }
  return {};
}

Status RefuseFields(const Fields& fields) {
  if (fields.Int("n").value_or(1) > 1) {
    return Untranslatable("n");
  }
  if (fields.Int("top_logprobs").value_or(0) > 0) {
    return Untranslatable("top_logprobs");
  }
  RELIABILITY_TRY(RefuseSet(fields, kRefused));
  return RefuseAudio(fields);
}

}  // namespace

Result<Conversation> ReadChatRequest(JsonElement root) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(root, "the body"));
  RELIABILITY_TRY(RefuseFields(fields));
  Conversation conversation;
  const auto messages = fields.List("messages");
  if (!messages) {
    return Malformed("messages");
  }
  std::size_t index = 0;
  for (const JsonElement message : *messages) {
    RELIABILITY_TRY(In("messages", index++, ReadMessage(message, conversation.messages)));
  }
  MergeNeighbours(conversation.messages);
  RELIABILITY_TRY(ReadOpenAiTools(fields, Format::kChat, conversation));
  RELIABILITY_TRY(ReadStop(fields, conversation.stop));
  RELIABILITY_TRY(In("response_format", ReadResponseFormat(fields, conversation.response_format)));
  conversation.max_tokens = fields.Int("max_completion_tokens");
  if (!conversation.max_tokens) {
    conversation.max_tokens = fields.Int("max_tokens");
  }
  ReadOpenAiScalars(fields, conversation);
  return conversation;
}

}  // namespace reliability::sidecar::translate
