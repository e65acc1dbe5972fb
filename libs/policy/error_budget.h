#pragma once
// Signed error budget arithmetic (slo-and-enforcement 2). Pure.
//
//   allowed = (1 - target) total; remaining = (allowed - bad) / allowed, negative when overspent.
#include <optional>
#include <string_view>

#include "libs/policy/slo_types.h"

namespace reliability::policy {

class ErrorBudget {
 public:
  ErrorBudget(Objective objective, EventCounts counts) : objective_(objective), counts_(counts) {}

  [[nodiscard]] const EventCounts& counts() const { return counts_; }
  // Without events there is no budget to speak of: the values below are 0 (remaining: 1).
  [[nodiscard]] bool known() const { return counts_.events > 0; }
  [[nodiscard]] double allowed() const;    // events that may be bad
  [[nodiscard]] double remaining() const;  // ratio, signed, never clamped
  [[nodiscard]] double consumed() const;   // 1 - remaining
  [[nodiscard]] double burn_rate() const;  // bad share over budgeted share
  // Exact comparison with whole percents, free of rounding. False if not known.
  [[nodiscard]] bool RemainingBelow(int percent) const;
  [[nodiscard]] bool exhausted() const;  // nothing left
  // Enough events that one failure alone does not exhaust the budget (allowed >= 1).
  [[nodiscard]] bool evaluable() const;

 private:
  [[nodiscard]] std::int64_t allowed_ppm() const;

  Objective objective_;
  EventCounts counts_;
};

// Burn rate of some window: its bad share over the budgeted share; 0 without events.
[[nodiscard]] double BurnRate(Objective objective, EventCounts counts);

// How long the rest lasts at this burn rate; nothing if it never runs out (burn at most 1 in a
// rolling window) or nothing is left.
[[nodiscard]] std::optional<Milliseconds> TimeToExhaustion(double remaining, double burn_rate,
                                                           Milliseconds period);

// (1 - target) of a period: 99.9 % of 30 days = 43.2 min.
[[nodiscard]] Milliseconds TimeBudget(Objective objective, Milliseconds period);

// How fast the budget goes relative to the calendar: 80 % by mid-window is 1.6. `elapsed` > 0.
[[nodiscard]] double Pace(double consumed, Milliseconds elapsed, Milliseconds period);

enum class Severity { kNone, kWarning, kCritical };
// Left below 25 % is a warning, below 10 % critical.
[[nodiscard]] Severity BudgetSeverity(const ErrorBudget& budget);

// What a human should do next; the pace rule (80 % burned by mid-window) freezes also after the
// burn has dropped.
enum class Advice { kNone, kFreeze, kThrottle };
[[nodiscard]] Advice Advise(const ErrorBudget& budget, double pace);
[[nodiscard]] std::string_view Name(Advice advice);  // "throttle"

}  // namespace reliability::policy
