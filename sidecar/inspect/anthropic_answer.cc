// The Anthropic messages half of llm_answer.h.
#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/llm_answer.h"
#include "sidecar/inspect/llm_usage.h"

namespace reliability::sidecar::inspect {
namespace {

struct Block {
  std::string_view type;
  std::string_view id;
  std::string_view name;
  std::string input;  // JSON text
  std::int64_t text_bytes = 0;
};

// A content block, or a delta of one.
bool ReadBlock(JsonValue value, Block& block) {
  return EachField(value, [&](JsonKey key, JsonValue field) {
    if (key == "type") {
      block.type = TextOf(field);
    } else if (key == "id") {
      block.id = TextOf(field);
    } else if (key == "name") {
      block.name = TextOf(field);
    } else if (key == "partial_json") {
      block.input = TextOf(field);
    } else if (key == "text" || key == "thinking") {
      block.text_bytes += StringBytes(field);
    } else if (key == "input" && IsType(field, JsonType::kObject)) {
      block.input = RawText(field);
    }
    return true;
  });
}

struct Event {
  std::string_view type;
  std::int64_t index = 0;
  Block block;
  Block delta;
  std::string_view stop_reason;
  std::string_view model;
  policy::TokenCounts tokens;
  bool has_usage = false;
};

bool ReadDelta(JsonValue value, Event& event) {
  return EachField(value, [&](JsonKey name, JsonValue field) {
    if (name == "stop_reason") {
      event.stop_reason = TextOf(field);
    } else if (name == "partial_json") {
      event.delta.input = TextOf(field);
    } else if (name == "text" || name == "thinking") {
      event.delta.text_bytes += StringBytes(field);
    }
    return true;
  });
}

bool ReadEvent(JsonKey key, JsonValue value, Event& event) {
  if (key == "type") {
    event.type = TextOf(value);
  } else if (key == "index") {
    event.index = AsInt(value).value_or(0);
  } else if (key == "content_block") {
    return ReadBlock(value, event.block);
  } else if (key == "delta") {
    return ReadDelta(value, event);
  } else if (key == "message") {
    return EachField(value, [&](JsonKey name, JsonValue field) {
      if (name == "model") {
        event.model = TextOf(field);
      } else if (name == "usage") {
        return ReadAnthropicUsage(field, event.tokens);
      }
      return true;
    });
  } else if (key == "usage") {
    event.has_usage = IsType(value, JsonType::kObject);
    return ReadAnthropicUsage(value, event.tokens);
  }
  return true;
}

}  // namespace

void LlmAnswer::OnAnthropicEvent(const SseSplitter::Event& sse) {
  bool is_error = false;
  const bool read = WithJson(sse.data, [&](JsonDocument document) {
    Event event;
    event.tokens = tokens_;
    const bool fields = EachField(
        document, [&](JsonKey key, JsonValue value) { return ReadEvent(key, value, event); });
    if (!fields) {
      return false;
    }
    tokens_ = event.tokens;
    content_bytes_ += event.delta.text_bytes + std::ssize(event.delta.input);
    if (event.type == "content_block_start" && event.block.type == "tool_use") {
      first_token_ = true;
      AddToolPiece(0, event.index, event.block.id, event.block.name, "");
    } else if (event.type == "content_block_delta") {
      first_token_ = true;
      if (calls_.contains({0, event.index})) {
        AddToolPiece(0, event.index, "", "", event.delta.input);
      }
    } else if (event.type == "message_start") {
      model_ = event.model;
    } else if (event.type == "message_delta" && !event.stop_reason.empty()) {
      finish_reason_ = event.stop_reason;
      complete_ = true;
      has_usage_ = has_usage_ || event.has_usage;
    } else if (event.type == "message_stop") {
      terminal_ = true;
      complete_ = complete_ || (!error_ && malformed_ == 0);
    }
    is_error = event.type == "error" || sse.type == "error";
    return true;
  });
  if (!read) {
    ++malformed_;
  } else if (is_error && !error_) {
    error_ = ReadProviderError(sse.data);
  }
}

void LlmAnswer::ReadAnthropicAnswer() {
  bool has_content = false;
  bool is_error = false;
  const auto read_body = [&](JsonDocument document) {
    std::int64_t index = 0;
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key == "model") {
        model_ = TextOf(value);
      } else if (key == "stop_reason") {
        finish_reason_ = TextOf(value);
      } else if (key == "error") {
        is_error = !IsType(value, JsonType::kNull);
      } else if (key == "usage") {
        has_usage_ = IsType(value, JsonType::kObject);
        return ReadAnthropicUsage(value, tokens_);
      } else if (key == "content") {
        has_content = IsType(value, JsonType::kArray);
        return EachElement(value, [&](JsonValue element) {
          Block block;
          if (!ReadBlock(element, block)) {
            return false;
          }
          if (block.type == "tool_use") {
            AddToolPiece(0, index, block.id, block.name, block.input);
          }
          content_bytes_ += block.text_bytes + std::ssize(block.input);
          ++index;
          return true;
        });
      }
      return true;
    });
  };
  const bool read = WithJson(body(), read_body, room());
  if (read && is_error) {
    error_ = ReadProviderError(body());
  }
  complete_ = read && has_content && !is_error;
  malformed_ += read ? 0 : 1;
}

}  // namespace reliability::sidecar::inspect
