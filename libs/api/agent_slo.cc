#include "libs/api/agent_slo.h"

namespace reliability::api {

Milliseconds Length(SloWindow window) {
  using std::chrono::hours;
  switch (window) {
    case SloWindow::k1h:
      return hours(1);
    case SloWindow::k1d:
      return hours(24);
    case SloWindow::k7d:
      return hours(7 * 24);
    case SloWindow::k28d:
      return hours(28 * 24);
    case SloWindow::k30d:
      break;
  }
  return hours(30 * 24);
}

void Fields(FieldVisitor& v, SliSpec& o) {
  v.Field("type", o.type, Presence::kRequired);
  v.Field("tool", o.tool);
  v.Field("threshold", o.threshold);
  v.Field("degradedIs", o.degraded_is);
}

void Fields(FieldVisitor& v, LowTraffic& o) {
  v.Field("minEvents", o.min_events);
  v.Field("minBad", o.min_bad);
  v.Field("confidence", o.confidence);
}

void Fields(FieldVisitor& v, AgentSloSpec& o) {
  v.Field("targetRef", o.target_ref, Presence::kRequired);
  v.Percent("objective", o.objective, Presence::kRequired);
  v.Field("window", o.window);
  v.Field("sli", o.sli, Presence::kRequired);
  v.Field("lowTraffic", o.low_traffic);
  v.Field("errorBudgetPolicyRef", o.error_budget_policy_ref);
}

void Fields(FieldVisitor& v, BudgetStatus& o) {
  v.Field("left", o.left);
  v.Field("remaining", o.remaining);
  v.Field("consumed", o.consumed);
  v.Field("events", o.events);
  v.Field("badEvents", o.bad_events);
}

void Fields(FieldVisitor& v, BurnTier& o) {
  v.Field("tier", o.tier, Presence::kRequired);
  v.Field("longWindow", o.long_window);
  v.Field("shortWindow", o.short_window);
  v.Field("long", o.long_bad_share);
  v.Field("short", o.short_bad_share);
  v.Field("threshold", o.threshold);
  v.Field("cappedFrom", o.capped_from);
  v.Field("burnRate", o.burn_rate);
  v.Field("events", o.events);
  v.Field("badEvents", o.bad_events);
  v.Field("firing", o.firing);
}

void Fields(FieldVisitor& v, SloEvidence& o) {
  v.Field("level", o.level);
  v.Field("tier", o.tier);
  v.Field("e", o.e);
  v.Field("alertAt", o.alert_at);
  v.Field("actAt", o.act_at);
  v.Field("onset", o.onset);
  v.Field("n", o.n);
  v.Field("k", o.k);
  v.Field("budgetSpent", o.budget_spent);
}

void Fields(FieldVisitor& v, AgentSloStatus& o) {
  v.Field("observedGeneration", o.observed_generation);
  v.Field("target", o.target);
  v.Field("objective", o.objective);
  v.Field("state", o.state);
  v.Field("budgetState", o.budget_state);
  v.Field("burnState", o.burn_state);
  v.Field("burnRate", o.burn_rate);
  v.Field("budget", o.budget);
  v.Field("burn", o.burn);
  v.Field("evidence", o.evidence);
  v.Field("podsCovered", o.pods_covered);
  v.Field("podsTotal", o.pods_total);
  v.Field("exhaustsAt", o.exhausts_at);
  v.Field("lastEvaluatedTime", o.last_evaluated_time);
  v.Field("conditions", o.conditions);
}

void Fields(FieldVisitor& v, AgentSlo& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec, Presence::kRequired);
  v.Field("status", o.status);
}

}  // namespace reliability::api
