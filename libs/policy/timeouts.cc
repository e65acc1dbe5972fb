#include "libs/policy/timeouts.h"

#include <algorithm>

namespace reliability::policy {
namespace {

void Clip(AttemptLimit& limit, Milliseconds bound, LimitSource source) {
  if (bound < limit.limit) {
    limit.limit = bound;
    limit.source = source;
  }
}

AttemptLimit Resolve(Milliseconds component, std::optional<Milliseconds> usable,
                     Milliseconds minimum, std::optional<Milliseconds> client) {
  AttemptLimit limit{true, component, LimitSource::kComponent};
  if (usable) {
    if (*usable < minimum) {
      return AttemptLimit{false, Milliseconds{0}, LimitSource::kTurn};
    }
    Clip(limit, *usable, LimitSource::kTurn);
  }
  if (client && client->count() > 0) {
    Clip(limit, *client, LimitSource::kClient);
  }
  return limit;
}

}  // namespace

AttemptLimit ResolveToolLimit(Milliseconds component, const std::optional<TurnBudget>& turn,
                              std::optional<Milliseconds> client) {
  std::optional<Milliseconds> usable;
  if (turn) {
    usable = turn->remaining - turn->reserve;
  }
  return Resolve(component, usable, kMinToolAttempt, client);
}

AttemptLimit ResolveLongRunningLimit(Milliseconds component,
                                     const std::optional<TurnBudget>& turn) {
  if (turn && turn->remaining <= turn->reserve) {
    return AttemptLimit{false, Milliseconds{0}, LimitSource::kTurn};
  }
  return AttemptLimit{true, component, LimitSource::kComponent};
}

AttemptLimit ResolveLlmLimit(Milliseconds component, const std::optional<TurnBudget>& turn,
                             bool has_later_target, std::optional<Milliseconds> client) {
  std::optional<Milliseconds> usable;
  if (turn) {
    usable = turn->remaining - (has_later_target ? turn->reserve : kLastLlmMargin);
  }
  return Resolve(component, usable, Milliseconds{1}, client);
}

AttemptLimit ShortenForProbe(const AttemptLimit& limit, Milliseconds component,
                             bool has_later_target) {
  AttemptLimit shorter = limit;
  const Milliseconds own = std::max(Milliseconds{1}, SlowShareOf(component));
  if (own <= limit.limit) {
    shorter.limit = own;
    shorter.source = LimitSource::kComponent;
  } else if (has_later_target) {
    shorter.limit = std::max(Milliseconds{1}, SlowShareOf(limit.limit));
  }
  return shorter;
}

ErrorClass ClassOfExpiry(LimitSource source) {
  return source == LimitSource::kComponent ? ErrorClass::kTimeoutTotal
                                           : ErrorClass::kDeadlineExceeded;
}

}  // namespace reliability::policy
