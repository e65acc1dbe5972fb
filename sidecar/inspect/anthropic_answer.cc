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
  return EachField(value, [&](std::string_view key, JsonValue field) {
    if (key == "type") {
      block.type = AsString(field).value_or(std::string_view());
    } else if (key == "id") {
      block.id = AsString(field).value_or(std::string_view());
    } else if (key == "name") {
      block.name = AsString(field).value_or(std::string_view());
    } else if (key == "partial_json") {
      block.input = AsString(field).value_or(std::string_view());
    } else if (key == "text" || key == "thinking") {
      block.text_bytes += StringBytes(field);
    } else if (key == "input" && IsType(field, JsonType::object)) {
      JsonObject object;
      std::string_view raw;
      if (field.get_object().get(object) != simdjson::SUCCESS ||
          object.raw_json().get(raw) != simdjson::SUCCESS) {
        return false;
      }
      block.input = raw;
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
  return EachField(value, [&](std::string_view name, JsonValue field) {
    if (name == "stop_reason") {
      event.stop_reason = AsString(field).value_or(std::string_view());
    } else if (name == "partial_json") {
      event.delta.input = AsString(field).value_or(std::string_view());
    } else if (name == "text" || name == "thinking") {
      event.delta.text_bytes += StringBytes(field);
    }
    return true;
  });
}

bool ReadEvent(std::string_view key, JsonValue value, Event& event) {
  if (key == "type") {
    event.type = AsString(value).value_or(std::string_view());
  } else if (key == "index") {
    event.index = AsInt(value).value_or(0);
  } else if (key == "content_block") {
    return ReadBlock(value, event.block);
  } else if (key == "delta") {
    return ReadDelta(value, event);
  } else if (key == "message") {
    return EachField(value, [&](std::string_view name, JsonValue field) {
      if (name == "model") {
        event.model = AsString(field).value_or(std::string_view());
      } else if (name == "usage") {
        return ReadAnthropicUsage(field, event.tokens);
      }
      return true;
    });
  } else if (key == "usage") {
    event.has_usage = IsType(value, JsonType::object);
    return ReadAnthropicUsage(value, event.tokens);
  }
  return true;
}

}  // namespace

void LlmAnswer::OnAnthropicEvent(const SseSplitter::Event& sse) {
  bool is_error = false;
  const bool read = WithJson(sse.data, [&](simdjson::ondemand::document& document) {
    Event event;
    event.tokens = tokens_;
    const bool fields = EachField(document, [&](std::string_view key, JsonValue value) {
      return ReadEvent(key, value, event);
    });
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
  const bool read = WithJson(body(), [&](simdjson::ondemand::document& document) {
    std::int64_t index = 0;
    return EachField(document, [&](std::string_view key, JsonValue value) {
      if (key == "model") {
        model_ = AsString(value).value_or(std::string_view());
      } else if (key == "stop_reason") {
        finish_reason_ = AsString(value).value_or(std::string_view());
      } else if (key == "error") {
        is_error = !IsType(value, JsonType::null);
      } else if (key == "usage") {
        has_usage_ = IsType(value, JsonType::object);
        return ReadAnthropicUsage(value, tokens_);
      } else if (key == "content") {
        has_content = IsType(value, JsonType::array);
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
  });
  if (read && is_error) {
    error_ = ReadProviderError(body());
  }
  complete_ = read && has_content && !is_error;
  malformed_ += read ? 0 : 1;
}

}  // namespace reliability::sidecar::inspect
