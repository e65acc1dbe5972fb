#include "libs/base/strings.h"

#include <array>
#include <bit>
#include <charconv>

#include "libs/base/sse2.h"

namespace reliability {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

char LowerChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Length of the valid UTF-8 sequence at `pos`, 0 if there is none (RFC 3629, no overlong forms).
std::size_t Utf8Length(std::string_view text, std::size_t pos) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto cont = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned b = byte(pos);
  if (b < 0x80) {
    return 1;
  }
  if (b >= 0xC2 && b <= 0xDF) {
    return cont(pos + 1) ? 2 : 0;
  }
  if (b >= 0xE0 && b <= 0xEF) {
    const unsigned second = byte(pos + 1);
    const bool overlong = b == 0xE0 && second < 0xA0;
    const bool surrogate = b == 0xED && second > 0x9F;
    return cont(pos + 1) && cont(pos + 2) && !overlong && !surrogate ? 3 : 0;
  }
  if (b >= 0xF0 && b <= 0xF4) {
    const unsigned second = byte(pos + 1);
    const bool range = (b == 0xF0 && second < 0x90) || (b == 0xF4 && second > 0x8F);
    return cont(pos + 1) && cont(pos + 2) && cont(pos + 3) && !range ? 4 : 0;
  }
  return 0;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = LowerChar(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// ASCII that a JSON string holds as it is. Whether char has a sign differs between processors.
bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

// From `pos` on; the end of the text if all are plain.
std::size_t FindNotPlain(std::string_view text, std::size_t pos) {
#ifdef __SSE2__
  for (; text.size() - pos >= sse2::kStep; pos += sse2::kStep) {
    const __m128i bytes = sse2::Load(text.data() + pos);
    // Seen as signed, bytes with the high bit are below the first printable one, too.
    const std::uint32_t other =
        sse2::Bits(sse2::Either(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
                                sse2::Either(sse2::Equal(bytes, '"'), sse2::Equal(bytes, '\\'))));
    if (other != 0) {
      return pos + static_cast<std::size_t>(std::countr_zero(other));
    }
  }
#endif
  while (pos < text.size() && IsPlain(text[pos])) {
    ++pos;
  }
  return pos;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  if (a == b) {  // equal texts mostly have the same case
    return true;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && LowerChar(a[i]) != LowerChar(b[i])) {
      return false;
    }
  }
  return true;
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = LowerChar(c);
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (;;) {
    const auto end = text.find(separator, begin);
    if (end == std::string_view::npos) {
      parts.push_back(text.substr(begin));
      return parts;
    }
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) {
      out += separator;
    }
    out += part;
  }
  return out;
}

std::optional<std::uint64_t> ParseUint(std::string_view text) {
  constexpr std::size_t kNeverTooLarge = 19;  // so many digits fit
  std::uint64_t value = 0;
  if (!text.empty() && text.size() <= kNeverTooLarge) {
    for (const char c : text) {
      const auto digit = static_cast<unsigned char>(c - '0');
      if (digit > 9) {
        return std::nullopt;
      }
      value = value * 10 + digit;
    }
    return value;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return value;
}

std::string Hex16(std::uint64_t number) {
  std::string out(16, '0');
  for (auto digit = out.rbegin(); number != 0; ++digit, number >>= 4U) {
    *digit = kHex[number & 0xFU];
  }
  return out;
}

void AppendJsonEscaped(std::string& out, std::string_view text) {
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t end = FindNotPlain(text, pos);
    if (end > pos) {  // most texts are one such run
      out.append(text.substr(pos, end - pos));
      pos = end;
      continue;
    }
    const char c = text[pos];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++pos;
    } else if (byte < 0x20) {
      if (c == '\n') {
        out += "\\n";
      } else if (c == '\t') {
        out += "\\t";
      } else if (c == '\r') {
        out += "\\r";
      } else {
        out += "\\u00";
        out += kHex[byte >> 4U];
        out += kHex[byte & 0xFU];
      }
      ++pos;
    } else if (const std::size_t length = Utf8Length(text, pos); length > 0) {
      out.append(text.substr(pos, length));
      pos += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++pos;
    }
  }
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  AppendJsonEscaped(out, text);
  out += '"';
  return out;
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

}  // namespace reliability
