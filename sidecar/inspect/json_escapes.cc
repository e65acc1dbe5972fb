#include "sidecar/inspect/json_escapes.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "sidecar/inspect/json_bytes.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr std::size_t kUnitDigits = 4;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The four digits behind `\u`; -1: they are none.
std::int32_t CodeUnit(std::string_view digits) {
  if (digits.size() < kUnitDigits) {
    return -1;
  }
  std::int32_t unit = 0;
  for (const char c : digits.substr(0, kUnitDigits)) {
    const int digit = HexDigit(c);
    if (digit < 0) {
      return -1;
    }
    unit = unit * 16 + digit;
  }
  return unit;
}

char* AppendUtf8(char* out, std::uint32_t code) {
  const auto tail = [&code](unsigned shift) {
    return static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xC0U | (code >> 6U));
    *out++ = tail(0);
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xE0U | (code >> 12U));
    *out++ = tail(6);
    *out++ = tail(0);
  } else {
    *out++ = static_cast<char>(0xF0U | (code >> 18U));
    *out++ = tail(12);
    *out++ = tail(6);
    *out++ = tail(0);
  }
  return out;
}

// `raw` begins behind `\u`; takes the digits from it, and the other half of a pair. False: neither.
bool TakeCode(std::string_view& raw, std::uint32_t& code) {
  const std::int32_t unit = CodeUnit(raw);
  if (unit < 0 || (unit >= 0xDC00 && unit < 0xE000)) {
    return false;
  }
  raw.remove_prefix(kUnitDigits);
  code = static_cast<std::uint32_t>(unit);
  if (unit < 0xD800 || unit >= 0xDC00) {
    return true;
  }
  if (!raw.starts_with("\\u")) {
    return false;
  }
  const std::int32_t low = CodeUnit(raw.substr(2));
  if (low < 0xDC00 || low >= 0xE000) {
    return false;
  }
  raw.remove_prefix(2 + kUnitDigits);
  code = 0x10000U + ((code - 0xD800U) << 10U) + (static_cast<std::uint32_t>(low) - 0xDC00U);
  return true;
}

// What a one-letter escape stands for; 0: there is no such.
char Meaning(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

}  // namespace

std::optional<std::size_t> UnescapeJson(std::string_view raw, char* out) {
  const char* const begin = out;
  while (true) {
    std::memcpy(out, raw.data(), kBlock);
    const std::uint32_t found = StringEnds(raw.data());  // a backslash, or the quote at the end
    const std::size_t plain = found == 0 ? kBlock : std::size_t(std::countr_zero(found));
    out += plain;
    raw.remove_prefix(plain);
    if (found == 0) {
      continue;
    }
    if (raw.empty()) {
      return static_cast<std::size_t>(out - begin);
    }
    const char letter = raw[1];
    raw.remove_prefix(2);
    if (letter == 'u') {
      std::uint32_t code = 0;
      if (!TakeCode(raw, code)) {
        return std::nullopt;
      }
      out = AppendUtf8(out, code);
    } else if (const char meant = Meaning(letter); meant != 0) {
      *out++ = meant;
    } else {
      return std::nullopt;
    }
  }
}

}  // namespace reliability::sidecar::inspect
