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
    const bool read = EachField(call, [&](std::string_view key, JsonValue value) {
      if (key == "id") {
        message.ids.emplace_back(AsString(value).value_or(std::string_view()));
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

// Of a role; those of most messages are known.
std::uint64_t RoleDigest(std::string_view role) {
  static const std::uint64_t kUser = Digest("user");
  static const std::uint64_t kAssistant = Digest("assistant");
  return role == "user" ? kUser : role == "assistant" ? kAssistant : Digest(role);
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
    prefix = Mix(prefix, Mix(Mix(RoleDigest(message.role), message.content), message.calls));
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
  LlmRequest request;
  if (body.size() > kMaxInspectedRequest) {
    return request;
  }
  const bool responses = api == LlmApi::kOpenAIResponses;
  const std::string_view list = responses ? "input" : "messages";
  int models = 0;
  int streams = 0;
  int lists = 0;
  ResponsesInput input;
  const auto read = [&](simdjson::ondemand::document& document) {
    return EachField(document, [&](std::string_view key, JsonValue value) {
      if (key == "model") {
        ++models;
        request.model = AsString(value).value_or(std::string_view());
      } else if (key == "stream") {
        ++streams;
        request.stream = AsBool(value).value_or(false);
      } else if (key == list) {
        ++lists;
        return lists > 1 || (responses ? input.Read(value) : ReadMessages(value, request));
      } else if (responses) {
        input.ReadField(key, value);
      }
      return true;
    });
  };
  if (!WithJson(body, read, room)) {
    return Fail(Code::kInvalid, "the body is not a JSON object");
  }
  if (models > 1 || streams > 1 || lists > 1) {
    return Fail(Code::kInvalid, std::string(models > 1    ? "model"
                                            : streams > 1 ? "stream"
                                                          : list) +
                                    " stands twice in the body");
  }
  if (responses) {
    input.Finish(request);
  }
  return request;
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
