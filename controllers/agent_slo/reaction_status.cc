#include "controllers/agent_slo/reaction_status.h"

#include "libs/api/encode.h"

namespace reliability::controllers::agent_slo {
namespace {

constexpr std::size_t kMaxRulesText = 1024;

}  // namespace

ReactionUpdate BuildReactionStatus(const api::ErrorBudgetPolicy& policy, std::size_t attached,
                                   SystemTime now) {
  ReactionUpdate out;
  out.status.conditions = policy.status.conditions;
  out.status.observed_generation = policy.metadata.generation;
  out.status.attached_slos = static_cast<std::int32_t>(attached);
  for (const api::BudgetRule& rule : policy.spec.rules) {
    out.status.rules += (out.status.rules.empty() ? "" : ",") + rule.name + ":" +
                        std::string(ToString(rule.action.type));
  }
  if (out.status.rules.size() > kMaxRulesText) {
    out.status.rules.resize(kMaxRulesText);
  }
  api::Condition accepted{"Accepted", api::ConditionStatus::kTrue, "Accepted",
                          attached == 0 ? "no AgentSLO refers to it yet"
                                        : "reacts for " + std::to_string(attached) +
                                              (attached == 1 ? " AgentSLO" : " AgentSLOs")};
  accepted.observed_generation = policy.metadata.generation;
  api::SetCondition(out.status.conditions, std::move(accepted), now);
  out.changed = api::ToJson(out.status) != api::ToJson(policy.status);
  return out;
}

}  // namespace reliability::controllers::agent_slo
