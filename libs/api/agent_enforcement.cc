#include "libs/api/agent_enforcement.h"

namespace reliability::api {

void Fields(FieldVisitor& v, EvidenceThresholds& o) {
  v.Field("badShare", o.bad_share);
  v.Field("act", o.act);
  v.Field("budgetAtMost", o.budget_at_most);
  v.Field("burnAtLeast", o.burn_at_least);
}

void Fields(FieldVisitor& v, EnforcementEvidence& o) {
  v.Field("tier", o.tier);
  v.Field("n", o.n);
  v.Field("k", o.k);
  v.Field("e", o.e);
  v.Field("onset", o.onset);
  v.Field("budgetRemaining", o.budget_remaining);
  v.Field("burnRate", o.burn_rate);
  v.Field("thresholds", o.thresholds);
}

void Fields(FieldVisitor& v, WouldBe& o) {
  v.Field("mode", o.mode);
  v.Field("cause", o.cause);
  v.Field("since", o.since);
}

void Fields(FieldVisitor& v, ModeOrder& o) {
  v.Field("leaderEpoch", o.leader_epoch);
  v.Field("generation", o.generation);
  v.Field("mode", o.mode);
  v.Field("validUntil", o.valid_until);
}

void Fields(FieldVisitor& v, RuleTimer& o) {
  v.Field("slo", o.slo, Presence::kRequired);
  v.Field("rule", o.rule, Presence::kRequired);
  v.Field("since", o.since);
  v.Field("firedAt", o.fired_at);
  v.Field("calmSince", o.calm_since);
}

void Fields(FieldVisitor& v, AutoscalerRef& o) {
  v.Field("kind", o.kind, Presence::kRequired);
  v.Field("name", o.name, Presence::kRequired);
  v.Field("minReplicas", o.min_replicas);
  v.Field("maxReplicas", o.max_replicas);
}

void Fields(FieldVisitor& v, EnforcementLedger& o) {
  v.Field("since", o.since);
  v.Field("originalReplicas", o.original_replicas);
  v.Field("actuator", o.actuator);
  v.Field("actuatorReason", o.actuator_reason);
  v.Field("autoscalerRef", o.autoscaler_ref);
  v.Field("targetReplicas", o.target_replicas);
  v.Field("lastWrittenReplicas", o.last_written_replicas);
  v.Field("lastWrittenAt", o.last_written_at);
  v.Field("reverts", o.reverts);
  v.Field("lastRevertAt", o.last_revert_at);
  v.Field("lastRevertBy", o.last_revert_by);
  v.Field("openFor", o.open_for);
  v.Field("trips", o.trips);
  v.Field("tripsDay", o.trips_day);
}

void Fields(FieldVisitor& v, ProbeCounter& o) {
  v.Field("podUID", o.pod_uid, Presence::kRequired);
  v.Field("epoch", o.epoch, Presence::kRequired);
  v.Field("good", o.good);
  v.Field("bad", o.bad);
}

void Fields(FieldVisitor& v, HalfOpenStatus& o) {
  v.Field("startedAt", o.started_at);
  v.Field("podUIDs", o.pod_uids);
  v.Field("podNames", o.pod_names);
  v.Field("clean", o.clean);
  v.Field("bad", o.bad);
  v.Field("needed", o.needed);
  v.Field("counters", o.counters);
}

void Fields(FieldVisitor& v, AgentEnforcementSpec& o) {
  v.Field("targetRef", o.target_ref, Presence::kRequired);
}

void Fields(FieldVisitor& v, AgentEnforcementStatus& o) {
  v.Field("observedGeneration", o.observed_generation);
  v.Field("mode", o.mode);
  v.Field("cause", o.cause);
  v.Field("since", o.since);
  v.Field("until", o.until);
  v.Field("nextStep", o.next_step);
  v.Field("nextStepAt", o.next_step_at);
  v.Field("evidence", o.evidence);
  v.Field("wouldBe", o.would_be);
  v.Field("order", o.order);
  v.Field("timers", o.timers);
  v.Field("ledger", o.ledger);
  v.Field("halfOpen", o.half_open);
  v.Field("conditions", o.conditions);
}

void Fields(FieldVisitor& v, AgentEnforcement& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec, Presence::kRequired);
  v.Field("status", o.status);
}

}  // namespace reliability::api
