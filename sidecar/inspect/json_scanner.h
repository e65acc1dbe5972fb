#pragma once
// Reads JSON text forward, once, where it lies: no index, no tree, no copy but of texts with
// escapes. What is read is read strictly; of what nobody asks for only strings and brackets are
// followed (docs/adr/0008). Does not recurse. Pure; one thread. Internal to this folder, use
// json_reader.h.
//
// Bounds: kPadding bytes behind the text may be read. A step that begins within the text looks less
// far than that, so it looks first and asks afterwards whether what it found lies within.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "sidecar/inspect/json_bytes.h"

namespace reliability::sidecar::inspect {

// A field's name. Comparing it with a literal is a comparison of sizes and of a word or two.
class JsonKey : public std::string_view {
 public:
  using std::string_view::string_view;
  template <std::size_t N>
  friend bool operator==(JsonKey key, const char (&name)[N]) {
    return key.size() == N - 1 && __builtin_memcmp(key.data(), name, N - 1) == 0;
  }
};

class JsonScanner {
 public:
  struct Field {
    JsonKey key;
    const char* value;  // nullptr: broken
  };
  // A string without its quotes as it stands. nullptr as data: broken.
  struct String {
    std::string_view raw;
    bool escaped;
  };

  // The text is UTF-8, is followed by kPadding readable bytes, and outlives this.
  explicit JsonScanner(std::string_view text)
      : at_(text.data()), begin_(text.data()), end_(text.data() + text.size()) {}
  JsonScanner(const JsonScanner&) = delete;
  JsonScanner& operator=(const JsonScanner&) = delete;

  [[nodiscard]] const char* begin() const { return begin_; }
  // To the text's only value; nullptr: there is none, or the text does not end as it has to, so
  // that it is cut and nothing of it need be read.
  [[nodiscard]] const char* First();
  // Behind `root`, whether or not it was read. True if all was read without a fault and nothing but
  // white space follows.
  [[nodiscard]] bool LeaveLast(const char* root);

  // Gives up, for good: beyond the end every step fails. Returns false.
  bool Break() {
    at_ = end_ + 1;
    return false;
  }
  // The first byte from `at` on that is not white space.
  [[nodiscard]] const char* SkipSpace(const char* at) const {
    if (*at == ' ') {  // one, as some libraries write behind each comma and colon
      ++at;
    }
    return static_cast<unsigned char>(*at) > ' ' ? at : SkipSpaces(at);
  }
  // Reads the key at `at` and steps to its value.
  [[nodiscard]] Field ToField(const char* at) {
    const char* const key = at + 1;
    const std::uint32_t found = StringEnds(key);
    if (found == 0 || *at != '"') {
      return ToLongField(at);
    }
    const auto size = static_cast<std::size_t>(std::countr_zero(found));
    if (key[size] != '"') {
      return ToLongField(at);
    }
    return {JsonKey(key, size), ToFieldValue(key + size + 1)};
  }
  // Steps to the element at `at`; nullptr: broken.
  [[nodiscard]] const char* ToElement(const char* at) {
    if (at >= end_) {
      Break();
      return nullptr;
    }
    return at_ = at;
  }
  // To the comma or bracket behind `value`, whether or not it was read.
  [[nodiscard]] const char* ToSeparator(const char* value) {
    if (at_ == value) {
      Skip(value);
    }
    return *at_ == ',' ? at_ : SkipSpace(at_);
  }
  // Behind the closing bracket at `at`; false: broken.
  [[nodiscard]] bool Close(const char* at) {
    if (at >= end_) {
      return Break();
    }
    at_ = at + 1;
    return true;
  }

  // The string at `quote`; the scanner is behind it then.
  [[nodiscard]] String ReadString(const char* quote) {
    const char* const text = quote + 1;
    const std::uint32_t found = StringEnds(text);
    const char* const end = text + (found == 0 ? kBlock : std::size_t(std::countr_zero(found)));
    if (found == 0 || *end != '"' || end >= end_) {
      const StringEnd far = ToStringEnd(end);
      return far.at == nullptr ? String{} : String{Between(text, far.at), far.escaped};
    }
    at_ = end + 1;
    return {Between(text, end), false};
  }
  // With its escapes resolved; nullopt: they cannot be, which breaks nothing.
  [[nodiscard]] std::optional<std::string_view> Unescape(std::string_view raw);
  // Number, true, false, null, or another word, which the caller judges.
  [[nodiscard]] std::string_view ReadWord(const char* at);
  // A whole number of up to 18 digits that is spelled as JSON spells it; nullopt: another word,
  // which was not read.
  [[nodiscard]] std::optional<std::int64_t> ReadShortInt(const char* at);
  // Any value as it stands. Empty: broken.
  [[nodiscard]] std::string_view ReadRaw(const char* at);

 private:
  struct StringEnd {
    const char* at;  // its quote; nullptr: broken
    bool escaped;
  };
  [[nodiscard]] static std::string_view Between(const char* from, const char* to) {
    return {from, static_cast<std::size_t>(to - from)};
  }
  [[nodiscard]] const char* ToFieldValue(const char* at) {
    if (*at != ':') {
      at = SkipSpace(at);
    }
    if (*at == ':') {
      at = SkipSpace(at + 1);
      if (at < end_) {
        return at_ = at;
      }
    }
    Break();
    return nullptr;
  }
  [[nodiscard]] const char* SkipSpaces(const char* at) const;
  [[nodiscard]] Field ToLongField(const char* at);
  // Of the string in which `at` is; steps behind it.
  [[nodiscard]] StringEnd ToStringEnd(const char* at);
  void Skip(const char* value);
  void SkipNested(const char* open);

  const char* at_;
  const char* const begin_;
  const char* const end_;
  std::vector<std::unique_ptr<char[]>> unescaped_;
};

// A value whose first byte has been seen. Valid as long as its scanner and the text.
struct JsonValue {
  JsonScanner* scanner;
  const char* at;
};

}  // namespace reliability::sidecar::inspect
