#pragma once
// What tokens cost: the policy's price list. Money is a whole number of nano-USD, so sums are exact
// (data-plane ruling 40). Pure.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"

namespace reliability::policy {

using NanoUsd = std::int64_t;  // 1e-9 USD

inline constexpr NanoUsd kMaxUsd = NanoUsd{1'000'000} * 1'000'000'000;  // of a price or a budget
inline constexpr std::int64_t kMaxTokens = 1'000'000'000;               // of one call

// "12.5", at most 6 decimals and kMaxUsd, no sign. kInvalid names the text.
[[nodiscard]] Result<NanoUsd> ParseUsd(std::string_view text);
// Shortest exact form: 500'000'000 is "0.5".
[[nodiscard]] std::string FormatUsd(NanoUsd amount);

// Tokens of one answer; each is counted in one place only, whatever the provider's own sums are.
struct TokenCounts {
  std::int64_t input = 0;         // read anew
  std::int64_t cached_input = 0;  // read from the provider's cache
  std::int64_t cache_write = 0;   // read anew and written into it
  std::int64_t output = 0;        // reasoning included

  [[nodiscard]] std::int64_t prompt() const { return input + cached_input + cache_write; }
  [[nodiscard]] std::int64_t total() const { return prompt() + output; }
  friend bool operator==(const TokenCounts&, const TokenCounts&) = default;
};

// Nano-USD for a million tokens.
struct Price {
  NanoUsd input = 0;
  NanoUsd cached_input = 0;
  NanoUsd cache_write = 0;
  NanoUsd output = 0;
};

// Rounded up to a whole nano-USD. Counts up to kMaxTokens, prices up to kMaxUsd.
[[nodiscard]] NanoUsd CostOf(const Price& price, const TokenCounts& tokens);

struct PriceRule {
  std::string provider{};
  std::string model{};  // empty = every model of the provider without a rule of its own
  Price price{};
};

class PriceTable {
 public:
  PriceTable() = default;
  explicit PriceTable(std::vector<PriceRule> rules) : rules_(std::move(rules)) {}
  // nullptr: no price is known, which is never the same as free.
  [[nodiscard]] const Price* Find(std::string_view provider, std::string_view model) const;
  [[nodiscard]] bool empty() const { return rules_.empty(); }

 private:
  std::vector<PriceRule> rules_;
};

}  // namespace reliability::policy
