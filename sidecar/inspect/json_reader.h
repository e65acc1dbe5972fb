#pragma once
// What the readers of this folder read JSON with: fields in document order, wrong input is `false`.
// Internal to this folder; included by .cc files only.
//
// A callback returns false to give up: the whole read is then false. Values that it does not touch
// are skipped. A value may be read until its callback returns, and more than once. Views are valid
// until WithJson returns. A fault may be found after callbacks for what stands before it.
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "sidecar/inspect/json_scanner.h"

namespace reliability::sidecar::inspect {

enum class JsonType : std::uint8_t { kObject, kArray, kString, kNumber, kBoolean, kNull, kNone };

// Told by the first byte, so the value may still be broken; kNone: surely it is.
[[nodiscard]] inline JsonType TypeOf(JsonValue value) {
  switch (*value.at) {
    case '{':
      return JsonType::kObject;
    case '[':
      return JsonType::kArray;
    case '"':
      return JsonType::kString;
    case 't':
    case 'f':
      return JsonType::kBoolean;
    case 'n':
      return JsonType::kNull;
    default:
      return *value.at == '-' || (*value.at >= '0' && *value.at <= '9') ? JsonType::kNumber
                                                                        : JsonType::kNone;
  }
}

[[nodiscard]] inline bool IsType(JsonValue value, JsonType wanted) {
  return TypeOf(value) == wanted;
}

// True for what neither EachField nor EachElement looks into; what is no value at all breaks.
[[nodiscard]] bool IsOther(JsonValue value);

// `field(key, value) -> bool` for each field. Other types than object have no fields: true.
template <class Field>
bool EachField(JsonValue value, Field&& field) {
  if (*value.at != '{') {
    return IsOther(value);
  }
  JsonScanner& scanner = *value.scanner;
  const char* at = scanner.SkipSpace(value.at + 1);
  if (*at == '}') {
    return scanner.Close(at);
  }
  while (true) {
    const JsonScanner::Field entry = scanner.ToField(at);
    if (entry.value == nullptr) {
      return false;
    }
    if (!field(entry.key, JsonValue{&scanner, entry.value})) {
      return scanner.Break();
    }
    at = scanner.ToSeparator(entry.value);
    if (*at != ',') {
      return *at == '}' ? scanner.Close(at) : scanner.Break();
    }
    at = scanner.SkipSpace(at + 1);
  }
}

// `element(value) -> bool` for each element. Other types than array have no elements: true.
template <class Element>
bool EachElement(JsonValue value, Element&& element) {
  if (*value.at != '[') {
    return IsOther(value);
  }
  JsonScanner& scanner = *value.scanner;
  const char* at = scanner.SkipSpace(value.at + 1);
  if (*at == ']') {
    return scanner.Close(at);
  }
  while (true) {
    const char* const item = scanner.ToElement(at);
    if (item == nullptr) {
      return false;
    }
    if (!element(JsonValue{&scanner, item})) {
      return scanner.Break();
    }
    at = scanner.ToSeparator(item);
    if (*at != ',') {
      return *at == ']' ? scanner.Close(at) : scanner.Break();
    }
    at = scanner.SkipSpace(at + 1);
  }
}

// The value that is the whole text, as far as its first and its last byte can tell.
struct JsonDocument {
  JsonValue root;

  [[nodiscard]] bool IsObject() const { return IsType(root, JsonType::kObject); }
  [[nodiscard]] bool IsArray() const { return IsType(root, JsonType::kArray); }
};

// False also for other types than object.
template <class Field>
bool EachField(JsonDocument document, Field&& field) {
  return document.IsObject() && EachField(document.root, std::forward<Field>(field));
}

// False also for other types than array.
template <class Element>
bool EachElement(JsonDocument document, Element&& element) {
  return document.IsArray() && EachElement(document.root, std::forward<Element>(element));
}

// ASCII is told fast.
[[nodiscard]] bool IsUtf8(std::string_view text);

// A text with room behind it. Small ones need no memory of the heap.
class PaddedText {
 public:
  PaddedText(std::string_view text, std::size_t room) : text_(text) {
    if (room >= kPadding) {
      return;
    }
    char* copy = small_.data();
    if (text.size() + kPadding > small_.size()) {
      large_ = std::make_unique_for_overwrite<char[]>(text.size() + kPadding);
      copy = large_.get();
    }
    if (!text.empty()) {
      std::memcpy(copy, text.data(), text.size());
    }
    std::memset(copy + text.size(), 0, kPadding);
    text_ = std::string_view(copy, text.size());
  }
  PaddedText(const PaddedText&) = delete;
  PaddedText& operator=(const PaddedText&) = delete;
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  std::unique_ptr<char[]> large_;
  std::array<char, 1024> small_;  // not initialised: it is written before it is read
};

// `read(document) -> bool`; false also for text that is not JSON or has something behind its value.
// `room`: bytes behind the text that may be read.
template <class Read>
bool WithJson(std::string_view text, Read&& read, std::size_t room = 0) {
  const PaddedText padded(text, room);
  JsonScanner scanner(padded.text());
  const char* const root = scanner.First();
  return root != nullptr && IsUtf8(padded.text()) &&
         read(JsonDocument{JsonValue{&scanner, root}}) && scanner.LeaveLast(root);
}

// nullopt for other types. A text without escapes is read where it stands.
[[nodiscard]] inline std::optional<std::string_view> AsString(JsonValue value) {
  if (*value.at != '"') {
    return std::nullopt;
  }
  const JsonScanner::String text = value.scanner->ReadString(value.at);
  if (text.escaped) {
    return value.scanner->Unescape(text.raw);
  }
  return text.raw.data() != nullptr ? std::optional(text.raw) : std::nullopt;
}

// The same; empty for other types.
[[nodiscard]] inline std::string_view TextOf(JsonValue value) {
  return AsString(value).value_or(std::string_view());
}

// Length of a string as it stands in the JSON, escapes and all; its text is not read. Other types:
// 0.
[[nodiscard]] inline std::int64_t StringBytes(JsonValue value) {
  return *value.at == '"' ? std::ssize(value.scanner->ReadString(value.at).raw) : 0;
}

// Any value as it stands in the text.
[[nodiscard]] inline std::string_view RawText(JsonValue value) {
  return value.scanner->ReadRaw(value.at);
}

// Where a value stands in the text.
[[nodiscard]] inline std::size_t OffsetOf(JsonValue value) {
  return static_cast<std::size_t>(value.at - value.scanner->begin());
}

// nullopt for other types and words that are none.
[[nodiscard]] std::optional<bool> AsBool(JsonValue value);
[[nodiscard]] std::optional<std::int64_t> AsInt(JsonValue value);

// As JsonHash; fields named in `skip` count for nothing, at any depth.
[[nodiscard]] std::optional<std::uint64_t> HashValue(JsonValue value,
                                                     std::span<const std::string_view> skip,
                                                     int depth = 0);

}  // namespace reliability::sidecar::inspect
