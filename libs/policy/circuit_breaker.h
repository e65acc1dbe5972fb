#pragma once
// One circuit breaker: when to stop asking a failing upstream, and when to try it again.
//
//            trip (consecutive | rate | slow | quota)       open time over (lazy, at Admit)
//   CLOSED ------------------------------------> OPEN ----------------------------------->
//   HALF_OPEN
//     ^                                           ^                                            |  |
//     |                                           +--------- one probe fails (time doubles) ---+  |
//     +------------------------ `successes` probes succeed ---------------------------------------+
//
// A rate-limit hold is no state: calls are refused until the time the upstream named, and no
// failure is counted. A person may take the decision away (BreakerOperation). Pure: time and the
// jitter's draw are arguments. Not thread-safe; the event loop thread owns it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"

namespace reliability::policy {

struct BreakerParameters {
  int consecutive_failures = 3;  // 0 = rule off
  int failure_percent = 50;      // trips at >= ; 0 = rule off
  int min_calls = 5;             // of all rules over the window
  Milliseconds window{60000};    // ten exact buckets
  Milliseconds open_for{60000};  // doubles at each reopening
  Milliseconds max_open_for{300000};
  int max_probes = 2;               // at one time
  int successes = 2;                // to close
  Milliseconds probe_lease{60000};  // a probe that did not settle by then gives its slot back
  Milliseconds quota_hold{300000};
  int slow_percent = 0;  // slow outcomes trip at >= this share; 0 = rule off
  // An outcome that took this long is slow; 0 = SlowShareOf() its own limit (timeouts.h).
  Milliseconds slow_after{0};
  Milliseconds mean_latency{0};  // the mean over the window trips at >= ; 0 = rule off
  friend bool operator==(const BreakerParameters&, const BreakerParameters&) = default;
};

enum class BreakerState : std::uint8_t { kClosed, kOpen, kHalfOpen };
enum class BreakerCause : std::uint8_t {
  kNone,
  kConsecutiveFailures,
  kFailureRate,
  kProbeFailed,
  kQuota,
  kRateLimit,
  kSlowCalls,
  kMeanLatency,
  kToolsOpen,   // of a server: too many of its tools are open
  kForcedOpen,  // a person said so
};
// Who decides. A change keeps what the breaker has counted.
enum class BreakerOperation : std::uint8_t {
  kAutomatic,
  kMetricsOnly,  // counts and changes state as if it decided, but refuses nothing
  kForcedOpen,   // refuses everything
  kDisabled,     // lets everything pass and counts nothing
};
[[nodiscard]] std::string_view BreakerStateName(
    BreakerState state);  // "closed", "open", "half_open"
[[nodiscard]] std::string_view BreakerCauseName(BreakerCause cause);  // "consecutive_failures", …
[[nodiscard]] std::string_view BreakerOperationName(BreakerOperation operation);  // "Automatic", …

// What changed, for logs and metrics. Reopening has its own kind: opens per day count incidents.
enum class BreakerEventKind : std::uint8_t {
  kOpened,
  kReopened,
  kHalfOpened,
  kClosed,
  kHeld,
  // The operation changed to this one.
  kAutomatic,
  kMetricsOnly,
  kForcedOpen,
  kDisabled,
};
inline constexpr int kBreakerEventKindCount = 9;
[[nodiscard]] std::string_view BreakerEventName(BreakerEventKind kind);  // "breaker_opened", …

struct BreakerEvent {
  BreakerEventKind kind = BreakerEventKind::kOpened;
  BreakerCause cause = BreakerCause::kNone;
  ErrorClass last_class = ErrorClass::kNone;  // of the outcome that caused it
  // In a row; in the window (kFailureRate); slow ones in it (kSlowCalls); open tools (kToolsOpen).
  int failures = 0;
  int calls = 0;             // in the window; called tools (kToolsOpen)
  Milliseconds open_for{0};  // kOpened, kReopened, kHeld
  Milliseconds mean{0};      // kMeanLatency
};

// Given back to Settle() by the call that it admitted. Copyable; settle once, later ones are
// ignored.
struct BreakerTicket {
  std::uint64_t generation = 0;
  std::uint64_t probe = 0;  // 0 = not a probe
  bool counted = false;     // false: the call was refused (Observe sends it anyway): never counted
};

struct BreakerAdmission {
  bool admitted = true;
  // Only kMetricsOnly: the call is sent although Automatic would have refused it as `refusal` says.
  bool would_refuse = false;
  BreakerTicket ticket;
  ErrorClass refusal = ErrorClass::kNone;  // kCircuitOpen, or kRateLimited during a hold
  Milliseconds retry_after{0};             // of a refusal: until the next call may pass; 0 unknown
  BreakerCause cause = BreakerCause::kNone;
  std::optional<BreakerEvent> event;
};

struct AttemptOutcome {
  ErrorClass error_class = ErrorClass::kNone;
  std::optional<Milliseconds> retry_after;  // named by the upstream
  Milliseconds took{0};                     // of a stream: until its first content
  Milliseconds limit{0};                    // what it was allowed to take; 0 = unknown
  // Instead of the class's own, where a breaker counts something else than attempts.
  std::optional<BreakerEffect> effect = std::nullopt;
};

class CircuitBreaker {
 public:
  // No upstream keeps a breaker shut for longer than this by naming a time.
  static constexpr Milliseconds kMaxNamedWait{3'600'000};

