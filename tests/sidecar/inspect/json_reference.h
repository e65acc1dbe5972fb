#pragma once
// The reader that json_reader.h had before our own scanner, over simdjson on-demand: what the
// scanner is compared with.
#include <simdjson.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace reliability::sidecar::inspect::reference {

using JsonValue = simdjson::ondemand::value;
using JsonObject = simdjson::ondemand::object;
using JsonArray = simdjson::ondemand::array;
using JsonType = simdjson::ondemand::json_type;

// `read(document) -> bool`; false also for text that is not JSON or has something behind its value.
template <class Read>
bool WithJson(std::string_view text, Read&& read) {
  thread_local simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(text);
  simdjson::ondemand::document document;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) {
    return false;
  }
  // Out of bounds = nothing behind the value.
  return read(document) && document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

// The first quote or backslash from `at` on: there is one, as the parser has seen that the text is
// closed, and padding behind the input may be read.
inline const char* FindQuote(const char* at) {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
    const auto zeros = [](std::uint64_t word) { return (word - kOnes) & ~word & (kOnes * 0x80); };
    while (true) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      const std::uint64_t found = zeros(word ^ (kOnes * '"')) | zeros(word ^ (kOnes * '\\'));
      if (found != 0) {
        return at + std::countr_zero(found) / 8;  // the lowest is exact
      }
      at += sizeof word;
    }
  }
  while (*at != '"' && *at != '\\') {
    ++at;
  }
  return at;
}

// A key without escapes is read where it stands.
inline bool ReadKey(simdjson::simdjson_result<simdjson::ondemand::field>& entry,
                    std::string_view& key) {
  simdjson::ondemand::raw_json_string raw;
  if (entry.key().get(raw) != simdjson::SUCCESS) {
    return false;
  }
  const char* end = FindQuote(raw.raw());
  if (*end == '"') {
    key = {raw.raw(), static_cast<std::size_t>(end - raw.raw())};
    return true;
  }
  return entry.unescaped_key().get(key) == simdjson::SUCCESS;
}

// `field(key, value) -> bool` for each field.
template <class Field>
bool EachField(JsonObject object, Field&& field) {
  for (auto entry : object) {
    std::string_view key;
    JsonValue value;
    if (!ReadKey(entry, key) || entry.value().get(value) != simdjson::SUCCESS ||
        !field(key, value)) {
      return false;
    }
  }
  return true;
}

// Other types than object have no fields: true.
template <class Field>
bool EachField(JsonValue value, Field&& field) {
  JsonType type{};
  JsonObject object;
  if (value.type().get(type) != simdjson::SUCCESS) {
    return false;
  }
  if (type != JsonType::object) {
    return true;
  }
  return value.get_object().get(object) == simdjson::SUCCESS && EachField(object, field);
}

template <class Field>
bool EachField(simdjson::ondemand::document& document, Field&& field) {
  JsonObject object;
  return document.get_object().get(object) == simdjson::SUCCESS && EachField(object, field);
}

template <class Element>
bool EachElement(JsonArray array, Element&& element) {
  for (auto entry : array) {
    JsonValue item;
    if (entry.get(item) != simdjson::SUCCESS || !element(item)) {
      return false;
    }
  }
  return true;
}

// Other types than array have no elements: true.
template <class Element>
bool EachElement(JsonValue value, Element&& element) {
  JsonType type{};
  JsonArray array;
  if (value.type().get(type) != simdjson::SUCCESS) {
    return false;
  }
  if (type != JsonType::array) {
    return true;
  }
  return value.get_array().get(array) == simdjson::SUCCESS && EachElement(array, element);
}

[[nodiscard]] inline bool IsType(JsonValue value, JsonType wanted) {
  JsonType type{};
  return value.type().get(type) == simdjson::SUCCESS && type == wanted;
}

// nullopt for other types. A text without escapes is read where it stands.
[[nodiscard]] inline std::optional<std::string_view> AsString(JsonValue value) {
  const std::string_view token = value.raw_json_token();  // with the white space behind it
  if (token.size() < 2 || token[0] != '"') {
    return std::nullopt;
  }
  if (token.find('\\') == std::string_view::npos) {
    return token.substr(1, token.rfind('"') - 1);
  }
  std::string_view text;
  return value.get_string().get(text) == simdjson::SUCCESS ? std::optional(text) : std::nullopt;
}

// Length of a string as it stands in the JSON, escapes and all; its text is not read. Other types:
// 0.
[[nodiscard]] inline std::int64_t StringBytes(JsonValue value) {
  const std::string_view token = value.raw_json_token();
  return token.size() > 1 && token[0] == '"' ? static_cast<std::int64_t>(token.rfind('"')) - 1 : 0;
}

[[nodiscard]] inline std::optional<bool> AsBool(JsonValue value) {
  bool flag = false;
  if (!IsType(value, JsonType::boolean) || value.get_bool().get(flag) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return flag;
}

[[nodiscard]] inline std::optional<std::int64_t> AsInt(JsonValue value) {
  std::int64_t number = 0;
  if (!IsType(value, JsonType::number) || value.get_int64().get(number) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return number;
}

}  // namespace reliability::sidecar::inspect::reference
