#include "controllers/enforcement/texts.h"

#include <cmath>
#include <cstdio>

#include "libs/base/duration.h"

namespace reliability::controllers::enforcement {

std::string ClockText(SystemTime time) { return FormatRfc3339(time).substr(11); }

std::string PercentText(double ratio) {
  const double percent = ratio * 100;
  std::string text(32, '\0');
  const bool fine = percent != 0 && std::abs(percent) < 1;
  const int size = std::snprintf(text.data(), text.size(), fine ? "%.1f%%" : "%.0f%%", percent);
  text.resize(static_cast<std::size_t>(size));
  return text == "-0%" ? "0%" : text;
}

std::string Count(std::int64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string BudgetText(const policy::ErrorBudget& budget) {
  char allowed[32];
  std::snprintf(allowed, sizeof(allowed), "%.4g", budget.allowed());
  return std::to_string(budget.counts().bad) + " of " + std::to_string(budget.counts().events) +
         " failed, " + allowed + " allowed";
}

std::string CauseText(const RuleMatch& match) {
  std::string text = match.Cause();
  if (match.slo->evidence) {
    text += ": " + BudgetText(match.slo->evidence->assessment.budget);
  }
  return text;
}

std::string ReleaseHint() { return "kubectl apply an override of type Release"; }

api::EnforcementEvidence EvidenceOf(const RuleMatch& match) {
  api::EnforcementEvidence evidence;
  if (!match.slo->evidence) {
    return evidence;
  }
  const policy::SloAssessment& got = match.slo->evidence->assessment;
  if (got.firing_act) {
    evidence.tier = ToApi(*got.firing_act);
  }
  if (got.evidence.incident) {
    evidence.n = static_cast<std::int64_t>(got.evidence.incident->counts.events);
    evidence.k = static_cast<std::int64_t>(got.evidence.incident->counts.bad);
    evidence.onset = got.evidence.incident->onset;
  }
  evidence.e = got.evidence.e;
  evidence.budget_remaining = api::Ratio::FromDouble(got.budget.remaining());
  evidence.burn_rate = api::Ratio::FromDouble(got.burn_rate);
  api::EvidenceThresholds thresholds;
  const policy::TierReading* reading = got.firing_act ? got.Reading(*got.firing_act) : nullptr;
  if (reading != nullptr) {
    thresholds.bad_share = api::Ratio::FromDouble(reading->threshold.bad_ratio);
  }
  thresholds.act = got.evidence.levels.act;
  thresholds.budget_at_most = match.rule->when.budget_at_most;
  thresholds.burn_at_least = match.rule->when.burn_at_least;
  evidence.thresholds = thresholds;
  return evidence;
}

}  // namespace reliability::controllers::enforcement
