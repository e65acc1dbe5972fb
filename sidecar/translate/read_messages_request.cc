// Anthropic messages, the request half.
#include <array>

#include "sidecar/translate/conversation.h"

namespace reliability::sidecar::translate {
namespace {

// Hosted: they run at the provider.
constexpr std::array<std::string_view, 2> kRefused = {"container", "mcp_servers"};

// Base64, URL or inline text; a file by its id lives at the provider.
Status ReadSource(const Fields& block, Part::Kind kind, std::vector<Part>& parts);

Status ReadSearchResult(const Fields& block, Conversation& conversation, std::vector<Part>& parts) {
  std::string text(block.TextOr("title", ""));
  text.append(" (").append(block.TextOr("source", "")).append(")");
  if (const auto content = block.List("content")) {
    for (const JsonElement element : *content) {
      RELIABILITY_ASSIGN_OR_RETURN(const Fields part, Fields::Of(element, "content"));
      text.append("\n").append(part.TextOr("text", ""));
    }
  }
  parts.push_back({.text = conversation.Keep(std::move(text))});
  return {};
}

// What users and tool results may hold.
Status ReadUserBlock(const Fields& block, std::string_view type, Conversation& conversation,
                     std::vector<Part>& parts) {
  if (type == "text") {
    parts.push_back({.text = block.TextOr("text", "")});
    return {};
  }
  if (type == "image") {
    return ReadSource(block, Part::Kind::kImage, parts);
  }
  if (type == "document") {
    return ReadSource(block, Part::Kind::kDocument, parts);
  }
  if (type == "search_result") {
    return ReadSearchResult(block, conversation, parts);
  }
  return Untranslatable("type", type);  // server tools, and what later versions add
}

// The "content" source of a document: a text or a list of text and image blocks.
Status ReadInlineBlocks(const Fields& source, std::vector<Part>& parts) {
  if (const auto text = source.Text("content")) {
    parts.push_back({.text = *text});
    return {};
  }
  const auto list = source.List("content");
  if (!list) {
    return Malformed("content");
  }
  for (const JsonElement element : *list) {
    RELIABILITY_ASSIGN_OR_RETURN(const Fields block, Fields::Of(element, "content"));
    if (block.TextOr("type", "") == "text") {
      parts.push_back({.text = block.TextOr("text", "")});
    } else {
      RELIABILITY_TRY(ReadSource(block, Part::Kind::kImage, parts));
    }
  }
  return {};
}

Status ReadSource(const Fields& block, Part::Kind kind, std::vector<Part>& parts) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields source, block.Child("source"));
  const std::string_view type = source.TextOr("type", "");
  if (kind == Part::Kind::kDocument && type == "text") {
    parts.push_back({.text = source.TextOr("data", "")});
    return {};
  }
  if (kind == Part::Kind::kDocument && type == "content") {
    return In("source", ReadInlineBlocks(source, parts));
  }
  Part part{.kind = kind, .name = block.TextOr("title", "")};
  if (type == "base64") {
    part.media_type = source.TextOr("media_type", "");
    part.data = source.TextOr("data", "");
  } else if (type == "url") {
    RELIABILITY_TRY(ReadUrl("source.url", source.TextOr("url", ""), part));
  } else {
    return Untranslatable("source.type", type);
  }
  parts.push_back(part);
  return {};
}

Status ReadToolResult(const Fields& block, Conversation& conversation, std::vector<Part>& parts) {
  Part result{.kind = Part::Kind::kToolResult,
              .id = block.TextOr("tool_use_id", ""),
              .is_error = block.IsTrue("is_error")};
  if (result.id.empty()) {
    return Malformed("tool_use_id");
  }
  if (const auto text = block.Text("content")) {
    result.parts.push_back({.text = *text});
  } else if (const auto list = block.List("content")) {
    std::size_t index = 0;
    for (const JsonElement element : *list) {
      RELIABILITY_ASSIGN_OR_RETURN(const Fields inner, Fields::Of(element, "content"));
      RELIABILITY_TRY(
          In("content", index++,
             ReadUserBlock(inner, inner.TextOr("type", ""), conversation, result.parts)));
    }
  }
  parts.push_back(std::move(result));
  return {};
}

Status ReadToolUse(const Fields& block, Conversation& conversation, std::vector<Part>& parts) {
  const auto input = block.Find("input");
  const std::string_view id = block.TextOr("id", "");
  const std::string_view name = block.TextOr("name", "");
  if (id.empty() || name.empty() || (input && !IsObject(*input))) {
    return Malformed(id.empty() ? "id" : name.empty() ? "name" : "input");
  }
  if (block.Find("toolset_name")) {
    return Untranslatable("toolset_name");
  }
  parts.push_back({.kind = Part::Kind::kToolCall,
                   .text = conversation.Keep(input ? ToJson(*input) : "{}"),
                   .id = id,
                   .name = name});
  return {};
}

Status ReadBlock(JsonElement element, Conversation& conversation, Message& message) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields block, Fields::Of(element, "block"));
  const std::string_view type = block.TextOr("type", "");
  if (type == "thinking" || type == "redacted_thinking") {
    return {};  // no other model can read it
  }
  if (type == "tool_use" && message.role == Role::kAssistant) {
    return ReadToolUse(block, conversation, message.parts);
  }
  if (type == "tool_result" && message.role == Role::kUser) {
    return ReadToolResult(block, conversation, message.parts);
  }
  return ReadUserBlock(block, type, conversation, message.parts);
}

