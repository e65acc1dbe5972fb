// Orders to the sidecars, conditions, columns and words.
#include <algorithm>

#include "controllers/enforcement/machine.h"
#include "controllers/enforcement/texts.h"
#include "libs/base/duration.h"

namespace reliability::controllers::enforcement {
namespace {

using Mode = api::EnforcementMode;

// What the sidecars are told in this mode.
Mode SidecarMode(const api::AgentEnforcementStatus& status) {
  switch (*status.mode) {
    case Mode::kScaledDown:
      return Mode::kPaused;
    case Mode::kHalfOpen:
      return status.half_open && !status.half_open->pod_uids.empty() ? Mode::kHalfOpen
                                                                     : Mode::kPaused;
    default:
      return *status.mode;
  }
}

sidecar_config::Mode ToSidecar(Mode mode) {
  switch (mode) {
    case Mode::kThrottled:
      return sidecar_config::Mode::kThrottled;
    case Mode::kPaused:
    case Mode::kScaledDown:
      return sidecar_config::Mode::kPaused;
    case Mode::kHalfOpen:
      return sidecar_config::Mode::kHalfOpen;
    case Mode::kNormal:
      break;
  }
  return sidecar_config::Mode::kNormal;
}

}  // namespace

sidecar_config::ModeDocument ModeDocumentOf(const Input& input,
                                            const api::AgentEnforcementStatus& status) {
  sidecar_config::ModeDocument document;
  if (!status.order) {
    return document;
  }
  document.leader_epoch = status.order->leader_epoch;
  document.generation = status.order->generation;
  document.mode = ToSidecar(status.order->mode.value_or(Mode::kNormal));
  document.valid_until = status.order->valid_until;
  if (document.mode == sidecar_config::Mode::kNormal) {
    return document;
  }
  document.cause = status.cause;
  const auto match = FindCause(input.slos, status.cause);
  if (document.mode == sidecar_config::Mode::kThrottled) {
    document.throttle.emplace();
    if (match) {
      document.throttle->max_reject_percent = match->rule->action.max_reject_percent.value_or(80);
    }
    if (match && match->slo->evidence) {
      const policy::SloSettings& settings = match->slo->evidence->settings;
      document.throttle->objective = settings.objective.ratio();
      document.throttle->min_events = static_cast<int>(settings.low_traffic.min_events);
    }
  }
  if (document.mode == sidecar_config::Mode::kHalfOpen) {
    document.half_open.emplace();
    document.half_open->pod_uids = status.half_open->pod_uids;
    if (match) {
      document.half_open->max_probes = match->slo->reaction->spec.recovery.half_open.max_probes;
    }
  }
  return document;
}

// True if mode.json says what was ordered. Not only asked while something is held: a former
// leader's late write would hold every pod that starts later.
bool Machine::Published() const {
  const bool normal = !s_.order || s_.order->mode == Mode::kNormal;
  if (!in_.published) {
    return normal;  // a missing file is Normal
  }
  if (!s_.order) {
    return in_.published->normal;
  }
  return in_.published->order == std::pair(s_.order->leader_epoch, s_.order->generation) &&
         (normal ? in_.published->normal : in_.published->intact);
}

void Machine::Order() {
  const Mode wanted = SidecarMode(s_);
  if (!s_.order && wanted == Mode::kNormal && Published()) {
    return;  // never ordered anything
  }
  if (!s_.order) {
    s_.order.emplace();
    s_.order->mode = Mode::kNormal;
  }
  api::ModeOrder& order = *s_.order;
  const auto pods = [](const std::optional<api::HalfOpenStatus>& half_open) {
    return half_open ? half_open->pod_uids : std::vector<std::string>{};
  };
  const bool changed =
      order.mode != wanted ||
      (wanted == Mode::kHalfOpen && pods(s_.half_open) != pods(in_.status.half_open)) ||
      (wanted == Mode::kThrottled && s_.cause != in_.status.cause);
  // Sidecars obey the highest order. A higher one than ours is somebody else's, or is left from an
  // AgentEnforcement that was deleted.
  const std::pair there =
      in_.published ? in_.published->order : std::pair<std::int64_t, std::int64_t>{};
  const bool outbid = there > std::pair(order.leader_epoch, order.generation);
  const bool due =
      wanted != Mode::kNormal &&
      (!order.valid_until || now_ >= *order.valid_until - (kOrderValidFor - kOrderRenewEvery));
  if (changed || due || outbid) {
    order.mode = wanted;
    order.leader_epoch = std::max({order.leader_epoch, in_.leader_epoch, there.first});
    order.generation = (outbid ? std::max(order.generation, there.second) : order.generation) + 1;
    order.valid_until =
        wanted == Mode::kNormal ? std::nullopt : std::optional(now_ + kOrderValidFor);
  }
  if (order.valid_until) {
    WakeAt(*order.valid_until - (kOrderValidFor - kOrderRenewEvery));
  }
  if (!Published()) {
    out_.publish = ModeDocumentOf(in_, s_);
  }
}

void Machine::ReportConditions() {
  if (!HumanScaled()) {
    if (in_.release && in_.policy) {
      SetCondition("HumanOverride", api::ConditionStatus::kTrue, "Released",
                   "override " + in_.release->name + ": " + in_.release->reason +
                       "; nothing is held before " + FormatRfc3339(in_.release->expires));
      WakeAt(in_.release->expires);
    } else {
      SetCondition("HumanOverride", api::ConditionStatus::kFalse, "NoOverride", "");
    }
  }
  if (api::FindCondition(s_.conditions, "ScaleConflict") == nullptr) {
    SetCondition("ScaleConflict", api::ConditionStatus::kFalse, "NoConflict", "");
  }
  if (s_.ledger && s_.ledger->since && (Restoring() || mode() == Mode::kNormal)) {
    return;  // still on the way back
  }
  if (mode() == Mode::kNormal) {
    if (in_.policy && !in_.policy->enforce) {
      SetCondition(
          "Enforced", api::ConditionStatus::kFalse, "Observe",
          "policy " + in_.policy->name + " says Observe: wouldBe shows what Enforce would do");
    } else {
      SetCondition("Enforced", api::ConditionStatus::kTrue, "NothingHeld", "nothing is held");
    }
    return;
  }
  ReportAcks();
}

// How many sidecars obey the order, of how many.
std::pair<std::int64_t, std::int64_t> Machine::CountAcks() const {
  std::pair<std::int64_t, std::int64_t> counts{0, 0};
  const std::pair order{s_.order->leader_epoch, s_.order->generation};
  for (const PodFacts& pod : in_.pods) {
    if (!pod.terminating) {
      counts.first += pod.covered && std::pair(pod.leader_epoch, pod.generation) >= order ? 1 : 0;
      ++counts.second;
    }
  }
  return counts;
}

void Machine::SayPaused(const std::string& sidecars, bool complete) {
  std::string within;
  if (complete && in_.since_publish && *in_.since_publish < kAckWait) {
    const std::int64_t tenths = (in_.since_publish->count() + 99) / 100;
    within = " within " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
  }
  const auto match = FindCause(in_.slos, s_.cause);
  std::string note = "new turns answered 503 by " + sidecars + within +
                     "; running turns finish. Cause " + (match ? CauseText(*match) : s_.cause);
  if (in_.workload.pods_without_sidecar > 0) {
    note += ". " + Count(in_.workload.pods_without_sidecar, "pod") +
            " without sidecar cannot be held: restart the workload";
  }
  if (!in_.workload.owned_by.empty()) {
    note += ". Replicas stay, they are owned by " + in_.workload.owned_by;
  }
  if (match) {
    const auto scale_at = ScaleDownAt(*match);
    const auto probe_at = HalfOpenAt(*match);
    note += scale_at   ? ". Next: scale-down at " + ClockText(*scale_at)
            : probe_at ? ". Next: HalfOpen at " + ClockText(*probe_at)
                       : ". Next: a human brings it back (" + ReleaseHint() + ")";
  }
  Say(true, api::reasons::kAgentPaused, "Pause", note);
}

// Enforced becomes true when every sidecar has said so, and AgentPaused tells the true count after
// all acknowledgements or 5 s (ruling 4).
void Machine::ReportAcks() {
  const bool entered = s_.mode != in_.status.mode || s_.since != in_.status.since;
  if (mode() == Mode::kScaledDown) {
    SetCondition("Enforced", api::ConditionStatus::kTrue, "ScaledDown",
                 Count(in_.workload.replicas, "replica") + ", sidecars refuse new turns");
    return;
  }
  const auto [acks, total] = CountAcks();
  const bool waiting = entered || HasReason("Enforced", "AwaitingAcks");
  const bool complete = Published() && acks == total;
  const std::string count = std::to_string(acks) + " of " + std::to_string(total) + " sidecars";
  if (waiting && !complete && (entered || now_ < *s_.since + kAckWait)) {
    SetCondition("Enforced", api::ConditionStatus::kFalse, "AwaitingAcks",
                 "waiting for the sidecars to load the order");
    WakeAt(*s_.since + kAckWait);
    return;
  }
  if (waiting && mode() == Mode::kPaused) {
    SayPaused(count, complete);
  }
  // A renewed order is the same order: acknowledgements of it come with the next reads.
  const bool renewed = !entered && !waiting && in_.status.order && s_.order &&
                       in_.status.order->mode == s_.order->mode;
  if (complete || (renewed && api::IsTrue(s_.conditions, "Enforced"))) {
    SetCondition("Enforced", api::ConditionStatus::kTrue, "Acknowledged", "every sidecar obeys");
  } else {
    SetCondition("Enforced", api::ConditionStatus::kFalse, "NotAcknowledged",
                 count + " obey; the others have not loaded the order");
  }
}

void Machine::ReportNextStep(const RuleOutcome& rules) {
  s_.until.clear();
  s_.next_step.clear();
  s_.next_step_at.reset();
  if (rules.next_change) {
    WakeAt(*rules.next_change);
  }
  const auto set = [&](std::string until, std::string step, std::optional<SystemTime> at) {
    s_.until = std::move(until);
    s_.next_step = std::move(step);
    if (at) {
      s_.next_step_at = std::chrono::floor<std::chrono::seconds>(*at);  // as the API stores it
      WakeAt(*at);
    }
  };
  const auto match = FindCause(in_.slos, s_.cause);
  if (s_.ledger && s_.ledger->since && (Restoring() || mode() == Mode::kNormal)) {
    return set("Normal", "restoring replicas and traffic", std::nullopt);
  }
  if (mode() == Mode::kNormal || !match) {
    return;
  }
  const std::string hint = "; at once: " + ReleaseHint();
  if (mode() == Mode::kThrottled) {
    const std::string hold = FormatDuration(match->slo->reaction->spec.recovery.hold_for);
    return set("Normal after " + hold + " of calm", "ends after " + hold + " of calm" + hint,
               std::nullopt);
  }
  if (mode() == Mode::kHalfOpen) {
    const api::HalfOpenStatus& probe = *s_.half_open;
    if (probe.pod_uids.empty()) {
      return set("Normal", "waits for a ready pod with a sidecar" + hint, std::nullopt);
    }
    const bool idle = probe.clean + probe.bad == 0 && now_ >= *probe.started_at + kProbeIdle;
    const std::string idle_text = "no probe turn came in " + FormatDuration(kProbeIdle) +
                                  ": the agent gets no traffic. It stays half-open";
    if (idle && in_.status.next_step.find(idle_text) == std::string::npos) {
      Say(true, api::reasons::kRecoveryProbeIdle, "Probe", idle_text);
    }
    WakeAt(*probe.started_at + kProbeIdle);
    return set("Normal after " + Count(probe.needed, "clean turn"),
               (idle ? idle_text : "restores at " + Count(probe.needed, "clean turn")) +
                   ", holds again at the second bad one" + hint,
               std::nullopt);
  }
  if (const auto scale_at = ScaleDownAt(*match)) {
    return set("ScaledDown " + ClockText(*scale_at),
               "scales down at " + ClockText(*scale_at) + hint, scale_at);
  }
  if (const auto probe_at = HalfOpenAt(*match)) {
    return set("HalfOpen " + ClockText(*probe_at), "probes at " + ClockText(*probe_at) + hint,
               probe_at);
  }
  set("Release by hand",
      (match->slo->reaction->spec.recovery.mode == api::RecoveryMode::kManual
           ? std::string("recovery is Manual")
           : TripText() + ": the limit") +
          ", so a human brings it back: " + ReleaseHint(),
      std::nullopt);
}

void Machine::NotifyEvents(const RuleOutcome& rules) {
  for (const RuleMatch& match : rules.newly_fired) {
    if (match.rule->action.type == api::ActionType::kNotify) {
      const policy::SloAssessment& got = match.slo->evidence->assessment;
      out_.events.push_back({true, api::reasons::kErrorBudgetNotice, "Notify",
                             "Rule \"" + match.rule->name + "\" of " +
                                 match.slo->reaction->metadata.name + ": " +
                                 PercentText(got.budget.remaining()) +
                                 " of the error budget left (" + BudgetText(got.budget) + ")",
                             match.slo->name});
    }
  }
}

void Machine::Say(bool warning, api::EventReason reason, std::string action, std::string note) {
  out_.events.push_back({warning, reason, std::move(action), std::move(note), CauseSlo()});
}

std::string Machine::CauseSlo() const { return s_.cause.substr(0, s_.cause.rfind('/')); }

bool Machine::SetCondition(std::string_view type, api::ConditionStatus status, std::string reason,
                           std::string message) {
  api::Condition condition;
  condition.type = type;
  condition.status = status;
  condition.reason = std::move(reason);
  condition.message = std::move(message);
  condition.observed_generation = in_.generation;
  return api::SetCondition(s_.conditions, std::move(condition), now_);
}

bool Machine::HasReason(std::string_view type, std::string_view reason) const {
  const api::Condition* condition = api::FindCondition(s_.conditions, type);
  return condition != nullptr && condition->reason == reason;
}

void Machine::WakeAt(SystemTime when) {
  if (when > now_) {
    out_.wake_at = std::min(out_.wake_at.value_or(when), when);
  }
}

std::string Machine::TripText() const {
  const auto match = FindCause(in_.slos, s_.cause);
  std::string text = "trip " + std::to_string(s_.ledger ? s_.ledger->trips : 0);
  if (match) {
    text += " of " + std::to_string(match->slo->reaction->spec.guards.max_trips_per_day);
  }
  return text + " today";
}

}  // namespace reliability::controllers::enforcement
