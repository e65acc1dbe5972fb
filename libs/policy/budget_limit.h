#pragma once
// A bound of tokens and money, and what is left of two of them. Pure, plain values.
#include <algorithm>
#include <cstdint>
#include <optional>

#include "libs/policy/price_table.h"

namespace reliability::policy {

struct BudgetLimit {  // absent = none
  std::optional<std::int64_t> tokens{};
  std::optional<NanoUsd> usd{};
  [[nodiscard]] bool any() const { return tokens.has_value() || usd.has_value(); }
  friend bool operator==(const BudgetLimit&, const BudgetLimit&) = default;
};

// Both at once: of each unit the smaller bound, and the only one where one has none.
[[nodiscard]] inline BudgetLimit Narrower(const BudgetLimit& a, const BudgetLimit& b) {
  const auto smaller = [](const std::optional<std::int64_t>& x,
                          const std::optional<std::int64_t>& y) {
    return x.has_value() && y.has_value() ? std::min(x, y) : (x.has_value() ? x : y);
  };
  return {.tokens = smaller(a.tokens, b.tokens), .usd = smaller(a.usd, b.usd)};
}

}  // namespace reliability::policy
