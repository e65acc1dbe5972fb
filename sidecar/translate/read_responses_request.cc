// OpenAI Responses, the request half.
#include <array>

#include "sidecar/translate/conversation.h"
#include "sidecar/translate/read_openai.h"

namespace reliability::sidecar::translate {
namespace {

// State that lives at the provider, or that the answer must hold.
constexpr std::array<std::string_view, 5> kRefused = {"background", "conversation", "moderation",
                                                      "previous_response_id", "prompt"};

Status ReadImage(const Fields& fields, std::vector<Part>& parts) {
  if (fields.Find("file_id")) {
    return Untranslatable("file_id");
  }
  Part& image = parts.emplace_back(Part{.kind = Part::Kind::kImage});
  return ReadUrl("image_url", fields.TextOr("image_url", ""), image);
}

Status ReadFile(const Fields& fields, std::vector<Part>& parts) {
  if (fields.Find("file_id")) {
    return Untranslatable("file_id");
  }
  Part& document = parts.emplace_back(
      Part{.kind = Part::Kind::kDocument, .name = fields.TextOr("filename", "")});
  if (const auto url = fields.Text("file_url")) {
    return ReadUrl("file_url", *url, document);
  }
  if (!ReadDataUrl(fields.TextOr("file_data", ""), document)) {
    return Untranslatable("file_data", "not a data URL");
  }
  return {};
}

Status ReadPart(JsonElement element, std::vector<Part>& parts) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(element, "part"));
  const std::string_view type = fields.TextOr("type", "");
  if (type == "input_text" || type == "output_text" || type == "text") {
    parts.push_back({.text = fields.TextOr("text", "")});
    return {};
  }
  if (type == "refusal") {
    parts.push_back({.text = fields.TextOr("refusal", "")});
    return {};
  }
  if (type == "input_image") {
    return ReadImage(fields, parts);
  }
  if (type == "input_file") {
    return ReadFile(fields, parts);
  }
  return Untranslatable("type", type);  // audio, and what later versions add
}

// `content` of a message, `output` of a function call.
Status ReadParts(const Fields& item, std::string_view key, std::vector<Part>& parts) {
  if (const auto text = item.Text(key)) {
    parts.push_back({.text = *text});
    return {};
  }
  const auto list = item.List(key);
  if (!list) {
    return Malformed(key);
  }
  std::size_t index = 0;
  for (const JsonElement part : *list) {
    RELIABILITY_TRY(In(key, index++, ReadPart(part, parts)));
  }
  return {};
}

Status ReadMessage(const Fields& item, Message& message) {
  const std::string_view role = item.TextOr("role", "");
  if (role == "assistant") {
    message.role = Role::kAssistant;
  } else if (role == "system" || role == "developer") {
    message.role = Role::kSystem;
  } else if (role != "user") {
    return Untranslatable("role", role);
  }
  return ReadParts(item, "content", message.parts);
}

Status ReadCall(const Fields& item, Message& message) {
  const std::string_view id = item.TextOr("call_id", "");
  const std::string_view name = item.TextOr("name", "");
  if (id.empty() || name.empty()) {
    return Malformed(id.empty() ? "call_id" : "name");
  }
  if (item.Find("namespace")) {
    return Untranslatable("namespace");
  }
  message.role = Role::kAssistant;
  message.parts.push_back({.kind = Part::Kind::kToolCall,
                           .text = item.TextOr("arguments", ""),
                           .id = id,
                           .name = name});
  return {};
}

Status ReadItem(JsonElement element, std::vector<Message>& messages) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields item, Fields::Of(element, "item"));
  const std::string_view type = item.TextOr("type", "message");
  Message message;
  if (type == "message") {
    RELIABILITY_TRY(ReadMessage(item, message));
  } else if (type == "function_call") {
    RELIABILITY_TRY(ReadCall(item, message));
  } else if (type == "function_call_output") {
    Part result{.kind = Part::Kind::kToolResult, .id = item.TextOr("call_id", "")};
    if (result.id.empty()) {
      return Malformed("call_id");
    }
    RELIABILITY_TRY(ReadParts(item, "output", result.parts));
    message.parts.push_back(std::move(result));
  } else if (type == "reasoning") {
    return {};  // no other model can read it
  } else {
    return Untranslatable("type", type);  // hosted tools, references, compacted history
  }
  messages.push_back(std::move(message));
  return {};
}

Status ReadInput(const Fields& root, std::vector<Message>& messages) {
  if (const auto text = root.Text("input")) {
    messages.push_back({.role = Role::kUser, .parts = {{.text = *text}}});
    return {};
  }
  const auto items = root.List("input");
  if (!items) {
    return Malformed("input");
  }
  std::size_t index = 0;
  for (const JsonElement item : *items) {
    RELIABILITY_TRY(In("input", index++, ReadItem(item, messages)));
  }
  return {};
}

Status ReadTextConfig(const Fields& root, ResponseFormat& format) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields text, root.Child("text"));
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, text.Child("format"));
  const std::string_view type = fields.TextOr("type", "text");
  if (type == "json_schema") {
    return ReadJsonSchema(fields, format);
  }
  if (type == "json_object") {
    format.kind = ResponseFormat::Kind::kJsonObject;
  } else if (type != "text") {
    return Untranslatable("format.type", type);
  }
  return {};
}

Status RefuseLogprobs(const Fields& root) {
  if (root.Int("top_logprobs").value_or(0) > 0) {
    return Untranslatable("top_logprobs");
  }
  if (const auto include = root.List("include")) {
    for (const JsonElement name : *include) {
      if (TextOf(name) == "message.output_text.logprobs") {
        return Untranslatable("include", *TextOf(name));
      }
    }
  }
  return {};
}

}  // namespace

Result<Conversation> ReadResponsesRequest(JsonElement root) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(root, "the body"));
  RELIABILITY_TRY(RefuseSet(fields, kRefused));
  RELIABILITY_TRY(RefuseLogprobs(fields));
  Conversation conversation;
  if (const auto instructions = fields.Text("instructions")) {
    conversation.messages.push_back({.role = Role::kSystem, .parts = {{.text = *instructions}}});
  }
  RELIABILITY_TRY(ReadInput(fields, conversation.messages));
  MergeNeighbours(conversation.messages);
  RELIABILITY_TRY(ReadOpenAiTools(fields, Format::kResponses, conversation));
  RELIABILITY_TRY(In("text", ReadTextConfig(fields, conversation.response_format)));
  conversation.max_tokens = fields.Int("max_output_tokens");
  ReadOpenAiScalars(fields, conversation);
  return conversation;
}

}  // namespace reliability::sidecar::translate