// `content` of a message, or `system`.
Status ReadContent(const Fields& fields, std::string_view key, Conversation& conversation,
                   Message& message) {
  if (const auto text = fields.Text(key)) {
    message.parts.push_back({.text = *text});
    return {};
  }
  const auto list = fields.List(key);
  if (!list) {
    return Malformed(key);
  }
  std::size_t index = 0;
  for (const JsonElement element : *list) {
    RELIABILITY_TRY(In(key, index++, ReadBlock(element, conversation, message)));
  }
  return {};
}

Status ReadMessage(JsonElement element, Conversation& conversation) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(element, "message"));
  const std::string_view role = fields.TextOr("role", "");
  Message message;
  if (role == "assistant") {
    message.role = Role::kAssistant;
  } else if (role == "system") {
    message.role = Role::kSystem;
  } else if (role != "user") {
    return Untranslatable("role", role);
  }
  RELIABILITY_TRY(ReadContent(fields, "content", conversation, message));
  conversation.messages.push_back(std::move(message));
  return {};
}

Result<Tool> ReadTool(JsonElement element) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(element, "tool"));
  if (const auto type = fields.TextOr("type", "custom"); type != "custom") {
    return Untranslatable("type", type);  // the provider runs it, or only its models know it
  }
  Tool tool;
  tool.name = fields.TextOr("name", "");
  tool.description = fields.TextOr("description", "");
  tool.parameters = fields.Find("input_schema");
  if (tool.name.empty() || (tool.parameters && !IsObject(*tool.parameters))) {
    return Malformed(tool.name.empty() ? "name" : "input_schema");
  }
  return tool;
}

Status ReadTools(const Fields& root, Conversation& conversation) {
  if (const auto tools = root.List("tools")) {
    std::size_t index = 0;
    for (const JsonElement element : *tools) {
      Result<Tool> tool = ReadTool(element);
      if (!tool) {
        return In("tools", index, Fail(std::move(tool).error()));
      }
      conversation.tools.push_back(*tool);
      ++index;
    }
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Fields choice, root.Child("tool_choice"));
  const std::string_view type = choice.TextOr("type", "");
  if (type == "auto") {
    conversation.tool_choice.kind = ToolChoice::Kind::kAuto;
  } else if (type == "any") {
    conversation.tool_choice.kind = ToolChoice::Kind::kRequired;
  } else if (type == "none") {
    conversation.tool_choice.kind = ToolChoice::Kind::kNone;
  } else if (type == "tool") {
    conversation.tool_choice.kind = ToolChoice::Kind::kNamed;
    conversation.tool_choice.name = choice.TextOr("name", "");
  } else if (!type.empty()) {
    return Untranslatable("tool_choice.type", type);
  }
  if (choice.IsTrue("disable_parallel_tool_use")) {
    conversation.parallel_tools = false;
  }
  return {};
}

Status ReadOutputConfig(const Fields& root, ResponseFormat& format) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields config, root.Child("output_config"));
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, config.Child("format"));
  const auto type = fields.Text("type");
  if (!type) {
    return {};
  }
  format.schema = fields.Find("schema");
  if (*type != "json_schema" || !format.schema || !IsObject(*format.schema)) {
    return Untranslatable("format.type", *type);
  }
  format.kind = ResponseFormat::Kind::kJsonSchema;
  return {};
}

Status ReadStopSequences(const Fields& root, std::vector<std::string_view>& stop) {
  if (const auto list = root.List("stop_sequences")) {
    for (const JsonElement element : *list) {
      const auto text = TextOf(element);
      if (!text) {
        return Malformed("stop_sequences");
      }
      stop.push_back(*text);
    }
  }
  return {};
}

// `system` and `messages`.
Status ReadTexts(const Fields& root, Conversation& conversation) {
  if (root.Find("system")) {
    Message system{.role = Role::kSystem, .parts = {}};
    RELIABILITY_TRY(ReadContent(root, "system", conversation, system));
    conversation.messages.push_back(std::move(system));
  }
  const auto messages = root.List("messages");
  if (!messages) {
    return Malformed("messages");
  }
  std::size_t index = 0;
  for (const JsonElement message : *messages) {
    RELIABILITY_TRY(In("messages", index++, ReadMessage(message, conversation)));
  }
  MergeNeighbours(conversation.messages);
  return {};
}

}  // namespace

Result<Conversation> ReadMessagesRequest(JsonElement root) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(root, "the body"));
  RELIABILITY_TRY(RefuseSet(fields, kRefused));
  Conversation conversation;
  RELIABILITY_TRY(ReadTexts(fields, conversation));
  RELIABILITY_TRY(ReadTools(fields, conversation));
  RELIABILITY_TRY(In("output_config", ReadOutputConfig(fields, conversation.response_format)));
  RELIABILITY_TRY(ReadStopSequences(fields, conversation.stop));
  RELIABILITY_ASSIGN_OR_RETURN(const Fields metadata, fields.Child("metadata"));
  conversation.user = metadata.TextOr("user_id", "");
  conversation.max_tokens = fields.Int("max_tokens");
  conversation.temperature = fields.Number("temperature");
  conversation.top_p = fields.Number("top_p");
  conversation.stream = fields.IsTrue("stream");
  return conversation;
}

}  // namespace reliability::sidecar::translate
