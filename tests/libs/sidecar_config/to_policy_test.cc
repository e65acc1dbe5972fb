#include "libs/sidecar_config/to_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/libs/sidecar_config/sample_policy.h"

namespace reliability::sidecar_config {
namespace {

TEST(ToPolicy, BreakersKeepTheirParameters) {
  const policy::BreakerConfig config = ToBreakerConfig(SamplePolicy());
  ASSERT_EQ(config.rules.size(), 3U);
  const policy::BreakerRule& tools = config.rules[0];
  EXPECT_EQ(tools.name, "tools");
  EXPECT_EQ(tools.scope, policy::BreakerScope::kTool);
  EXPECT_EQ(tools.upstreams, std::vector<std::string>{"orders"});
  EXPECT_EQ(tools.tools, std::vector<std::string>{"refund"});
  EXPECT_EQ(tools.parameters.consecutive_failures, 4);
  EXPECT_EQ(tools.parameters.failure_percent, 60);
  EXPECT_EQ(tools.parameters.min_calls, 6);
  EXPECT_EQ(tools.parameters.window, Milliseconds{30'000});
  EXPECT_EQ(tools.parameters.open_for, Milliseconds{45'000});
  EXPECT_EQ(tools.parameters.max_open_for, Milliseconds{250'000});
  EXPECT_EQ(tools.parameters.max_probes, 1);
  EXPECT_EQ(tools.parameters.successes, 3);
  EXPECT_EQ(tools.parameters.probe_lease, Milliseconds{121'000});  // longest tool call + 1 s
  EXPECT_EQ(tools.parameters.slow_percent, 70);
  EXPECT_EQ(tools.parameters.slow_after, Milliseconds{2500});
  EXPECT_EQ(tools.operation, policy::BreakerOperation::kAutomatic);
  EXPECT_EQ(config.rules[1].scope, policy::BreakerScope::kModel);
  EXPECT_EQ(config.rules[1].operation, policy::BreakerOperation::kMetricsOnly);
  EXPECT_EQ(config.rules[2].scope, policy::BreakerScope::kAgent);
  EXPECT_EQ(config.rules[2].parameters.mean_latency, Milliseconds{30'000});
  EXPECT_EQ(config.rules[2].parameters.probe_lease, Milliseconds{81'000});  // turn + 61 s
  EXPECT_EQ(config.rules[1].models, std::vector<std::string>{"big"});
  EXPECT_EQ(config.rules[1].parameters.probe_lease, Milliseconds{21'000});  // turn + 1 s
}

TEST(ToPolicy, ToolsNamedAnywhereAreKnown) {
  const policy::BreakerConfig config = ToBreakerConfig(SamplePolicy());
  const auto knows = [&](const char* upstream, const char* tool) {
    return std::find(config.known_tools.begin(), config.known_tools.end(),
                     std::pair<std::string, std::string>(upstream, tool)) !=
           config.known_tools.end();
  };
  EXPECT_TRUE(knows("orders", "search"));  // time-out
  EXPECT_TRUE(knows("orders", "list"));    // SLO
  EXPECT_TRUE(knows("orders", "build"));   // long-running
}

TEST(ToPolicy, RetriesKeepTheirSettings) {
  const policy::RetrySettings settings = ToRetrySettings(SamplePolicy());
  EXPECT_EQ(settings.max_retries, 4);
  EXPECT_EQ(settings.backoff_base, Milliseconds{150});
  EXPECT_EQ(settings.backoff_max, Milliseconds{1500});
  EXPECT_FALSE(settings.honor_retry_after);
  EXPECT_EQ(settings.retry_after_max, Milliseconds{2500});
  EXPECT_EQ(settings.on_failure_within, Milliseconds{1800});
  EXPECT_EQ(settings.budget, (policy::RetryBudgetSettings{30, Milliseconds{9000}, 5}));
  EXPECT_EQ(settings.retry_on.size(), 2U);
  // The documented defaults stand in both places.
  const policy::RetrySettings defaults = ToRetrySettings(PolicyDocument{});
  const policy::RetrySettings own;
  EXPECT_EQ(defaults.max_retries, own.max_retries);
  EXPECT_EQ(defaults.backoff_base, own.backoff_base);
  EXPECT_EQ(defaults.backoff_max, own.backoff_max);
  EXPECT_EQ(defaults.honor_retry_after, own.honor_retry_after);
  EXPECT_EQ(defaults.retry_after_max, own.retry_after_max);
  EXPECT_EQ(defaults.on_failure_within, own.on_failure_within);
  EXPECT_EQ(defaults.budget, own.budget);
}

TEST(ToPolicy, IdempotentToolsByNameOrUpstream) {
  const Retries retries = SamplePolicy().retries;
  EXPECT_TRUE(IsIdempotentTool(retries, "orders", "search"));
  EXPECT_FALSE(IsIdempotentTool(retries, "orders", "refund"));
  EXPECT_FALSE(IsIdempotentTool(retries, "orders", ""));
  EXPECT_TRUE(IsIdempotentTool(retries, "weather", ""));
  EXPECT_FALSE(IsIdempotentTool(retries, "claude", ""));
}

TEST(ToPolicy, TurnAndSlos) {
  const policy::TurnLimits limits = ToTurnLimits(SamplePolicy());
  EXPECT_EQ(limits.timeout, Milliseconds{20'000});
  EXPECT_EQ(limits.synthesis_reserve, Milliseconds{4000});
  const auto rules = ToSloRules(SamplePolicy());
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[0].kind, policy::SliKind::kTaskSuccess);
  EXPECT_EQ(rules[0].degraded_is, policy::DegradedIs::kBad);
  EXPECT_EQ(rules[1].degraded_is, policy::DegradedIs::kDefault);
  EXPECT_EQ(rules[1].kind, policy::SliKind::kToolCallSuccess);
  EXPECT_EQ(rules[1].tool, "orders/list");
  EXPECT_EQ(rules[2].kind, policy::SliKind::kTurnLatency);
  EXPECT_EQ(rules[2].threshold, Milliseconds{8000});
  EXPECT_EQ(rules[2].key, "uid/3a2b3c4d");
}

TEST(ToPolicy, HalfOpenNamesThePodsThatProbe) {
  ModeDocument document;
  document.leader_epoch = 2;
  document.generation = 3;
  document.mode = Mode::kHalfOpen;
  document.cause = "slo/rule";
  document.half_open = HalfOpenOrder{2, {"a", "b"}};
  EXPECT_TRUE(ToModeOrder(document, "b").this_pod_probes);
  const policy::ModeOrder other = ToModeOrder(document, "c");
  EXPECT_FALSE(other.this_pod_probes);
  EXPECT_EQ(other.mode, policy::GateMode::kHalfOpen);
  EXPECT_EQ(other.max_probes, 2);
  EXPECT_EQ(other.generation, 3);
  EXPECT_EQ(other.leader_epoch, 2);
  EXPECT_EQ(other.cause, "slo/rule");
}

TEST(ToPolicy, ThrottleAndPause) {
  ModeDocument document;
  document.mode = Mode::kThrottled;
  document.throttle = ThrottleOrder{0.9, 70, 5};
  document.retry_after = Milliseconds{5000};
  document.valid_until = SystemTime{Milliseconds{77}};
  const policy::ModeOrder order = ToModeOrder(document, "");
  EXPECT_EQ(order.mode, policy::GateMode::kThrottled);
  EXPECT_EQ(order.throttle.objective, 0.9);
  EXPECT_EQ(order.throttle.max_reject_percent, 70);
  EXPECT_EQ(order.throttle.min_events, 5);
  EXPECT_EQ(order.retry_after, Milliseconds{5000});
  EXPECT_EQ(order.valid_until, SystemTime{Milliseconds{77}});
  document.mode = Mode::kPaused;
  EXPECT_EQ(ToModeOrder(document, "").mode, policy::GateMode::kPaused);
  document.mode = Mode::kNormal;
  EXPECT_EQ(ToModeOrder(document, "").mode, policy::GateMode::kNormal);
}

TEST(ToPolicy, DegradeAndRamp) {
  ModeDocument document;
  document.mode = Mode::kDegraded;
  document.degrade = DegradeOrder{"small", Milliseconds{5000}, {.tokens = 900, .usd = 7}};
  document.ramp = RampOrder{"r", 25};
  policy::ModeOrder order = ToModeOrder(document, "");
  EXPECT_EQ(order.mode, policy::GateMode::kDegraded);
  EXPECT_EQ(order.degrade.fallback_tier, "small");
  EXPECT_EQ(order.degrade.turn_budget, (policy::BudgetLimit{.tokens = 900, .usd = 7}));
  EXPECT_EQ(order.ramp.id, "r");
  EXPECT_EQ(order.ramp.percent, 25);
  const policy::TurnLimits limits = ToTurnLimits(SamplePolicy(), order.degrade);
  EXPECT_EQ(limits.timeout, Milliseconds{5000});
  EXPECT_EQ(limits.synthesis_reserve, Milliseconds{1000});  // 4 of 20 s
  order.degrade.turn_timeout = Milliseconds{60'000};        // never longer than the policy's
  EXPECT_EQ(ToTurnLimits(SamplePolicy(), order.degrade).timeout, Milliseconds{20'000});
  document.mode = Mode::kRamping;
  EXPECT_EQ(ToModeOrder(document, "").mode, policy::GateMode::kRamping);
}

TEST(ToPolicy, ToolTimeoutPrefersTheNamedTool) {
  const Timeouts timeouts = SamplePolicy().timeouts;
  EXPECT_EQ(ToolTimeoutOf(timeouts, "orders", "search"), Milliseconds{2000});
  EXPECT_EQ(ToolTimeoutOf(timeouts, "orders", "refund"), Milliseconds{3000});
  EXPECT_EQ(ToolTimeoutOf(Timeouts{}, "weather", ""), Milliseconds{5000});
}

TEST(ToPolicy, LongRunningToolsHaveATimeoutOfTheirOwn) {
  Timeouts timeouts = SamplePolicy().timeouts;
  EXPECT_EQ(ToolTimeoutOf(timeouts, "orders", "build"), Milliseconds{120'000});
  EXPECT_EQ(ToolTimeoutOf(timeouts, "weather", ""), Milliseconds{90'000});
  EXPECT_TRUE(IsLongRunning(timeouts, "orders", "build"));
  EXPECT_FALSE(IsLongRunning(timeouts, "orders", "search"));
  // An override of one tool excepts it from its upstream's entry.
  timeouts.long_running = {{"orders", "", Milliseconds{90'000}}};
  EXPECT_TRUE(IsLongRunning(timeouts, "orders", "refund"));
  EXPECT_FALSE(IsLongRunning(timeouts, "orders", "search"));
  EXPECT_EQ(ToolTimeoutOf(timeouts, "orders", "search"), Milliseconds{2000});
}

TEST(ToPolicy, LlmTimesAreThoseOfTheModelWhereItHasSome) {
  const Timeouts timeouts = SamplePolicy().timeouts;
  const LlmTimes deep = LlmTimesOf(timeouts, "deep");
  EXPECT_EQ(deep.total, Milliseconds{18'000});
  EXPECT_EQ(deep.first_token, Milliseconds{15'000});
  EXPECT_EQ(deep.idle, Milliseconds{9500});
  const LlmTimes quick = LlmTimesOf(timeouts, "quick");
  EXPECT_EQ(quick.total, Milliseconds{2500});
  EXPECT_EQ(quick.first_token, Milliseconds{7000});
  EXPECT_EQ(quick.idle, Milliseconds{4500});
  const LlmTimes other = LlmTimesOf(timeouts, "quick-2");
  EXPECT_EQ(other.total, Milliseconds{9000});
}

}  // namespace
}  // namespace reliability::sidecar_config
