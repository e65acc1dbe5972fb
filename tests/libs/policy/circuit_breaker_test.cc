#include "libs/policy/circuit_breaker.h"

#include <gtest/gtest.h>

#include <vector>

namespace reliability::policy {
namespace {

constexpr double kNoJitter = 0.5;

class CircuitBreakerTest : public testing::Test {
 protected:
  MonotonicTime At(std::int64_t ms) const { return start_ + Milliseconds{ms}; }

  // One call at `ms` with this outcome; nullopt if it was refused.
  std::optional<std::optional<BreakerEvent>> Call(CircuitBreaker& breaker, std::int64_t ms,
                                                  AttemptOutcome outcome) {
    const BreakerAdmission admission = breaker.Admit(At(ms));
    if (!admission.admitted) {
      return std::nullopt;
    }
    return breaker.Settle(admission.ticket, outcome, At(ms), kNoJitter);
  }
  static AttemptOutcome Failed() { return {ErrorClass::kServerError, std::nullopt}; }
  static AttemptOutcome Ok() { return {ErrorClass::kNone, std::nullopt}; }

  static BreakerParameters OnlyRate(int percent, int min_calls) {
    BreakerParameters parameters;
    parameters.consecutive_failures = 0;
    parameters.failure_percent = percent;
    parameters.min_calls = min_calls;
    return parameters;
  }
  static BreakerParameters OneProbe() {
    BreakerParameters parameters;
    parameters.max_probes = 1;
    parameters.successes = 1;
    return parameters;
  }

