#include "libs/policy/error_budget.h"

namespace reliability::policy {
namespace {

constexpr std::int64_t kMillion = Objective::kMillion;
constexpr double kFreezePace = 1.6;

}  // namespace

std::int64_t ErrorBudget::allowed_ppm() const {
  return static_cast<std::int64_t>(counts_.events) * objective_.budget_ppm();
}

double ErrorBudget::allowed() const {
  return static_cast<double>(allowed_ppm()) / static_cast<double>(kMillion);
}

double ErrorBudget::remaining() const {
  if (!known()) {
    return 1;
  }
  const std::int64_t left = allowed_ppm() - static_cast<std::int64_t>(counts_.bad) * kMillion;
  return static_cast<double>(left) / static_cast<double>(allowed_ppm());
}

double ErrorBudget::consumed() const {
  if (!known()) {
    return 0;
  }
  return static_cast<double>(static_cast<std::int64_t>(counts_.bad) * kMillion) /
         static_cast<double>(allowed_ppm());
}

double ErrorBudget::burn_rate() const { return BurnRate(objective_, counts_); }

bool ErrorBudget::RemainingBelow(int percent) const {
  const std::int64_t left = allowed_ppm() - static_cast<std::int64_t>(counts_.bad) * kMillion;
  return known() && left * 100 < allowed_ppm() * percent;
}

bool ErrorBudget::exhausted() const {
  return known() && allowed_ppm() <= static_cast<std::int64_t>(counts_.bad) * kMillion;
}

bool ErrorBudget::evaluable() const { return allowed_ppm() >= kMillion; }

double BurnRate(Objective objective, EventCounts counts) {
  if (counts.events == 0) {
    return 0;
  }
  // One division of exact integers: 60 of 1,000 at 95 % is 1.2 to the last bit.
  return static_cast<double>(static_cast<std::int64_t>(counts.bad) * kMillion) /
         static_cast<double>(static_cast<std::int64_t>(counts.events) * objective.budget_ppm());
}

std::optional<Milliseconds> TimeToExhaustion(double remaining, double burn_rate,
                                             Milliseconds period) {
  if (remaining <= 0 || burn_rate <= 1) {
    return std::nullopt;
  }
  return Milliseconds{
      static_cast<Milliseconds::rep>(remaining * static_cast<double>(period.count()) / burn_rate)};
}

Milliseconds TimeBudget(Objective objective, Milliseconds period) {
  return period * static_cast<Milliseconds::rep>(objective.budget_ppm()) / kMillion;
}

double Pace(double consumed, Milliseconds elapsed, Milliseconds period) {
  return consumed * static_cast<double>(period.count()) / static_cast<double>(elapsed.count());
}

Severity BudgetSeverity(const ErrorBudget& budget) {
  if (budget.RemainingBelow(10)) {
    return Severity::kCritical;
  }
  return budget.RemainingBelow(25) ? Severity::kWarning : Severity::kNone;
}

Advice Advise(const ErrorBudget& budget, double pace) {
  if (budget.exhausted()) {
    return Advice::kThrottle;
  }
  // Spent at once by a handful of events is not a pace: the rule is about a budget that is going.
  return budget.RemainingBelow(25) && pace >= kFreezePace ? Advice::kFreeze : Advice::kNone;
}

std::string_view Name(Advice advice) {
  switch (advice) {
    case Advice::kFreeze:
      return "freeze";
    case Advice::kThrottle:
      return "throttle";
    case Advice::kNone:
      break;
  }
  return "none";
}

}  // namespace reliability::policy
