#include "libs/policy/slo_bands.h"

namespace reliability::policy {
namespace {

constexpr int kLeavePoints = 5;

// Below this much left, in percent, a band begins; Exhausted is "nothing left".
int EntryPercent(BudgetState state) {
  switch (state) {
    case BudgetState::kAtRisk:
      return 25;
    case BudgetState::kCritical:
      return 10;
    default:
      return 0;
  }
}

BudgetState Raw(const ErrorBudget& budget) {
  if (!budget.known()) {
    return BudgetState::kUnknown;
  }
  if (budget.exhausted()) {
    return BudgetState::kExhausted;
  }
  if (budget.RemainingBelow(EntryPercent(BudgetState::kCritical))) {
    return BudgetState::kCritical;
  }
  return budget.RemainingBelow(EntryPercent(BudgetState::kAtRisk)) ? BudgetState::kAtRisk
                                                                   : BudgetState::kHealthy;
}

void SaveTime(ByteWriter& out, const std::optional<SystemTime>& time) {
  out.Uint(time ? 1 : 0);
  out.Time(time.value_or(SystemTime{}));
}

std::optional<SystemTime> LoadTime(ByteReader& in) {
  const bool present = in.Uint() != 0;
  const SystemTime time = in.Time();
  return present ? std::optional(time) : std::nullopt;
}

// Held for long enough? Starts the clock if it does not run.
bool HeldFor(std::optional<SystemTime>& since, SystemTime now, Milliseconds hold_for) {
  if (!since) {
    since = now;
  }
  return now - *since >= hold_for;
}

}  // namespace

std::string_view Name(BudgetState state) {
  constexpr std::string_view kNames[] = {"Unknown", "Healthy", "AtRisk", "Critical", "Exhausted"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view Name(BurnState state) {
  constexpr std::string_view kNames[] = {"Unknown",    "Idle",     "Normal",
                                         "Recovering", "Elevated", "Critical"};
  return kNames[static_cast<std::size_t>(state)];
}

BudgetState BudgetBand::Update(const ErrorBudget& budget, SystemTime now, Milliseconds hold_for) {
  const BudgetState raw = Raw(budget);
  const bool worse = raw >= state_;
  if (raw == BudgetState::kUnknown || state_ == BudgetState::kUnknown || worse) {
    state_ = raw;
    better_since_.reset();
    return state_;
  }
  if (budget.RemainingBelow(EntryPercent(state_) + kLeavePoints)) {
    better_since_.reset();
  } else if (HeldFor(better_since_, now, hold_for)) {
    state_ = raw;
    better_since_.reset();
  }
  return state_;
}

void BudgetBand::Save(ByteWriter& out) const {
  out.Uint(static_cast<std::uint64_t>(state_));
  SaveTime(out, better_since_);
}

void BudgetBand::Load(ByteReader& in) {
  const std::uint64_t state = in.Uint();
  if (state > static_cast<std::uint64_t>(BudgetState::kExhausted)) {
    in.Fail();
    return;
  }
  state_ = static_cast<BudgetState>(state);
  better_since_ = LoadTime(in);
}

BurnState BurnBand::Update(const BurnSignals& signals, SystemTime now, Milliseconds hold_for) {
  if (signals.page || signals.ticket) {
    calm_since_.reset();
    state_ = signals.page ? BurnState::kCritical : BurnState::kElevated;
    return state_;
  }
  const bool was_burning = state_ >= BurnState::kRecovering;
  if (!signals.any_traffic) {
    state_ = BurnState::kIdle;
  } else if (was_burning) {
    if (!signals.traffic_since_firing) {
      return state_;
    }
    state_ = BurnState::kRecovering;
    if (signals.recovering) {
      calm_since_.reset();
    } else if (HeldFor(calm_since_, now, hold_for)) {
      state_ = signals.known ? BurnState::kNormal : BurnState::kUnknown;
    }
  } else {
    state_ = signals.known ? BurnState::kNormal : BurnState::kUnknown;
  }
  if (state_ != BurnState::kRecovering) {
    calm_since_.reset();
  }
  return state_;
}

void BurnBand::Save(ByteWriter& out) const {
  out.Uint(static_cast<std::uint64_t>(state_));
  SaveTime(out, calm_since_);
}

void BurnBand::Load(ByteReader& in) {
  const std::uint64_t state = in.Uint();
  if (state > static_cast<std::uint64_t>(BurnState::kCritical)) {
    in.Fail();
    return;
  }
  state_ = static_cast<BurnState>(state);
  calm_since_ = LoadTime(in);
}

}  // namespace reliability::policy
