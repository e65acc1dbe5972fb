#pragma once
// Whether a failed attempt is made again at the same target, and after which wait (data-plane.md
// 2.7; rulings 14, 19, 23). Pure: times, counts and the jitter's draw are arguments; the budget
// (retry_budget.h) is asked last, by the caller.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"
#include "libs/policy/retry_budget.h"

namespace reliability::policy {

// A retry with less time than this before its limit is not begun.
inline constexpr Milliseconds kMinRetryAttempt{1000};

struct RetrySettings {
  int max_retries = 2;  // 2 = at most 3 attempts; 0 = none
  Milliseconds backoff_base{200};
  Milliseconds backoff_max{2000};
  bool honor_retry_after = true;         // false: waits that upstreams name are not looked at
  Milliseconds retry_after_max{3000};    // longer named waits are not waited for
  Milliseconds on_failure_within{3000};  // slower failures are not repeated
  RetryBudgetSettings budget;
  std::vector<ErrorClass> retry_on;  // empty: every class that the table allows
};

// One failed attempt, as seen by its call.
struct RetryFacts {
  ErrorClass error_class = ErrorClass::kNone;
  int retries_done = 0;
  int client_retries = 0;         // X-Stainless-Retry-Count
  bool replayable = false;        // repeating it changes nothing (data-plane.md 2.8), body at hand
  bool sent = true;               // a byte left us; false proves that the upstream saw nothing
  bool committed = false;         // content was passed on
  bool probe = false;             // of a half-open breaker: never repeated (ruling 19)
  bool upstream_forbids = false;  // x-should-retry: false
  Milliseconds took{0};
  std::optional<Milliseconds> retry_after;  // named by the upstream
  // Until the next attempt would have to end; absent = no such limit.
  std::optional<Milliseconds> time_left;
  Milliseconds attempt_limit{0};  // of one attempt, if the time left allows it
};

enum class RetryDecision : std::uint8_t {
  kRetry,
  kClass,            // not a failure that passes: never counted
  kCommitted,        // the agent has seen content
  kNotReplayable,    // it might change something twice
  kProbe,            // a half-open probe failed
  kUpstreamForbids,  // x-should-retry: false
  kNoneLeft,         // maxRetries, less the client's own retries
  kSlow,             // it took longer than onFailureWithin
  kWaitTooLong,      // the named wait is longer than retryAfter.max
  kNoTime,           // wait and attempt do not fit into what the turn has left
  kBudget,           // the pod's retry budget for this target is spent
  kBreaker,          // the circuit is open by now
};
inline constexpr int kRetryDecisionCount = 12;
// Metric label: "retry", "none_left", "budget_exhausted", …
[[nodiscard]] std::string_view RetryDecisionName(RetryDecision decision);

struct RetryVerdict {
  RetryDecision decision = RetryDecision::kClass;
  Milliseconds wait{0};  // kRetry
};

// kRetry means: nothing but budget and breaker can speak against it. `jitter` in [0, 1).
[[nodiscard]] RetryVerdict DecideRetry(const RetrySettings& settings, const RetryFacts& facts,
                                       double jitter);

// Full jitter: anything between 0 and base * 2^retries_done, at most backoff_max. A named wait is
// never shortened; the jitter comes on top, so that waiters do not come back at one moment.
[[nodiscard]] Milliseconds Backoff(const RetrySettings& settings, int retries_done,
                                   std::optional<Milliseconds> named, double jitter);

}  // namespace reliability::policy
