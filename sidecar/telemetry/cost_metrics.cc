// Tokens, money and budgets: part of Metrics.
#include "sidecar/telemetry/metrics.h"

namespace reliability::sidecar::telemetry {
namespace {

double Usd(policy::NanoUsd amount) { return static_cast<double>(amount) / 1e9; }

}  // namespace

void Metrics::MakeCostSeries() {
  constexpr const char* kTokens = "agent_reliability_tokens_total";
  constexpr const char* kTokensHelp =
      "Tokens of LLM calls as their answers told them; estimated ones only with prices or budgets.";
  tokens_input_ = registry_.GetCounter(kTokens, kTokensHelp, {{"direction", "input"}});
  tokens_output_ = registry_.GetCounter(kTokens, kTokensHelp, {{"direction", "output"}});
  cost_usd_ = registry_.GetCounter("agent_reliability_cost_usd_total",
                                   "What LLM calls with a known price cost, in USD.");
  cost_unknown_ = registry_.GetCounter("agent_reliability_cost_unknown_total",
                                       "Billed attempts without a price in the policy.");
  usage_estimated_ = registry_.GetCounter(
      "agent_reliability_usage_estimated_total",
      "Billed attempts whose tokens nobody told: estimated from the bytes of request and answer.");
}

void Metrics::CountTokens(const policy::TokenCounts& tokens) {
  tokens_input_.Add(static_cast<double>(tokens.prompt()));
  tokens_output_.Add(static_cast<double>(tokens.output));
}

void Metrics::CountCost(const policy::CostBudgets::Billed& billed) {
  if (billed.unknown_price) {
    cost_unknown_.Add();
  } else {
    cost_usd_.Add(Usd(billed.usd));
  }
  if (billed.estimated) {
    usage_estimated_.Add();
  }
}

void Metrics::PublishBudgets(const Gauges& gauges) {
  if (!gauges.budgets) {
    return;
  }
  const auto set = [this](const char* name, const char* help, const char* unit, double value) {
    registry_.GetGauge(name, help, {{"scope", "day"}, {"unit", unit}}).Set(value);
  };
  const auto both = [&](const char* name, const char* help, const policy::Amount& amount) {
    set(name, help, "tokens", static_cast<double>(amount.tokens));
    set(name, help, "usd", Usd(amount.usd));
  };
  both("agent_reliability_budget_spent", "Spent by this pod in the current UTC day.",
       gauges.day.spend.spent);
  both("agent_reliability_budget_reserved", "Held for calls that run.", gauges.day.reserved);
  const auto left = [&](const char* unit, double value) {
    set("agent_reliability_budget_remaining", "Of the day's budget, neither spent nor reserved.",
        unit, value);
  };
  const policy::Amount& spent = gauges.day.spend.spent;
  const policy::Amount& reserved = gauges.day.reserved;
  if (gauges.day_limit.tokens.has_value()) {
    left("tokens", static_cast<double>(*gauges.day_limit.tokens - spent.tokens - reserved.tokens));
  }
  if (gauges.day_limit.usd.has_value()) {
    left("usd", Usd(*gauges.day_limit.usd - spent.usd - reserved.usd));
  }
}

}  // namespace reliability::sidecar::telemetry
