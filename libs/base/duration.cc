#include "libs/base/duration.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "libs/base/strings.h"

namespace reliability {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
// "ms" before "m" and "s": the longer name wins.
constexpr std::array<Unit, 4> kUnits{{{"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil).
std::int64_t DaysFromCivil(std::int64_t y, unsigned m, unsigned d) {
  y -= m <= 2 ? 1 : 0;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

Result<unsigned> Digits(std::string_view text, std::size_t pos, std::size_t count) {
  if (text.size() < pos + count) {
    return Fail(Code::kInvalid, "timestamp too short");
  }
  unsigned value = 0;
  for (std::size_t i = pos; i < pos + count; ++i) {
    if (!IsDigit(text[i])) {
      return Fail(Code::kInvalid, "timestamp: digit expected");
    }
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
  }
  return value;
}

std::string FormatWith(SystemTime time, bool micros) {
  const std::int64_t ms = time.time_since_epoch().count();
  std::int64_t seconds = ms / 1000;
  std::int64_t rest = ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  const auto t = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&t, &parts);
  std::array<char, 64> buffer{};
  const int year = parts.tm_year + 1900;
  if (micros) {
    std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03d000Z", year,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  static_cast<int>(rest));
  } else {
    std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02dZ", year,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  }
  return buffer.data();
}

// Milliseconds of a fraction such as ".25", if one is at `pos`, which moves behind it.
std::int64_t TakeFraction(std::string_view text, std::size_t& pos) {
  std::int64_t millis = 0;
  if (pos < text.size() && text[pos] == '.') {
    ++pos;
    for (std::int64_t scale = 100; pos < text.size() && IsDigit(text[pos]); scale /= 10) {
      millis += (text[pos++] - '0') * scale;
    }
  }
  return millis;
}

// Seconds of "Z" or "+02:00" at `pos`.
Result<std::int64_t> ZoneOffset(std::string_view text, std::size_t pos) {
  const char sign = pos < text.size() ? text[pos] : ' ';
  if (sign == 'Z' || sign == 'z') {
    return 0;
  }
  if (sign != '+' && sign != '-') {
    return Fail(Code::kInvalid, "'" + std::string(text) + "' has no time zone");
  }
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned hours, Digits(text, pos + 1, 2));
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned minutes, Digits(text, pos + 4, 2));
  return (sign == '-' ? -1 : 1) * static_cast<std::int64_t>(hours * 3600 + minutes * 60);
}

}  // namespace

Result<Milliseconds> ParseDuration(std::string_view text) {
  const auto bad = [&] {
    return Fail(Code::kInvalid,
                "'" + std::string(text) + "' is not a duration; write it like 1h30m, 15s or 250ms");
  };
  std::int64_t total = 0;
  std::size_t pos = 0;
  int parts = 0;
  while (pos < text.size()) {
    std::int64_t value = 0;
    std::size_t digits = 0;
    while (pos < text.size() && IsDigit(text[pos])) {
      value = value * 10 + (text[pos] - '0');
      ++pos;
      if (++digits > 5) {
        return bad();
      }
    }
    if (digits == 0 || ++parts > 4) {
      return bad();
    }
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (text.substr(pos).starts_with(candidate.name)) {
        unit = &candidate;
        break;
      }
    }
    if (unit == nullptr) {
      return bad();
    }
    total += value * unit->ms;
    pos += unit->name.size();
  }
  if (parts == 0) {
    return bad();
  }
  return Milliseconds{total};
}

std::string FormatDuration(Milliseconds duration) {
  std::int64_t ms = duration.count();
  if (ms == 0) {
    return "0s";
  }
  std::string text;
  if (ms < 0) {
    text = "-";
    ms = -ms;
  }
  constexpr std::array<Unit, 4> kDescending{
      {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  for (const Unit& unit : kDescending) {
    if (const std::int64_t count = ms / unit.ms; count > 0) {
      text += std::to_string(count);
      text += unit.name;
      ms %= unit.ms;
    }
  }
  return text;
}

Result<SystemTime> ParseRfc3339(std::string_view text) {
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned year, Digits(text, 0, 4));
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned month, Digits(text, 5, 2));
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned day, Digits(text, 8, 2));
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned hour, Digits(text, 11, 2));
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned minute, Digits(text, 14, 2));
  RELIABILITY_ASSIGN_OR_RETURN(const unsigned second, Digits(text, 17, 2));
  const bool separators = text[4] == '-' && text[7] == '-' &&
                          (text[10] == 'T' || text[10] == 't') && text[13] == ':' &&
                          text[16] == ':';
  if (!separators || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
      second > 60) {
    return Fail(Code::kInvalid, "'" + std::string(text) + "' is not an RFC 3339 time");
  }
  std::size_t pos = 19;
  const std::int64_t millis = TakeFraction(text, pos);
  RELIABILITY_ASSIGN_OR_RETURN(const std::int64_t offset, ZoneOffset(text, pos));
  const std::int64_t seconds = DaysFromCivil(year, month, day) * 86400 +
                               static_cast<std::int64_t>(hour * 3600 + minute * 60 + second) -
                               offset;
  return SystemTime{Milliseconds{seconds * 1000 + millis}};
}

std::string FormatRfc3339(SystemTime time) { return FormatWith(time, false); }
std::string FormatRfc3339Micro(SystemTime time) { return FormatWith(time, true); }

}  // namespace reliability
