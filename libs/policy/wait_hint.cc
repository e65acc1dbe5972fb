#include "libs/policy/wait_hint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "libs/base/duration.h"
#include "libs/base/strings.h"

namespace reliability::policy {
namespace {

constexpr Milliseconds kLongest{86'400'000};

Milliseconds Bounded(Milliseconds wait) { return std::clamp(wait, Milliseconds{0}, kLongest); }

// "12", "0.5", "1.25": `unit` ms each.
std::optional<Milliseconds> Decimal(std::string_view text, double unit) {
  double value = 0.0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size() ||
      !(value >= 0.0)) {
    return std::nullopt;
  }
  const double longest = static_cast<double>(kLongest.count());
  return Milliseconds{std::llround(std::ceil(std::min(value * unit, longest)))};
}

// Go's time.Duration: numbers with h, m, s, ms, also with a fraction ("6m0s", "1.5s").
std::optional<Milliseconds> GoDuration(std::string_view text) {
  Milliseconds total{0};
  if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    const std::size_t digits = text.find_first_not_of("0123456789.");
    if (digits == 0 || digits == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view number = text.substr(0, digits);
    text.remove_prefix(digits);
    double unit = 0.0;
    std::size_t length = 1;
    if (text.starts_with("ms")) {
      unit = 1.0;
      length = 2;
    } else if (text.starts_with('s')) {
      unit = 1000.0;
    } else if (text.starts_with('m')) {
      unit = 60'000.0;
    } else if (text.starts_with('h')) {
      unit = 3'600'000.0;
    } else {
      return std::nullopt;
    }
    const auto part = Decimal(number, unit);
    if (!part) {
      return std::nullopt;
    }
    text.remove_prefix(length);
    total += *part;
  }
  return Bounded(total);
}

std::optional<Milliseconds> Until(std::string_view rfc3339, SystemTime now) {
  const auto time = rfc3339.empty() ? std::nullopt : std::optional(ParseRfc3339(rfc3339));
  return time && time->has_value() ? std::optional(Bounded(**time - now)) : std::nullopt;
}

std::optional<Milliseconds> Longer(std::optional<Milliseconds> a, std::optional<Milliseconds> b) {
  return a && b ? std::max(a, b) : (a ? a : b);
}

std::optional<int> Digits(std::string_view text, std::size_t at, std::size_t count) {
  const auto value = ParseUint(text.substr(at, count));
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

}  // namespace

std::optional<SystemTime> ParseHttpDate(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sun, 06 Nov 1994 08:49:37 GMT": every part has its place.
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':') {
    return std::nullopt;
  }
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const auto day = Digits(text, 5, 2);
  const auto year = Digits(text, 12, 4);
  const auto hour = Digits(text, 17, 2);
  const auto minute = Digits(text, 20, 2);
  const auto second = Digits(text, 23, 2);
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second || *hour > 23 ||
      *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{
      std::chrono::year{*year},
      std::chrono::month{static_cast<unsigned>(month - kMonths.begin()) + 1},
      std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) {
    return std::nullopt;
  }
  return SystemTime{std::chrono::sys_days{date} + std::chrono::hours{*hour} +
                    std::chrono::minutes{*minute} + std::chrono::seconds{*second}};
}

std::optional<Milliseconds> WaitHint(const WaitHeaders& headers, SystemTime now) {
  if (const auto wait = Decimal(Trim(headers.retry_after_ms), 1.0)) {
    return wait;
  }
  const std::string_view retry_after = Trim(headers.retry_after);
  if (const auto wait = Decimal(retry_after, 1000.0)) {
    return wait;
  }
  if (const auto date = ParseHttpDate(retry_after)) {
    return Bounded(*date - now);
  }
  if (const auto wait = Longer(GoDuration(Trim(headers.reset_requests)),
                               GoDuration(Trim(headers.reset_tokens)))) {
    return wait;
  }
  return Longer(Until(Trim(headers.anthropic_reset_requests), now),
                Until(Trim(headers.anthropic_reset_tokens), now));
}

}  // namespace reliability::policy
