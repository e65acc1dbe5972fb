#include "sidecar/inspect/llm_request.h"

#include "libs/base/strings.h"
#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/message_reader.h"
#include "sidecar/inspect/mix.h"
#include "sidecar/inspect/responses_input.h"

namespace reliability::sidecar::inspect {
namespace {

bool ReadToolCalls(JsonValue calls, Message& message) {
  return EachElement(calls, [&](JsonValue call) {
    message.has_tool_call = true;
    std::uint64_t rest = 0;
    const bool read = EachField(call, [&](JsonKey key, JsonValue value) {
      if (key == "id") {
        message.ids.emplace_back(TextOf(value));
        return true;
      }
      const std::uint64_t name = Digest(key);
      const auto hash = HashValue(value, kUnstable);
      rest += hash ? Mix(Mix(Tag::kField, name), *hash) : 0;
      return hash.has_value();
    });
    message.calls = Mix(message.calls, rest);
    return read;
  });
}

bool ReadMessage(JsonValue value, Message& message) {
  return EachField(value, [&](JsonKey key, JsonValue field) {
    if (key == "role") {
      message.role = TextOf(field);
      return true;
    }
    if (key == "content") {
      return ReadContent(field, message);
    }
    message.structured = true;
    if (key == "tool_calls") {
      return ReadToolCalls(field, message);
    }
    if (key == "function_call") {  // before tools; has no id
      message.has_tool_call = message.has_tool_call || IsType(field, JsonType::kObject);
    }
    return true;
  });
}

// Most messages are of one of two.
std::uint64_t RoleHash(std::string_view role) {
  constexpr std::uint64_t kUser = Mix(Tag::kMessage, 2);
  constexpr std::uint64_t kAssistant = Mix(Tag::kMessage, 3);
  return role == "user" ? kUser : role == "assistant" ? kAssistant : Digest(role);
}

bool ReadMessages(JsonValue messages, LlmRequest& request) {
  std::uint64_t prefix = Mix(Tag::kMessage, 0);
  request.structured = !IsType(messages, JsonType::kArray);
  return EachElement(messages, [&](JsonValue value) {
    Message message;
    message.structured = !IsType(value, JsonType::kObject);
    if (!ReadMessage(value, message)) {
      return false;
    }
    request.structured = request.structured || message.structured;
    if (message.role == "system" || message.role == "developer") {
      return true;
    }
    prefix = Mix(prefix, Join(Join(RoleHash(message.role), message.content), message.calls));
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

Result<LlmRequest> ReadLlmRequest(LlmApi api, std::string_view body, std::size_t room) {
  Result<LlmRequest> result;
  if (body.size() > kMaxInspectedRequest) {
    return result;
  }
  LlmRequest& request = *result;
  std::optional<ResponsesInput> input;  // instead of messages
  if (api == LlmApi::kOpenAIResponses) {
    input.emplace();
  }
  int models = 0;
  int streams = 0;
  int lists = 0;
  const auto take_field = [&](JsonKey key, JsonValue value) {
    if (key == "model") {
      ++models;
      request.model = TextOf(value);
    } else if (key == "stream") {
      ++streams;
      request.stream = AsBool(value).value_or(false);
    } else if (input ? key == "input" : key == "messages") {
      ++lists;
      return lists > 1 || (input ? input->Read(value) : ReadMessages(value, request));
    } else if (input) {
      input->ReadField(key, value);
    }
    return true;
  };
  const auto read = [&](JsonDocument document) { return EachField(document, take_field); };
  if (!WithJson(body, read, room)) {
    result = Fail(Code::kInvalid, "the body is not a JSON object");
  } else if (models > 1 || streams > 1 || lists > 1) {
    const char* const twice = models > 1    ? "model"
                              : streams > 1 ? "stream"
                              : input       ? "input"
                                            : "messages";
    result = Fail(Code::kInvalid, std::string(twice) + " stands twice in the body");
  } else if (input) {
    input->Finish(request);
  }
  return result;
}

namespace {

std::string_view WithoutVersion(std::string_view path) {
  path = path.substr(0, path.find('?'));
  path = path.substr(0, path.find('#'));
  while (path.starts_with("/v1/")) {
    path.remove_prefix(3);
  }
  return path;
}

}  // namespace

std::optional<LlmApi> LlmApiOfPath(std::string_view path) {
  path = WithoutVersion(path);
  if (path == "/chat/completions") {
    return LlmApi::kOpenAIChat;
  }
  if (path == "/messages") {
    return LlmApi::kAnthropicMessages;
  }
  if (path == "/responses") {
    return LlmApi::kOpenAIResponses;
  }
  return std::nullopt;
}

std::string BaggageMember(std::string_view baggage, std::string_view key) {
  if (baggage.empty()) {
    return {};
  }
  for (const std::string_view member : Split(baggage, ',')) {
    const std::string_view pair = member.substr(0, member.find(';'));  // without properties
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && Trim(pair.substr(0, equals)) == key) {
      return PercentDecode(Trim(pair.substr(equals + 1)));
    }
  }
  return "";
}

std::string_view TraceId(std::string_view traceparent) {
  constexpr std::size_t kVersion = 3;  // "00-"
  constexpr std::size_t kId = 32;
  traceparent = Trim(traceparent);
  if (traceparent.size() < kVersion + kId + 1 || traceparent[kVersion - 1] != '-' ||
      traceparent[kVersion + kId] != '-') {
    return {};
  }
  const std::string_view id = traceparent.substr(kVersion, kId);
  const bool hex = id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hex && id.find_first_not_of('0') != std::string_view::npos ? id : std::string_view{};
}

}  // namespace reliability::sidecar::inspect
