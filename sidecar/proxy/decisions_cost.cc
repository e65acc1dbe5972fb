// Budgets of tokens and money: a place is entered with a reservation, an attempt is booked, the
// place is left. Part of Decisions.
#include <string>

#include "libs/base/log.h"
#include "sidecar/proxy/decisions.h"

namespace reliability::sidecar::proxy {

using policy::ErrorClass;

void Decisions::PassBudget(const config::Snapshot& snapshot, Admission& admission, const Now& now) {
  if (!admission.cost.counted) {
    return;
  }
  const bool enforce = snapshot.enforce();
  // An ended turn has no account any more.
  const policy::TurnHandle turn =
      turns_.Budget(admission.turn, now.mono).has_value() ? admission.turn : 0;
  const policy::CostBudgets::Verdict verdict =
      costs_.Reserve(admission.cost, turn, admission.target.upstream, admission.target.name,
                     !enforce, now.wall, admission.reservation);
  if (verdict.refused_by == policy::BudgetScope::kNone) {
    return;
  }
  if (!enforce) {
    CountWould(admission, ErrorClass::kBudgetExhausted);
    return;
  }
  const std::string scope =
      verdict.by_order ? std::string("degrade.perTurn")
                       : "cost." + std::string(policy::BudgetScopeName(verdict.refused_by));
  log::Info("budget_exhausted", {{"budget", scope},
                                 {"resource", breakers_.TargetKey(admission.target)},
                                 {"turn", admission.turn_id}});
  admission.refusal = Refusal{.error_class = ErrorClass::kBudgetExhausted,
                              .resource = scope,
                              .retry_after = verdict.retry_after,
                              .remaining = {}};
}

void Decisions::BookUsage(const Admission& admission, const Now& now) {
  const policy::AnswerUsage& usage = admission.usage;
  if (usage.kind == policy::UsageKind::kNone) {
    return;
  }
  if (!admission.reservation.held) {  // nothing is budgeted; the tokens are known all the same
    if (usage.kind == policy::UsageKind::kReported) {
      metrics_.CountTokens(usage.counts);
    }
    return;
  }
  const policy::CostBudgets::Billed billed = costs_.Book(admission.reservation, usage, now.wall);
  metrics_.CountTokens(billed.tokens);
  metrics_.CountCost(billed);
  ledger_.SetSpent(costs_.Day(now.wall).spend);
  NoteLedger();
}

void Decisions::EndCost(const Admission& admission, const Now& now) {
  BookUsage(admission, now);
  costs_.Release(admission.reservation, now.wall);
}

Decisions::CostView Decisions::Cost() const {
  const Now now = Time();
  const MutexLock lock(mutex_);
  const policy::CostSettings& settings = costs_.settings();
  return {.active = settings.active(), .limit = settings.per_day, .day = costs_.Day(now.wall)};
}

}  // namespace reliability::sidecar::proxy
