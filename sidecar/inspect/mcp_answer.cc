#include "sidecar/inspect/mcp_answer.h"

#include <utility>

#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {

// One JSON-RPC response as it was read; kept until its id is known, which may come last.
struct McpResponse {
  std::optional<std::uint64_t> id;
  bool is_request = false;  // has a method: the server asks us, or notifies
  bool has_result = false;
  bool has_error = false;
  std::optional<std::int64_t> code;
  bool is_error = false;
  bool input_required = false;
  policy::ToolErrorHint structured;
  policy::ToolErrorHint meta;
  std::string text;  // first text content: may be a JSON object with a hint
  std::vector<std::string> tools;
};

namespace {

constexpr std::string_view kErrorMeta = "agentreliability.dev/error";
constexpr std::size_t kMaxHintText = 4096;

bool ReadHintField(JsonKey key, JsonValue value, policy::ToolErrorHint& hint) {
  if (key == "retryable") {
    hint.retryable = AsBool(value);
  } else if (key == "recoverable") {
    hint.recoverable = AsBool(value);
  } else if (key == "error_type") {
    hint.error_type = TextOf(value);
  }
  return true;
}

bool ReadHint(JsonValue value, policy::ToolErrorHint& hint) {
  return EachField(value,
                   [&](JsonKey key, JsonValue field) { return ReadHintField(key, field, hint); });
}

bool IsEmpty(const policy::ToolErrorHint& hint) {
  return !hint.retryable && !hint.recoverable && hint.error_type.empty();
}

bool ReadContent(JsonValue content, McpResponse& response) {
  return EachElement(content, [&](JsonValue part) {
    return EachField(part, [&](JsonKey key, JsonValue value) {
      if (key == "text" && response.text.empty()) {
        const auto text = AsString(value);
        if (text && text->starts_with('{') && text->size() <= kMaxHintText) {
          response.text = *text;
        }
      }
      return true;
    });
  });
}

bool ReadTools(JsonValue tools, McpResponse& response) {
  return EachElement(tools, [&](JsonValue tool) {
    return EachField(tool, [&](JsonKey key, JsonValue value) {
      const auto name = key == "name" ? AsString(value) : std::nullopt;
      if (name && response.tools.size() < McpAnswer::kMaxTools) {
        response.tools.emplace_back(*name);
      }
      return true;
    });
  });
}

bool ReadResult(JsonValue result, McpResponse& response) {
  return EachField(result, [&](JsonKey key, JsonValue value) {
    if (key == "isError") {
      response.is_error = AsBool(value).value_or(false);
    } else if (key == "structuredContent") {
      return ReadHint(value, response.structured);
    } else if (key == "_meta") {
      return EachField(value, [&](JsonKey name, JsonValue block) {
        return name != kErrorMeta || ReadHint(block, response.meta);
      });
    } else if (key == "content") {
      return ReadContent(value, response);
    } else if (key == "resultType") {
      response.input_required = AsString(value) == "input_required";
    } else if (key == "tools") {
      return ReadTools(value, response);
    }
    return true;
  });
}

bool ReadField(JsonKey key, JsonValue value, McpResponse& response) {
  if (key == "id") {
    response.id = HashValue(value, {});
    return response.id.has_value();
  }
  if (key == "method") {
    response.is_request = true;
  } else if (key == "result") {
    response.has_result = true;
    return ReadResult(value, response);
  } else if (key == "error") {
    response.has_error = !IsType(value, JsonType::kNull);
    return EachField(value, [&](JsonKey name, JsonValue field) {
      if (name == "code") {
        response.code = AsInt(field);
      }
      return true;
    });
  }
  return true;
}

}  // namespace

void McpAnswer::Feed(std::string_view bytes) {
  if (shape_ == AnswerShape::kStream) {
    splitter_.Feed(bytes, [this](const SseSplitter::Event& event) {
      saw_event_id_ = saw_event_id_ || event.has_id;
      if (!event.data.empty() && (event.type.empty() || event.type == "message")) {
        OnMessages(event.data);
      }
    });
    return;
  }
  if (shape_ == AnswerShape::kOpaque || overflow_) {
    return;
  }
  const std::size_t limit =
      shape_ == AnswerShape::kError ? LlmAnswer::kMaxErrorBytes : kMaxJsonBytes;
  if (body_.size() + bytes.size() > limit) {
    overflow_ = true;
    body_ = std::string();
    return;
  }
  body_.append(bytes);
}

void McpAnswer::Finish(bool clean) {
  clean_ = clean;
  if (clean && !body_.empty()) {
    OnMessages(body_);
  }
  body_ = std::string();
}

void McpAnswer::OnMessages(std::string_view json) {
  std::vector<McpResponse> responses;
  const bool read = WithJson(json, [&](JsonDocument document) {
    const auto read_response = [&](auto message) {
      McpResponse& response = responses.emplace_back();
      return EachField(
          message, [&](JsonKey key, JsonValue value) { return ReadField(key, value, response); });
    };
    return document.IsArray() ? EachElement(document, read_response) : read_response(document);
  });
  if (!read) {
    return;
  }
  for (McpResponse& response : responses) {
    Accept(std::move(response));
  }
}

void McpAnswer::Accept(McpResponse&& response) {
  const bool ours = id_hash_ && response.id == id_hash_ && !response.is_request &&
                    (response.has_result || response.has_error);
  // An HTTP error may answer with `"id": null`: its code still tells a session error apart.
  const bool error_body = shape_ == AnswerShape::kError && response.has_error;
  if (responded_ || (!ours && !error_body)) {
    other_message_ = other_message_ || !ours;
    return;
  }
  responded_ = true;
  error_code_ = response.has_error ? std::optional(response.code.value_or(0)) : std::nullopt;
  is_error_ = response.is_error;
  input_required_ = response.input_required;
  tools_ = std::move(response.tools);
  if (!is_error_) {
    return;
  }
  hint_ = IsEmpty(response.meta) ? response.structured : response.meta;
  if (IsEmpty(hint_) && !response.text.empty()) {
    policy::ToolErrorHint in_text;
    const bool read = WithJson(response.text, [&](JsonDocument document) {
      return EachField(document, [&](JsonKey key, JsonValue value) {
        return ReadHintField(key, value, in_text);
      });
    });
    if (read) {
      hint_ = in_text;
    }
  }
}

policy::ErrorClass McpAnswer::Classify(int status) const {
  using policy::ErrorClass;
  if (status < 200 || status >= 300) {
    return error_code_ ? policy::ClassifyJsonRpcError(status, *error_code_)
                       : policy::ClassifyResponse(policy::Protocol::kMcp, status, {});
  }
  if (responded_) {
    if (error_code_) {
      return policy::ClassifyJsonRpcError(status, *error_code_);
    }
    if (input_required_) {
      return ErrorClass::kDeferred;
    }
    return is_error_ ? policy::ClassifyToolError(hint_) : ErrorClass::kNone;
  }
  if (!clean_) {
    return ErrorClass::kStreamTruncated;
  }
  if (!id_hash_ || shape_ == AnswerShape::kOpaque || overflow_ || splitter_.oversized() > 0) {
    return ErrorClass::kNone;
  }
  if (shape_ == AnswerShape::kStream) {
    return saw_event_id_ ? ErrorClass::kDeferred : ErrorClass::kStreamTruncated;
  }
  return ErrorClass::kMalformed;
}

}  // namespace reliability::sidecar::inspect
