#include "controllers/enforcement/rules.h"

#include <algorithm>

namespace reliability::controllers::enforcement {
namespace {

constexpr std::size_t kMaxTimers = 64;
constexpr Milliseconds kDefaultScaleDownDelay = std::chrono::minutes{10};

bool IsHold(const api::BudgetRule& rule) { return rule.action.type >= api::ActionType::kPause; }

// Burn of the named tier's long window, else of the slowest tier's.
double BurnFor(const policy::SloAssessment& assessment, const std::optional<api::Tier>& tier) {
  const policy::TierReading* reading = tier ? assessment.Reading(ToPolicy(*tier)) : nullptr;
  if (reading == nullptr && tier == api::Tier::kOutage) {
    reading = &assessment.tiers.front();  // an outage has no window of its own
  }
  return (reading != nullptr ? *reading : assessment.tiers.back()).burn_rate;
}

const api::RuleTimer* FindTimer(const std::vector<api::RuleTimer>& timers, const RuleMatch& match) {
  const auto it = std::find_if(timers.begin(), timers.end(), [&](const api::RuleTimer& timer) {
    return timer.slo == match.slo->name && timer.rule == match.rule->name;
  });
  return it == timers.end() ? nullptr : &*it;
}

void Earlier(std::optional<SystemTime>& when, SystemTime candidate) {
  when = std::min(when.value_or(candidate), candidate);
}

// One rule's timer from what it was; nothing: no timer is needed.
std::optional<api::RuleTimer> NextTimer(const api::RuleTimer* before, const RuleMatch& match,
                                        SystemTime now, HoldPhase phase, RuleOutcome& out) {
  const bool hold_rule = IsHold(*match.rule);
  const Verdict verdict = Judge(*match.slo, *match.rule);
  if (verdict == Verdict::kUnknown || (phase == HoldPhase::kHeld && hold_rule)) {
    return before == nullptr ? std::nullopt : std::optional(*before);
  }
  api::RuleTimer timer{match.slo->name, match.rule->name, std::nullopt, std::nullopt, std::nullopt};
  if (before != nullptr) {
    timer = *before;
  }
  if (verdict == Verdict::kCalm) {
    if (!timer.fired_at) {
      return std::nullopt;  // `for` needs an unbroken time
    }
    timer.calm_since = timer.calm_since.value_or(now);
    const SystemTime ends = *timer.calm_since + match.slo->reaction->spec.recovery.hold_for;
    if (now >= ends) {
      return std::nullopt;
    }
    Earlier(out.next_change, ends);
    return timer;
  }
  timer.calm_since.reset();
  if (timer.fired_at && hold_rule && phase == HoldPhase::kFree) {
    // Its hold has ended, with the incident closed. Only evidence gathered since then begins
    // another one: the budget alone may stay spent for the whole window.
    if (match.slo->evidence->assessment.evidence.level != policy::EvidenceLevel::kAct) {
      return timer;
    }
    timer.fired_at.reset();
    timer.since = now;
  }
  timer.since = timer.since.value_or(now);
  const SystemTime due = *timer.since + match.rule->when.held_for.value_or(Milliseconds{0});
  if (!timer.fired_at && now >= due) {
    timer.fired_at = now;
    out.newly_fired.push_back(match);
    if (hold_rule && (!out.hold || out.hold->rule->action.type < match.rule->action.type)) {
      out.hold = match;
    }
  } else if (!timer.fired_at) {
    Earlier(out.next_change, due);
  }
  return timer;
}

}  // namespace

std::string RuleMatch::Cause() const { return slo->name + "/" + rule->name; }

static_assert(static_cast<int>(policy::Tier::kOutage) == static_cast<int>(api::Tier::kOutage));
static_assert(static_cast<int>(policy::Tier::kPageSlow) == static_cast<int>(api::Tier::kPageSlow));
policy::Tier ToPolicy(api::Tier tier) { return static_cast<policy::Tier>(tier); }
api::Tier ToApi(policy::Tier tier) { return static_cast<api::Tier>(tier); }

Verdict Judge(const SloFacts& slo, const api::BudgetRule& rule) {
  if (!slo.evidence || !slo.evidence->telemetry_healthy) {
    return Verdict::kUnknown;  // no data neither escalates nor releases
  }
  const policy::SloAssessment& got = slo.evidence->assessment;
  const api::RuleCondition& when = rule.when;
  const bool notify = rule.action.type == api::ActionType::kNotify;
  const std::optional<policy::Tier> firing = notify ? got.firing_alert : got.firing_act;
  const policy::EvidenceLevel needed =
      notify ? policy::EvidenceLevel::kAlert : policy::EvidenceLevel::kAct;

  if (!got.budget.known()) {
    return Verdict::kUnknown;
  }
  // Too young or too quiet to speak of a budget: an outage speaks for itself.
  if ((got.warming_up || !got.evaluable) &&
      (!when.tier || got.firing_act != policy::Tier::kOutage)) {
    return Verdict::kCalm;
  }
  if (when.budget_at_most && got.budget.remaining() > when.budget_at_most->value()) {
    return Verdict::kCalm;
  }
  if (when.tier && (!firing || *firing < ToPolicy(*when.tier))) {
    return Verdict::kCalm;
  }
  if (when.burn_at_least &&
      (got.evidence.level < needed || BurnFor(got, when.tier) < when.burn_at_least->value())) {
    return Verdict::kCalm;
  }
  return Verdict::kHolds;
}

RuleOutcome EvaluateRules(const std::vector<SloFacts>& slos,
                          const std::vector<api::RuleTimer>& before, SystemTime now,
                          HoldPhase phase) {
  RuleOutcome out;
  for (const SloFacts& slo : slos) {
    if (!slo.reaction) {
      continue;
    }
    for (const api::BudgetRule& rule : slo.reaction->spec.rules) {
      const RuleMatch match{&slo, &rule};
      std::optional<api::RuleTimer> timer =
          NextTimer(FindTimer(before, match), match, now, phase, out);
      if (!timer || out.timers.size() >= kMaxTimers) {
        continue;
      }
      if (timer->fired_at && rule.action.type == api::ActionType::kThrottle && !out.throttle) {
        out.throttle = match;
      }
      out.timers.push_back(std::move(*timer));
    }
  }
  return out;
}

std::optional<RuleMatch> FindCause(const std::vector<SloFacts>& slos, std::string_view cause) {
  const std::size_t slash = cause.rfind('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  for (const SloFacts& slo : slos) {
    if (slo.name != cause.substr(0, slash) || !slo.reaction) {
      continue;
    }
    for (const api::BudgetRule& rule : slo.reaction->spec.rules) {
      if (rule.name == cause.substr(slash + 1)) {
        return RuleMatch{&slo, &rule};
      }
    }
  }
  return std::nullopt;
}

std::optional<Milliseconds> ScaleDownDelay(const api::BudgetRule& rule) {
  if (rule.action.type == api::ActionType::kScaleDown) {
    return rule.action.then_scale_down_after.value_or(kDefaultScaleDownDelay);
  }
  return rule.action.then_scale_down_after;
}

}  // namespace reliability::controllers::enforcement
