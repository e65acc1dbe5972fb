#include <set>
#include <string>
#include <utility>

#include "libs/sidecar_config/cost_json.h"

namespace reliability::sidecar_config {
namespace {

constexpr std::int64_t kMostAssumed = 1'000'000;
constexpr std::size_t kMaxPrices = 64;
constexpr std::size_t kMaxProviderBytes = 63;
constexpr std::size_t kMaxModelBytes = 256;

class CostChecker {
 public:
  std::vector<FieldError> Run(const PolicyDocument& document) {
    const Cost& cost = document.cost;
    Limit("cost.perTurn", cost.per_turn);
    Limit("cost.perSession", cost.per_session);
    Limit("cost.perDay", cost.per_day);
    if (cost.assumed_output_tokens < 1 || cost.assumed_output_tokens > kMostAssumed) {
      Add("cost.assumedOutputTokens", "must be 1 to " + std::to_string(kMostAssumed));
    }
    if (cost.on_exceed != policy::OnExceed::kReject && !document.fallback_chain.has_value()) {
      Add("cost.onExceed", "needs a fallbackChain unless it is Reject");
    }
    Prices(document.prices);
    return std::move(errors_);
  }

 private:
  void Add(std::string path, std::string reason) {
    errors_.push_back({std::move(path), std::move(reason)});
  }

  void Limit(const std::string& path, const policy::BudgetLimit& limit) {
    if (limit.tokens.has_value() && (*limit.tokens < 1 || *limit.tokens > kMostBudgetTokens)) {
      Add(path + ".tokens", "must be 1 to " + std::to_string(kMostBudgetTokens));
    }
    if (limit.usd.has_value() && *limit.usd <= 0) {
      Add(path + ".usd", "must be more than 0");
    }
  }

  void Prices(const std::vector<policy::PriceRule>& prices) {
    if (prices.size() > kMaxPrices) {
      Add("prices", "more than " + std::to_string(kMaxPrices) + " entries");
      return;
    }
    std::set<std::pair<std::string, std::string>> seen;
    for (std::size_t i = 0; i < prices.size(); ++i) {
      const std::string path = "prices[" + std::to_string(i) + "]";
      const policy::PriceRule& rule = prices[i];
      if (rule.provider.empty() || rule.provider.size() > kMaxProviderBytes) {
        Add(path + ".provider", "must have 1 to 63 bytes");
      }
      if (rule.model.size() > kMaxModelBytes) {
        Add(path + ".model", "longer than 256 bytes");
      }
      if (!seen.insert({rule.provider, rule.model}).second) {
        Add(path, "a price of this provider and model stands there already");
      }
    }
  }

  std::vector<FieldError> errors_;
};

}  // namespace

std::vector<FieldError> ValidateCost(const PolicyDocument& document) {
  return CostChecker().Run(document);
}

}  // namespace reliability::sidecar_config
