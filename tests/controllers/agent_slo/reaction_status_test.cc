#include "controllers/agent_slo/reaction_status.h"

#include <gtest/gtest.h>

#include "tests/controllers/agent_slo/slo_facts.h"

namespace reliability::controllers::agent_slo {
namespace {

TEST(ReactionStatus, TellsRulesAndWhoIsAttached) {
  api::ErrorBudgetPolicy policy = CarefulPolicy();
  policy.metadata.generation = 2;
  const ReactionUpdate first = BuildReactionStatus(policy, 0, kNow);
  EXPECT_TRUE(first.changed);
  EXPECT_EQ(first.status.rules, "tell:Notify,stop:Pause");
  EXPECT_EQ(first.status.attached_slos, 0);
  EXPECT_EQ(first.status.observed_generation, 2);
  EXPECT_EQ(first.status.conditions.at(0).message, "no AgentSLO refers to it yet");

  policy.status = first.status;
  EXPECT_FALSE(BuildReactionStatus(policy, 0, kNow + Milliseconds{60'000}).changed);
  const ReactionUpdate attached = BuildReactionStatus(policy, 2, kNow);
  EXPECT_TRUE(attached.changed);
  EXPECT_EQ(attached.status.attached_slos, 2);
  EXPECT_EQ(attached.status.conditions.at(0).message, "reacts for 2 AgentSLOs");
}

TEST(ReactionStatus, ManyLongNamesAreCut) {
  api::ErrorBudgetPolicy policy = CarefulPolicy();
  policy.spec.rules.assign(16, policy.spec.rules[0]);
  for (api::BudgetRule& rule : policy.spec.rules) {
    rule.name.assign(100, 'r');
  }
  EXPECT_EQ(BuildReactionStatus(policy, 1, kNow).status.rules.size(), 1024U);
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
