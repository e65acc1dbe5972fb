#include "libs/policy/retry.h"

#include <algorithm>
#include <cmath>

namespace reliability::policy {
namespace {

bool ClassAllows(const RetrySettings& settings, ErrorClass error_class) {
  if (!TraitsOf(error_class).retryable) {
    return false;
  }
  const auto& chosen = settings.retry_on;
  return chosen.empty() || std::find(chosen.begin(), chosen.end(), error_class) != chosen.end();
}

}  // namespace

std::string_view RetryDecisionName(RetryDecision decision) {
  switch (decision) {
    case RetryDecision::kRetry:
      return "retry";
    case RetryDecision::kClass:
      return "class";
    case RetryDecision::kCommitted:
      return "committed";
    case RetryDecision::kNotReplayable:
      return "not_replayable";
    case RetryDecision::kProbe:
      return "probe";
    case RetryDecision::kUpstreamForbids:
      return "upstream_forbids";
    case RetryDecision::kNoneLeft:
      return "none_left";
    case RetryDecision::kSlow:
      return "slow";
    case RetryDecision::kWaitTooLong:
      return "wait_too_long";
    case RetryDecision::kNoTime:
      return "no_time";
    case RetryDecision::kBudget:
      return "budget_exhausted";
    case RetryDecision::kBreaker:
      return "breaker_open";
  }
  return "";
}

Milliseconds Backoff(const RetrySettings& settings, int retries_done,
                     std::optional<Milliseconds> named, double jitter) {
  if (named) {
    return *named +
           Milliseconds{std::llround(static_cast<double>(settings.backoff_base.count()) * jitter)};
  }
  Milliseconds ceiling = settings.backoff_base;
  for (int i = 0; i < retries_done && ceiling < settings.backoff_max; ++i) {
    ceiling *= 2;
  }
  ceiling = std::min(ceiling, settings.backoff_max);
  return Milliseconds{std::llround(static_cast<double>(ceiling.count()) * jitter)};
}

RetryVerdict DecideRetry(const RetrySettings& settings, const RetryFacts& facts, double jitter) {
  if (!ClassAllows(settings, facts.error_class)) {
    return {RetryDecision::kClass, {}};
  }
  if (!facts.replayable && facts.sent) {
    return {RetryDecision::kNotReplayable, {}};
  }
  if (facts.probe) {
    return {RetryDecision::kProbe, {}};
  }
  if (facts.upstream_forbids) {
    return {RetryDecision::kUpstreamForbids, {}};
  }
  if (facts.retries_done >= settings.max_retries - facts.client_retries) {
    return {RetryDecision::kNoneLeft, {}};
  }
  if (facts.committed) {
    return {RetryDecision::kCommitted, {}};
  }
  if (facts.took > settings.on_failure_within) {
    return {RetryDecision::kSlow, {}};
  }
  const std::optional<Milliseconds> named =
      settings.honor_retry_after ? facts.retry_after : std::nullopt;
  if (named && *named > settings.retry_after_max) {
    return {RetryDecision::kWaitTooLong, {}};
  }
  const Milliseconds wait = Backoff(settings, facts.retries_done, named, jitter);
  if (facts.time_left &&
      wait + std::min(kMinRetryAttempt, facts.attempt_limit) > *facts.time_left) {
    return {RetryDecision::kNoTime, {}};
  }
  return {RetryDecision::kRetry, wait};
}

}  // namespace reliability::policy
