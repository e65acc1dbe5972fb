#pragma once
// simdjson on-demand without its sharp edges: copies the text into a padded buffer if there is no
// room behind it, hands out fields in document order, turns errors into `false`. Internal to this
// folder; included by .cc files only.
//
// A callback returns false to give up: the whole read is then false. Values that it does not touch
// are skipped. Views are valid until WithJson returns.
#include <simdjson.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace reliability::sidecar::inspect {

using JsonValue = simdjson::ondemand::value;
using JsonObject = simdjson::ondemand::object;
using JsonArray = simdjson::ondemand::array;
using JsonType = simdjson::ondemand::json_type;

// Small texts share one parser per thread; large ones bring their own, so that no thread keeps
// megabytes. A nested read also brings its own.
inline constexpr std::size_t kSharedParserBytes = 64U << 10U;

class ParserLease {
 public:
  explicit ParserLease(std::size_t bytes) : shared_(bytes <= kSharedParserBytes && !Shared().busy) {
    if (shared_) {
      Shared().busy = true;
    }
  }
  ~ParserLease() {
    if (shared_) {
      Shared().busy = false;
    }
  }
  ParserLease(const ParserLease&) = delete;
  ParserLease& operator=(const ParserLease&) = delete;
  simdjson::ondemand::parser& parser() { return shared_ ? Shared().parser : own_; }

 private:
  struct PerThread {
    simdjson::ondemand::parser parser;
    bool busy = false;
  };
  static PerThread& Shared() {
    thread_local PerThread shared;
    return shared;
  }
  const bool shared_;
  simdjson::ondemand::parser own_;
};

// What may be read, and is not looked at, behind a text that is parsed where it lies.
inline constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;

// `read(document) -> bool`; false also for text that is not JSON or has something behind its value.
// `room`: bytes behind the text that may be read.
template <class Read>
bool WithJson(std::string_view text, Read&& read, std::size_t room = 0) {
  simdjson::padded_string copy;
  simdjson::padded_string_view padded(text, text.size() + room);
  if (room < kPadding) {
    copy = simdjson::padded_string(text);
    padded = copy;
  }
  ParserLease lease(text.size());
  simdjson::ondemand::document document;
  if (lease.parser().iterate(padded).get(document) != simdjson::SUCCESS) {
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
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    return false;
  }
  for (auto entry : array) {
    JsonValue item;
    if (entry.get(item) != simdjson::SUCCESS || !element(item)) {
      return false;
    }
  }
  return true;
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

// As JsonHash; fields named in `skip` count for nothing, at any depth.
[[nodiscard]] std::optional<std::uint64_t> HashValue(JsonValue value,
                                                     std::span<const std::string_view> skip,
                                                     int depth = 0);

}  // namespace reliability::sidecar::inspect
