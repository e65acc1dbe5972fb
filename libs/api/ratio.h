#pragma once
// Decimal strings of the API ("95", "0.25", "-0.2") as exact values. Pure.
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::api {

// A signed dimensionless number with six decimals, stored exactly: a share (0.95), a budget left
// (-0.2) or a burn rate (14.8). Six decimals hold every objective, "99.9999" percent included.
class Ratio {
 public:
  constexpr Ratio() = default;
  [[nodiscard]] static constexpr Ratio FromMillionths(std::int64_t millionths) {
    Ratio ratio;
    ratio.millionths_ = millionths;
    return ratio;
  }
  // Rounds to the nearest millionth; values beyond +-10^9 are clamped to it, NaN becomes 0.
  [[nodiscard]] static Ratio FromDouble(double value);

  [[nodiscard]] constexpr std::int64_t millionths() const { return millionths_; }
  [[nodiscard]] constexpr double value() const { return static_cast<double>(millionths_) / 1e6; }
  friend constexpr auto operator<=>(const Ratio&, const Ratio&) = default;

 private:
  std::int64_t millionths_ = 0;
};

// "-12.345678": an optional minus sign, 1 to 9 digits, at most 6 decimals. kInvalid names the text.
[[nodiscard]] Result<Ratio> ParseRatio(std::string_view text);
// Shortest form: no trailing zeros, no point if none is needed.
[[nodiscard]] std::string FormatRatio(Ratio ratio);

// The same for percentages: "99.9" is 0.999. At most 4 decimals.
[[nodiscard]] Result<Ratio> ParsePercent(std::string_view text);
[[nodiscard]] std::string FormatPercent(Ratio ratio);

}  // namespace reliability::api
