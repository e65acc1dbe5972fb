// The OpenAI chat completions half of llm_answer.h.
#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/llm_answer.h"
#include "sidecar/inspect/llm_usage.h"

namespace reliability::sidecar::inspect {
namespace {

struct ToolPiece {
  std::int64_t index = 0;
  std::string_view id;
  std::string_view name;
  std::string_view arguments;
};

struct Choice {
  std::int64_t index = 0;
  std::string_view finish_reason;
  bool has_token = false;
  std::int64_t bytes = 0;  // of text and arguments
  std::vector<ToolPiece> tools;
};

bool ReadFunction(JsonValue function, ToolPiece& piece) {
  return EachField(function, [&](JsonKey key, JsonValue value) {
    if (key == "name") {
      piece.name = TextOf(value);
    } else if (key == "arguments") {
      piece.arguments = TextOf(value);
    }
    return true;
  });
}

bool ReadToolPiece(JsonValue call, ToolPiece& piece) {
  return EachField(call, [&](JsonKey key, JsonValue value) {
    if (key == "index") {
      piece.index = AsInt(value).value_or(piece.index);
    } else if (key == "id") {
      piece.id = TextOf(value);
    } else if (key == "function" || key == "custom") {
      return ReadFunction(value, piece);
    }
    return true;
  });
}

// A delta of a stream or the message of a whole answer.
bool ReadMessage(JsonValue message, Choice& choice) {
  return EachField(message, [&](JsonKey key, JsonValue value) {
    if (key == "tool_calls") {
      return EachElement(value, [&](JsonValue call) {
        ToolPiece piece;
        piece.index = std::ssize(choice.tools);  // whole answers number by position
        const bool read = ReadToolPiece(call, piece);
        choice.tools.push_back(piece);
        choice.has_token = true;
        choice.bytes += std::ssize(piece.name) + std::ssize(piece.arguments);
        return read;
      });
    }
    if (key == "function_call" && IsType(value, JsonType::kObject)) {
      ToolPiece piece;
      const bool read = ReadFunction(value, piece);
      choice.tools.push_back(piece);
      choice.has_token = true;
      choice.bytes += std::ssize(piece.name) + std::ssize(piece.arguments);
      return read;
    }
    if (key == "content" || key == "refusal" || key == "reasoning_content" || key == "reasoning") {
      const std::int64_t bytes = StringBytes(value);
      choice.has_token = choice.has_token || bytes > 0;
      choice.bytes += bytes;
    }
    return true;
  });
}

bool ReadChoice(JsonValue value, Choice& choice) {
  return EachField(value, [&](JsonKey key, JsonValue field) {
    if (key == "index") {
      choice.index = AsInt(field).value_or(0);
    } else if (key == "finish_reason") {
      choice.finish_reason = TextOf(field);
    } else if (key == "delta" || key == "message") {
      return ReadMessage(field, choice);
    }
    return true;
  });
}

}  // namespace

void LlmAnswer::OnOpenAiEvent(const SseSplitter::Event& event) {
  if (event.data == "[DONE]") {
    terminal_ = true;
    complete_ = complete_ || (!error_ && malformed_ == 0);
    return;
  }
  bool has_error = event.type == "error";
  bool has_usage = false;
  bool has_choice = false;
  const auto take_choice = [&](JsonValue element) {
    Choice choice;
    has_choice = true;
    if (!ReadChoice(element, choice)) {
      return false;
    }
    first_token_ = first_token_ || choice.has_token;
    content_bytes_ += choice.bytes;
    for (const ToolPiece& piece : choice.tools) {
      AddToolPiece(choice.index, piece.index, piece.id, piece.name, piece.arguments);
    }
    if (!choice.finish_reason.empty()) {
      finish_reason_ = choice.finish_reason;
      complete_ = true;
    }
    return true;
  };
  const auto take_field = [&](JsonKey key, JsonValue value) {
    if (key == "choices") {
      return EachElement(value, take_choice);
    }
    if (key == "usage" && IsType(value, JsonType::kObject)) {
      has_usage = true;
      return ReadOpenAiUsage(value, tokens_);
    }
    if (key == "error" && !IsType(value, JsonType::kNull)) {
      has_error = true;
    } else if (key == "model" && model_.empty()) {
      model_ = TextOf(value);
    }
    return true;
  };
  const bool read =
      WithJson(event.data, [&](JsonDocument document) { return EachField(document, take_field); });
  if (has_usage) {
    has_usage_ = true;
    usage_events_ += static_cast<int>(read && !has_choice && !has_error);
  }
  if (!read) {
    ++malformed_;
  } else if (has_error && !error_) {
    error_ = ReadProviderError(event.data);
  }
}

void LlmAnswer::ReadOpenAiAnswer() {
  bool has_choices = false;
  bool has_error = false;
  const auto document_fields = [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key == "error") {
        has_error = !IsType(value, JsonType::kNull);
      } else if (key == "model") {
        model_ = TextOf(value);
      } else if (key == "usage" && IsType(value, JsonType::kObject)) {
        has_usage_ = true;
        return ReadOpenAiUsage(value, tokens_);
      } else if (key == "choices") {
        return EachElement(value, [&](JsonValue element) {
          Choice choice;
          if (!ReadChoice(element, choice)) {
            return false;
          }
          has_choices = true;
          content_bytes_ += choice.bytes;
          finish_reason_ = choice.finish_reason;
          for (const ToolPiece& piece : choice.tools) {
            AddToolPiece(choice.index, piece.index, piece.id, piece.name, piece.arguments);
          }
          return true;
        });
      }
      return true;
    });
  };
  const bool read = WithJson(body(), document_fields, room());
  if (read && has_error) {
    error_ = ReadProviderError(body());
  }
  complete_ = read && has_choices && !has_error;
  malformed_ += read ? 0 : 1;
}

}  // namespace reliability::sidecar::inspect
