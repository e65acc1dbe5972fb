// ReadProviderError of llm_answer.h.
#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/llm_answer.h"

namespace reliability::sidecar::inspect {
namespace {

void Set(std::string& out, JsonValue value) {
  if (const auto text = AsString(value); text && out.empty()) {
    out = *text;
  }
}

bool ReadFields(JsonKey key, JsonValue value, policy::ProviderError& error) {
  if (key == "type") {
    Set(error.type, value);
  } else if (key == "code") {
    Set(error.code, value);
  } else if (key == "message") {
    Set(error.message, value);
  } else if (key == "details") {
    return EachField(value, [&](JsonKey name, JsonValue detail) {
      if (name == "error_code") {
        Set(error.detail_code, detail);
      }
      return true;
    });
  }
  return true;
}

}  // namespace

policy::ProviderError ReadProviderError(std::string_view body) {
  policy::ProviderError inner;
  policy::ProviderError bare;
  bool nested = false;
  const bool read = WithJson(body, [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key == "error") {
        nested = true;
        if (IsType(value, JsonType::kString)) {
          Set(inner.message, value);
          return true;
        }
        return EachField(
            value, [&](JsonKey name, JsonValue field) { return ReadFields(name, field, inner); });
      }
      return ReadFields(key, value, bare);
    });
  });
  if (!read) {
    return {};
  }
  return nested ? inner : bare;
}

}  // namespace reliability::sidecar::inspect
