// Words of circuit breakers in logs, labels and pages.
#include "libs/policy/circuit_breaker.h"

namespace reliability::policy {

std::string_view BreakerStateName(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kOpen:
      return "open";
    case BreakerState::kHalfOpen:
      return "half_open";
  }
  return "";
}

std::string_view BreakerCauseName(BreakerCause cause) {
  switch (cause) {
    case BreakerCause::kNone:
      return "none";
    case BreakerCause::kConsecutiveFailures:
      return "consecutive_failures";
    case BreakerCause::kFailureRate:
      return "failure_rate";
    case BreakerCause::kProbeFailed:
      return "probe_failed";
    case BreakerCause::kQuota:
      return "quota";
    case BreakerCause::kRateLimit:
      return "rate_limit";
    case BreakerCause::kSlowCalls:
      return "slow_calls";
    case BreakerCause::kMeanLatency:
      return "mean_latency";
    case BreakerCause::kToolsOpen:
      return "tools_open";
    case BreakerCause::kForcedOpen:
      return "forced_open";
  }
  return "";
}

std::string_view BreakerEventName(BreakerEventKind kind) {
  switch (kind) {
    case BreakerEventKind::kOpened:
      return "breaker_opened";
    case BreakerEventKind::kReopened:
      return "breaker_reopened";
    case BreakerEventKind::kHalfOpened:
      return "breaker_half_opened";
    case BreakerEventKind::kClosed:
      return "breaker_closed";
    case BreakerEventKind::kHeld:
      return "breaker_held";
    case BreakerEventKind::kAutomatic:
      return "breaker_automatic";
    case BreakerEventKind::kMetricsOnly:
      return "breaker_metrics_only";
    case BreakerEventKind::kForcedOpen:
      return "breaker_forced_open";
    case BreakerEventKind::kDisabled:
      return "breaker_disabled";
  }
  return "";
}

std::string_view BreakerOperationName(BreakerOperation operation) {
  switch (operation) {
    case BreakerOperation::kAutomatic:
      return "Automatic";
    case BreakerOperation::kMetricsOnly:
      return "MetricsOnly";
    case BreakerOperation::kForcedOpen:
      return "ForcedOpen";
    case BreakerOperation::kDisabled:
      return "Disabled";
  }
  return "";
}

}  // namespace reliability::policy
