// To Anthropic messages.
#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "sidecar/translate/conversation.h"
#include "sidecar/translate/json_writer.h"

namespace reliability::sidecar::translate {
namespace {

using Kind = Part::Kind;

constexpr std::array<std::string_view, 4> kImageTypes = {"image/jpeg", "image/png", "image/gif",
                                                         "image/webp"};
constexpr std::string_view kJsonOnly =
    "Answer with one JSON object and nothing else: no prose, no code fence.";
constexpr std::string_view kBegin = "(The conversation begins with your own words.)";

// The API refuses empty and blank text blocks.
bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool Says(const Part& part) { return part.kind != Kind::kText || !IsBlank(part.text); }

// The API takes [a-zA-Z0-9_-] only; the same id always becomes the same one.
std::string CallId(std::string_view id) {
  std::string out(id);
  for (char& c : out) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
    c = fits ? c : '_';
  }
  return out;
}

Status WriteSource(const Part& part, JsonWriter& json) {
  const bool image = part.kind == Kind::kImage;
  json.Object().Text("type", image ? "image" : "document").Object("source");
  if (!part.url.empty()) {
    json.Text("type", "url").Text("url", part.url).EndObject();
  } else {
    const bool known = image ? std::find(kImageTypes.begin(), kImageTypes.end(), part.media_type) !=
                                   kImageTypes.end()
                             : part.media_type == "application/pdf";
    if (!known) {
      return Untranslatable(image ? "image media type" : "file media type", part.media_type);
    }
    json.Text("type", "base64").Text("media_type", part.media_type).Text("data", part.data);
    json.EndObject();
  }
  if (!image && !part.name.empty()) {
    json.Text("title", part.name);
  }
  json.EndObject();
  return {};
}

Status WriteToolUse(const Part& call, JsonWriter& json) {
  JsonParser parser;
  std::string input;
  if (const auto parsed = parser.Parse(IsBlank(call.text) ? "{}" : call.text);
      parsed && IsObject(*parsed)) {
    input = ToJson(*parsed);
  } else {  // what a model wrote wrongly stays readable for the next one
    JsonWriter(input).Object().Text("arguments", call.text).EndObject();
  }
  json.Object().Text("type", "tool_use").Text("id", CallId(call.id)).Text("name", call.name);
  json.Raw("input", input).EndObject();
  return {};
}

Status WritePart(const Part& part, JsonWriter& json);

Status WriteToolResult(const Part& result, JsonWriter& json) {
  json.Object().Text("type", "tool_result").Text("tool_use_id", CallId(result.id));
  if (result.parts.size() == 1 && result.parts.front().kind == Kind::kText) {
    json.Text("content", result.parts.front().text);
  } else if (std::any_of(result.parts.begin(), result.parts.end(), Says)) {
    json.Array("content");
    for (const Part& part : result.parts) {
      if (Says(part)) {
        RELIABILITY_TRY(WritePart(part, json));
      }
    }
    json.EndArray();
  }
  if (result.is_error) {
    json.Flag("is_error", true);
  }
  json.EndObject();
  return {};
}

Status WritePart(const Part& part, JsonWriter& json) {
  switch (part.kind) {
    case Kind::kText:
      json.Object().Text("type", "text").Text("text", part.text).EndObject();
      return {};
    case Kind::kImage:
    case Kind::kDocument:
      return WriteSource(part, json);
    case Kind::kToolCall:
      return WriteToolUse(part, json);
    case Kind::kToolResult:
      return WriteToolResult(part, json);
  }
  return {};
}

// Splits off what the API wants in `system`, and brings the rest into its order: user first, roles
// in turn, results at the head of the message that follows the calls.
struct Split {
  std::vector<std::string_view> system;
  std::vector<Message> messages;
};

Split SplitSystem(const Conversation& conversation) {
  Split split;
  for (const Message& message : conversation.messages) {
    Message kept{.role = message.role, .parts = {}};
    std::copy_if(message.parts.begin(), message.parts.end(), std::back_inserter(kept.parts), Says);
    if (kept.parts.empty()) {
      continue;
    }
    if (message.role != Role::kSystem) {
      std::stable_partition(kept.parts.begin(), kept.parts.end(),
                            [](const Part& part) { return part.kind == Kind::kToolResult; });
      split.messages.push_back(std::move(kept));
      continue;
    }
    for (const Part& part : kept.parts) {
      if (part.kind == Kind::kText) {
        split.system.push_back(part.text);
      }
    }
  }
  MergeNeighbours(split.messages);  // a system message stood between them
  DropPrefill(split.messages);
  if (split.messages.empty()) {  // only instructions: they are the question
    Message& only = split.messages.emplace_back();
    for (const std::string_view text : split.system) {
      only.parts.push_back({.text = text});
    }
    split.system.clear();
  } else if (split.messages.front().role == Role::kAssistant) {
    split.messages.insert(split.messages.begin(),
                          Message{.role = Role::kUser, .parts = {{.text = kBegin}}});
  }
  if (conversation.response_format.kind == ResponseFormat::Kind::kJsonObject) {
    split.system.push_back(kJsonOnly);
  }
  return split;
}

void WriteSystem(const std::vector<std::string_view>& system, JsonWriter& json) {
  if (system.size() == 1) {
    json.Text("system", system.front());
  } else if (!system.empty()) {
    json.Array("system");
    for (const std::string_view text : system) {
      json.Object().Text("type", "text").Text("text", text).EndObject();
    }
    json.EndArray();
  }
}

Status WriteMessages(const std::vector<Message>& messages, JsonWriter& json) {
  json.Array("messages");
  for (const Message& message : messages) {
    json.Object().Text("role", message.role == Role::kUser ? "user" : "assistant");
    if (message.parts.size() == 1 && message.parts.front().kind == Kind::kText) {
      json.Text("content", message.parts.front().text).EndObject();
      continue;
    }
    json.Array("content");
    for (const Part& part : message.parts) {
      RELIABILITY_TRY(WritePart(part, json));
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  return {};
}

// `input_schema` must say that it is an object; OpenAI takes `{}` and no schema at all.
std::string InputSchema(const Tool& tool) {
  if (!tool.parameters) {
    return R"({"type":"object","properties":{}})";
  }
  std::string schema = ToJson(*tool.parameters);
  JsonElement type;
  if (tool.parameters->at_key("type").get(type) == simdjson::SUCCESS) {
    return schema;
  }
  return R"({"type":"object")" + std::string(schema == "{}" ? "" : ",") + schema.substr(1);
}

// The API wants the tools that a conversation used to be defined, even if none is offered any more;
// agents ask for their last words that way.
std::vector<Tool> UsedTools(const std::vector<Message>& messages) {
  std::vector<Tool> tools;
  std::set<std::string_view> names;
  for (const Message& message : messages) {
    for (const Part& part : message.parts) {
      if (part.kind == Kind::kToolCall && names.insert(part.name).second) {
        tools.push_back({.name = part.name});
      }
    }
  }
  return tools;
}

void WriteTools(const Conversation& conversation, const std::vector<Message>& messages,
                JsonWriter& json) {
  std::vector<Tool> tools = AllowedTools(conversation);
  const bool offered = !tools.empty();
  if (!offered) {
    tools = UsedTools(messages);
  }
  if (tools.empty()) {
    return;
  }
  json.Array("tools");
  for (const Tool& tool : tools) {
    json.Object().Text("name", tool.name);
    if (!tool.description.empty()) {
      json.Text("description", tool.description);
    }
    json.Raw("input_schema", InputSchema(tool)).EndObject();
  }
  json.EndArray();
  if (!offered) {
    json.Object("tool_choice").Text("type", "none").EndObject();
    return;
  }

  const ToolChoice& choice = conversation.tool_choice;
  const bool one_at_a_time = !conversation.parallel_tools.value_or(true);
  if (choice.kind == ToolChoice::Kind::kDefault && !one_at_a_time) {
    return;
  }
  json.Object("tool_choice");
  switch (choice.kind) {
    case ToolChoice::Kind::kDefault:
    case ToolChoice::Kind::kAuto:
      json.Text("type", "auto");
      break;
    case ToolChoice::Kind::kRequired:
      json.Text("type", "any");
      break;
    case ToolChoice::Kind::kNone:
      json.Text("type", "none");
      break;
    case ToolChoice::Kind::kNamed:
      json.Text("type", "tool").Text("name", choice.name);
      break;
  }
  if (one_at_a_time && choice.kind != ToolChoice::Kind::kNone) {
    json.Flag("disable_parallel_tool_use", true);
  }
  json.EndObject();
}

Status WriteStop(const std::vector<std::string_view>& stop, JsonWriter& json) {
  if (stop.empty()) {
    return {};
  }
  json.Array("stop_sequences");
  for (const std::string_view text : stop) {
    if (IsBlank(text)) {  // the API refuses it; left out, the model would run on
      return Untranslatable("stop", "blank");
    }
    json.Text(text);
  }
  json.EndArray();
  return {};
}

// Some models refuse the two together, so temperature goes first. This API ends at 1.
void WriteSampling(const Conversation& conversation, const Target& target, JsonWriter& json) {
  if (!target.accepts_sampling) {
    return;
  }
  if (conversation.temperature) {
    json.Number("temperature", std::clamp(*conversation.temperature, 0.0, 1.0));
  } else if (conversation.top_p) {
    json.Number("top_p", std::clamp(*conversation.top_p, 0.0, 1.0));
  }
}

}  // namespace

Result<std::string> WriteMessagesRequest(const Conversation& conversation, const Target& target) {
  const Split split = SplitSystem(conversation);
  if (split.messages.front().parts.empty()) {
    return Untranslatable("messages", "nobody said anything");
  }
  std::string out;
  JsonWriter json(out);
  json.Object().Text("model", target.model);
  json.Int("max_tokens",
           std::max<std::int64_t>(1, conversation.max_tokens.value_or(target.default_max_tokens)));
  WriteSystem(split.system, json);
  RELIABILITY_TRY(WriteMessages(split.messages, json));
  WriteTools(conversation, split.messages, json);
  RELIABILITY_TRY(WriteStop(conversation.stop, json));
  WriteSampling(conversation, target, json);
  if (!conversation.user.empty()) {
    json.Object("metadata").Text("user_id", conversation.user).EndObject();
  }
  if (conversation.response_format.kind == ResponseFormat::Kind::kJsonSchema) {
    json.Object("output_config").Object("format").Text("type", "json_schema");
    json.Raw("schema", ToJson(*conversation.response_format.schema)).EndObject().EndObject();
  }
  if (conversation.stream) {
    json.Flag("stream", true);
  }
  json.EndObject();
  return out;
}

}  // namespace reliability::sidecar::translate