  // `first_generation` must differ between breakers that follow each other under one key, so that
  // tickets of the earlier one are ignored.
  explicit CircuitBreaker(const BreakerParameters& parameters, std::uint64_t first_generation = 1);

  // May this attempt go upstream? Moves OPEN to HALF_OPEN when its time is over.
  [[nodiscard]] BreakerAdmission Admit(MonotonicTime now);

  // The attempt's end. A stream settles at its terminal event, never earlier. `jitter` in [0, 1)
  // spreads the open time over -20 %..+20 % (0.5 = none). Outcomes of an older generation and of
  // expired leases are ignored.
  std::optional<BreakerEvent> Settle(const BreakerTicket& ticket, const AttemptOutcome& outcome,
                                     MonotonicTime now, double jitter);

  // Opens a closed one for a reason that it does not see itself; nullopt if it was not closed.
  std::optional<BreakerEvent> Trip(BreakerCause cause, int failures, int calls, MonotonicTime now,
                                   double jitter);

  // Refuses calls until the time that the outcome names; nullopt: it names none, is held for longer
  // already, or does not count. Settle() does it for a rate limit.
  std::optional<BreakerEvent> Hold(const AttemptOutcome& outcome, MonotonicTime now);

  // The event if it changes.
  std::optional<BreakerEvent> SetOperation(BreakerOperation operation);
  [[nodiscard]] BreakerOperation operation() const { return operation_; }

  // OPEN stays until the first Admit() after its time: transitions are lazy.
  [[nodiscard]] BreakerState state() const { return state_; }
  // Until the next call may pass; 0 when it may now.
  [[nodiscard]] Milliseconds RetryAfter(MonotonicTime now) const;
  // Whether Admit() at `at` would refuse for longer than the end of a running probe.
  [[nodiscard]] bool Refuses(MonotonicTime at) const;
  // Not closed, or held.
  [[nodiscard]] bool Restricts(MonotonicTime now) const;
  [[nodiscard]] int ProbesInFlight(MonotonicTime now) const;
  [[nodiscard]] int consecutive_failures() const { return consecutive_; }
  // What the window holds now.
  struct Totals {
    int calls = 0;
    int failures = 0;
    int slow = 0;
    std::int64_t took_ms = 0;
  };
  [[nodiscard]] Totals WindowTotals(MonotonicTime now) const;
  [[nodiscard]] const BreakerParameters& parameters() const { return parameters_; }
  // For probes from now on. Leases follow the call timeouts, which may change at any time.
  void SetProbeLease(Milliseconds lease) { parameters_.probe_lease = lease; }

 private:
  struct Bucket {
    std::int64_t index = -1;
    Totals totals;
  };
  struct Probe {
    std::uint64_t id = 0;
    MonotonicTime expires;
  };

  [[nodiscard]] static BreakerAdmission Refuse(ErrorClass refusal, Milliseconds retry_after,
                                               BreakerCause cause);
  [[nodiscard]] BreakerAdmission Decide(MonotonicTime now);
  // Of an outcome that counts: over the slow-call rule's threshold, or over the allowed mean.
  [[nodiscard]] bool IsSlow(const AttemptOutcome& outcome) const;
  [[nodiscard]] bool TooLong(const AttemptOutcome& outcome) const;
  [[nodiscard]] Milliseconds BucketWidth() const {
    return std::max(Milliseconds{1}, parameters_.window / std::ssize(buckets_));
  }
  void Record(bool failed, const AttemptOutcome& outcome, MonotonicTime now);
  // The window holds failed or slow outcomes; told without adding it up.
  [[nodiscard]] bool MayHoldBad(MonotonicTime now) const;
  [[nodiscard]] std::optional<BreakerCause> Tripped(MonotonicTime now) const;
  BreakerEvent Open(BreakerEventKind kind, BreakerCause cause, const AttemptOutcome& outcome,
                    MonotonicTime now, double jitter);
  BreakerEvent Close();
  std::optional<BreakerEvent> SettleProbe(const BreakerTicket& ticket,
                                          const AttemptOutcome& outcome, MonotonicTime now,
                                          double jitter);
  void DropExpiredProbes(MonotonicTime now);

  BreakerParameters parameters_;
  BreakerState state_ = BreakerState::kClosed;
  BreakerCause cause_ = BreakerCause::kNone;
  BreakerOperation operation_ = BreakerOperation::kAutomatic;
  std::uint64_t generation_;
  std::uint64_t next_probe_ = 1;
  int consecutive_ = 0;
  int openings_ = 0;  // since the last close; the exponent of the open time
  int probe_successes_ = 0;
  MonotonicTime open_until_{};
  MonotonicTime hold_until_{};
  std::vector<Probe> probes_;
  std::array<Bucket, 10> buckets_{};
  std::optional<MonotonicTime> last_bad_;  // the last failed or slow outcome
};

}  // namespace reliability::policy
