#include "controllers/agent_policy/cost.h"

#include <string>

namespace reliability::controllers::agent_policy {
namespace {

// The schema's pattern holds, so every amount can be read.
policy::NanoUsd UsdOf(const std::string& text, policy::NanoUsd otherwise) {
  const auto amount = policy::ParseUsd(text);
  return amount.has_value() ? *amount : otherwise;
}

policy::BudgetLimit LimitOf(const std::optional<api::BudgetLimit>& spec) {
  policy::BudgetLimit out;
  if (spec.has_value()) {
    out.tokens = spec->tokens;
    if (!spec->usd.empty()) {
      out.usd = UsdOf(spec->usd, 0);
    }
  }
  return out;
}

policy::OnExceed OnExceedOf(api::OnExceed value) {
  switch (value) {
    case api::OnExceed::kTemplate:
      return policy::OnExceed::kTemplate;
    case api::OnExceed::kDegrade:
      return policy::OnExceed::kDegrade;
    case api::OnExceed::kReject:
      break;
  }
  return policy::OnExceed::kReject;
}

}  // namespace

void RenderCost(const api::AgentReliabilityPolicySpec& spec, sidecar_config::PolicyDocument& out) {
  for (const api::PriceSpec& price : spec.prices) {
    const policy::NanoUsd input = UsdOf(price.input, 0);
    out.prices.push_back({.provider = price.provider,
                          .model = price.model,
                          .price = {.input = input,
                                    .cached_input = UsdOf(price.cached_input, input),
                                    .cache_write = UsdOf(price.cache_write, input),
                                    .output = UsdOf(price.output, 0)}});
  }
  if (!spec.cost.has_value()) {
    return;
  }
  const api::CostSpec& cost = *spec.cost;
  out.cost.per_turn = LimitOf(cost.per_turn);
  out.cost.per_session = LimitOf(cost.per_session);
  out.cost.per_day = LimitOf(cost.per_day);
  out.cost.on_exceed =
      out.fallback_chain.has_value() ? OnExceedOf(cost.on_exceed) : policy::OnExceed::kReject;
  out.cost.on_unknown_cost = cost.on_unknown_cost == api::UnknownCost::kReject
                                 ? sidecar_config::UnknownCost::kReject
                                 : sidecar_config::UnknownCost::kAdmit;
  out.cost.assumed_output_tokens = cost.assumed_output_tokens;
}

}  // namespace reliability::controllers::agent_policy
