// Words that dashboards and alerts depend on.
#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "libs/policy/circuit_breaker.h"

namespace reliability::policy {
namespace {

TEST(BreakerNames, States) {
  EXPECT_EQ(BreakerStateName(BreakerState::kClosed), "closed");
  EXPECT_EQ(BreakerStateName(BreakerState::kOpen), "open");
  EXPECT_EQ(BreakerStateName(BreakerState::kHalfOpen), "half_open");
}

TEST(BreakerNames, Causes) {
  const std::pair<BreakerCause, std::string_view> names[] = {
      {BreakerCause::kNone, "none"},
      {BreakerCause::kConsecutiveFailures, "consecutive_failures"},
      {BreakerCause::kFailureRate, "failure_rate"},
      {BreakerCause::kProbeFailed, "probe_failed"},
      {BreakerCause::kQuota, "quota"},
      {BreakerCause::kRateLimit, "rate_limit"},
      {BreakerCause::kSlowCalls, "slow_calls"},
      {BreakerCause::kMeanLatency, "mean_latency"},
      {BreakerCause::kToolsOpen, "tools_open"},
      {BreakerCause::kForcedOpen, "forced_open"},
  };
  for (const auto& [cause, name] : names) {
    EXPECT_EQ(BreakerCauseName(cause), name);
  }
}

TEST(BreakerNames, Events) {
  const std::pair<BreakerEventKind, std::string_view> names[] = {
      {BreakerEventKind::kOpened, "breaker_opened"},
      {BreakerEventKind::kReopened, "breaker_reopened"},
      {BreakerEventKind::kHalfOpened, "breaker_half_opened"},
      {BreakerEventKind::kClosed, "breaker_closed"},
      {BreakerEventKind::kHeld, "breaker_held"},
      {BreakerEventKind::kAutomatic, "breaker_automatic"},
      {BreakerEventKind::kMetricsOnly, "breaker_metrics_only"},
      {BreakerEventKind::kForcedOpen, "breaker_forced_open"},
      {BreakerEventKind::kDisabled, "breaker_disabled"},
  };
  for (const auto& [kind, name] : names) {
    EXPECT_EQ(BreakerEventName(kind), name);
  }
}

TEST(BreakerNames, Operations) {
  EXPECT_EQ(BreakerOperationName(BreakerOperation::kAutomatic), "Automatic");
  EXPECT_EQ(BreakerOperationName(BreakerOperation::kMetricsOnly), "MetricsOnly");
  EXPECT_EQ(BreakerOperationName(BreakerOperation::kForcedOpen), "ForcedOpen");
  EXPECT_EQ(BreakerOperationName(BreakerOperation::kDisabled), "Disabled");
}

}  // namespace
}  // namespace reliability::policy
