#include "libs/sidecar_config/validate.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/libs/sidecar_config/sample_policy.h"

namespace reliability::sidecar_config {
namespace {

struct Case {
  std::string path;
  std::function<void(PolicyDocument&)> spoil;
};

TEST(Validate, SampleIsValid) {
  const auto errors = Validate(SamplePolicy());
  EXPECT_TRUE(errors.empty()) << errors.front().path << ": " << errors.front().reason;
  EXPECT_TRUE(Validate(PolicyDocument{}).empty());
  EXPECT_TRUE(ToStatus({}).has_value());
}

TEST(Validate, EachMistakeIsNamed) {
  const std::vector<Case> cases = {
      {"upstreams[0].name", [](PolicyDocument& d) { d.upstreams[0].name = "a/b"; }},
      {"upstreams[0].name", [](PolicyDocument& d) { d.upstreams[0].name = ""; }},
      {"upstreams[0].name", [](PolicyDocument& d) { d.upstreams[0].name = ".."; }},
      {"upstreams[1].name", [](PolicyDocument& d) { d.upstreams[1].name = "openai"; }},
      {"upstreams[2].url", [](PolicyDocument& d) { d.upstreams[2].url = ""; }},
      {"upstreams[3].url", [](PolicyDocument& d) { d.upstreams[3].url = "ftp://weather"; }},
      {"turn.timeoutMs", [](PolicyDocument& d) { d.turn.timeout = Milliseconds{90'000'000}; }},
      {"turn.synthesisReserveMs",
       [](PolicyDocument& d) { d.turn.synthesis_reserve = d.turn.timeout; }},
      {"timeouts.connectMs", [](PolicyDocument& d) { d.timeouts.connect = Milliseconds{0}; }},
      {"timeouts.toolMs", [](PolicyDocument& d) { d.timeouts.tool = Milliseconds{20'001}; }},
      {"timeouts.llmMs", [](PolicyDocument& d) { d.timeouts.llm = Milliseconds{20'001}; }},
      {"timeouts.toolOverrides[0].timeoutMs",
       [](PolicyDocument& d) { d.timeouts.tool_overrides[0].timeout = Milliseconds{20'001}; }},
      {"timeouts.toolOverrides[1].upstream",
       [](PolicyDocument& d) { d.timeouts.tool_overrides[1].upstream = "openai"; }},
      {"timeouts.llmOverrides[0].model",
       [](PolicyDocument& d) { d.timeouts.llm_overrides[0].model = ""; }},
      {"timeouts.llmOverrides[1].model",
       [](PolicyDocument& d) { d.timeouts.llm_overrides[1].model = "deep"; }},
      {"timeouts.llmOverrides[0].firstTokenMs",
       [](PolicyDocument& d) { d.timeouts.llm_overrides[0].first_token = Milliseconds{20'001}; }},
      {"timeouts.llmOverrides[1].totalMs",
       [](PolicyDocument& d) { d.timeouts.llm_overrides[1].total = Milliseconds{0}; }},
      {"timeouts.llmOverrides[1].idleMs",
       [](PolicyDocument& d) { d.timeouts.llm_overrides[1].idle = Milliseconds{20'001}; }},
      {"timeouts.longRunning[0].timeoutMs",
       [](PolicyDocument& d) { d.timeouts.long_running[0].timeout = Milliseconds{0}; }},
      {"timeouts.longRunning[1].upstream",
       [](PolicyDocument& d) { d.timeouts.long_running[1].upstream = "openai"; }},
      {"retries.maxRetries", [](PolicyDocument& d) { d.retries.max_retries = 11; }},
      {"retries.backoff.baseMs",
       [](PolicyDocument& d) { d.retries.backoff.base = Milliseconds{1501}; }},
      {"retries.backoff.maxMs",
       [](PolicyDocument& d) { d.retries.backoff = {Milliseconds{1}, Milliseconds{90'000'000}}; }},
      {"retries.budget.percent", [](PolicyDocument& d) { d.retries.budget.percent = 101; }},
      {"retries.budget.intervalMs",
       [](PolicyDocument& d) { d.retries.budget.interval = Milliseconds{1}; }},
      {"retries.budget.minRetries", [](PolicyDocument& d) { d.retries.budget.min_retries = -1; }},
      {"retries.maxRequestBytes",
       [](PolicyDocument& d) { d.retries.max_request_bytes = (32 << 20) + 1; }},
      {"retries.retryOn[1]",
       [](PolicyDocument& d) { d.retries.retry_on[1] = policy::ErrorClass::kAuth; }},
      {"retries.idempotentTools[0].upstream",
       [](PolicyDocument& d) { d.retries.idempotent_tools[0].upstream = "openai"; }},
      {"circuitBreakers[0].trip",
       [](PolicyDocument& d) {
         d.circuit_breakers[0].trip.consecutive_failures = 0;
         d.circuit_breakers[0].trip.failure_percent = 0;
       }},
      {"circuitBreakers[0].trip.failurePercent",
       [](PolicyDocument& d) { d.circuit_breakers[0].trip.failure_percent = 101; }},
      {"circuitBreakers[0].trip.consecutiveFailures",
       [](PolicyDocument& d) { d.circuit_breakers[0].trip.consecutive_failures = -1; }},
      {"circuitBreakers[0].trip.minCalls",
       [](PolicyDocument& d) { d.circuit_breakers[0].trip.min_calls = 0; }},
      {"circuitBreakers[0].trip.windowMs",
       [](PolicyDocument& d) { d.circuit_breakers[0].trip.window = Milliseconds{9}; }},
      {"circuitBreakers[1].openForMs",
       [](PolicyDocument& d) { d.circuit_breakers[1].open_for = Milliseconds{300'001}; }},
      {"circuitBreakers[1].halfOpen.maxProbes",
       [](PolicyDocument& d) { d.circuit_breakers[1].half_open.max_probes = 0; }},
      {"circuitBreakers[1].halfOpen.successes",
       [](PolicyDocument& d) { d.circuit_breakers[1].half_open.successes = 0; }},
      {"circuitBreakers[0].trip.slowCallPercent",
       [](PolicyDocument& d) { d.circuit_breakers[0].trip.slow_call_percent = 101; }},
      {"circuitBreakers[0].trip.slowCallDurationMs",
       [](PolicyDocument& d) {
         d.circuit_breakers[0].trip.slow_call_duration = Milliseconds{90'000'000};
       }},
      {"circuitBreakers[0].trip.meanLatencyMs",
       [](PolicyDocument& d) { d.circuit_breakers[0].trip.mean_latency = Milliseconds{1}; }},
      {"circuitBreakers[2].trip.slowCallPercent",
       [](PolicyDocument& d) { d.circuit_breakers[2].trip.slow_call_percent = 80; }},
      {"circuitBreakers[2].match",
       [](PolicyDocument& d) { d.circuit_breakers[2].match.models = {"big"}; }},
      {"slos[0].key", [](PolicyDocument& d) { d.slos[0].key = ""; }},
      {"slos[1].key", [](PolicyDocument& d) { d.slos[1].key = d.slos[0].key; }},
      {"slos[1].degradedIs", [](PolicyDocument& d) { d.slos[1].degraded_is = DegradedIs::kGood; }},
      {"slos[2].thresholdMs", [](PolicyDocument& d) { d.slos[2].threshold.reset(); }},
      {"slos[0].thresholdMs", [](PolicyDocument& d) { d.slos[0].threshold = Milliseconds{1}; }},
      {"slos[0].tool", [](PolicyDocument& d) { d.slos[0].tool = "search"; }},
      {"slos", [](PolicyDocument& d) { d.slos.resize(65, d.slos[0]); }},
      {"workload", [](PolicyDocument& d) { d.workload.assign(2000, 'x'); }},
  };
  for (const Case& c : cases) {
    PolicyDocument document = SamplePolicy();
    c.spoil(document);
    const auto errors = Validate(document);
    ASSERT_FALSE(errors.empty()) << c.path;
    EXPECT_EQ(errors.front().path, c.path) << errors.front().reason;
  }
}

TEST(Validate, AllErrorsAreListed) {
  PolicyDocument document = SamplePolicy();
  document.upstreams[0].name = "";
  document.slos[0].key = "";
  const auto errors = Validate(document);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(ToStatus(errors).error().message,
            "upstreams[0].name: must be 1 to 63 letters, digits, dots, dashes or underscores "
            "(and 1 more)");
}

TEST(Validate, UpstreamUrls) {
  for (const char* good :
       {"http://a", "https://api.openai.com/v1", "http://orders-mcp.simulator.svc:8080/mcp",
        "http://[::1]:8080/", "http://127.0.0.1:1", "https://[fd00::2]"}) {
    EXPECT_TRUE(IsUpstreamUrl(good)) << good;
  }
  for (const char* bad :
       {"", "a", "ftp://a", "http://", "http:///x", "http://user@a", "http://a?x=1", "http://a#f",
        "http://a b", "http://a:0", "http://a:65536", "http://a:", "http://:80", "http://[::1",
        "http://[]", "http://[::1]x", "http://a\\b", "HTTP://a", "http://\xc3\xa4"}) {
    EXPECT_FALSE(IsUpstreamUrl(bad)) << bad;
  }
}

TEST(Validate, Modes) {
  const auto path = [](const ModeDocument& document) {
    const auto errors = Validate(document);
    return errors.empty() ? std::string() : errors.front().path;
  };
  ModeDocument document;
  EXPECT_EQ(path(document), "");
  document.mode = Mode::kPaused;
  EXPECT_EQ(path(document), "validUntil");
  document.valid_until = SystemTime{Milliseconds{1}};
  EXPECT_EQ(path(document), "");
  document.mode = Mode::kThrottled;
  EXPECT_EQ(path(document), "throttle");
  document.throttle = ThrottleOrder{1.0, 80, 10};
  EXPECT_EQ(path(document), "throttle.objective");
  document.throttle = ThrottleOrder{0.9, 101, 10};
  EXPECT_EQ(path(document), "throttle.maxRejectPercent");
  document.throttle = ThrottleOrder{0.9, 80, 0};
  EXPECT_EQ(path(document), "throttle.minEvents");
  document.mode = Mode::kHalfOpen;
  EXPECT_EQ(path(document), "halfOpen");
  document.half_open = HalfOpenOrder{0, {}};
  EXPECT_EQ(path(document), "halfOpen.maxProbes");
  document.half_open->max_probes = 1;
  EXPECT_EQ(path(document), "");
  document.mode = Mode::kDegraded;
  EXPECT_EQ(path(document), "degrade");
  document.degrade = DegradeOrder{"", Milliseconds{99}};
  EXPECT_EQ(path(document), "degrade.turnTimeoutMs");
  document.degrade->turn_timeout.reset();
  EXPECT_EQ(path(document), "");
  document.degrade->turn_budget.tokens = 0;
  EXPECT_EQ(path(document), "degrade.maxTokensPerTurn");
  document.degrade->turn_budget = {.usd = 0};
  EXPECT_EQ(path(document), "degrade.maxCostPerTurn");
  document.degrade->turn_budget = {.tokens = 1, .usd = 1};
  EXPECT_EQ(path(document), "");
  document.mode = Mode::kRamping;
  EXPECT_EQ(path(document), "ramp");
  document.ramp = RampOrder{"r", 101};
  EXPECT_EQ(path(document), "ramp.percent");
  document.ramp->percent = 0;
  EXPECT_EQ(path(document), "");
  document.generation = -1;
  EXPECT_EQ(path(document), "generation");
  document.generation = 1;
  document.leader_epoch = -1;
  EXPECT_EQ(path(document), "leaderEpoch");
}

}  // namespace
}  // namespace reliability::sidecar_config
