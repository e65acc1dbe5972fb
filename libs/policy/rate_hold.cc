#include "libs/policy/rate_hold.h"

#include <algorithm>

namespace reliability::policy {

HoldDecision DecideHold(const RetrySettings& settings, const HoldFacts& facts) {
  if (facts.later_target) {
    return HoldDecision::kNextTarget;
  }
  const Milliseconds needed = facts.ends_in + std::min(kMinRetryAttempt, facts.attempt_limit);
  const bool can_wait = facts.refusal == ErrorClass::kRateLimited && facts.ends_in.count() > 0 &&
                        settings.honor_retry_after &&
                        facts.waited + facts.ends_in <= settings.retry_after_max &&
                        (!facts.time_left.has_value() || needed <= *facts.time_left);
  return can_wait && !facts.stood_in && facts.retries_done == 0 ? HoldDecision::kWait
                                                                : HoldDecision::kRefuse;
}

}  // namespace reliability::policy
