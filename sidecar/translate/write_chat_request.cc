// To OpenAI chat completions.
#include <algorithm>

#include "libs/base/hash.h"
#include "sidecar/translate/conversation.h"
#include "sidecar/translate/json_writer.h"

namespace reliability::sidecar::translate {
namespace {

using Kind = Part::Kind;

constexpr std::size_t kMaxStop = 4;  // the API's limits
constexpr std::size_t kMaxToolName = 64;
constexpr std::size_t kMaxCallId = 40;

// A call's id as this API takes it; the same id always becomes the same one.
std::string CallId(std::string_view id) {
  return id.size() <= kMaxCallId ? std::string(id) : "call_" + std::to_string(Fnv1a(id));
}

Status WritePart(const Part& part, JsonWriter& json) {
  if (part.kind == Kind::kText) {
    json.Object().Text("type", "text").Text("text", part.text).EndObject();
    return {};
  }
  std::string url(part.url);
  if (url.empty()) {
    url.append("data:").append(part.media_type).append(";base64,").append(part.data);
  }
  if (part.kind == Kind::kImage) {
    json.Object().Text("type", "image_url").Object("image_url").Text("url", url).EndObject();
    json.EndObject();
    return {};
  }
  if (!part.url.empty()) {
    return Untranslatable("document by URL");
  }
  json.Object().Text("type", "file").Object("file");
  json.Text("filename", part.name.empty() ? "document.pdf" : part.name).Text("file_data", url);
  json.EndObject().EndObject();
  return {};
}

// One text stays a string, which every server of this API understands.
Status WriteContent(const std::vector<const Part*>& parts, JsonWriter& json) {
  if (parts.size() == 1 && parts.front()->kind == Kind::kText) {
    json.Text("content", parts.front()->text);
    return {};
  }
  json.Array("content");
  for (const Part* part : parts) {
    RELIABILITY_TRY(WritePart(*part, json));
  }
  json.EndArray();
  return {};
}

// The API takes texts only; other parts follow as the user's.
void WriteToolResult(const Part& result, JsonWriter& json, std::vector<const Part*>& rest) {
  std::string text = result.is_error ? "Error: " : "";
  bool first = true;
  for (const Part& part : result.parts) {
    if (part.kind != Kind::kText) {
      rest.push_back(&part);
      continue;
    }
    text.append(first ? "" : "\n").append(part.text);
    first = false;
  }
  json.Object().Text("role", "tool").Text("tool_call_id", CallId(result.id));
  json.Text("content", text).EndObject();
}

Status WriteUser(const Message& message, JsonWriter& json) {
  std::vector<const Part*> rest;
  for (const Part& part : message.parts) {  // results first: they answer the calls just before
    if (part.kind == Kind::kToolResult) {
      WriteToolResult(part, json, rest);
    }
  }
  for (const Part& part : message.parts) {
    if (part.kind != Kind::kToolResult) {
      rest.push_back(&part);
    }
  }
  if (rest.empty()) {
    return {};
  }
  json.Object().Text("role", "user");
  RELIABILITY_TRY(WriteContent(rest, json));
  json.EndObject();
  return {};
}

Status WriteAssistant(const Message& message, JsonWriter& json) {
  std::vector<const Part*> said;
  bool calls = false;
  for (const Part& part : message.parts) {
    if (part.kind == Kind::kToolCall) {
      calls = true;
    } else {
      said.push_back(&part);
    }
  }
  if (said.empty() && !calls) {
    return {};
  }
  json.Object().Text("role", "assistant");
  if (said.empty()) {
    json.Null("content");
  } else {
    RELIABILITY_TRY(WriteContent(said, json));
  }
  if (calls) {
    json.Array("tool_calls");
    for (const Part& part : message.parts) {
      if (part.kind == Kind::kToolCall) {
        json.Object().Text("id", CallId(part.id)).Text("type", "function").Object("function");
        json.Text("name", part.name).Text("arguments", part.text.empty() ? "{}" : part.text);
        json.EndObject().EndObject();
      }
    }
    json.EndArray();
  }
  json.EndObject();
  return {};
}

Status WriteSystem(const Message& message, JsonWriter& json) {
  if (message.parts.empty()) {
    return {};
  }
  std::vector<const Part*> parts;
  parts.reserve(message.parts.size());
  for (const Part& part : message.parts) {
    parts.push_back(&part);
  }
  json.Object().Text("role", "system");
  RELIABILITY_TRY(WriteContent(parts, json));
  json.EndObject();
  return {};
}

Status WriteMessages(const std::vector<Message>& messages, JsonWriter& json) {
  json.Array("messages");
  for (const Message& message : messages) {
    switch (message.role) {
      case Role::kSystem:
        RELIABILITY_TRY(WriteSystem(message, json));
        break;
      case Role::kUser:
        RELIABILITY_TRY(WriteUser(message, json));
        break;
      case Role::kAssistant:
        RELIABILITY_TRY(WriteAssistant(message, json));
        break;
    }
  }
  json.EndArray();
  return {};
}

void WriteToolChoice(const ToolChoice& choice, JsonWriter& json) {
  switch (choice.kind) {
    case ToolChoice::Kind::kDefault:
      break;
    case ToolChoice::Kind::kAuto:
      json.Text("tool_choice", "auto");
      break;
    case ToolChoice::Kind::kRequired:
      json.Text("tool_choice", "required");
      break;
    case ToolChoice::Kind::kNone:
      json.Text("tool_choice", "none");
      break;
    case ToolChoice::Kind::kNamed:
      json.Object("tool_choice").Text("type", "function").Object("function");
      json.Text("name", choice.name).EndObject().EndObject();
      break;
  }
}

Status WriteTools(const Conversation& conversation, JsonWriter& json) {
  const std::vector<Tool> tools = AllowedTools(conversation);
  if (tools.empty()) {
    return {};
  }
  json.Array("tools");
  for (const Tool& tool : tools) {
    if (tool.name.size() > kMaxToolName) {
      return Untranslatable("tools[].name", tool.name);
    }
    json.Object().Text("type", "function").Object("function").Text("name", tool.name);
    if (!tool.description.empty()) {
      json.Text("description", tool.description);
    }
    if (tool.parameters) {
      json.Raw("parameters", ToJson(*tool.parameters));
    }
    if (tool.strict) {
      json.Flag("strict", true);
    }
    json.EndObject().EndObject();
  }
  json.EndArray();
  WriteToolChoice(conversation.tool_choice, json);
  if (conversation.parallel_tools) {
    json.Flag("parallel_tool_calls", *conversation.parallel_tools);
  }
  return {};
}

void WriteResponseFormat(const ResponseFormat& format, JsonWriter& json) {
  if (format.kind == ResponseFormat::Kind::kText) {
    return;
  }
  json.Object("response_format");
  if (format.kind == ResponseFormat::Kind::kJsonObject) {
    json.Text("type", "json_object").EndObject();
    return;
  }
  json.Text("type", "json_schema").Object("json_schema");
  json.Text("name", format.name.empty() ? "answer" : format.name);
  if (!format.description.empty()) {
    json.Text("description", format.description);
  }
  json.Raw("schema", ToJson(*format.schema));
  if (format.strict) {
    json.Flag("strict", true);
  }
  json.EndObject().EndObject();
}

Status WriteStop(const Conversation& conversation, const Target& target, JsonWriter& json) {
  if (conversation.stop.empty()) {
    return {};
  }
  // Left out, the model would run on past the point where the caller cuts it.
  if (!target.accepts_stop || conversation.stop.size() > kMaxStop) {
    return Untranslatable("stop_sequences",
                          target.accepts_stop ? "more than 4" : std::string_view(target.model));
  }
  json.Array("stop");
  for (const std::string_view stop : conversation.stop) {
    json.Text(stop);
  }
  json.EndArray();
  return {};
}

}  // namespace

Result<std::string> WriteChatRequest(const Conversation& conversation, const Target& target) {
  std::vector<Message> messages = conversation.messages;
  DropPrefill(messages);
  if (std::all_of(messages.begin(), messages.end(),
                  [](const Message& message) { return message.parts.empty(); })) {
    return Untranslatable("messages", "nobody said anything");
  }
  std::string out;
  JsonWriter json(out);
  json.Object().Text("model", target.model);
  RELIABILITY_TRY(WriteMessages(messages, json));
  RELIABILITY_TRY(WriteTools(conversation, json));
  if (conversation.max_tokens) {
    json.Int("max_completion_tokens", std::max<std::int64_t>(1, *conversation.max_tokens));
  }
  if (target.accepts_sampling && conversation.temperature) {
    json.Number("temperature", *conversation.temperature);
  }
  if (target.accepts_sampling && conversation.top_p) {
    json.Number("top_p", *conversation.top_p);
  }
  RELIABILITY_TRY(WriteStop(conversation, target, json));
  WriteResponseFormat(conversation.response_format, json);
  if (!conversation.user.empty()) {
    json.Text("user", conversation.user);
  }
  if (conversation.stream) {
    // Usage is needed to settle budgets, whether or not the caller asked for it.
    json.Flag("stream", true).Object("stream_options").Flag("include_usage", true).EndObject();
  }
  json.EndObject();
  return out;
}

}  // namespace reliability::sidecar::translate
