// Whose replicas are they, and what do we write: rulings 26 to 28.
#include <algorithm>
#include <array>

#include "controllers/enforcement/machine.h"
#include "controllers/enforcement/texts.h"
#include "libs/api/names.h"
#include "libs/base/duration.h"

namespace reliability::controllers::enforcement {
namespace {

// Managers that write again and again by themselves; anybody else is a human or acts for one.
constexpr std::array<std::string_view, 6> kReconcilers = {
    "argocd-controller",    "argocd-application-controller",
    "kustomize-controller", "helm-controller",
    "keda-operator",        "flagger"};

bool IsReconciler(std::string_view manager) {
  return std::find(kReconcilers.begin(), kReconcilers.end(), manager) != kReconcilers.end();
}

}  // namespace

api::EnforcementLedger& Machine::ledger() {
  if (!s_.ledger) {
    s_.ledger.emplace();
  }
  return *s_.ledger;
}

void Machine::JudgeActuator(const RuleMatch& match) {
  api::EnforcementLedger& l = ledger();
  const std::int32_t min_replicas = match.slo->reaction->spec.guards.min_replicas.value_or(0);
  l.actuator = api::Actuator::kSidecarGate;
  if (!ScaleDownDelay(*match.rule)) {
    l.actuator_reason = "rule " + match.rule->name + " does not scale down";
  } else if (!in_.workload.owned_by.empty()) {
    l.actuator_reason = "replicas are owned by " + in_.workload.owned_by;
  } else if (in_.workload.autoscaler && min_replicas > 0) {
    l.actuator_reason = "HorizontalPodAutoscaler " + in_.workload.autoscaler->name +
                        " would undo any count but 0, and guards.minReplicas is " +
                        std::to_string(min_replicas);
  } else {
    l.actuator = api::Actuator::kScaleSubresource;
    l.actuator_reason = in_.workload.autoscaler
                            ? "HorizontalPodAutoscaler " + in_.workload.autoscaler->name +
                                  " stands still at 0 and goes on from its minimum"
                            : "nobody writes the replicas continuously";
  }
}

void Machine::SetTarget(std::int32_t replicas) {
  ledger().target_replicas = replicas;
  out_.scale_to = replicas;
}

// What became of our last write, and has anybody else written?
void Machine::SettleScale() {
  if (!s_.ledger || !s_.ledger->since) {
    return;
  }
  api::EnforcementLedger& l = *s_.ledger;
  if (!l.target_replicas) {
    if (l.last_written_replicas && in_.workload.replicas != *l.last_written_replicas) {
      OnForeignWrite();
    }
    return;
  }
  if (in_.workload.replicas != *l.target_replicas) {
    out_.scale_to = l.target_replicas;  // not written yet, or the write was lost
    return;
  }
  const std::int32_t before = l.last_written_replicas.value_or(l.original_replicas.value_or(0));
  l.last_written_replicas = l.target_replicas;
  l.last_written_at = now_;
  l.target_replicas.reset();
  if (mode() == Mode::kPaused && !Restoring()) {
    Enter(Mode::kScaledDown);
    const auto match = FindCause(in_.slos, s_.cause);
    const std::optional<SystemTime> next = match ? HalfOpenAt(*match) : std::nullopt;
    Say(true, api::reasons::kAgentScaledDown, "ScaleDown",
        std::to_string(before) + " → " + std::to_string(in_.workload.replicas) +
            " replicas (saved: " + std::to_string(l.original_replicas.value_or(0)) +
            ") by scale subresource. " +
            (next ? "Returns by HalfOpen at " + ClockText(*next) : "A human brings it back") +
            ", or at once: " + ReleaseHint() +
            ". A kubectl or Helm apply meanwhile sets its own count");
  }
}

void Machine::OnForeignWrite() {
  api::EnforcementLedger& l = *s_.ledger;
  const std::string& manager = in_.workload.replicas_manager;
  if (l.actuator != api::Actuator::kScaleSubresource || HumanScaled()) {
    return;
  }
  if (l.autoscaler_ref && *l.last_written_replicas > 0 && in_.workload.replicas > 0) {
    return;  // the autoscaler goes on from what we set: as it should
  }
  if (manager == api::kEnforcementManager) {
    // A write of ours whose answer was lost after its target had been given up.
    l.last_written_replicas = in_.workload.replicas;
    l.last_written_at = now_;
    return;
  }
  if (IsReconciler(manager)) {
    OnRevert();
    return;
  }
  SetCondition("HumanOverride", api::ConditionStatus::kTrue, "ScaledByHand",
               "replicas went from " + std::to_string(*l.last_written_replicas) + " to " +
                   std::to_string(in_.workload.replicas) + ", written by " +
                   (manager.empty() ? "somebody else" : manager) +
                   "; no scaling until the incident closes, the sidecars keep the mode");
  Say(true, api::reasons::kHumanOverride, "StandDown",
      "replicas set to " + std::to_string(in_.workload.replicas) + " by " +
          (manager.empty() ? "somebody else" : manager) +
          ": we leave them alone until the incident closes; sidecars still refuse new turns. To "
          "end "
          "that, too: " +
          ReleaseHint());
  if (mode() == Mode::kScaledDown) {
    Enter(Mode::kPaused);
  }
}

void Machine::OnRevert() {
  api::EnforcementLedger& l = *s_.ledger;
  const bool recent = l.last_revert_at && now_ - *l.last_revert_at <= kRevertWindow;
  l.reverts = recent ? l.reverts + 1 : 1;
  l.last_revert_at = now_;
  l.last_revert_by = in_.workload.replicas_manager;
  if (l.reverts < 2) {
    SetTarget(*l.last_written_replicas);
    return;
  }
  l.actuator = api::Actuator::kSidecarGate;
  l.actuator_reason = l.last_revert_by + " undid our scaling twice";
  l.last_written_replicas.reset();  // what it set is what there was
  const std::string fix =
      l.last_revert_by +
      " undid our scaling twice within 10 minutes: we stopped writing replicas, "
      "the sidecars hold. To allow it, leave replicas out of what it applies";
  SetCondition("ScaleConflict", api::ConditionStatus::kTrue, "Reverted", fix);
  Say(true, api::reasons::kScaleConflict, "StandDown", fix);
  if (mode() == Mode::kScaledDown) {
    Enter(Mode::kPaused);
  }
}

std::optional<SystemTime> Machine::ScaleDownAt(const RuleMatch& match) const {
  const std::optional<Milliseconds> delay = ScaleDownDelay(*match.rule);
  if (!delay || mode() != Mode::kPaused || HumanScaled() ||
      s_.ledger->actuator != api::Actuator::kScaleSubresource ||
      in_.workload.replicas <= match.slo->reaction->spec.guards.min_replicas.value_or(0)) {
    return std::nullopt;
  }
  return *s_.ledger->since + *delay;
}

void Machine::ScaleDownIfDue(const RuleMatch& match) {
  const std::optional<SystemTime> due = ScaleDownAt(match);
  const bool telemetry = match.slo->evidence && match.slo->evidence->telemetry_healthy;
  // Never before the sidecars were told, and never further on missing data.
  if (!due || now_ < *due || !Published() || !telemetry || HasReason("Enforced", "AwaitingAcks")) {
    return;
  }
  if (!s_.ledger->last_written_replicas && !s_.ledger->autoscaler_ref) {
    // Somebody may have scaled since the pause began; an autoscaler only follows the idle pods.
    s_.ledger->original_replicas = in_.workload.replicas;
  }
  SetTarget(match.slo->reaction->spec.guards.min_replicas.value_or(0));
}

std::int32_t Machine::ProbeReplicas(const RuleMatch& match) const {
  const std::int32_t least = in_.workload.autoscaler
                                 ? in_.workload.autoscaler->min_replicas
                                 : match.slo->reaction->spec.guards.min_replicas.value_or(0);
  return std::max(1, least);
}

std::optional<std::int32_t> Machine::RestoreReplicas() const {
  if (!s_.ledger || s_.ledger->actuator != api::Actuator::kScaleSubresource ||
      !s_.ledger->last_written_replicas || !s_.ledger->original_replicas || HumanScaled()) {
    return std::nullopt;  // we never changed them, or they are somebody else's now
  }
  const std::int32_t saved = *s_.ledger->original_replicas;
  if (!in_.workload.autoscaler) {
    return saved;
  }
  const std::int32_t min = std::max(1, in_.workload.autoscaler->min_replicas);
  return std::clamp(saved, min, std::max(min, in_.workload.autoscaler->max_replicas));
}

}  // namespace reliability::controllers::enforcement
