#include "controllers/agent_policy/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/sidecar_config/validate.h"
#include "tests/controllers/agent_policy/builders.h"
#include "tests/controllers/agent_policy/chain_builders.h"

namespace reliability::controllers::agent_policy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

TEST(Render, ResolvesEveryDefault) {
  const auto document = Render(MakePolicy(), {});
  EXPECT_EQ(document.turn.timeout, seconds{15});
  EXPECT_EQ(document.turn.synthesis_reserve, seconds{3});
  EXPECT_EQ(document.timeouts.llm, seconds{10});
  EXPECT_EQ(document.timeouts.tool, seconds{5});
  EXPECT_EQ(document.timeouts.connect, seconds{1});
  EXPECT_EQ(document.timeouts.first_token, seconds{8});
  EXPECT_EQ(document.timeouts.stream_idle, seconds{5});
  EXPECT_TRUE(sidecar_config::Validate(document).empty());
}

TEST(Render, BudgetsAndPricesAsTheyAreSet) {
  auto policy = MakePolicy();
  EXPECT_FALSE(Render(policy, {}).cost.per_turn.any());
  policy.spec.prices = {{.provider = "openai",
                         .model = "m",
                         .input = "2.5",
                         .cached_input = {},
                         .cache_write = "3.125",
                         .output = "10"}};
  auto& cost = policy.spec.cost.emplace();
  cost.per_turn = api::BudgetLimit{.tokens = 5000, .usd = "0.25"};
  cost.per_day = api::BudgetLimit{.tokens = {}, .usd = "20"};
  cost.on_exceed = api::OnExceed::kDegrade;
  cost.on_unknown_cost = api::UnknownCost::kReject;
  cost.assumed_output_tokens = 77;
  const auto document = Render(policy, {});
  EXPECT_EQ(document.cost.per_turn.tokens, 5000);
  EXPECT_EQ(document.cost.per_turn.usd, 250'000'000);
  EXPECT_FALSE(document.cost.per_session.any());
  EXPECT_FALSE(document.cost.per_day.tokens.has_value());
  EXPECT_EQ(document.cost.per_day.usd, 20'000'000'000);
  EXPECT_EQ(document.cost.on_unknown_cost, sidecar_config::UnknownCost::kReject);
  EXPECT_EQ(document.cost.assumed_output_tokens, 77);
  ASSERT_EQ(document.prices.size(), 1U);
  EXPECT_EQ(document.prices[0].price.input, 2'500'000'000);
  EXPECT_EQ(document.prices[0].price.cached_input, 2'500'000'000);
  EXPECT_EQ(document.prices[0].price.cache_write, 3'125'000'000);
  EXPECT_EQ(document.prices[0].price.output, 10'000'000'000);
  // There is no chain yet.
  EXPECT_EQ(document.cost.on_exceed, policy::OnExceed::kReject);
  EXPECT_TRUE(sidecar_config::Validate(document).empty());
  const api::LlmFallbackChain chain = MakeChain();
  EXPECT_EQ(Render(policy, {}, &chain).cost.on_exceed, policy::OnExceed::kDegrade);
}

TEST(Render, RetriesAreTheDocumentedDefaultsOrWhatIsSet) {
  auto policy = MakePolicy();
  auto retries = Render(policy, {}).retries;
  EXPECT_EQ(retries.max_retries, 2);
  EXPECT_EQ(retries.backoff.base, Milliseconds{200});
  EXPECT_EQ(retries.backoff.max, seconds{2});
  EXPECT_TRUE(retries.retry_after.honor);
  EXPECT_EQ(retries.retry_after.max, seconds{3});
  EXPECT_EQ(retries.on_failure_within, seconds{3});
  EXPECT_EQ(retries.budget.percent, 20);
  EXPECT_EQ(retries.budget.interval, seconds{10});
  EXPECT_EQ(retries.budget.min_retries, 3);
  EXPECT_EQ(retries.max_request_bytes, 4 << 20);
  EXPECT_TRUE(retries.retry_on.empty());
  api::RetriesSpec& spec = policy.spec.retries;
  spec.max_retries = 1;
  spec.backoff = {Milliseconds{100}, seconds{1}};
  spec.retry_after = {api::RetryAfterHonor::kNever, seconds{2}};
  spec.on_failure_within = seconds{1};
  spec.budget = {10, seconds{20}, 1};
  spec.retry_on = {"connect", "rate_limited"};
  spec.idempotent_tools = {{"orders", "search"}};
  spec.max_request_bytes = 1000;
  const auto document = Render(policy, {});
  retries = document.retries;
  EXPECT_EQ(retries.max_retries, 1);
  EXPECT_EQ(retries.backoff.max, seconds{1});
  EXPECT_FALSE(retries.retry_after.honor);
  EXPECT_EQ(retries.retry_after.max, seconds{2});
  EXPECT_EQ(retries.on_failure_within, seconds{1});
  EXPECT_EQ(retries.budget.interval, seconds{20});
  EXPECT_THAT(retries.retry_on, ElementsAre(reliability::policy::ErrorClass::kConnect,
                                            reliability::policy::ErrorClass::kRateLimited));
  ASSERT_EQ(retries.idempotent_tools.size(), 1U);
  EXPECT_EQ(retries.idempotent_tools[0].tool, "search");
  EXPECT_EQ(retries.max_request_bytes, 1000);
  EXPECT_TRUE(sidecar_config::Validate(document).empty());
}

TEST(Render, ClipsDefaultsToAShortTurn) {
  auto policy = MakePolicy();
  policy.spec.turn.timeout = seconds{4};
  const auto document = Render(policy, {});
  EXPECT_EQ(document.turn.synthesis_reserve, Milliseconds{800});
  EXPECT_EQ(document.timeouts.llm, seconds{4});
  EXPECT_EQ(document.timeouts.tool, seconds{4});
  EXPECT_EQ(document.timeouts.connect, seconds{1});
  EXPECT_EQ(document.timeouts.first_token, seconds{4});
  EXPECT_EQ(document.timeouts.stream_idle, seconds{4});
  EXPECT_TRUE(sidecar_config::Validate(document).empty());
}

TEST(Render, KeepsWhatIsSet) {
  auto policy = MakePolicy();
  policy.spec.timeouts.llm = seconds{6};
  policy.spec.timeouts.tool_overrides = {{"orders", "search", seconds{2}}};
  policy.spec.timeouts.llm_overrides = {{"deep", seconds{12}, std::nullopt, seconds{9}}};
  policy.spec.timeouts.long_running = {{"orders", "build", seconds{900}}};
  policy.spec.turn.identity = api::TurnIdentity::kTrace;
  policy.spec.turn.on_stream_deadline = api::StreamDeadline::kEndWithNotice;
  policy.spec.inspection.on_oversize = api::OnOversize::kReject;
  policy.spec.tls.system_cas = false;
  const auto document = Render(policy, {});
  ASSERT_EQ(document.timeouts.llm_overrides.size(), 1U);
  EXPECT_EQ(document.timeouts.llm_overrides[0].model, "deep");
  EXPECT_EQ(document.timeouts.llm_overrides[0].first_token, seconds{12});
  EXPECT_EQ(document.timeouts.llm_overrides[0].total, std::nullopt);
  EXPECT_EQ(document.timeouts.llm_overrides[0].idle, seconds{9});
  ASSERT_EQ(document.timeouts.long_running.size(), 1U);
  EXPECT_EQ(document.timeouts.long_running[0].tool, "build");
  EXPECT_EQ(document.timeouts.long_running[0].timeout, seconds{900});
  EXPECT_EQ(document.turn.identity, sidecar_config::TurnIdentity::kTrace);
  EXPECT_EQ(document.turn.on_stream_deadline, sidecar_config::StreamDeadline::kEndWithNotice);
  EXPECT_EQ(document.inspection.on_oversize, sidecar_config::OnOversize::kReject);
  EXPECT_FALSE(document.tls.system_cas);
  EXPECT_EQ(document.timeouts.llm, seconds{6});
  EXPECT_EQ(document.timeouts.first_token, seconds{6}) << "not longer than the whole call";
  ASSERT_EQ(document.timeouts.tool_overrides.size(), 1U);
  EXPECT_EQ(document.timeouts.tool_overrides[0].tool, "search");
}

TEST(Render, OpenForDependsOnTheScope) {
  auto policy = MakePolicy();
  api::CircuitBreakerSpec tool;
  tool.name = "tools";
  api::CircuitBreakerSpec model;
  model.name = "models";
  model.scope = api::BreakerScope::kModel;
  api::CircuitBreakerSpec bounded;
  bounded.name = "bounded";
  bounded.max_open_for = seconds{20};
  api::CircuitBreakerSpec given;
  given.name = "given";
  given.open_for = seconds{7};
  policy.spec.circuit_breakers = {tool, model, bounded, given};
  const auto breakers = Render(policy, {}).circuit_breakers;
  EXPECT_EQ(breakers[0].open_for, seconds{60});
  EXPECT_EQ(breakers[1].open_for, seconds{30});
  EXPECT_EQ(breakers[2].open_for, seconds{20});
  EXPECT_EQ(breakers[3].open_for, seconds{7});
}

TEST(Render, SlowCallsMeanLatencyAndOperationOfABreaker) {
  auto policy = MakePolicy();
  api::CircuitBreakerSpec slow;
  slow.name = "slow";
  slow.trip.slow_call_percent = 60;
  slow.trip.slow_call_duration = seconds{2};
  slow.operation = api::BreakerOperation::kForcedOpen;
  api::CircuitBreakerSpec agent;
  agent.name = "agent";
  agent.scope = api::BreakerScope::kAgent;
  agent.trip.mean_latency = seconds{30};
  agent.operation = api::BreakerOperation::kMetricsOnly;
  policy.spec.circuit_breakers = {slow, agent};
  const auto breakers = Render(policy, {}).circuit_breakers;
  EXPECT_EQ(breakers[0].trip.slow_call_percent, 60);
  EXPECT_EQ(breakers[0].trip.slow_call_duration, seconds{2});
  EXPECT_EQ(breakers[0].operation, sidecar_config::BreakerOperation::kForcedOpen);
  EXPECT_EQ(breakers[1].scope, sidecar_config::BreakerScope::kAgent);
  EXPECT_EQ(breakers[1].trip.mean_latency, seconds{30});
  EXPECT_EQ(breakers[1].trip.slow_call_percent, 0);
  EXPECT_EQ(breakers[1].open_for, seconds{300});
  EXPECT_EQ(breakers[1].operation, sidecar_config::BreakerOperation::kMetricsOnly);
  // The other scopes have the slow-call rule unless they say otherwise.
  EXPECT_EQ(breakers[2].trip.slow_call_percent, 80);
  EXPECT_EQ(breakers[2].trip.slow_call_duration, seconds{0});
  EXPECT_TRUE(sidecar_config::Validate(Render(policy, {})).empty());
}

TEST(Render, EveryScopeHasACatchAllUnderAFreeName) {
  auto policy = MakePolicy();
  api::CircuitBreakerSpec taken;
  taken.name = "default-tool";
  taken.match.tools = {"search"};
  policy.spec.circuit_breakers = {taken};
  std::vector<std::string> names;
  for (const auto& breaker : Render(policy, {}).circuit_breakers) {
    names.push_back(breaker.name);
  }
  EXPECT_THAT(names,
              ElementsAre("default-tool", "default-tool-2", "default-provider", "default-model"));
}

TEST(Render, SlosAreSortedAndKeyed) {
  const auto slos = Render(MakePolicy(), {MakeSlo("b"), MakeSlo("a")}).slos;
  ASSERT_EQ(slos.size(), 2U);
  EXPECT_EQ(slos[0].name, "a");
  EXPECT_EQ(slos[0].key.substr(0, 6), "uid-a/");
  EXPECT_FALSE(slos[0].threshold.has_value());
}

TEST(Render, WhatADegradedAnswerIsConcernsTaskSuccessOnly) {
  auto slo = std::make_shared<api::AgentSlo>(*MakeSlo("a"));
  slo->spec.sli.type = api::SliType::kTaskSuccess;
  slo->spec.sli.degraded_is = api::DegradedIs::kGood;
  EXPECT_EQ(Render(MakePolicy(), {slo}).slos[0].degraded_is, sidecar_config::DegradedIs::kGood);
  slo->spec.sli.type = api::SliType::kTurnLatency;
  slo->spec.sli.threshold = seconds{8};
  EXPECT_EQ(Render(MakePolicy(), {slo}).slos[0].degraded_is, std::nullopt);
}

TEST(Render, CaFilesAreWhereTheWebhookMountsThem) {
  auto policy = MakePolicy();
  policy.spec.upstreams.llms[0].ca_config_map_ref = api::CaConfigMapRef{"corp-ca", "ca.crt"};
  EXPECT_EQ(Render(policy, {}).upstreams[0].ca_file, "/etc/agent-reliability/ca/corp-ca/ca.crt");
}

TEST(PassThrough, KeepsRoutesAndNothingElse) {
  auto last = Render(MakePolicy(), {MakeSlo("a")});
  last.workload = "support/Deployment/refunds-agent";
  const auto document = PassThrough(last);
  EXPECT_EQ(document.workload, last.workload);
  EXPECT_EQ(document.enforcement, sidecar_config::Enforcement::kObserve);
  EXPECT_EQ(document.upstreams.size(), 2U);
  EXPECT_TRUE(document.slos.empty());
  EXPECT_TRUE(sidecar_config::Validate(document).empty());
}

}  // namespace
}  // namespace reliability::controllers::agent_policy
