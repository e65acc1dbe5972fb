// The slow-call rule, the mean latency of turns, and what a person sets: read like
// data-plane.md 2.4.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/policy/circuit_breaker.h"

namespace reliability::policy {
namespace {

constexpr double kNoJitter = 0.5;
constexpr MonotonicTime kStart{Milliseconds{1'000'000}};
constexpr Milliseconds kLimit{10'000};

AttemptOutcome Took(std::int64_t ms, ErrorClass error_class = ErrorClass::kNone) {
  AttemptOutcome outcome;
  outcome.error_class = error_class;
  outcome.took = Milliseconds{ms};
  outcome.limit = kLimit;
  return outcome;
}

std::optional<BreakerEvent> Call(CircuitBreaker& breaker, const AttemptOutcome& outcome,
                                 MonotonicTime now = kStart) {
  const BreakerAdmission admission = breaker.Admit(now);
  EXPECT_TRUE(admission.admitted);
  return breaker.Settle(admission.ticket, outcome, now, kNoJitter);
}

struct SlowCase {
  const char* what;
  BreakerParameters parameters;
  std::vector<AttemptOutcome> calls;
  bool opens;  // with the last call; never before
};

BreakerParameters Slow(int percent, std::int64_t after_ms = 0, int min_calls = 5) {
  BreakerParameters parameters;
  parameters.slow_percent = percent;
  parameters.slow_after = Milliseconds{after_ms};
  parameters.min_calls = min_calls;
  return parameters;
}

TEST(SlowCallRule, ReadsLikeTheReference) {
  const AttemptOutcome slow = Took(8000);
  const AttemptOutcome fast = Took(7999);
  const std::vector<SlowCase> cases = {
      {"four of five took 80 % of their limit", Slow(80), {fast, slow, slow, slow, slow}, true},
      {"three of five are 60 %", Slow(80), {fast, fast, slow, slow, slow}, false},
      {"four calls are not minCalls", Slow(80), {slow, slow, slow, slow}, false},
      {"a spike of 200 ms is not slow", Slow(80), std::vector(9, Took(200)), false},
      {"a threshold of its own", Slow(50, 500), std::vector(5, Took(500)), true},
      {"just below a threshold of its own", Slow(50, 500), std::vector(9, Took(499)), false},
      {"the rule is off", Slow(0, 1), std::vector(9, slow), false},
      {"neutral outcomes count for nothing", Slow(80),
       std::vector(9, Took(9999, ErrorClass::kClientCancelled)), false},
      {"the caller's fault counts for nothing", Slow(80),
       std::vector(9, Took(9999, ErrorClass::kInvalidRequest)), false},
  };
  for (const SlowCase& one : cases) {
    CircuitBreaker breaker(one.parameters);
    for (std::size_t i = 0; i < one.calls.size(); ++i) {
      const auto event = Call(breaker, one.calls[i]);
      const bool last = i + 1 == one.calls.size();
      ASSERT_EQ(event.has_value(), last && one.opens) << one.what << ", call " << i;
      if (event) {
        EXPECT_EQ(event->cause, BreakerCause::kSlowCalls) << one.what;
        EXPECT_EQ(event->calls, 5) << one.what;
      }
    }
  }
}

TEST(SlowCallRule, SlowCallsLeaveTheWindow) {
  CircuitBreaker breaker(Slow(80));
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(Call(breaker, Took(9000)).has_value());
  }
  EXPECT_FALSE(Call(breaker, Took(9000), kStart + Milliseconds{60'000}).has_value());
}

TEST(SlowCallRule, ASlowProbeOpensAgainAndAFastOneCloses) {
  BreakerParameters parameters = Slow(80);
  parameters.max_probes = 1;
  parameters.successes = 1;
  CircuitBreaker breaker(parameters);
  for (int i = 0; i < 5; ++i) {
    (void)Call(breaker, Took(9000));
  }
  ASSERT_EQ(breaker.state(), BreakerState::kOpen);
  const auto reopened = Call(breaker, Took(9000), kStart + Milliseconds{60'000});
  ASSERT_TRUE(reopened.has_value());
  EXPECT_EQ(reopened->kind, BreakerEventKind::kReopened);
  EXPECT_EQ(reopened->cause, BreakerCause::kProbeFailed);
  const auto closed = Call(breaker, Took(100), kStart + Milliseconds{180'000});
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->kind, BreakerEventKind::kClosed);
}

TEST(MeanLatencyRule, OpensAtTheMeanOfTheWindow) {
  BreakerParameters parameters;
  parameters.mean_latency = Milliseconds{30'000};
  CircuitBreaker breaker(parameters);
  for (const std::int64_t ms : {10'000, 20'000, 50'000, 30'000}) {
    EXPECT_FALSE(Call(breaker, Took(ms)).has_value());  // four are not minCalls
  }
  EXPECT_FALSE(Call(breaker, Took(39'999)).has_value());  // mean 29,999.8 ms
  const auto event = Call(breaker, Took(30'002));
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->cause, BreakerCause::kMeanLatency);
  EXPECT_EQ(event->mean, Milliseconds{30'000});
  EXPECT_EQ(event->calls, 6);
}

TEST(Trip, OpensAClosedBreakerOnly) {
  CircuitBreaker breaker(BreakerParameters{});
  const auto event = breaker.Trip(BreakerCause::kToolsOpen, 2, 3, kStart, kNoJitter);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->cause, BreakerCause::kToolsOpen);
  EXPECT_EQ(event->failures, 2);
  EXPECT_EQ(event->calls, 3);
  EXPECT_EQ(event->open_for, Milliseconds{60'000});
  EXPECT_FALSE(breaker.Trip(BreakerCause::kToolsOpen, 2, 3, kStart, kNoJitter).has_value());
  EXPECT_FALSE(breaker.Admit(kStart).admitted);
}

TEST(Operation, WhatAPersonSetsAgainstWhatTheBreakerWouldDo) {
  struct Case {
    BreakerOperation operation;
    bool open_before;  // the breaker has tripped
    bool admitted;
    bool would_refuse;
    bool counted;
  };
  const Case cases[] = {
      {BreakerOperation::kAutomatic, false, true, false, true},
      {BreakerOperation::kAutomatic, true, false, false, false},
      {BreakerOperation::kMetricsOnly, false, true, false, true},
      {BreakerOperation::kMetricsOnly, true, true, true, false},  // as in Observe
      {BreakerOperation::kForcedOpen, false, false, false, false},
      {BreakerOperation::kForcedOpen, true, false, false, false},
      {BreakerOperation::kDisabled, false, true, false, false},
      {BreakerOperation::kDisabled, true, true, false, false},
  };
  for (const Case& one : cases) {
    CircuitBreaker breaker(BreakerParameters{});
    for (int i = 0; one.open_before && i < 3; ++i) {
      (void)Call(breaker, Took(1, ErrorClass::kServerError));
    }
    (void)breaker.SetOperation(one.operation);
    const BreakerAdmission admission = breaker.Admit(kStart);
    const std::string what = std::string(BreakerOperationName(one.operation)) +
                             (one.open_before ? ", tripped" : ", closed");
    EXPECT_EQ(admission.admitted, one.admitted) << what;
    EXPECT_EQ(admission.would_refuse, one.would_refuse) << what;
    EXPECT_EQ(admission.ticket.counted, one.counted) << what;
    EXPECT_EQ(breaker.Refuses(kStart), !one.admitted) << what;
    if (!one.admitted) {
      EXPECT_EQ(admission.refusal, ErrorClass::kCircuitOpen) << what;
    }
  }
}

TEST(Operation, MetricsOnlyGoesThroughAllStates) {
  BreakerParameters parameters;
  parameters.max_probes = 1;
  parameters.successes = 1;
  CircuitBreaker breaker(parameters);
  (void)breaker.SetOperation(BreakerOperation::kMetricsOnly);
  for (int i = 0; i < 3; ++i) {
    (void)Call(breaker, Took(1, ErrorClass::kServerError));
  }
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  // A call that Automatic would not have sent decides nothing.
  EXPECT_FALSE(Call(breaker, Took(1), kStart + Milliseconds{1}).has_value());
  const auto closed = Call(breaker, Took(1), kStart + Milliseconds{60'000});
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->kind, BreakerEventKind::kClosed);
}

TEST(Operation, ForcedOpenNamesNoTimeAndItsEndFindsTheStateAsItWas) {
  CircuitBreaker breaker(BreakerParameters{});
  for (int i = 0; i < 2; ++i) {
    (void)Call(breaker, Took(1, ErrorClass::kServerError));
  }
  const auto event = breaker.SetOperation(BreakerOperation::kForcedOpen);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, BreakerEventKind::kForcedOpen);
  EXPECT_FALSE(breaker.SetOperation(BreakerOperation::kForcedOpen).has_value());
  const BreakerAdmission refused = breaker.Admit(kStart);
  EXPECT_EQ(refused.cause, BreakerCause::kForcedOpen);
  EXPECT_EQ(refused.retry_after, Milliseconds{0});
  EXPECT_EQ(breaker.SetOperation(BreakerOperation::kAutomatic)->kind, BreakerEventKind::kAutomatic);
  EXPECT_EQ(Call(breaker, Took(1, ErrorClass::kServerError))->kind, BreakerEventKind::kOpened);
}

}  // namespace
}  // namespace reliability::policy
