#include "libs/api/ratio.h"

#include <algorithm>
#include <cmath>

namespace reliability::api {
namespace {

constexpr int kMaxIntegerDigits = 9;

// Digits of `text` scaled by 10^decimals, or kInvalid.
Result<std::int64_t> ParseScaled(std::string_view text, int decimals) {
  const auto invalid = [&] {
    return Fail(Code::kInvalid, "\"" + std::string(text) +
                                    "\" is not a decimal number with at most " +
                                    std::to_string(decimals) + " decimals");
  };
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) {
    rest.remove_prefix(1);
  }
  const std::size_t point = rest.find('.');
  const std::string_view integer = rest.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : rest.substr(point + 1);
  if (integer.empty() || integer.size() > kMaxIntegerDigits ||
      (point != std::string_view::npos && fraction.empty()) ||
      fraction.size() > static_cast<std::size_t>(decimals)) {
    return invalid();
  }
  std::int64_t value = 0;
  const auto append = [&value](std::string_view digits) {
    for (const char digit : digits) {
      if (digit < '0' || digit > '9') {
        return false;
      }
      value = value * 10 + (digit - '0');
    }
    return true;
  };
  if (!append(integer) || !append(fraction)) {
    return invalid();
  }
  for (auto i = static_cast<int>(fraction.size()); i < decimals; ++i) {
    value *= 10;
  }
  return negative ? -value : value;
}

std::string FormatScaled(std::int64_t value, int decimals) {
  std::int64_t scale = 1;
  for (int i = 0; i < decimals; ++i) {
    scale *= 10;
  }
  const std::int64_t magnitude = value < 0 ? -value : value;
  std::string out = value < 0 ? "-" : "";
  out += std::to_string(magnitude / scale);
  std::string fraction = std::to_string(magnitude % scale);
  fraction.insert(0, static_cast<std::size_t>(decimals) - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) {
    out += "." + fraction;
  }
  return out;
}

}  // namespace

Ratio Ratio::FromDouble(double value) {
  constexpr double kLimit = 1e9;
  if (std::isnan(value)) {
    return {};
  }
  return FromMillionths(std::llround(std::clamp(value, -kLimit, kLimit) * 1e6));
}

Result<Ratio> ParseRatio(std::string_view text) {
  RELIABILITY_ASSIGN_OR_RETURN(const std::int64_t value, ParseScaled(text, 6));
  return Ratio::FromMillionths(value);
}

std::string FormatRatio(Ratio ratio) { return FormatScaled(ratio.millionths(), 6); }

Result<Ratio> ParsePercent(std::string_view text) {
  RELIABILITY_ASSIGN_OR_RETURN(const std::int64_t value, ParseScaled(text, 4));
  return Ratio::FromMillionths(value);
}

std::string FormatPercent(Ratio ratio) { return FormatScaled(ratio.millionths(), 4); }

}  // namespace reliability::api
