#include "controllers/enforcement/decide.h"

#include <algorithm>
#include <cmath>

#include "controllers/enforcement/machine.h"
#include "controllers/enforcement/texts.h"
#include "libs/base/duration.h"

namespace reliability::controllers::enforcement {
bool IsHeld(const api::AgentEnforcementStatus& status) {
  return status.mode.value_or(api::EnforcementMode::kNormal) != api::EnforcementMode::kNormal ||
         (status.ledger && status.ledger->since) ||
         (status.order && status.order->mode != api::EnforcementMode::kNormal);
}

Decision Decide(const Input& input) { return Machine(input).Run(); }

Machine::Machine(const Input& input)
    : in_(input), now_(std::chrono::floor<std::chrono::seconds>(input.now)) {
  s_ = input.status;
}

Decision Machine::Run() {
  if (!in_.workload.exists) {
    return out_;  // nothing to hold, and the object goes with its owner
  }
  s_.observed_generation = in_.generation;
  if (!s_.mode) {
    Enter(Mode::kNormal);
  }
  SettleScale();
  const std::optional<std::string> release = ReleaseReason();
  HoldPhase phase = release ? HoldPhase::kWatched : HoldPhase::kFree;
  if (mode() >= Mode::kPaused || (s_.ledger && s_.ledger->since)) {
    phase = HoldPhase::kHeld;
  }
  const RuleOutcome rules = EvaluateRules(in_.slos, s_.timers, now_, phase);
  s_.timers = rules.timers;
  NotifyEvents(rules);

  if (mode() >= Mode::kPaused) {
    if (Restoring()) {
      Restore();
    } else {
      Held(release);
    }
  } else if (s_.ledger && s_.ledger->since) {
    FinishRestore();
  } else {
    Free(release, rules);
  }

  Order();
  ReportConditions();
  ReportNextStep(rules);
  out_.finalizer = IsHeld(s_) || !Published();
  out_.remove_object = !in_.policy && !out_.finalizer;
  return out_;
}

std::optional<std::string> Machine::ReleaseReason() const {
  if (in_.deleting) {
    return "the AgentEnforcement was deleted";
  }
  if (!in_.policy) {
    return "no AgentReliabilityPolicy applies to the workload any more";
  }
  if (!in_.policy->enforce) {
    return "policy " + in_.policy->name + " says Observe";
  }
  if (in_.release) {
    return "override " + in_.release->name + ": " + in_.release->reason;
  }
  if (mode() != Mode::kNormal && !FindCause(in_.slos, s_.cause)) {
    return "the AgentSLO, ErrorBudgetPolicy or rule of " + s_.cause + " is gone";
  }
  return std::nullopt;
}

void Machine::Enter(Mode mode) {
  s_.mode = mode;
  s_.since = now_;
}

void Machine::Free(const std::optional<std::string>& release, const RuleOutcome& rules) {
  s_.would_be.reset();
  const auto back_to_normal = [&](const std::string& why) {
    Say(false, api::reasons::kAgentRestored, "Restore", "all turns pass again: " + why);
    Enter(Mode::kNormal);
    s_.cause.clear();
    s_.evidence.reset();
  };
  if (release) {
    if (mode() == Mode::kThrottled) {
      back_to_normal(*release);
    }
    if (in_.policy && !in_.policy->enforce) {
      Watch(rules);
    }
    return;
  }
  if (rules.hold) {
    BeginHold(*rules.hold);
  } else if (rules.throttle) {
    if (mode() != Mode::kThrottled || s_.cause != rules.throttle->Cause()) {
      Enter(Mode::kThrottled);
      s_.cause = rules.throttle->Cause();
      s_.evidence = EvidenceOf(*rules.throttle);
      const int percent = rules.throttle->rule->action.max_reject_percent.value_or(80);
      Say(true, api::reasons::kAgentThrottled, "Throttle",
          "at most " + std::to_string(percent) + "% of new turns answered 503. Cause " +
              CauseText(*rules.throttle) + ". Ends after " +
              FormatDuration(rules.throttle->slo->reaction->spec.recovery.hold_for) + " of calm");
    }
  } else if (mode() == Mode::kThrottled) {
    const auto match = FindCause(in_.slos, s_.cause);
    back_to_normal("calm for " + FormatDuration(match->slo->reaction->spec.recovery.hold_for));
  }
}

void Machine::Watch(const RuleOutcome& rules) {
  if (s_.ledger) {
    s_.ledger->trips = 0;
  }
  std::optional<api::WouldBe> would = in_.status.would_be;
  if (would && std::none_of(s_.timers.begin(), s_.timers.end(), [&](const api::RuleTimer& timer) {
        return timer.fired_at && timer.slo + "/" + timer.rule == would->cause;
      })) {
    would.reset();
  }
  const bool would_hold = would && would->mode >= Mode::kPaused;
  const std::optional<RuleMatch>& match =
      rules.hold && !would_hold ? rules.hold : (would ? std::nullopt : rules.throttle);
  if (match) {
    const bool hold = match->rule->action.type >= api::ActionType::kPause;
    would = api::WouldBe{hold ? Mode::kPaused : Mode::kThrottled, match->Cause(), now_};
    Say(false, hold ? api::reasons::kWouldPause : api::reasons::kWouldThrottle, "Observe",
        std::string("Enforce would now ") + (hold ? "pause" : "throttle") + " " +
            in_.workload.name + ". Cause " + CauseText(*match) + ". Nothing is done, as policy " +
            in_.policy->name + " says Observe");
  }
  const auto cause = would ? FindCause(in_.slos, would->cause) : std::nullopt;
  if (cause && would->mode == Mode::kPaused) {
    const std::optional<Milliseconds> delay = ScaleDownDelay(*cause->rule);
    if (delay && now_ >= *would->since + *delay) {
      would->mode = Mode::kScaledDown;
      would->since = now_;
    } else if (delay) {
      WakeAt(*would->since + *delay);
    }
  }
  s_.would_be = would;
}

void Machine::BeginHold(const RuleMatch& match) {
  Enter(Mode::kPaused);
  s_.cause = match.Cause();
  s_.evidence = EvidenceOf(match);
  s_.half_open.reset();
  api::EnforcementLedger fresh;
  fresh.trips = ledger().trips;
  fresh.trips_day = ledger().trips_day;
  ledger() = fresh;
  ledger().original_replicas = in_.workload.replicas;
  ledger().autoscaler_ref = in_.workload.autoscaler;
  JudgeActuator(match);
  CountTrip(match);
}

void Machine::CountTrip(const RuleMatch& match) {
  const std::string today = FormatRfc3339(now_).substr(0, 10);
  if (ledger().trips_day != today) {
    ledger().trips_day = today;
    ledger().trips = 0;
  }
  ++ledger().trips;
  ledger().since = now_;
  const api::RecoveryHalfOpen& recovery = match.slo->reaction->spec.recovery.half_open;
  Milliseconds open_for = std::min(recovery.open_for, recovery.max_open_for);
  for (int i = 1; i < ledger().trips && open_for < recovery.max_open_for; ++i) {
    open_for = std::min(recovery.max_open_for, open_for * 2);
  }
  // Whole seconds, so that what is shown is what is meant.
  const double jitter = 0.8 + 0.4 * in_.jitter;
  const double wanted = static_cast<double>(open_for.count()) * jitter / 1000;
  ledger().open_for = std::chrono::seconds{std::max<std::int64_t>(1, std::llround(wanted))};
}

bool Machine::ManualRecovery(const RuleMatch& match) const {
  const api::ErrorBudgetPolicySpec& spec = match.slo->reaction->spec;
  return spec.recovery.mode == api::RecoveryMode::kManual ||
         s_.ledger->trips >= spec.guards.max_trips_per_day;
}

std::optional<SystemTime> Machine::HalfOpenAt(const RuleMatch& match) const {
  if (ManualRecovery(match)) {
    return std::nullopt;
  }
  const Milliseconds open_for = s_.ledger->open_for.value_or(Milliseconds{0});
  if (mode() == Mode::kScaledDown) {
    return *s_.since + open_for;
  }
  // While a scale-down is to come, the hold is not complete and its open time has not begun.
  return ScaleDownAt(match).value_or(*s_.ledger->since) + open_for;
}

void Machine::Held(const std::optional<std::string>& release) {
  s_.would_be.reset();
  if (release) {
    BeginRestore(*release);
    return;
  }
  const RuleMatch match = *FindCause(in_.slos, s_.cause);
  if (mode() == Mode::kHalfOpen) {
    Probe(match);
    return;
  }
  if (s_.ledger->target_replicas) {
    return;  // a scale-down is under way
  }
  const std::optional<SystemTime> half_open_at = HalfOpenAt(match);
  if (half_open_at && now_ >= *half_open_at) {
    BeginHalfOpen(match);
    return;
  }
  ScaleDownIfDue(match);
}

void Machine::BeginRestore(const std::string& why) {
  if (s_.ledger) {
    s_.ledger->target_replicas.reset();
  }
  SetCondition("Enforced", api::ConditionStatus::kFalse, "Restoring", why);
  Restore();
}

void Machine::Restore() {
  if (const std::optional<std::int32_t> replicas = RestoreReplicas();
      replicas && s_.ledger->last_written_replicas != replicas) {
    if (in_.workload.replicas != *replicas) {
      SetTarget(*replicas);
      return;
    }
    s_.ledger->last_written_replicas = replicas;
    s_.ledger->last_written_at = now_;
    s_.ledger->target_replicas.reset();
  }
  Enter(Mode::kNormal);
}

void Machine::FinishRestore() {
  if (!Published()) {
    return;
  }
  for (const SloFacts& slo : in_.slos) {
    if (slo.reaction && slo.evidence && slo.evidence->assessment.incident_open) {
      out_.close_incidents.push_back(slo.name);
    }
  }
  // The old evidence must be gone before rules are looked at again, or it would hold the agent
  // anew.
  if (!out_.close_incidents.empty() && now_ < *s_.since + kCloseWait) {
    WakeAt(*s_.since + kCloseWait);
    return;
  }
  const api::Condition* enforced = api::FindCondition(s_.conditions, "Enforced");
  std::string note =
      enforced != nullptr && Restoring() ? enforced->message : "all turns pass again";
  if (s_.ledger->last_written_replicas) {
    note += "; " + Count(*s_.ledger->last_written_replicas, "replica") +
            (s_.ledger->last_written_replicas == s_.ledger->original_replicas ? " as before" : "");
  }
  Say(false, api::reasons::kAgentRestored, "Restore", note + "; " + TripText());
  const bool observe = in_.policy && !in_.policy->enforce;
  api::EnforcementLedger rest;
  rest.trips = observe ? 0 : s_.ledger->trips;
  rest.trips_day = s_.ledger->trips_day;
  s_.ledger = rest;
  s_.half_open.reset();
  s_.evidence.reset();
  s_.cause.clear();
  SetCondition("HumanOverride", api::ConditionStatus::kFalse, "NoOverride", "");
  SetCondition("ScaleConflict", api::ConditionStatus::kFalse, "NoConflict", "");
  SetCondition("Enforced", api::ConditionStatus::kTrue, "NothingHeld", "nothing is held");
}

}  // namespace reliability::controllers::enforcement
