#pragma once
// How long one attempt may take: the component's limit, clipped by what the turn has left. Pure.
//
// The synthesis reserve keeps time for the model to write the answer: tools may not touch it, nor
// may an LLM attempt that still has a later target (data-plane ruling 5).
#include <cstdint>
#include <optional>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"

namespace reliability::policy {

inline constexpr Milliseconds kMinToolAttempt{1000};  // a tool call with less is not started
inline constexpr Milliseconds kLastLlmMargin{200};    // kept to write our own answer

// Share of its own limit above which a call is slow, and at which a half-open probe is over
// (data-plane.md 2.4): whoever sent the probe keeps time for another place.
inline constexpr int kSlowSharePercent = 80;
[[nodiscard]] constexpr Milliseconds SlowShareOf(Milliseconds limit) {
  return limit * kSlowSharePercent / 100;
}

enum class LimitSource : std::uint8_t { kComponent, kTurn, kClient };

struct AttemptLimit {
  bool allowed = true;    // false: answer deadline_exceeded without sending
  Milliseconds limit{0};  // > 0 when allowed
  LimitSource source = LimitSource::kComponent;
};

// What the turn leaves; absent for calls that belong to no turn.
struct TurnBudget {
  Milliseconds remaining{0};
  Milliseconds reserve{0};
};

// `client`: X-Stainless-Timeout in ms.
[[nodiscard]] AttemptLimit ResolveToolLimit(Milliseconds component,
                                            const std::optional<TurnBudget>& turn,
                                            std::optional<Milliseconds> client);
// A tool that may outlive its turn (data-plane ruling 7): it has to begin before the reserve does;
// then the turn does not bound it.
[[nodiscard]] AttemptLimit ResolveLongRunningLimit(Milliseconds component,
                                                   const std::optional<TurnBudget>& turn);
[[nodiscard]] AttemptLimit ResolveLlmLimit(Milliseconds component,
                                           const std::optional<TurnBudget>& turn,
                                           bool has_later_target,
                                           std::optional<Milliseconds> client);

// The same for a half-open probe. Its own limit is the shorter one; what the turn or the caller
// leaves is shortened only if another place can use the rest.
[[nodiscard]] AttemptLimit ShortenForProbe(const AttemptLimit& limit, Milliseconds component,
                                           bool has_later_target);

// Class of an attempt whose limit passed: an upstream is not blamed for a turn that ran out.
[[nodiscard]] ErrorClass ClassOfExpiry(LimitSource source);

}  // namespace reliability::policy
