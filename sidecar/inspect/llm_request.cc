#include "sidecar/inspect/llm_request.h"

#include <array>

#include "libs/base/hash.h"
#include "libs/base/strings.h"
#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/mix.h"

namespace reliability::sidecar::inspect {
namespace {

// What SDKs add, drop or renumber between two requests of one turn (data-plane ruling 2).
constexpr std::array<std::string_view, 5> kUnstable = {"id", "tool_use_id", "tool_call_id",
                                                       "cache_control", "metadata"};

struct Message {
  std::string_view role;
  std::uint64_t content = Mix(Tag::kArray, 0);
  std::uint64_t calls = 0;
  bool has_tool_result = false;
  bool has_tool_call = false;
  std::vector<std::string> ids;
};

std::uint64_t TextHash(std::string_view text) { return Mix(Tag::kString, Fnv1a(text)); }

// A part of a content array; text alone hashes like the same text without parts.
bool ReadPart(JsonValue part, Message& message) {
  std::string_view type;
  std::optional<std::uint64_t> text;
  std::string_view id;
  std::uint64_t rest = 0;
  const bool read = EachField(part, [&](std::string_view key, JsonValue value) {
    if (key == "type" || key == "id" || key == "text") {
      const auto string = AsString(value);
      if (key == "type") {
        type = string.value_or(std::string_view());
      } else if (key == "id") {
        id = string.value_or(std::string_view());
      } else if (string) {
        text = TextHash(*string);
      }
      return true;
    }
    if (key == "tool_use_id" || key == "cache_control" || key == "metadata") {
      return true;
    }
    const std::uint64_t name = Fnv1a(key);
    const auto hash = HashValue(value, kUnstable);
    rest += hash ? Mix(Mix(Tag::kField, name), *hash) : 0;
    return hash.has_value();
  });
  if (type == "tool_use") {
    message.has_tool_call = true;
    message.ids.emplace_back(id);
  }
  message.has_tool_result = message.has_tool_result || type == "tool_result";
  const std::uint64_t digest =
      text && rest == 0 ? *text : Mix(Mix(Mix(Tag::kPart, Fnv1a(type)), rest), text.value_or(0));
  message.content = Mix(message.content, digest);
  return read;
}

bool ReadContent(JsonValue content, Message& message) {
  if (const auto text = AsString(content)) {
    message.content = Mix(message.content, TextHash(*text));
    return true;
  }
  return EachElement(content, [&](JsonValue part) { return ReadPart(part, message); });
}

bool ReadToolCalls(JsonValue calls, Message& message) {
  return EachElement(calls, [&](JsonValue call) {
    message.has_tool_call = true;
    std::uint64_t rest = 0;
    const bool read = EachField(call, [&](std::string_view key, JsonValue value) {
      if (key == "id") {
        message.ids.emplace_back(AsString(value).value_or(std::string_view()));
        return true;
      }
      const std::uint64_t name = Fnv1a(key);
      const auto hash = HashValue(value, kUnstable);
      rest += hash ? Mix(Mix(Tag::kField, name), *hash) : 0;
      return hash.has_value();
    });
    message.calls = Mix(message.calls, rest);
    return read;
  });
}

bool ReadMessage(JsonValue value, Message& message) {
  return EachField(value, [&](std::string_view key, JsonValue field) {
    if (key == "role") {
      message.role = AsString(field).value_or(std::string_view());
      return true;
    }
    if (key == "content") {
      return ReadContent(field, message);
    }
    if (key == "tool_calls") {
      return ReadToolCalls(field, message);
    }
    if (key == "function_call") {  // before tools; has no id
      message.has_tool_call = message.has_tool_call || IsType(field, JsonType::object);
    }
    return true;
  });
}

bool ReadMessages(JsonValue messages, LlmRequest& request) {
  std::uint64_t prefix = Mix(Tag::kMessage, 0);
  return EachElement(messages, [&](JsonValue value) {
    Message message;
    if (!ReadMessage(value, message)) {
      return false;
    }
    if (message.role == "system" || message.role == "developer") {
      return true;
    }
    prefix = Mix(prefix, Mix(Mix(Fnv1a(message.role), message.content), message.calls));
    if (message.role == "user" && !message.has_tool_result) {
      request.prefix_hash = prefix;
      request.tool_call_ids.clear();
      request.tool_call_after_user = false;
    } else if (message.role == "assistant") {
      request.tool_call_after_user = request.tool_call_after_user || message.has_tool_call;
      request.tool_call_ids = std::move(message.ids);
      std::erase(request.tool_call_ids, std::string());
    } else {
      request.tool_call_after_user = true;  // a tool's result
    }
    return true;
  });
}

}  // namespace

Result<LlmRequest> ReadLlmRequest(LlmApi /*api*/, std::string_view body) {
  LlmRequest request;
  if (body.size() > kMaxInspectedRequest) {
    return request;
  }
  int models = 0;
  int streams = 0;
  int message_lists = 0;
  const bool read = WithJson(body, [&](simdjson::ondemand::document& document) {
    return EachField(document, [&](std::string_view key, JsonValue value) {
      if (key == "model") {
        ++models;
        request.model = AsString(value).value_or(std::string_view());
      } else if (key == "stream") {
        ++streams;
        request.stream = AsBool(value).value_or(false);
      } else if (key == "messages") {
        ++message_lists;
        return message_lists > 1 || ReadMessages(value, request);
      }
      return true;
    });
  });
  if (!read) {
    return Fail(Code::kInvalid, "the body is not a JSON object");
  }
  if (models > 1 || streams > 1 || message_lists > 1) {
    return Fail(Code::kInvalid, std::string(models > 1    ? "model"
                                            : streams > 1 ? "stream"
                                                          : "messages") +
                                    " stands twice in the body");
  }
  return request;
}

namespace {

std::string_view WithoutVersion(std::string_view path) {
  path = path.substr(0, path.find_first_of("?#"));
  while (path.starts_with("/v1/")) {
    path.remove_prefix(3);
  }
  return path;
}

}  // namespace

bool IsResponsesPath(std::string_view path) { return WithoutVersion(path) == "/responses"; }

std::optional<LlmApi> LlmApiOfPath(std::string_view path) {
  path = WithoutVersion(path);
  if (path == "/chat/completions") {
    return LlmApi::kOpenAIChat;
  }
  if (path == "/messages") {
    return LlmApi::kAnthropicMessages;
  }
  return std::nullopt;
}

std::string BaggageMember(std::string_view baggage, std::string_view key) {
  for (const std::string_view member : Split(baggage, ',')) {
    const std::string_view pair = member.substr(0, member.find(';'));  // without properties
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && Trim(pair.substr(0, equals)) == key) {
      return PercentDecode(Trim(pair.substr(equals + 1)));
    }
  }
  return "";
}

}  // namespace reliability::sidecar::inspect
