#include "libs/policy/error_class.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace reliability::policy {
namespace {

TEST(ErrorClass, NamesAreUniqueAndRoundTrip) {
  std::set<std::string> names;
  for (int i = 0; i < kErrorClassCount; ++i) {
    const auto error_class = static_cast<ErrorClass>(i);
    const std::string name(ErrorClassName(error_class));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(ParseErrorClass(name), error_class);
  }
  EXPECT_EQ(ParseErrorClass("no_such_class"), std::nullopt);
}

TEST(ErrorClass, BreakerColumnIsTheTableOfTheReference) {
  using enum ErrorClass;
  for (const ErrorClass failure :
       {kConnect, kResetBeforeHeaders, kTimeoutConnect, kTimeoutFirstToken, kTimeoutIdle,
        kTimeoutTotal, kOverloaded, kServerError, kStreamTruncated, kMalformed,
        kToolErrorTransient}) {
    EXPECT_EQ(TraitsOf(failure).breaker, BreakerEffect::kFailure) << ErrorClassName(failure);
  }
  for (const ErrorClass none :
       {kInvalidRequest, kAuth, kNotFound, kContentFilter, kContextLength, kToolErrorPermanent,
        kCircuitOpen, kDeadlineExceeded, kPaused, kThrottled}) {
    EXPECT_EQ(TraitsOf(none).breaker, BreakerEffect::kNone) << ErrorClassName(none);
  }
  EXPECT_EQ(TraitsOf(kRateLimited).breaker, BreakerEffect::kHold);
  EXPECT_EQ(TraitsOf(kQuotaExhausted).breaker, BreakerEffect::kQuotaOpen);
  EXPECT_EQ(TraitsOf(kClientCancelled).breaker, BreakerEffect::kNeutral);
  EXPECT_EQ(TraitsOf(kLocalOutage).breaker, BreakerEffect::kNeutral);
}

TEST(ErrorClass, NextTargetIsTheColumnOfTheReference) {
  using enum ErrorClass;
  for (const ErrorClass next :
       {kConnect, kResetBeforeHeaders, kTimeoutConnect, kTimeoutFirstToken, kTimeoutIdle,
        kTimeoutTotal, kRateLimited, kQuotaExhausted, kOverloaded, kServerError, kStreamTruncated,
        kMalformed, kCircuitOpen, kBulkheadFull, kUntranslatable}) {
    EXPECT_EQ(TraitsOf(next).next_target, NextTarget::kYes) << ErrorClassName(next);
  }
  EXPECT_EQ(TraitsOf(kContextLength).next_target, NextTarget::kLargerContext);
  for (const ErrorClass never : {kNone, kInvalidRequest, kAuth, kNotFound, kContentFilter,
                                 kLocalOutage, kPaused, kDeadlineExceeded, kClientCancelled}) {
    EXPECT_EQ(TraitsOf(never).next_target, NextTarget::kNo) << ErrorClassName(never);
  }
}

TEST(ErrorClass, WhatIsProvenNotToHaveActed) {
  using enum ErrorClass;
  for (const ErrorClass safe :
       {kConnect, kTimeoutConnect, kRateLimited, kQuotaExhausted, kOverloaded, kCircuitOpen}) {
    EXPECT_FALSE(TraitsOf(safe).may_have_acted) << ErrorClassName(safe);
  }
  for (const ErrorClass open : {kResetBeforeHeaders, kTimeoutTotal, kTimeoutIdle, kServerError,
                                kStreamTruncated, kMalformed, kDeadlineExceeded}) {
    EXPECT_TRUE(TraitsOf(open).may_have_acted) << ErrorClassName(open);
  }
}

TEST(ErrorClass, ModeRejectionsAndCancelledCallsAreNoEvents) {
  using enum ErrorClass;
  for (const ErrorClass none : {kPaused, kThrottled, kClientCancelled, kDeferred}) {
    EXPECT_EQ(TraitsOf(none).call_verdict, SliVerdict::kNone) << ErrorClassName(none);
    EXPECT_FALSE(TraitsOf(none).spoils_turn);
  }
  EXPECT_EQ(TraitsOf(kNone).call_verdict, SliVerdict::kGood);
  EXPECT_EQ(TraitsOf(kCircuitOpen).call_verdict, SliVerdict::kBad);
  EXPECT_EQ(TraitsOf(kToolErrorPermanent).call_verdict, SliVerdict::kBad);
  EXPECT_FALSE(TraitsOf(kToolErrorPermanent).spoils_turn);  // the model saw why
}

TEST(ErrorClass, WireStatusOfWhatWeSynthesise) {
  using enum ErrorClass;
  EXPECT_EQ(TraitsOf(kPaused).http_status, 503);
  EXPECT_EQ(TraitsOf(kThrottled).http_status, 503);
  EXPECT_EQ(TraitsOf(kCircuitOpen).http_status, 503);
  EXPECT_EQ(TraitsOf(kTimeoutTotal).http_status, 504);
  EXPECT_EQ(TraitsOf(kDeadlineExceeded).http_status, 504);
  EXPECT_EQ(TraitsOf(kConnect).http_status, 502);
  EXPECT_EQ(TraitsOf(kStreamTruncated).http_status, 502);
  EXPECT_EQ(TraitsOf(kRateLimited).http_status, 429);
  EXPECT_EQ(TraitsOf(kCircuitOpen).anthropic_type, "overloaded_error");
  EXPECT_EQ(TraitsOf(kTimeoutIdle).openai_type, "timeout_error");
  EXPECT_EQ(TraitsOf(kQuotaExhausted).anthropic_status, 402);
  EXPECT_EQ(TraitsOf(kOverloaded).anthropic_status, 529);
  EXPECT_EQ(TraitsOf(kBudgetExhausted).http_status, 429);
  EXPECT_EQ(TraitsOf(kIdempotencyConflict).http_status, 409);
}

}  // namespace
}  // namespace reliability::policy
