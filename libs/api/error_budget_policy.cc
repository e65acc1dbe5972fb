#include "libs/api/error_budget_policy.h"

namespace reliability::api {

void Fields(FieldVisitor& v, RuleCondition& o) {
  v.Field("budgetAtMost", o.budget_at_most);
  v.Field("burnAtLeast", o.burn_at_least);
  v.Field("tier", o.tier);
  v.Field("for", o.held_for);
}

void Fields(FieldVisitor& v, RuleAction& o) {
  v.Field("type", o.type, Presence::kRequired);
  v.Field("maxRejectPercent", o.max_reject_percent);
  v.Field("thenScaleDownAfter", o.then_scale_down_after);
}

void Fields(FieldVisitor& v, BudgetRule& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("when", o.when, Presence::kRequired);
  v.Field("action", o.action, Presence::kRequired);
}

void Fields(FieldVisitor& v, RecoveryHalfOpen& o) {
  v.Field("openFor", o.open_for);
  v.Field("maxOpenFor", o.max_open_for);
  v.Field("maxProbes", o.max_probes);
  v.Field("successes", o.successes);
}

void Fields(FieldVisitor& v, RecoverySpec& o) {
  v.Field("mode", o.mode);
  v.Field("holdFor", o.hold_for);
  v.Field("halfOpen", o.half_open);
}

void Fields(FieldVisitor& v, GuardsSpec& o) {
  v.Field("maxTripsPerDay", o.max_trips_per_day);
  v.Field("minReplicas", o.min_replicas);
}

void Fields(FieldVisitor& v, ErrorBudgetPolicySpec& o) {
  v.Field("rules", o.rules, Presence::kRequired);
  v.Field("recovery", o.recovery);
  v.Field("guards", o.guards);
}

void Fields(FieldVisitor& v, ErrorBudgetPolicyStatus& o) {
  v.Field("observedGeneration", o.observed_generation);
  v.Field("rules", o.rules);
  v.Field("attachedSLOs", o.attached_slos);
  v.Field("conditions", o.conditions);
}

void Fields(FieldVisitor& v, ErrorBudgetPolicy& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec, Presence::kRequired);
  v.Field("status", o.status);
}

}  // namespace reliability::api
