#include "sidecar/inspect/json_reader.h"

#include <simdjson.h>

#include <charconv>

namespace reliability::sidecar::inspect {

bool IsOther(JsonValue value) { return TypeOf(value) != JsonType::kNone || value.scanner->Break(); }

bool IsUtf8(std::string_view text) { return IsAscii(text) || simdjson::validate_utf8(text); }

std::optional<bool> AsBool(JsonValue value) {
  if (!IsType(value, JsonType::kBoolean)) {
    return std::nullopt;
  }
  const std::string_view word = value.scanner->ReadWord(value.at);
  const bool yes = word == "true";
  return yes || word == "false" ? std::optional(yes) : std::nullopt;
}

std::optional<std::int64_t> AsInt(JsonValue value) {
  if (!IsType(value, JsonType::kNumber)) {
    return std::nullopt;
  }
  if (const auto number = value.scanner->ReadShortInt(value.at)) {
    return number;
  }
  const std::string_view word = value.scanner->ReadWord(value.at);
  const std::string_view digits = word.substr(word[0] == '-' ? 1 : 0);
  const bool padded = digits.size() > 1 && digits[0] == '0';
  std::int64_t number = 0;
  const char* const end = word.data() + word.size();
  const auto [behind, error] = std::from_chars(word.data(), end, number);
  return error == std::errc() && behind == end && !padded ? std::optional(number) : std::nullopt;
}

}  // namespace reliability::sidecar::inspect
