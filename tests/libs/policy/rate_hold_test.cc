#include "libs/policy/rate_hold.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/policy/circuit_breaker.h"

namespace reliability::policy {
namespace {

struct Case {
  const char* what;
  HoldDecision expected;
  std::function<void(HoldFacts&, RetrySettings&)> change;
};

TEST(RateHold, ReadsLikeTheRuling) {
  const Case cases[] = {
      {"it ends soon, there is no other place: wait", HoldDecision::kWait, [](auto&, auto&) {}},
      {"another tier: at once", HoldDecision::kNextTarget,
       [](HoldFacts& f, auto&) { f.later_target = true; }},
      {"just retryAfter.max", HoldDecision::kWait,
       [](HoldFacts& f, auto&) { f.ends_in = Milliseconds{3000}; }},
      {"longer than retryAfter.max: 429 here", HoldDecision::kRefuse,
       [](HoldFacts& f, auto&) { f.ends_in = Milliseconds{3001}; }},
      {"together longer than retryAfter.max", HoldDecision::kRefuse,
       [](HoldFacts& f, auto&) { f.waited = Milliseconds{1500}; }},
      {"no time is known", HoldDecision::kRefuse,
       [](HoldFacts& f, auto&) { f.ends_in = Milliseconds{0}; }},
      {"an open circuit is no hold", HoldDecision::kRefuse,
       [](HoldFacts& f, auto&) { f.refusal = ErrorClass::kCircuitOpen; }},
      {"wait and attempt do not fit into the turn", HoldDecision::kRefuse,
       [](HoldFacts& f, auto&) { f.time_left = Milliseconds{2999}; }},
      {"they just fit", HoldDecision::kWait,
       [](HoldFacts& f, auto&) { f.time_left = Milliseconds{3000}; }},
      {"a short call needs less", HoldDecision::kWait,
       [](HoldFacts& f, auto&) {
         f.attempt_limit = Milliseconds{200};
         f.time_left = Milliseconds{2200};
       }},
      {"the policy does not honor named waits", HoldDecision::kRefuse,
       [](auto&, RetrySettings& s) { s.honor_retry_after = false; }},
      {"a retry does not wait for another's hold", HoldDecision::kRefuse,
       [](HoldFacts& f, auto&) { f.retries_done = 1; }},
      {"nor does a fallback", HoldDecision::kRefuse,
       [](HoldFacts& f, auto&) { f.stood_in = true; }},
  };
  for (const Case& one : cases) {
    HoldFacts facts;
    facts.refusal = ErrorClass::kRateLimited;
    facts.ends_in = Milliseconds{2000};
    facts.attempt_limit = Milliseconds{10'000};
    RetrySettings settings;
    one.change(facts, settings);
    EXPECT_EQ(DecideHold(settings, facts), one.expected) << one.what;
  }
}

// From the 429 to the next call: what the breaker tells those that come after.
TEST(RateHold, OfABreaker) {
  struct Row {
    const char* what;
    AttemptOutcome seen;
    std::int64_t at_ms;  // of the next call
    ErrorClass refusal;  // kNone: it passes
    Milliseconds retry_after;
  };
  const Row rows[] = {
      {"429 with a time",
       {ErrorClass::kRateLimited, Milliseconds{2000}},
       500,
       ErrorClass::kRateLimited,
       Milliseconds{1500}},
      {"429 with a time, over",
       {ErrorClass::kRateLimited, Milliseconds{2000}},
       2000,
       ErrorClass::kNone,
       Milliseconds{0}},
      {"429 without a time",
       {ErrorClass::kRateLimited, std::nullopt},
       1,
       ErrorClass::kNone,
       Milliseconds{0}},
      {"quota: closed to all for 5 m",
       {ErrorClass::kQuotaExhausted, std::nullopt},
       299'999,
       ErrorClass::kCircuitOpen,
       Milliseconds{1}},
      {"quota with a longer time",
       {ErrorClass::kQuotaExhausted, Milliseconds{600'000}},
       300'000,
       ErrorClass::kCircuitOpen,
       Milliseconds{300'000}},
      {"quota, over: a probe",
       {ErrorClass::kQuotaExhausted, std::nullopt},
       300'000,
       ErrorClass::kNone,
       Milliseconds{0}},
      {"503 with a time is no hold",
       {ErrorClass::kOverloaded, Milliseconds{2000}},
       1,
       ErrorClass::kNone,
       Milliseconds{0}},
  };
  const MonotonicTime start{Milliseconds{1'000'000}};
  for (const Row& row : rows) {
    CircuitBreaker breaker(BreakerParameters{});
    (void)breaker.Settle(breaker.Admit(start).ticket, row.seen, start, 0.5);
    const BreakerAdmission next = breaker.Admit(start + Milliseconds{row.at_ms});
    EXPECT_EQ(next.admitted, row.refusal == ErrorClass::kNone) << row.what;
    EXPECT_EQ(next.refusal, row.refusal) << row.what;
    EXPECT_EQ(next.retry_after, row.retry_after) << row.what;
  }
}

}  // namespace
}  // namespace reliability::policy
