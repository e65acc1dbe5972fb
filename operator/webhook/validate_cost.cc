#include "operator/webhook/validate_cost.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "libs/policy/price_table.h"

namespace reliability::webhook {
namespace {

using Named = std::pair<const char*, const std::optional<api::BudgetLimit>*>;

std::optional<policy::NanoUsd> UsdOf(const std::optional<api::BudgetLimit>& limit) {
  if (!limit.has_value() || limit->usd.empty()) {
    return std::nullopt;
  }
  const auto amount = policy::ParseUsd(limit->usd);
  return amount.has_value() ? std::optional(*amount) : std::nullopt;
}

bool IsPriced(const std::vector<api::PriceSpec>& prices, const std::string& provider) {
  return std::any_of(prices.begin(), prices.end(),
                     [&](const api::PriceSpec& price) { return price.provider == provider; });
}

void WarnOfMissingPrices(const api::AgentReliabilityPolicySpec& spec, const char* budget,
                         std::vector<std::string>& out) {
  const char* what = spec.cost->on_unknown_cost == api::UnknownCost::kReject
                         ? "are rejected (onUnknownCost)"
                         : "are admitted and do not count against it";
  for (const api::LlmUpstream& llm : spec.upstreams.llms) {
    if (!IsPriced(spec.prices, llm.name)) {
      out.push_back("spec.cost." + std::string(budget) + ".usd: no entry of spec.prices is for " +
                    llm.name + ", whose calls " + what + ". Next: add its prices");
    }
  }
}

// A wider budget that is smaller ends first: the narrower one never does anything.
void WarnIfWider(const Named& narrow, const Named& wide, std::vector<std::string>& out) {
  const auto say = [&](const char* unit, const std::string& more, const std::string& less) {
    out.push_back("spec.cost." + std::string(narrow.first) + "." + unit + " " + more +
                  " is more than " + wide.first + "." + unit + " " + less +
                  ", which is spent before it");
  };
  const auto usd = UsdOf(*narrow.second);
  const auto wide_usd = UsdOf(*wide.second);
  if (usd.has_value() && wide_usd.has_value() && *usd > *wide_usd) {
    say("usd", policy::FormatUsd(*usd), policy::FormatUsd(*wide_usd));
  }
  if (narrow.second->has_value() && wide.second->has_value() && (*narrow.second)->tokens &&
      (*wide.second)->tokens && *(*narrow.second)->tokens > *(*wide.second)->tokens) {
    say("tokens", std::to_string(*(*narrow.second)->tokens),
        std::to_string(*(*wide.second)->tokens));
  }
}

}  // namespace

void WarnOfCost(const api::AgentReliabilityPolicySpec& spec, std::vector<std::string>& out) {
  if (!spec.cost.has_value()) {
    return;
  }
  const api::CostSpec& cost = *spec.cost;
  const std::array<Named, 3> budgets = {
      {{"perTurn", &cost.per_turn}, {"perSession", &cost.per_session}, {"perDay", &cost.per_day}}};
  for (const auto& [name, limit] : budgets) {
    if (limit->has_value() && (*limit)->tokens && *(*limit)->tokens <= cost.assumed_output_tokens) {
      out.push_back("spec.cost." + std::string(name) + ".tokens " +
                    std::to_string(*(*limit)->tokens) + " is no more than assumedOutputTokens " +
                    std::to_string(cost.assumed_output_tokens) +
                    ": calls that set no limit of output tokens never fit");
    }
  }
  for (const auto& [name, limit] : budgets) {
    if (UsdOf(*limit).has_value()) {
      WarnOfMissingPrices(spec, name, out);
      break;
    }
  }
  WarnIfWider(budgets[0], budgets[1], out);
  WarnIfWider(budgets[0], budgets[2], out);
  WarnIfWider(budgets[1], budgets[2], out);
}

}  // namespace reliability::webhook
