#include "sidecar/translate/read_openai.h"

namespace reliability::sidecar::translate {
namespace {

Result<Tool> ReadTool(JsonElement element, Format format) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields outer, Fields::Of(element, "tool"));
  if (const auto type = outer.TextOr("type", "function"); type != "function") {
    return Untranslatable("type", type);  // hosted tools, and free-form ones
  }
  const bool wrapped = format == Format::kChat;
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields,
                               wrapped ? outer.Child("function") : Result<Fields>(outer));
  Tool tool;
  tool.name = fields.TextOr("name", "");
  if (tool.name.empty()) {
    return Malformed(wrapped ? "function.name" : "name");
  }
  tool.description = fields.TextOr("description", "");
  tool.parameters = fields.Find("parameters");
  if (tool.parameters && !IsObject(*tool.parameters)) {
    return Malformed(wrapped ? "function.parameters" : "parameters");
  }
  tool.strict = fields.IsTrue("strict");
  return tool;
}

// The name in {"type":"function","name":…} or {"type":"function","function":{"name":…}}.
Result<std::string_view> ReadName(JsonElement element, Format format) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields outer, Fields::Of(element, "tool"));
  if (const auto type = outer.TextOr("type", ""); type != "function") {
    return Untranslatable("type", type);
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, format == Format::kChat
                                                        ? outer.Child("function")
                                                        : Result<Fields>(outer));
  const auto name = fields.Text("name");
  if (!name) {
    return Malformed("name");
  }
  return *name;
}

Result<ToolChoice::Kind> ReadMode(std::string_view mode) {
  if (mode == "auto") {
    return ToolChoice::Kind::kAuto;
  }
  if (mode == "required") {
    return ToolChoice::Kind::kRequired;
  }
  if (mode == "none") {
    return ToolChoice::Kind::kNone;
  }
  return Malformed("mode");
}

Status ReadAllowed(const Fields& fields, Format format, ToolChoice& choice) {
  RELIABILITY_ASSIGN_OR_RETURN(choice.kind, ReadMode(fields.TextOr("mode", "")));
  const auto tools = fields.List("tools");
  if (!tools) {
    return Malformed("tools");
  }
  choice.allowed.emplace();
  for (const JsonElement tool : *tools) {
    RELIABILITY_ASSIGN_OR_RETURN(const std::string_view name, ReadName(tool, format));
    choice.allowed->push_back(name);
  }
  return {};
}

Status ReadToolChoice(JsonElement element, Format format, ToolChoice& choice) {
  if (const auto mode = TextOf(element)) {
    RELIABILITY_ASSIGN_OR_RETURN(choice.kind, ReadMode(*mode));
    return {};
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(element, "tool_choice"));
  if (fields.TextOr("type", "") == "allowed_tools") {
    if (format == Format::kResponses) {
      return ReadAllowed(fields, format, choice);
    }
    RELIABILITY_ASSIGN_OR_RETURN(const Fields allowed, fields.Child("allowed_tools"));
    return ReadAllowed(allowed, format, choice);
  }
  RELIABILITY_ASSIGN_OR_RETURN(choice.name, ReadName(element, format));
  choice.kind = ToolChoice::Kind::kNamed;
  return {};
}

}  // namespace

Status ReadOpenAiTools(const Fields& root, Format format, Conversation& conversation) {
  if (const auto tools = root.List("tools")) {
    std::size_t index = 0;
    for (const JsonElement element : *tools) {
      Result<Tool> tool = ReadTool(element, format);
      if (!tool) {
        return In("tools", index, Fail(std::move(tool).error()));
      }
      conversation.tools.push_back(*tool);
      ++index;
    }
  }
  if (const auto choice = root.Find("tool_choice")) {
    RELIABILITY_TRY(In("tool_choice", ReadToolChoice(*choice, format, conversation.tool_choice)));
  }
  conversation.parallel_tools = root.Bool("parallel_tool_calls");
  return {};
}

Status ReadJsonSchema(const Fields& fields, ResponseFormat& format) {
  format.kind = ResponseFormat::Kind::kJsonSchema;
  format.name = fields.TextOr("name", "");
  format.description = fields.TextOr("description", "");
  format.schema = fields.Find("schema");
  format.strict = fields.IsTrue("strict");
  if (!format.schema) {  // a name alone asks for JSON of any shape
    format.kind = ResponseFormat::Kind::kJsonObject;
    return {};
  }
  return IsObject(*format.schema) ? Status() : Malformed("schema");
}

Status ReadStop(const Fields& root, std::vector<std::string_view>& stop) {
  if (const auto text = root.Text("stop")) {
    stop.push_back(*text);
    return {};
  }
  const auto list = root.List("stop");
  if (!list) {
    return root.Find("stop") ? Status(Malformed("stop")) : Status();
  }
  for (const JsonElement element : *list) {
    const auto text = TextOf(element);
    if (!text) {
      return Malformed("stop");
    }
    stop.push_back(*text);
  }
  return {};
}

Status RefuseAudio(const Fields& root) {
  if (const auto modalities = root.List("modalities")) {
    for (const JsonElement modality : *modalities) {
      if (TextOf(modality) != "text") {
        return Untranslatable("modalities", TextOf(modality).value_or(""));
      }
    }
  }
  return {};
}

void ReadOpenAiScalars(const Fields& root, Conversation& conversation) {
  conversation.temperature = root.Number("temperature");
  conversation.top_p = root.Number("top_p");
  conversation.stream = root.IsTrue("stream");
  conversation.user = root.TextOr("user", root.TextOr("safety_identifier", ""));
}

}  // namespace reliability::sidecar::translate
