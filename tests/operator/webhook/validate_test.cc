#include "operator/webhook/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controllers/agent_policy/builders.h"

namespace reliability::webhook {
namespace {

using controllers::agent_policy::kNow;
using controllers::agent_policy::MakePolicy;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(PolicyWarnings, DefaultsAreSilent) { EXPECT_THAT(Warnings(MakePolicy()), IsEmpty()); }

TEST(PolicyWarnings, AToolThatCannotFinishShowsTheSum) {
  auto policy = MakePolicy();
  policy.spec.timeouts.tool = seconds{14};
  EXPECT_THAT(Warnings(policy),
              ElementsAre(HasSubstr("14s + turn.synthesisReserve 3s = 17s does not fit into "
                                    "turn.timeout 15s: calls are cut after 12s")));
}

TEST(PolicyWarnings, AnOverrideIsNamedByItsPath) {
  auto policy = MakePolicy();
  policy.spec.timeouts.tool_overrides = {{"orders", "ok", seconds{2}},
                                         {"orders", "slow", seconds{15}}};
  EXPECT_THAT(Warnings(policy), ElementsAre(HasSubstr("spec.timeouts.toolOverrides[1]")));
}

TEST(PolicyWarnings, AScheduleThatDoesNotFit) {
  auto policy = MakePolicy();
  policy.spec.timeouts.llm = seconds{10};
  policy.spec.timeouts.tool = seconds{5};
  EXPECT_THAT(Warnings(policy), ElementsAre(HasSubstr("llm 10s + tool 5s + synthesisReserve 3s = "
                                                      "18s > turn.timeout 15s")));
}

TEST(PolicyWarnings, AModelWithLimitsOfItsOwn) {
  auto policy = MakePolicy();
  policy.spec.timeouts.llm_overrides = {{"quick", std::nullopt, seconds{5}, std::nullopt}};
  EXPECT_THAT(Warnings(policy), IsEmpty());
  policy.spec.timeouts.llm_overrides = {{"deep", seconds{12}, std::nullopt, std::nullopt},
                                        {"slow", std::nullopt, seconds{12}, std::nullopt}};
  EXPECT_THAT(Warnings(policy),
              ElementsAre(HasSubstr("llmOverrides[0] (deep) waits for the first token for 12s"),
                          HasSubstr("total 12s + tool 5s + synthesisReserve 3s = 20s > "
                                    "turn.timeout 15s")));
}

TEST(PolicyWarnings, RetriesThatATurnCannotHoldShowTheSum) {
  auto policy = MakePolicy();
  policy.spec.retries.max_retries = 5;
  EXPECT_THAT(Warnings(policy),
              ElementsAre(HasSubstr("3s + wait 200ms + 3s + wait 400ms + 3s + wait 800ms + 3s + "
                                    "wait 1s600ms + 3s + wait 2s + attempt 1s = 21s > turn.timeout "
                                    "15s")));
}

TEST(PolicyWarnings, AWaitThatNoTurnCanHold) {
  auto policy = MakePolicy();
  policy.spec.retries.retry_after.max = seconds{20};
  EXPECT_THAT(Warnings(policy), ElementsAre(HasSubstr("retryAfter.max 20s + attempt 1s = 21s > "
                                                      "turn.timeout 15s")));
}

TEST(PolicyWarnings, ABudgetOfMoneyWithoutPricesNamesTheProvider) {
  auto policy = MakePolicy();
  policy.spec.cost.emplace().per_day = api::BudgetLimit{.tokens = {}, .usd = "5"};
  const std::string llm = policy.spec.upstreams.llms.at(0).name;
  EXPECT_THAT(Warnings(policy),
              ElementsAre(HasSubstr("spec.cost.perDay.usd: no entry of spec.prices is for " + llm +
                                    ", whose calls are admitted")));
  policy.spec.cost->on_unknown_cost = api::UnknownCost::kReject;
  EXPECT_THAT(Warnings(policy), ElementsAre(HasSubstr("are rejected (onUnknownCost)")));
  policy.spec.prices = {{.provider = llm,
                         .model = {},
                         .input = "1",
                         .cached_input = {},
                         .cache_write = {},
                         .output = "1"}};
  EXPECT_THAT(Warnings(policy), IsEmpty());
}

TEST(PolicyWarnings, BudgetsThatCanNeverMatter) {
  auto policy = MakePolicy();
  auto& cost = policy.spec.cost.emplace();
  cost.per_turn = api::BudgetLimit{.tokens = 5000, .usd = {}};
  cost.per_day = api::BudgetLimit{.tokens = 1000, .usd = {}};
  EXPECT_THAT(Warnings(policy),
              ElementsAre(HasSubstr("spec.cost.perDay.tokens 1000 is no more than "
                                    "assumedOutputTokens 1024"),
                          HasSubstr("spec.cost.perTurn.tokens 5000 is more than perDay.tokens "
                                    "1000, which is spent before it")));
}

TEST(PolicyWarnings, ABreakerBehindACatchAll) {
  auto policy = MakePolicy();
  api::CircuitBreakerSpec all;
  all.name = "all";
  api::CircuitBreakerSpec late;
  late.name = "late";
  late.match.tools = {"search"};
  policy.spec.circuit_breakers = {all, late};
  EXPECT_THAT(Warnings(policy), ElementsAre(HasSubstr("(late) is never used")));
}

TEST(PolicyWarnings, ABreakerWhoseRuleNoCallCanMeet) {
  auto policy = MakePolicy();
  api::CircuitBreakerSpec slow;
  slow.name = "slow";
  slow.match.tools = {"search"};
  slow.trip.slow_call_duration = seconds{6};
  api::CircuitBreakerSpec agent;
  agent.name = "agent";
  agent.scope = api::BreakerScope::kAgent;
  agent.trip.mean_latency = seconds{30};
  policy.spec.circuit_breakers = {slow, agent};
  EXPECT_THAT(
      Warnings(policy),
      ElementsAre(HasSubstr("[0].trip.slowCallDuration 6s > timeouts.tool 5s: calls time out"),
                  HasSubstr("[1].trip.meanLatency 30s > turn.timeout 15s: no turn")));
  policy.spec.circuit_breakers[0].trip.slow_call_duration = seconds{4};
  policy.spec.turn.timeout = seconds{40};
  EXPECT_THAT(Warnings(policy), IsEmpty());
}

TEST(PolicyWarnings, ABreakerThatDoesNotDecideItself) {
  auto policy = MakePolicy();
  api::CircuitBreakerSpec forced;
  forced.name = "forced";
  forced.operation = api::BreakerOperation::kForcedOpen;
  api::CircuitBreakerSpec none;
  none.name = "none";
  none.scope = api::BreakerScope::kModel;
  none.operation = api::BreakerOperation::kDisabled;
  policy.spec.circuit_breakers = {forced, none};
  policy.spec.enforcement = api::Enforcement::kEnforce;
  EXPECT_THAT(Warnings(policy), ElementsAre(HasSubstr("(forced) is ForcedOpen: every call that it "
                                                      "matches is refused until"),
                                            HasSubstr("(none) is Disabled")));
  policy.spec.enforcement = api::Enforcement::kObserve;
  EXPECT_THAT(Warnings(policy),
              ElementsAre(HasSubstr("would be refused, but enforcement is Observe"), testing::_));
}

api::AgentSlo Slo(const char* objective) {
  api::AgentSlo slo;
  slo.spec.objective = *api::ParsePercent(objective);
  slo.spec.sli.type = api::SliType::kToolCallSuccess;
  return slo;
}

TEST(SloWarnings, AShareInsteadOfAPercentage) {
  EXPECT_THAT(Warnings(Slo("0.95"))[0], HasSubstr("Did you mean \"95\"?"));
}

TEST(SloWarnings, TheReachabilityCapIsShownWithItsNumbers) {
  EXPECT_THAT(Warnings(Slo("95")),
              ElementsAre(HasSubstr("PageFast fires at 52.5% bad instead of 72.0%")));
  EXPECT_THAT(Warnings(Slo("99.9")), IsEmpty());
}

TEST(SloWarnings, NinetyNinePercentOfOpenTasks) {
  api::AgentSlo slo = Slo("99");
  EXPECT_THAT(Warnings(slo), IsEmpty());
  slo.spec.sli.type = api::SliType::kTaskSuccess;
  EXPECT_THAT(Warnings(slo), ElementsAre(HasSubstr("seldom complete 99 %")));
}

TEST(OverrideWarnings, ExpiryInThePastOrFarAway) {
  api::ReliabilityOverride object;
  object.spec.expires_at = kNow + std::chrono::hours{1};
  EXPECT_THAT(Warnings(object, kNow), IsEmpty());
  object.spec.expires_at = kNow;
  EXPECT_THAT(Warnings(object, kNow), ElementsAre(HasSubstr("in the past")));
  object.spec.expires_at = kNow + std::chrono::hours{24 * 8};
  EXPECT_THAT(Warnings(object, kNow), ElementsAre(HasSubstr("7 days")));
}

TEST(WarningsFor, ReadsJsonAndIgnoresWhatItDoesNotKnow) {
  EXPECT_THAT(WarningsFor("agentslos",
                          R"({"metadata":{"name":"a","namespace":"b"},"spec":{"objective":"0.9",
                              "targetRef":{"kind":"Deployment","name":"x"},"window":"30d",
                              "sli":{"type":"ToolCallSuccess"}}})",
                          kNow),
              testing::Not(IsEmpty()));
  EXPECT_THAT(WarningsFor("agentslos", "{", kNow), IsEmpty());
  EXPECT_THAT(WarningsFor("pods", "{}", kNow), IsEmpty());
}

}  // namespace
}  // namespace reliability::webhook
