#include "sidecar/translate/request.h"

#include <array>

#include "sidecar/translate/conversation.h"
#include "sidecar/translate/json_writer.h"

namespace reliability::sidecar::translate {
namespace {

struct Echoed {
  std::string_view key;
  std::string_view otherwise;  // what the API reports when the request does not name it
};

constexpr std::array<Echoed, 17> kEchoed = {{
    {"background", "false"},
    {"instructions", "null"},
    {"max_output_tokens", "null"},
    {"max_tool_calls", "null"},
    {"metadata", "{}"},
    {"parallel_tool_calls", "true"},
    {"previous_response_id", "null"},
    {"prompt_cache_key", "null"},
    {"reasoning", R"({"effort":null,"summary":null})"},
    {"safety_identifier", "null"},
    {"temperature", "1.0"},
    {"text", R"({"format":{"type":"text"}})"},
    {"tool_choice", "\"auto\""},
    {"tools", "[]"},
    {"top_p", "1.0"},
    {"truncation", "\"disabled\""},
    {"user", "null"},
}};

Result<Conversation> ReadRequest(Format format, JsonElement root) {
  switch (format) {
    case Format::kChat:
      return ReadChatRequest(root);
    case Format::kResponses:
      return ReadResponsesRequest(root);
    case Format::kMessages:
      return ReadMessagesRequest(root);
  }
  return Fail(Code::kInternal, "unknown format");
}

bool IsPrefill(JsonElement element) {
  const auto message = Fields::Of(element, "message");
  if (!message || message->TextOr("role", "") != "assistant") {
    return false;
  }
  if (const auto content = message->List("content")) {
    for (const JsonElement part : *content) {
      const auto block = Fields::Of(part, "content");
      if (block && block->TextOr("type", "") == "tool_use") {
        return false;
      }
    }
  }
  return true;
}

std::string WithoutPrefill(JsonArray messages) {
  std::size_t kept = 0;
  std::size_t index = 0;
  for (const JsonElement message : messages) {
    ++index;
    kept = IsPrefill(message) ? kept : index;
  }
  std::string out;
  JsonWriter json(out);
  json.Array();
  index = 0;
  for (const JsonElement message : messages) {
    if (index++ < kept) {
      json.Raw(ToJson(message));
    }
  }
  json.EndArray();
  return out;
}

std::string WithUsage(const Fields& root) {
  const auto options = root.Find("stream_options");
  std::string out;
  JsonWriter json(out);
  json.Object();
  JsonObject object;
  if (options && options->get(object) == simdjson::SUCCESS) {
    for (const auto field : object) {
      if (field.key != "include_usage") {
        json.Raw(JsonString(field.key) + ":" + ToJson(field.value));
      }
    }
  }
  json.Flag("include_usage", true).EndObject();
  return out;
}

bool IsSampling(std::string_view key) {
  return key == "temperature" || key == "top_p" || key == "top_k";
}

Result<std::string> Rewrite(JsonElement root, const Target& target) {
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(root, "the body"));
  const bool add_usage = target.format == Format::kChat && fields.IsTrue("stream");
  const bool other_model = fields.TextOr("model", "") != target.model;
  const bool drop_prefill =
      other_model && target.format == Format::kMessages && !target.accepts_prefill;
  const bool drop_sampling = other_model && target.refuses_sampling;
  std::string out;
  JsonWriter json(out);
  json.Object().Text("model", target.model);
  JsonObject object;
  if (root.get(object) != simdjson::SUCCESS) {
    return Malformed("the body");
  }
  for (const auto field : object) {
    if (field.key == "model" || (add_usage && field.key == "stream_options") ||
        (drop_sampling && IsSampling(field.key))) {
      continue;
    }
    const auto list = ListOf(field.value);
    json.Raw(JsonString(field.key) + ":" +
             (drop_prefill && list && field.key == "messages" ? WithoutPrefill(*list)
                                                              : ToJson(field.value)));
  }
  if (add_usage) {
    json.Raw("stream_options", WithUsage(fields));
  }
  json.EndObject();
  return out;
}

}  // namespace

Result<Caller> ReadCaller(Format format, std::string_view body) {
  JsonParser parser;
  RELIABILITY_ASSIGN_OR_RETURN(const JsonElement root, parser.Parse(body));
  RELIABILITY_ASSIGN_OR_RETURN(const Fields fields, Fields::Of(root, "the body"));
  Caller caller;
  caller.format = format;
  caller.stream = fields.IsTrue("stream");
  if (format == Format::kChat) {
    const auto options = fields.Child("stream_options");
    caller.include_usage = options && options->IsTrue("include_usage");
  } else if (format == Format::kResponses) {
    JsonWriter json(caller.echo);
    for (const Echoed& echoed : kEchoed) {
      const auto value = fields.Find(echoed.key);
      json.Raw(echoed.key, value ? ToJson(*value) : std::string(echoed.otherwise));
    }
  }
  return caller;
}

Result<std::string> TranslateRequest(Format caller, std::string_view body, const Target& target) {
  JsonParser parser;
  RELIABILITY_ASSIGN_OR_RETURN(const JsonElement root, parser.Parse(body));
  if (caller == target.format) {
    return Rewrite(root, target);
  }
  RELIABILITY_ASSIGN_OR_RETURN(const Conversation conversation, ReadRequest(caller, root));
  switch (target.format) {
    case Format::kChat:
      return WriteChatRequest(conversation, target);
    case Format::kMessages:
      return WriteMessagesRequest(conversation, target);
    case Format::kResponses:
      break;
  }
  return Untranslatable("format", FormatName(Format::kResponses));
}

}  // namespace reliability::sidecar::translate
