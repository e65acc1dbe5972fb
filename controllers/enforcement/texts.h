#pragma once
// The words of AgentEnforcement and its events: numbers, and what happens next. Pure.
#include <string>
#include <string_view>

#include "controllers/enforcement/rules.h"

namespace reliability::controllers::enforcement {

// "10:42:10Z"
[[nodiscard]] std::string ClockText(SystemTime time);
// "-20%", rounded to whole percents; never "0%" for a rest that is not 0.
[[nodiscard]] std::string PercentText(double ratio);
// "60 of 1000 failed, 50 allowed"
[[nodiscard]] std::string BudgetText(const policy::ErrorBudget& budget);
// "refunds-completed/stop: 60 of 1000 failed, 50 allowed"
[[nodiscard]] std::string CauseText(const RuleMatch& match);
// "1 replica", "3 replicas"
[[nodiscard]] std::string Count(std::int64_t count, std::string_view noun);
// The command that brings a workload back at once.
[[nodiscard]] std::string ReleaseHint();

[[nodiscard]] api::EnforcementEvidence EvidenceOf(const RuleMatch& match);

}  // namespace reliability::controllers::enforcement
