// The OpenAI Responses half of llm_answer.h.
#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/llm_answer.h"
#include "sidecar/inspect/llm_usage.h"

namespace reliability::sidecar::inspect {
namespace {

// An output item. What the agent has to do something about has an id to answer to.
struct Item {
  std::string_view type;
  std::string_view id;
  std::string_view call_id;
  std::string_view name;
  std::string_view arguments;  // of a function; `input` of a custom tool

  [[nodiscard]] bool asks() const {
    return (type.ends_with("_call") && !call_id.empty()) || type == "mcp_approval_request";
  }
  [[nodiscard]] std::string_view token() const { return call_id.empty() ? id : call_id; }
};

struct Fields {
  std::string_view type;
  std::string_view id;      // of the response
  std::string_view status;  // of the response
  std::int64_t output_index = 0;
  Item item;
  bool has_error = false;
  policy::ProviderError error;
  policy::TokenCounts tokens;
  bool has_usage = false;
  std::int64_t delta_bytes = 0;
};

void Set(std::string& out, JsonValue value) {
  if (const auto text = AsString(value)) {
    out = *text;
  }
}

bool ReadError(JsonValue value, policy::ProviderError& error) {
  return EachField(value, [&](JsonKey key, JsonValue field) {
    if (key == "code") {
      Set(error.code, field);
    } else if (key == "message") {
      Set(error.message, field);
    } else if (key == "type") {
      Set(error.type, field);
    }
    return true;
  });
}

bool ReadUsage(JsonValue value, Fields& fields) {
  fields.has_usage = fields.has_usage || IsType(value, JsonType::kObject);
  return ReadOpenAiUsage(value, fields.tokens);
}

bool ReadItem(JsonValue value, Item& item) {
  return EachField(value, [&](JsonKey key, JsonValue field) {
    if (key == "type") {
      item.type = TextOf(field);
    } else if (key == "id") {
      item.id = TextOf(field);
    } else if (key == "call_id") {
      item.call_id = TextOf(field);
    } else if (key == "name") {
      item.name = TextOf(field);
    } else if (key == "arguments" || key == "input") {
      item.arguments = TextOf(field);
    }
    return true;
  });
}

// The response itself: the whole answer, or the `response` object of an event.
bool ReadResponse(JsonKey key, JsonValue value, Fields& fields) {
  if (key == "id") {
    fields.id = TextOf(value);
  } else if (key == "status") {
    fields.status = TextOf(value);
  } else if (key == "error" && IsType(value, JsonType::kObject)) {
    fields.has_error = true;
    return ReadError(value, fields.error);
  } else if (key == "usage") {
    return ReadUsage(value, fields);
  }
  return true;
}

bool ReadEvent(JsonKey key, JsonValue value, Fields& fields) {
  if (key == "type") {
    fields.type = TextOf(value);
  } else if (key == "error" && IsType(value, JsonType::kObject)) {
    fields.has_error = true;
    return ReadError(value, fields.error);
  } else if (key == "code") {  // `error` events carry theirs flat
    Set(fields.error.code, value);
  } else if (key == "message" && IsType(value, JsonType::kString)) {
    Set(fields.error.message, value);
  } else if (key == "delta") {
    fields.delta_bytes += StringBytes(value);
  } else if (key == "output_index") {
    fields.output_index = AsInt(value).value_or(0);
  } else if (key == "item") {
    return ReadItem(value, fields.item);
  } else if (key == "response") {
    return EachField(
        value, [&](JsonKey name, JsonValue field) { return ReadResponse(name, field, fields); });
  }
  return true;
}

// Until one of the others comes, nothing of the answer has been said: a reasoning model announces
// its items long before it thinks or speaks.
bool IsStartUp(const Fields& fields) {
  const std::string_view type = fields.type;
  return type == "response.created" || type == "response.in_progress" ||
         type == "response.queued" || type == "keepalive" ||
         type == "response.content_part.added" || type == "response.reasoning_summary_part.added" ||
         (type == "response.output_item.added" &&
          (fields.item.type == "message" || fields.item.type == "reasoning"));
}

}  // namespace

void LlmAnswer::OnResponsesEvent(const SseSplitter::Event& event) {
  const bool read = WithJson(event.data, [&](JsonDocument document) {
    Fields fields;
    const bool good = EachField(
        document, [&](JsonKey key, JsonValue value) { return ReadEvent(key, value, fields); });
    if (!good) {
      return false;
    }
    content_bytes_ += fields.delta_bytes;
    if (fields.has_usage) {
      tokens_ = fields.tokens;
      has_usage_ = true;
    }
    if (!fields.id.empty()) {
      response_id_ = fields.id.substr(0, policy::TurnTracker::kMaxIdBytes);
    }
    if (fields.type == "response.completed" || fields.type == "response.incomplete") {
      terminal_ = true;
      complete_ = true;
      finish_reason_ = fields.status;
    } else if (fields.type == "error" || fields.type == "response.failed" ||
               event.type == "error") {
      error_ = error_ ? error_ : fields.error;
    } else if (!IsStartUp(fields)) {
      first_token_ = true;
      if (fields.type == "response.output_item.done" && fields.item.asks()) {
        AddToolPiece(0, fields.output_index, fields.item.token(), fields.item.name,
                     fields.item.arguments);
      }
    }
    return true;
  });
  malformed_ += read ? 0 : 1;
}

void LlmAnswer::ReadResponsesAnswer() {
  bool has_status = false;
  bool has_error = false;
  const auto read_body = [&](JsonDocument document) {
    Fields fields;
    std::int64_t index = 0;
    const bool good = EachField(document, [&](JsonKey key, JsonValue value) {
      has_status = has_status || key == "status";
      if (key != "output") {
        return ReadResponse(key, value, fields);
      }
      return EachElement(value, [&](JsonValue element) {
        Item item;
        const bool item_read = ReadItem(element, item);
        if (item.asks()) {
          AddToolPiece(0, index, item.token(), item.name, item.arguments);
        }
        ++index;
        return item_read;
      });
    });
    response_id_ = fields.id.substr(0, policy::TurnTracker::kMaxIdBytes);
    finish_reason_ = fields.status;
    tokens_ = fields.tokens;
    has_usage_ = fields.has_usage;
    has_error = fields.has_error;
    if (has_error) {
      error_ = fields.error;
    }
    return good;
  };
  const bool read = WithJson(body(), read_body, room());
  complete_ = read && has_status && !has_error;
  malformed_ += read ? 0 : 1;
  if (!read) {
    error_.reset();
  }
}

}  // namespace reliability::sidecar::inspect
