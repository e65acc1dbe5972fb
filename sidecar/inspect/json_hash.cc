#include "sidecar/inspect/json_hash.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/mix.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr int kMaxDepth = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A number as RFC 8259 spells them. `integer`: without fraction and exponent.
bool IsNumber(std::string_view word, bool& integer) {
  std::size_t at = word.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < word.size() && IsDigit(word[at])) {
      ++at;
    }
    return at - from;
  };
  const std::size_t first = at;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && word[first] == '0')) {
    return false;
  }
  integer = at == word.size();
  if (at < word.size() && word[at] == '.') {
    ++at;
    if (digits() == 0) {
      return false;
    }
  }
  if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
    ++at;
    if (at < word.size() && (word[at] == '+' || word[at] == '-')) {
      ++at;
    }
    if (digits() == 0) {
      return false;
    }
  }
  return at == word.size();
}

template <class T>
std::optional<T> Parsed(std::string_view word) {
  T number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// nullopt: larger than any double. Smaller than any is zero.
std::optional<double> ParsedReal(std::string_view word) {
  if (const auto real = Parsed<double>(word)) {
    return real;
  }
  const double real = std::strtod(std::string(word).c_str(), nullptr);
  return std::isfinite(real) ? std::optional(real) : std::nullopt;
}

// One number has one hash, however it is spelled. What is no number, or larger than we can read, is
// its bytes: the provider judges it.
std::uint64_t HashNumber(std::string_view word) {
  bool integer = false;
  const bool number = IsNumber(word, integer);
  if (number && integer) {
    if (const auto whole = Parsed<std::int64_t>(word)) {
      return Mix(Tag::kNumber, static_cast<std::uint64_t>(*whole));
    }
    if (const auto whole = Parsed<std::uint64_t>(word)) {
      return Mix(Tag::kNumber, *whole);
    }
  }
  const auto real = number && !integer ? ParsedReal(word) : std::nullopt;
  if (!real) {
    return Mix(Tag::kNumber, Digest(word));
  }
  if (std::abs(*real) < 0x1.0p53 && *real == std::trunc(*real)) {
    return Mix(Tag::kNumber, static_cast<std::uint64_t>(static_cast<std::int64_t>(*real)));
  }
  return Mix(Tag::kNumber, Mix(Tag::kReal, std::bit_cast<std::uint64_t>(*real)));
}

}  // namespace

std::optional<std::uint64_t> HashValue(JsonValue value, std::span<const std::string_view> skip,
                                       int depth) {
  if (depth > kMaxDepth) {
    return std::nullopt;
  }
  switch (TypeOf(value)) {
    case JsonType::kObject: {
      std::uint64_t sum = 0;  // a sum does not depend on the order of keys
      const bool read = EachField(value, [&](std::string_view key, JsonValue field) {
        if (std::find(skip.begin(), skip.end(), key) != skip.end()) {
          return true;
        }
        const auto hash = HashValue(field, skip, depth + 1);
        sum += hash ? Mix(Mix(Tag::kField, Digest(key)), *hash) : 0;
        return hash.has_value();
      });
      return read ? std::optional(Mix(Tag::kObject, sum)) : std::nullopt;
    }
    case JsonType::kArray: {
      std::uint64_t chain = Mix(Tag::kArray, 0);
      const bool read = EachElement(value, [&](JsonValue element) {
        const auto hash = HashValue(element, skip, depth + 1);
        chain = hash ? Mix(chain, *hash) : chain;
        return hash.has_value();
      });
      return read ? std::optional(chain) : std::nullopt;
    }
    case JsonType::kString: {
      const auto text = AsString(value);
      return text ? std::optional(Mix(Tag::kString, Digest(*text))) : std::nullopt;
    }
    case JsonType::kNumber:
      return HashNumber(value.scanner->ReadWord(value.at));
    case JsonType::kBoolean: {
      const auto flag = AsBool(value);
      return flag ? std::optional(Mix(Tag::kBool, *flag ? 1U : 0U)) : std::nullopt;
    }
    case JsonType::kNull:
      return value.scanner->ReadWord(value.at) == "null" ? std::optional(Mix(Tag::kNull, 0))
                                                         : std::nullopt;
    case JsonType::kNone:
      break;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> JsonHash(std::string_view json) {
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    json = "{}";
  }
  std::optional<std::uint64_t> hash;
  const bool read = WithJson(json, [&](JsonDocument document) {
    hash = HashValue(document.root, {});
    return hash.has_value();
  });
  return read ? hash : std::nullopt;
}

}  // namespace reliability::sidecar::inspect
