#pragma once
// The two independent states of an SLO, with hysteresis (slo-and-enforcement 1.6). Pure.
#include <optional>
#include <string_view>

#include "libs/policy/error_budget.h"
#include "libs/policy/slo_bytes.h"

namespace reliability::policy {

// Ascending badness. Unknown: no event in the whole window.
enum class BudgetState { kUnknown, kHealthy, kAtRisk, kCritical, kExhausted };
[[nodiscard]] std::string_view Name(BudgetState state);

// Idle: no traffic in the window. Recovering: was elevated or critical, and no longer burns.
enum class BurnState { kUnknown, kIdle, kNormal, kRecovering, kElevated, kCritical };
[[nodiscard]] std::string_view Name(BurnState state);

// A band is entered at once (25, 10, 0 % left) and left only when 5 points more are left, for
// `hold_for` without a break.
class BudgetBand {
 public:
  BudgetState Update(const ErrorBudget& budget, SystemTime now, Milliseconds hold_for);
  [[nodiscard]] BudgetState state() const { return state_; }

  void Save(ByteWriter& out) const;
  void Load(ByteReader& in);

 private:
  BudgetState state_ = BudgetState::kUnknown;
  std::optional<SystemTime> better_since_;
};

// What this moment alone says.
struct BurnSignals {
  bool any_traffic = false;  // an event in the whole window
  bool known = false;        // some tier has enough events, or there is an outage
  bool page = false;         // Outage or a page tier fires
  bool ticket = false;       // a ticket tier fires, or Drift
  bool recovering = false;   // a long window above its threshold, the short one calm
  bool traffic_since_firing = true;
};

// Gets worse at once. Once nothing fires any more: Recovering, and Normal only after `hold_for` of
// calm that traffic has proven: no traffic is no evidence, the state is held.
class BurnBand {
 public:
  BurnState Update(const BurnSignals& signals, SystemTime now, Milliseconds hold_for);
  [[nodiscard]] BurnState state() const { return state_; }

  void Save(ByteWriter& out) const;
  void Load(ByteReader& in);

 private:
  BurnState state_ = BurnState::kUnknown;
  std::optional<SystemTime> calm_since_;
};

}  // namespace reliability::policy
