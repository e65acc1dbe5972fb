#include "controllers/agent_slo/texts.h"

#include <cmath>
#include <cstdio>

#include "libs/base/duration.h"

namespace reliability::controllers::agent_slo {
namespace {

// `decimals` at most; no trailing zeros, no "-0".
std::string Number(double value, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), "%.*f", decimals, value);
  std::string text(buffer);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') {
      text.pop_back();
    }
  }
  return text == "-0" ? "0" : text;
}

std::string_view Verb(api::ActionType action, bool enforce) {
  switch (action) {
    case api::ActionType::kThrottle:
      return enforce ? "throttles" : "would throttle";
    case api::ActionType::kPause:
      return enforce ? "pauses" : "would pause";
    case api::ActionType::kScaleDown:
      return enforce ? "pauses, then scales down" : "would pause, then scale down";
    case api::ActionType::kNotify:
      break;
  }
  return "reports";
}

bool TierHolds(const policy::SloAssessment& got, const api::RuleCondition& when) {
  return !when.tier ||
         (got.firing_act && static_cast<int>(*got.firing_act) >= static_cast<int>(*when.tier));
}

bool BudgetHolds(const policy::SloAssessment& got, const api::RuleCondition& when) {
  return !when.budget_at_most ||
         (got.budget.known() && got.budget.remaining() <= when.budget_at_most->value());
}

std::string RuleText(const Input& in, const api::BudgetRule& rule) {
  const bool enforce = in.policy && in.policy->enforce;
  return "Rule \"" + rule.name + "\" " + std::string(Verb(rule.action.type, enforce)) + " " +
         in.slo->spec.target_ref.name;
}

// What the rule waits for beside `for`, in words.
std::string Missing(const policy::SloAssessment& got, const api::RuleCondition& when) {
  std::string text;
  if (!BudgetHolds(got, when)) {
    text = "at most " + LeftText(when.budget_at_most->value()) + " is left";
  }
  if (!TierHolds(got, when)) {
    text += (text.empty() ? "" : " and ") + std::string(ToString(*when.tier)) + " fires";
  }
  return text;
}

}  // namespace

std::string ShareText(double ratio) {
  const double percent = ratio * 100;
  return Number(percent, percent >= 10 ? 0 : 1) + "%";
}

std::string ThresholdText(double ratio) {
  const double percent = ratio * 100;
  return Number(percent, percent >= 10 ? 1 : 2) + "%";
}

std::string LeftText(double ratio) {
  const double percent = ratio * 100;
  return Number(percent, std::abs(percent) < 1 ? 1 : 0) + "%";
}

std::string BurnText(double rate) { return Number(rate, 1) + "x"; }

std::string RoughDuration(Milliseconds duration) {
  struct Unit {
    std::int64_t ms;
    std::int64_t from;  // used from so many of it on
    char letter;
  };
  constexpr Unit kUnits[] = {{86'400'000, 3, 'd'}, {3'600'000, 2, 'h'}, {60'000, 2, 'm'}};
  for (const Unit& unit : kUnits) {
    if (duration.count() >= unit.ms * unit.from) {
      return std::to_string(duration.count() / unit.ms) + unit.letter;
    }
  }
  return std::to_string(duration.count() / 1000) + "s";
}

std::string ClockText(SystemTime time) { return FormatRfc3339(time).substr(11); }

std::string_view Noun(api::SliType type) {
  return type == api::SliType::kToolCallSuccess ? "calls" : "turns";
}

std::string BudgetText(const policy::ErrorBudget& budget, std::string_view noun) {
  return std::to_string(budget.counts().events) + " " + std::string(noun) + ", " +
         std::to_string(budget.counts().bad) + " failed, " + Number(budget.allowed(), 1) +
         " allowed: " + LeftText(budget.remaining()) + " left";
}

std::string ForecastText(const policy::SloAssessment& got) {
  if (got.budget.exhausted()) {
    return "at this rate nothing is left now";
  }
  return got.exhausts_in ? "at this rate the rest lasts " + RoughDuration(*got.exhausts_in)
                         : std::string();
}

std::string TierText(const policy::TierReading& reading, std::string_view noun) {
  std::string text = FormatDuration(reading.tier.long_window) + " " +
                     ShareText(reading.long_counts.BadRatio()) + " / " +
                     FormatDuration(reading.tier.short_window) + " " +
                     ShareText(reading.short_counts.BadRatio()) + " bad, threshold " +
                     ThresholdText(reading.threshold.bad_ratio);
  if (reading.threshold.capped()) {
    text += " (capped from " + ThresholdText(reading.threshold.classic) + ")";
  }
  return text + ", " + std::to_string(reading.long_counts.bad) + " of " +
         std::to_string(reading.long_counts.events) + " " + std::string(noun);
}

std::string FiringText(const policy::SloAssessment& got, std::string_view noun) {
  const policy::TierReading* reading = got.firing_alert ? got.Reading(*got.firing_alert) : nullptr;
  std::string text;
  if (reading != nullptr) {
    text = TierText(*reading, noun);
  } else if (got.evidence.incident) {
    const policy::Incident& incident = *got.evidence.incident;
    text = std::to_string(incident.counts.bad) + " of " + std::to_string(incident.counts.events) +
           " " + std::string(noun) + " bad since " + ClockText(incident.onset);
    if (!got.firing_alert) {
      text += ": more than budgeted for certain, below every tier";
    }
  } else {
    text = "evidence " + Number(got.evidence.e, 1) + ", alert at " +
           Number(got.evidence.levels.alert, 1);
  }
  const std::string forecast = ForecastText(got);
  return forecast.empty() ? text : text + "; " + forecast;
}

std::string NextStepText(const Input& in) {
  if (in.reaction.name.empty()) {
    return "No ErrorBudgetPolicy reacts: this is only shown";
  }
  if (in.reaction.policy == nullptr) {
    return "ErrorBudgetPolicy " + in.reaction.name + " does not exist: nothing reacts";
  }
  const policy::SloAssessment& got = *in.assessment;
  const api::BudgetRule* now = nullptr;
  const api::BudgetRule* later = nullptr;
  for (const api::BudgetRule& rule : in.reaction.policy->spec.rules) {
    if (rule.action.type == api::ActionType::kNotify) {
      continue;
    }
    const bool holds = BudgetHolds(got, rule.when) && TierHolds(got, rule.when);
    if (holds && (now == nullptr || now->action.type < rule.action.type)) {
      now = &rule;
    } else if (!holds && later == nullptr) {
      later = &rule;
    }
  }
  if (now != nullptr) {
    std::string text = RuleText(in, *now);
    if (now->when.held_for) {
      text += " in " + FormatDuration(*now->when.held_for);
    }
    if (now->when.burn_at_least) {
      text += " if it burns at " + BurnText(now->when.burn_at_least->value()) + " or more";
    }
    if (now->when.tier) {
      text += " unless " + std::string(ToString(*now->when.tier)) + " clears";
    }
    return text;
  }
  if (later != nullptr) {
    std::string text = RuleText(in, *later) + " once " + Missing(got, later->when);
    if (later->when.held_for) {
      text += " for " + FormatDuration(*later->when.held_for);
    }
    return text;
  }
  return "No rule of ErrorBudgetPolicy " + in.reaction.name + " acts on the agent";
}

}  // namespace reliability::controllers::agent_slo
