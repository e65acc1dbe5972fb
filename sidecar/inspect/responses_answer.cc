// The OpenAI Responses half of llm_answer.h: errors, first content and the end. Its tool calls are
// not read: Responses calls are no steps of a turn.
#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/llm_answer.h"

namespace reliability::sidecar::inspect {
namespace {

struct Fields {
  std::string_view type;
  bool has_error = false;
  policy::ProviderError error;
};

void Set(std::string& out, JsonValue value) {
  if (const auto text = AsString(value)) {
    out = *text;
  }
}

bool ReadError(JsonValue value, policy::ProviderError& error) {
  return EachField(value, [&](std::string_view key, JsonValue field) {
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

// An event, or its `response` object: `error` stands in either.
bool ReadField(std::string_view key, JsonValue value, Fields& fields) {
  if (key == "type") {
    fields.type = AsString(value).value_or(std::string_view());
  } else if (key == "error") {
    if (IsType(value, JsonType::object)) {
      fields.has_error = true;
      return ReadError(value, fields.error);
    }
  } else if (key == "code") {  // `error` events carry theirs flat
    Set(fields.error.code, value);
  } else if (key == "message" && IsType(value, JsonType::string)) {
    Set(fields.error.message, value);
  } else if (key == "response") {
    return EachField(value, [&](std::string_view name, JsonValue field) {
      if (name == "error" && IsType(field, JsonType::object)) {
        fields.has_error = true;
        return ReadError(field, fields.error);
      }
      return true;
    });
  }
  return true;
}

// Until one of the others comes, nothing of the answer has been said.
bool IsStartUp(std::string_view type) {
  return type == "response.created" || type == "response.in_progress" ||
         type == "response.queued" || type == "keepalive";
}

}  // namespace

void LlmAnswer::OnResponsesEvent(const SseSplitter::Event& event) {
  Fields fields;
  const bool read = WithJson(event.data, [&](simdjson::ondemand::document& document) {
    const bool good = EachField(document, [&](std::string_view key, JsonValue value) {
      return ReadField(key, value, fields);
    });
    if (!good) {
      return false;
    }
    if (fields.type == "response.completed" || fields.type == "response.incomplete") {
      terminal_ = true;
      complete_ = true;
    } else if (fields.type == "error" || fields.type == "response.failed" ||
               event.type == "error") {
      error_ = error_ ? error_ : fields.error;
    } else if (!IsStartUp(fields.type)) {
      first_token_ = true;
    }
    return true;
  });
  malformed_ += read ? 0 : 1;
}

void LlmAnswer::ReadResponsesAnswer() {
  Fields fields;
  bool has_status = false;
  const bool read = WithJson(body_, [&](simdjson::ondemand::document& document) {
    return EachField(document, [&](std::string_view key, JsonValue value) {
      has_status = has_status || key == "status";
      return ReadField(key, value, fields);
    });
  });
  if (read && fields.has_error) {
    error_ = fields.error;
  }
  complete_ = read && has_status && !fields.has_error;
  malformed_ += read ? 0 : 1;
}

}  // namespace reliability::sidecar::inspect
