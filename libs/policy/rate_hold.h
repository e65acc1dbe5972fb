#pragma once
// What a call does that finds its place held by a rate limit that another call ran into (data-plane
// ruling 23). The call that saw the 429 itself follows retry.h. Pure.
#include <cstdint>
#include <optional>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"
#include "libs/policy/retry.h"

namespace reliability::policy {

enum class HoldDecision : std::uint8_t {
  kNextTarget,  // another place can be asked at once
  kWait,        // for the end of the hold, then ask the breaker again
  kRefuse,      // answer here: 429 of class rate_limited, or as the breaker says
};

struct HoldFacts {
  ErrorClass refusal = ErrorClass::kNone;  // only kRateLimited is a hold
  Milliseconds ends_in{0};                 // 0: no time is known
  bool later_target = false;               // a place of the chain that can be asked
  bool stood_in = false;                   // the call has left the place where it began
  int retries_done = 0;                    // at this place; retries do not wait for holds
  Milliseconds waited{0};                  // for holds before this one
  std::optional<Milliseconds> time_left;   // until the attempt would have to end
  Milliseconds attempt_limit{0};           // of one attempt, if the time left allows it
};

[[nodiscard]] HoldDecision DecideHold(const RetrySettings& settings, const HoldFacts& facts);

}  // namespace reliability::policy
