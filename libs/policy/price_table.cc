#include "libs/policy/price_table.h"

#include <array>

#include "libs/base/strings.h"

namespace reliability::policy {
namespace {

constexpr std::int64_t kNanoPerUsd = 1'000'000'000;
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::size_t kMaxIntegerDigits = 7;
constexpr std::size_t kMaxDecimals = 6;

}  // namespace

Result<NanoUsd> ParseUsd(std::string_view text) {
  const std::size_t point = text.find('.');
  const std::string_view integer = text.substr(0, point);
  const std::string_view decimals =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const bool bare_point = point != std::string_view::npos && decimals.empty();
  const auto dollars = ParseUint(integer);
  const auto fraction = decimals.empty() ? std::optional<std::uint64_t>(0) : ParseUint(decimals);
  if (integer.size() > kMaxIntegerDigits || decimals.size() > kMaxDecimals || bare_point ||
      !dollars.has_value() || !fraction.has_value()) {
    return Fail(Code::kInvalid, "\"" + std::string(text) +
                                    "\" is not an amount of USD such as 0.25, with at most 6 "
                                    "decimals");
  }
  auto nano = static_cast<NanoUsd>(*fraction);
  for (std::size_t i = decimals.size(); i < 9; ++i) {
    nano *= 10;
  }
  nano += static_cast<NanoUsd>(*dollars) * kNanoPerUsd;
  if (nano > kMaxUsd) {
    return Fail(Code::kInvalid, "\"" + std::string(text) + "\" is more than 1000000 USD");
  }
  return nano;
}

std::string FormatUsd(NanoUsd amount) {
  const NanoUsd magnitude = amount < 0 ? -amount : amount;
  std::string fraction = std::to_string(magnitude % kNanoPerUsd);
  fraction.insert(0, 9 - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return (amount < 0 ? "-" : "") + std::to_string(magnitude / kNanoPerUsd) +
         (fraction.empty() ? "" : "." + fraction);
}

NanoUsd CostOf(const Price& price, const TokenCounts& tokens) {
  // Whole and rest of each price apart: the product of both would not fit into 64 bits.
  const std::array<std::pair<std::int64_t, NanoUsd>, 4> parts = {
      {{tokens.input, price.input},
       {tokens.cached_input, price.cached_input},
       {tokens.cache_write, price.cache_write},
       {tokens.output, price.output}}};
  NanoUsd whole = 0;
  std::int64_t rest = 0;
  for (const auto& [count, per_million] : parts) {
    whole += count * (per_million / kMillion);
    const std::int64_t part = count * (per_million % kMillion);
    whole += part / kMillion;
    rest += part % kMillion;
  }
  return whole + (rest + kMillion - 1) / kMillion;
}

const Price* PriceTable::Find(std::string_view provider, std::string_view model) const {
  const Price* general = nullptr;
  for (const PriceRule& rule : rules_) {
    if (rule.provider != provider) {
      continue;
    }
    if (rule.model.empty()) {
      general = &rule.price;
    } else if (rule.model == model) {
      return &rule.price;
    }
  }
  return general;
}

}  // namespace reliability::policy
