#include "sidecar/inspect/json_scanner.h"

#include <array>

#include "sidecar/inspect/json_escapes.h"

namespace reliability::sidecar::inspect {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// What words are spelled with: numbers, true, false, null, and what some libraries write in their
// place, NaN and Infinity.
constexpr std::array<bool, 256> kWordBytes = [] {
  std::array<bool, 256> bytes{};
  for (const char c : std::string_view("0123456789abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-.")) {
    bytes[static_cast<unsigned char>(c)] = true;
  }
  return bytes;
}();

bool IsWordByte(char c) { return kWordBytes[static_cast<unsigned char>(c)]; }

}  // namespace

const char* JsonScanner::SkipSpaces(const char* at) const {
  while (at < end_ && IsSpace(*at)) {
    ++at;
  }
  return at;
}

const char* JsonScanner::First() {
  at_ = SkipSpaces(begin_);
  if (at_ == end_) {
    return nullptr;
  }
  const char* last = end_ - 1;
  while (IsSpace(*last)) {  // the value's first byte is none
    --last;
  }
  const bool cut = (*at_ == '{' && *last != '}') || (*at_ == '[' && *last != ']');
  return cut ? nullptr : at_;
}

bool JsonScanner::LeaveLast(const char* root) {
  if (at_ == root) {
    Skip(root);
  }
  return at_ <= end_ && SkipSpaces(at_) == end_;
}

JsonScanner::Field JsonScanner::ToLongField(const char* at) {
  const String key = *at == '"' ? ReadString(at) : String{};
  if (key.raw.data() == nullptr) {
    Break();
    return {};
  }
  const char* const behind = at_;
  std::string_view name = key.raw;
  if (key.escaped) {
    const auto text = Unescape(key.raw);
    if (!text) {
      Break();
      return {};
    }
    name = *text;
  }
  return {JsonKey(name.data(), name.size()), ToFieldValue(behind)};
}

JsonScanner::StringEnd JsonScanner::ToStringEnd(const char* at) {
  bool escaped = false;
  while (at < end_) {
    const std::uint32_t found = StringEnds(at);
    at = found != 0 ? at + std::countr_zero(found) : FindStringEnd(at + kBlock, end_);
    if (at >= end_) {
      break;
    }
    if (*at == '"') {
      at_ = at + 1;
      return {at, escaped};
    }
    // A character follows a backslash; which one is seen when the text is asked for.
    if (*at != '\\' || IsControl(at[1])) {
      break;
    }
    escaped = true;
    at += 2;
  }
  Break();
  return {};
}

std::string_view JsonScanner::ReadWord(const char* at) {
  const char* end = at;
  while (end < end_ && IsWordByte(*end)) {
    ++end;
  }
  at_ = end;
  return Between(at, end);
}

std::optional<std::int64_t> JsonScanner::ReadShortInt(const char* at) {
  constexpr std::ptrdiff_t kSafeDigits = 18;  // any number of them fits
  const bool negative = *at == '-';
  const char* const first = at + (negative ? 1 : 0);
  const char* end = first;
  std::int64_t number = 0;
  for (; *end >= '0' && *end <= '9' && end - first < kSafeDigits; ++end) {
    number = number * 10 + (*end - '0');
  }
  const std::ptrdiff_t digits = end - first;
  const bool spelled = digits == 1 || (digits > 1 && *first != '0');
  if (!spelled || end >= end_ || IsWordByte(*end)) {
    return std::nullopt;
  }
  at_ = end;
  return negative ? -number : number;
}

std::string_view JsonScanner::ReadRaw(const char* at) {
  Skip(at);
  return at_ <= end_ ? Between(at, at_) : std::string_view();
}

void JsonScanner::Skip(const char* value) {
  if (*value == '"') {
    (void)ReadString(value);
  } else if (*value == '{' || *value == '[') {
    SkipNested(value);
  } else if (ReadWord(value).empty()) {
    Break();
  }
}

// Which bracket closes which is not looked at: their number must fit. A backslash outside of
// strings breaks: two readers could see two strings behind it.
void JsonScanner::SkipNested(const char* open) {
  std::size_t depth = 0;
  for (const char* at = open; at < end_;) {
    const char* next = at + kBlock;
    for (std::uint32_t found = Brackets(at); found != 0; found &= found - 1) {
      const char* const mark = at + std::countr_zero(found);
      if (mark >= end_ || *mark == '\\') {
        Break();
        return;
      }
      if (*mark == '"') {
        (void)ReadString(mark);
        next = at_;  // beyond the end if it is broken
        break;
      }
      if (*mark == '{' || *mark == '[') {
        ++depth;
      } else if ((*mark == '}' || *mark == ']') && --depth == 0) {
        at_ = mark + 1;
        return;
      }
    }
    at = next;
  }
  Break();
}

std::optional<std::string_view> JsonScanner::Unescape(std::string_view raw) {
  unescaped_.push_back(std::make_unique_for_overwrite<char[]>(raw.size() + kBlock));
  char* const text = unescaped_.back().get();
  const auto size = UnescapeJson(raw, text);
  return size ? std::optional(std::string_view(text, *size)) : std::nullopt;
}

}  // namespace reliability::sidecar::inspect
