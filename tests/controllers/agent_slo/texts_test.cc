#include "controllers/agent_slo/texts.h"

#include <gtest/gtest.h>

#include "tests/controllers/agent_slo/slo_facts.h"

namespace reliability::controllers::agent_slo {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

TEST(Texts, NumbersReadAsPeopleWriteThem) {
  EXPECT_EQ(ShareText(43.0 / 58), "74%");
  EXPECT_EQ(ShareText(0.014), "1.4%");
  EXPECT_EQ(ShareText(0), "0%");
  EXPECT_EQ(ThresholdText(0.525), "52.5%");
  EXPECT_EQ(ThresholdText(0.0144), "1.44%");
  EXPECT_EQ(ThresholdText(0.72), "72%");
  EXPECT_EQ(LeftText(-0.2), "-20%");
  EXPECT_EQ(LeftText(0.98), "98%");
  EXPECT_EQ(LeftText(0), "0%");
  EXPECT_EQ(LeftText(-0.0001), "0%");
  EXPECT_EQ(LeftText(-0.004), "-0.4%");
  EXPECT_EQ(BurnText(14.8), "14.8x");
  EXPECT_EQ(BurnText(1), "1x");
  EXPECT_EQ(RoughDuration(hours{35}), "35h");
  EXPECT_EQ(RoughDuration(hours{80}), "3d");
  EXPECT_EQ(RoughDuration(minutes{90}), "90m");
  EXPECT_EQ(RoughDuration(minutes{1}), "60s");
  EXPECT_EQ(Noun(api::SliType::kTaskSuccess), "turns");
  EXPECT_EQ(Noun(api::SliType::kTurnLatency), "turns");
  EXPECT_EQ(Noun(api::SliType::kToolCallSuccess), "calls");
}

TEST(Texts, TourStep4FastBurn) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  EXPECT_EQ(FiringText(facts.got(), "turns"),
            "1h 74% / 5m 81% bad, threshold 52.5% (capped from 72%), 43 of 58 turns; at this rate "
            "nothing is left now");
}

TEST(Texts, TheRestLasts) {
  Facts facts;
  facts.SetBudget(4120, 130);
  facts.Fire(0, {51, 31}, {10, 7});
  facts.got().exhausts_in = hours{35};
  EXPECT_NE(FiringText(facts.got(), "turns").find("; at this rate the rest lasts 35h"),
            std::string::npos);
}

TEST(Texts, AnOutageTellsItsOnset) {
  Facts facts;
  facts.SetBudget(8, 8);
  facts.got().firing_alert = facts.got().firing_act = policy::Tier::kOutage;
  facts.got().evidence.incident =
      policy::Incident{SystemTime{Milliseconds{1'799'999'990'000}}, {8, 8}};
  EXPECT_EQ(FiringText(facts.got(), "calls"),
            "8 of 8 calls bad since 07:59:50Z; at this rate nothing is left now");
}

TEST(Texts, NextStepOfARuleThatHolds) {
  Facts facts;
  facts.SetBudget(1000, 60);
  facts.Fire(0, {58, 43}, {21, 17});
  EXPECT_EQ(NextStepText(facts.in()),
            "Rule \"stop\" pauses refunds-agent in 1m unless PageFast clears");
  facts.in().policy->enforce = false;
  EXPECT_EQ(NextStepText(facts.in()),
            "Rule \"stop\" would pause refunds-agent in 1m unless PageFast clears");
}

TEST(Texts, NextStepOfARuleThatWaits) {
  Facts facts;
  facts.SetBudget(1000, 60);
  EXPECT_EQ(NextStepText(facts.in()),
            "Rule \"stop\" pauses refunds-agent once PageFast fires for 1m");
  facts.SetBudget(1000, 45);
  EXPECT_EQ(NextStepText(facts.in()),
            "Rule \"stop\" pauses refunds-agent once at most 0% is left and PageFast fires for 1m");
}

TEST(Texts, TheStrongestRuleThatHoldsIsTold) {
  Facts facts;
  facts.SetBudget(1000, 60);
  api::ErrorBudgetPolicy policy = CarefulPolicy();
  policy.spec.rules[0].action.type = api::ActionType::kThrottle;
  policy.spec.rules[0].when.burn_at_least = api::Ratio::FromMillionths(2'000'000);
  facts.in().reaction.policy = std::make_shared<api::ErrorBudgetPolicy>(policy);
  EXPECT_EQ(NextStepText(facts.in()),
            "Rule \"tell\" throttles refunds-agent if it burns at 2x or more");
  policy.spec.rules[1].when.tier.reset();
  policy.spec.rules[1].action.type = api::ActionType::kScaleDown;
  facts.in().reaction.policy = std::make_shared<api::ErrorBudgetPolicy>(policy);
  EXPECT_EQ(NextStepText(facts.in()), "Rule \"stop\" pauses, then scales down refunds-agent in 1m");
}

TEST(Texts, NobodyReacts) {
  Facts facts;
  facts.in().reaction.policy = nullptr;
  EXPECT_EQ(NextStepText(facts.in()), "ErrorBudgetPolicy careful does not exist: nothing reacts");
  facts.in().reaction.name.clear();
  EXPECT_EQ(NextStepText(facts.in()), "No ErrorBudgetPolicy reacts: this is only shown");
  api::ErrorBudgetPolicy quiet = CarefulPolicy();
  quiet.spec.rules.pop_back();
  facts.in().reaction = {"quiet", std::make_shared<api::ErrorBudgetPolicy>(quiet)};
  EXPECT_EQ(NextStepText(facts.in()), "No rule of ErrorBudgetPolicy quiet acts on the agent");
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