  MonotonicTime start_{Milliseconds{1'000'000}};
};

TEST_F(CircuitBreakerTest, Example10ThirdFailureOpensAndFourthCallStaysHere) {
  CircuitBreaker breaker(OneProbe());
  EXPECT_TRUE(Call(breaker, 0, Failed()).has_value());
  EXPECT_TRUE(Call(breaker, 1, Failed()).has_value());
  const auto third = Call(breaker, 2, Failed());
  ASSERT_TRUE(third.has_value() && third->has_value());
  EXPECT_EQ((*third)->kind, BreakerEventKind::kOpened);
  EXPECT_EQ((*third)->cause, BreakerCause::kConsecutiveFailures);
  EXPECT_EQ((*third)->failures, 3);

  const BreakerAdmission fourth = breaker.Admit(At(1000));
  EXPECT_FALSE(fourth.admitted);
  EXPECT_EQ(fourth.refusal, ErrorClass::kCircuitOpen);
  EXPECT_EQ(fourth.retry_after, Milliseconds{59'002});
  EXPECT_FALSE(breaker.Admit(At(60'001)).admitted);

  const BreakerAdmission probe = breaker.Admit(At(60'002));  // 60 s after the trip
  ASSERT_TRUE(probe.admitted);
  EXPECT_EQ(probe.event->kind, BreakerEventKind::kHalfOpened);
  EXPECT_FALSE(breaker.Admit(At(60'002)).admitted);  // one probe
  const auto closed = breaker.Settle(probe.ticket, Ok(), At(60'100), kNoJitter);
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->kind, BreakerEventKind::kClosed);
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_EQ(breaker.consecutive_failures(), 0);
}

TEST_F(CircuitBreakerTest, Example10FailedProbeReopens) {
  CircuitBreaker breaker(OneProbe());
  for (int i = 0; i < 3; ++i) {
    Call(breaker, 0, Failed());
  }
  const auto probe = Call(breaker, 60'000, Failed());
  ASSERT_TRUE(probe.has_value() && probe->has_value());
  EXPECT_EQ((*probe)->kind, BreakerEventKind::kReopened);
  EXPECT_EQ((*probe)->cause, BreakerCause::kProbeFailed);
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
}

TEST_F(CircuitBreakerTest, Example11RateOpensOnTheFifthOfFFSFF) {
  CircuitBreaker breaker(OnlyRate(50, 5));
  for (const AttemptOutcome& outcome : {Failed(), Failed(), Ok(), Failed()}) {
    EXPECT_FALSE(Call(breaker, 0, outcome)->has_value());
  }
  const auto fifth = Call(breaker, 10, Failed());
  ASSERT_TRUE(fifth->has_value());
  EXPECT_EQ((*fifth)->cause, BreakerCause::kFailureRate);
  EXPECT_EQ((*fifth)->failures, 4);  // 80 %
  EXPECT_EQ((*fifth)->calls, 5);
}

TEST_F(CircuitBreakerTest, Example11FivePercentOfTwenty) {
  CircuitBreaker first_call(OnlyRate(5, 20));
  EXPECT_FALSE(Call(first_call, 0, Failed())->has_value());  // 1 of 1: closed
  EXPECT_EQ(first_call.state(), BreakerState::kClosed);
  for (int i = 1; i < 19; ++i) {
    EXPECT_FALSE(Call(first_call, i, Ok())->has_value());
  }
  EXPECT_TRUE(Call(first_call, 19, Ok())->has_value());  // 1 of 20: open
  EXPECT_EQ(first_call.state(), BreakerState::kOpen);
}

TEST_F(CircuitBreakerTest, Example12OpenTimesDoubleUpToTheCap) {
  for (const auto& [base, expected] :
       {std::pair{60'000, std::vector{60'000, 120'000, 240'000, 300'000, 300'000}},
        std::pair{30'000, std::vector{30'000, 60'000, 120'000, 240'000, 300'000}}}) {
    BreakerParameters parameters = OneProbe();
    parameters.open_for = Milliseconds{base};
    CircuitBreaker breaker(parameters);
    std::int64_t now = 0;
    std::vector<int> seen;
    Call(breaker, now, Failed());
    Call(breaker, now, Failed());
    for (int i = 0; i < 5; ++i) {
      const auto event = Call(breaker, now, Failed());
      ASSERT_TRUE(event.has_value() && event->has_value());
      seen.push_back(static_cast<int>((*event)->open_for.count()));
      now += (*event)->open_for.count();
    }
    EXPECT_EQ(seen, expected);
    EXPECT_TRUE((*Call(breaker, now, Ok()))->kind == BreakerEventKind::kClosed);
    Call(breaker, now, Failed());
    Call(breaker, now, Failed());
    EXPECT_EQ((*Call(breaker, now, Failed()))->open_for, Milliseconds{base});  // back to base
  }
}

TEST_F(CircuitBreakerTest, JitterSpreadsTheOpenTimeBelowTheCap) {
  for (const auto& [draw, expected] :
       {std::pair{0.0, 48'000}, std::pair{0.5, 60'000}, std::pair{1.0, 72'000}}) {
    CircuitBreaker breaker(BreakerParameters{});
    std::optional<BreakerEvent> event;
    for (int i = 0; i < 3; ++i) {
      event = breaker.Settle(breaker.Admit(At(0)).ticket, Failed(), At(0), draw);
    }
    EXPECT_EQ(event->open_for, Milliseconds{expected});
  }
  BreakerParameters capped;
  capped.open_for = capped.max_open_for;
  CircuitBreaker breaker(capped);
  std::optional<BreakerEvent> event;
  for (int i = 0; i < 3; ++i) {
    event = breaker.Settle(breaker.Admit(At(0)).ticket, Failed(), At(0), 0.99);
  }
  EXPECT_EQ(event->open_for, capped.max_open_for);
}

TEST_F(CircuitBreakerTest, SuccessEndsTheRunOfFailures) {
  CircuitBreaker breaker(BreakerParameters{});
  for (const AttemptOutcome& outcome : {Failed(), Failed(), Ok(), Failed()}) {
    Call(breaker, 0, outcome);
  }
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_EQ(breaker.consecutive_failures(), 1);
}

TEST_F(CircuitBreakerTest, OldFailuresLeaveTheWindow) {
  CircuitBreaker breaker(OnlyRate(50, 5));
  for (int i = 0; i < 4; ++i) {
    Call(breaker, 0, Failed());
  }
  EXPECT_FALSE(Call(breaker, 60'000, Failed())->has_value());  // alone in the window again
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(Call(breaker, 60'100, Failed())->has_value());
  }
  EXPECT_TRUE(Call(breaker, 60'200, Failed())->has_value());
}

TEST_F(CircuitBreakerTest, CallersFaultsAndNeutralOutcomesCountForNothing) {
  CircuitBreaker breaker(BreakerParameters{});
  for (const ErrorClass ignored :
       {ErrorClass::kInvalidRequest, ErrorClass::kAuth, ErrorClass::kToolErrorPermanent,
        ErrorClass::kClientCancelled, ErrorClass::kLocalOutage, ErrorClass::kContentFilter}) {
    for (int i = 0; i < 10; ++i) {
      EXPECT_FALSE(Call(breaker, 0, {ignored, std::nullopt})->has_value());
    }
  }
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
}

TEST_F(CircuitBreakerTest, QuotaOpensAtOnceForTheQuotaHold) {
  CircuitBreaker breaker(BreakerParameters{});
  const auto event = Call(breaker, 0, {ErrorClass::kQuotaExhausted, std::nullopt});
  ASSERT_TRUE(event->has_value());
  EXPECT_EQ((*event)->cause, BreakerCause::kQuota);
  EXPECT_EQ((*event)->open_for, Milliseconds{300'000});
  EXPECT_FALSE(breaker.Admit(At(299'999)).admitted);
  const auto again = Call(breaker, 300'000, {ErrorClass::kQuotaExhausted, std::nullopt});
  EXPECT_EQ((*again)->kind, BreakerEventKind::kReopened);
  EXPECT_EQ((*again)->open_for, Milliseconds{300'000});  // does not double
}

TEST_F(CircuitBreakerTest, RateLimitHoldsUntilTheNamedTimeWithoutAFailure) {
  CircuitBreaker breaker(BreakerParameters{});
  const auto event = Call(breaker, 0, {ErrorClass::kRateLimited, Milliseconds{7000}});
  ASSERT_TRUE(event->has_value());
  EXPECT_EQ((*event)->kind, BreakerEventKind::kHeld);
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_TRUE(breaker.Restricts(At(1)));
  const BreakerAdmission held = breaker.Admit(At(2000));
  EXPECT_FALSE(held.admitted);
  EXPECT_EQ(held.refusal, ErrorClass::kRateLimited);
  EXPECT_EQ(held.retry_after, Milliseconds{5000});
  EXPECT_TRUE(breaker.Admit(At(7000)).admitted);
  EXPECT_EQ(breaker.consecutive_failures(), 0);
}

TEST_F(CircuitBreakerTest, RateLimitWithoutATimeHoldsNothing) {
  CircuitBreaker breaker(BreakerParameters{});
  EXPECT_FALSE(Call(breaker, 0, {ErrorClass::kRateLimited, std::nullopt})->has_value());
  EXPECT_TRUE(breaker.Admit(At(1)).admitted);
}

TEST_F(CircuitBreakerTest, NamedWaitsAreBounded) {
  CircuitBreaker breaker(BreakerParameters{});
  Call(breaker, 0, {ErrorClass::kRateLimited, Milliseconds{86'400'000}});
  EXPECT_TRUE(breaker.Admit(At(3'600'000)).admitted);
}

TEST_F(CircuitBreakerTest, RetryAfterOfTheTrippingFailureExtendsTheOpenTime) {
  CircuitBreaker breaker(BreakerParameters{});
  Call(breaker, 0, Failed());
  Call(breaker, 0, Failed());
  const auto event = Call(breaker, 0, {ErrorClass::kOverloaded, Milliseconds{90'000}});
  EXPECT_EQ((*event)->open_for, Milliseconds{90'000});
  EXPECT_EQ(breaker.RetryAfter(At(10'000)), Milliseconds{80'000});
}

TEST_F(CircuitBreakerTest, TwoSuccessfulProbesCloseByDefault) {
  CircuitBreaker breaker(BreakerParameters{});
  for (int i = 0; i < 3; ++i) {
    Call(breaker, 0, Failed());
  }
  const BreakerAdmission one = breaker.Admit(At(60'000));
  const BreakerAdmission two = breaker.Admit(At(60'000));
  EXPECT_TRUE(one.admitted && two.admitted);
  EXPECT_FALSE(breaker.Admit(At(60'000)).admitted);
  EXPECT_EQ(breaker.ProbesInFlight(At(60'000)), 2);
  EXPECT_FALSE(breaker.Settle(one.ticket, Ok(), At(60'100), kNoJitter).has_value());
  EXPECT_FALSE(breaker.Settle(one.ticket, Ok(), At(60'100), kNoJitter).has_value());  // twice
  EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen);
  EXPECT_EQ(breaker.Settle(two.ticket, Ok(), At(60'200), kNoJitter)->kind,
            BreakerEventKind::kClosed);
}

TEST_F(CircuitBreakerTest, CancelledProbeFreesItsSlotAndDecidesNothing) {
  CircuitBreaker breaker(OneProbe());
  for (int i = 0; i < 3; ++i) {
    Call(breaker, 0, Failed());
  }
  const BreakerAdmission probe = breaker.Admit(At(60'000));
  EXPECT_FALSE(
      breaker
          .Settle(probe.ticket, {ErrorClass::kClientCancelled, std::nullopt}, At(60'100), kNoJitter)
          .has_value());
  EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen);
  EXPECT_TRUE(breaker.Admit(At(60'100)).admitted);
}

TEST_F(CircuitBreakerTest, ExpiredLeaseFreesTheSlotAndItsLateOutcomeIsIgnored) {
  BreakerParameters parameters = OneProbe();
  parameters.probe_lease = Milliseconds{6000};
  CircuitBreaker breaker(parameters);
  for (int i = 0; i < 3; ++i) {
    Call(breaker, 0, Failed());
  }
  const BreakerAdmission lost = breaker.Admit(At(60'000));
  EXPECT_FALSE(breaker.Admit(At(65'999)).admitted);
  const BreakerAdmission next = breaker.Admit(At(66'000));
  EXPECT_TRUE(next.admitted);
  EXPECT_FALSE(breaker.Settle(lost.ticket, Failed(), At(66'100), kNoJitter).has_value());
  EXPECT_EQ(breaker.Settle(next.ticket, Ok(), At(66'200), kNoJitter)->kind,
            BreakerEventKind::kClosed);
}

TEST_F(CircuitBreakerTest, OutcomesOfAnOlderGenerationAreIgnored) {
  CircuitBreaker breaker(OneProbe());
  const BreakerAdmission slow = breaker.Admit(At(0));
  for (int i = 0; i < 3; ++i) {
    Call(breaker, 0, Failed());
  }
  EXPECT_FALSE(breaker.Settle(slow.ticket, Ok(), At(10), kNoJitter).has_value());
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  Call(breaker, 60'000, Ok());
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_FALSE(breaker.Settle(slow.ticket, Failed(), At(60'010), kNoJitter).has_value());
  EXPECT_EQ(breaker.consecutive_failures(), 0);
}

TEST_F(CircuitBreakerTest, ObserveSendsRefusedCallsAndTheirOutcomesDoNotCount) {
  CircuitBreaker breaker(OneProbe());
  for (int i = 0; i < 3; ++i) {
    Call(breaker, 0, Failed());
  }
  const BreakerAdmission would_reject = breaker.Admit(At(1000));
  ASSERT_FALSE(would_reject.admitted);
  EXPECT_FALSE(breaker.Settle(would_reject.ticket, Ok(), At(1100), kNoJitter).has_value());
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
}

TEST_F(CircuitBreakerTest, HalfOpenKeepsARateLimitHold) {
  CircuitBreaker breaker(OneProbe());
  for (int i = 0; i < 3; ++i) {
    Call(breaker, 0, Failed());
  }
  const auto held = Call(breaker, 60'000, {ErrorClass::kRateLimited, Milliseconds{5000}});
  EXPECT_EQ((*held)->kind, BreakerEventKind::kHeld);
  EXPECT_EQ(breaker.Admit(At(61'000)).refusal, ErrorClass::kRateLimited);
  EXPECT_EQ((*Call(breaker, 65'000, Ok()))->kind, BreakerEventKind::kClosed);
}

}  // namespace
}  // namespace reliability::policy
