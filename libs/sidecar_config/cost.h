#pragma once
// Prices and budgets in policy.json: "prices" and "cost", and what a pod has spent today in the
// ledger, "spent". Money stands in JSON as decimal strings of USD. Plain values.
#include <cstdint>
#include <string_view>

#include "libs/policy/cost_budget.h"

namespace reliability::sidecar_config {

enum class UnknownCost { kAdmit, kReject };  // "Admit", "Reject": a call without a price

struct Cost {
  policy::BudgetLimit per_turn;  // JSON: {"tokens": 1000, "usd": "0.5"}, either may be absent
  policy::BudgetLimit per_session;
  policy::BudgetLimit per_day;
  policy::OnExceed on_exceed = policy::OnExceed::kReject;  // "Reject", "Template", "Degrade"
  UnknownCost on_unknown_cost = UnknownCost::kAdmit;
  std::int64_t assumed_output_tokens = 1024;  // of a call that sets no limit of its own
  friend bool operator==(const Cost&, const Cost&) = default;
};

}  // namespace reliability::sidecar_config
