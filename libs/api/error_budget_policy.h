#pragma once
// ErrorBudgetPolicy (ebp): ordered rules from budget and burn to actions, and the way back.
// Meaning of each field: crds/errorbudgetpolicies.yaml.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/agent_slo.h"
#include "libs/api/conditions.h"
#include "libs/api/object_meta.h"

namespace reliability::api {

// Weakest first.
enum class ActionType { kNotify, kThrottle, kPause, kScaleDown };
template <>
struct EnumNames<ActionType> {
  static constexpr std::array<std::string_view, 4> kNames = {"Notify", "Throttle", "Pause",
                                                             "ScaleDown"};
};

enum class RecoveryMode { kAutomatic, kManual };
template <>
struct EnumNames<RecoveryMode> {
  static constexpr std::array<std::string_view, 2> kNames = {"Automatic", "Manual"};
};

// All that are set must hold; the API server makes sure that one of the first three is set.
struct RuleCondition {
  std::optional<Ratio> budget_at_most;
  std::optional<Ratio> burn_at_least;
  std::optional<Tier> tier;
  std::optional<Milliseconds> held_for;  // JSON "for"
};

struct RuleAction {
  ActionType type = ActionType::kNotify;
  std::optional<std::int32_t> max_reject_percent;     // Throttle; unset: 80
  std::optional<Milliseconds> then_scale_down_after;  // Pause: unset is never; ScaleDown: 10m
};

struct BudgetRule {
  std::string name;
  RuleCondition when;
  RuleAction action;
};

struct RecoveryHalfOpen {
  Milliseconds open_for{300000};
  Milliseconds max_open_for{3600000};
  std::int32_t max_probes = 2;
  std::optional<std::int32_t> successes;  // unset: the count that the evidence rule needs
};

struct RecoverySpec {
  RecoveryMode mode = RecoveryMode::kAutomatic;
  Milliseconds hold_for{900000};
  RecoveryHalfOpen half_open;
};

struct GuardsSpec {
  std::int32_t max_trips_per_day = 3;
  std::optional<std::int32_t> min_replicas;  // always set if a rule scales down
};

struct ErrorBudgetPolicySpec {
  std::vector<BudgetRule> rules;
  RecoverySpec recovery;
  GuardsSpec guards;
};

struct ErrorBudgetPolicyStatus {
  std::int64_t observed_generation = 0;
  std::string rules;  // column: "tell:Notify,stop:Pause"
  std::int32_t attached_slos = 0;
  Conditions conditions;  // Accepted
};

struct ErrorBudgetPolicy {
  ObjectMeta metadata;
  ErrorBudgetPolicySpec spec;
  ErrorBudgetPolicyStatus status;
};

template <>
struct Traits<ErrorBudgetPolicy> {
  static constexpr std::string_view kGroup = kApiGroup;
  static constexpr std::string_view kVersion = kApiVersion;
  static constexpr std::string_view kPlural = "errorbudgetpolicies";
  static constexpr std::string_view kKind = "ErrorBudgetPolicy";
};

void Fields(FieldVisitor& v, ErrorBudgetPolicySpec& o);
void Fields(FieldVisitor& v, ErrorBudgetPolicyStatus& o);
void Fields(FieldVisitor& v, ErrorBudgetPolicy& o);

}  // namespace reliability::api
