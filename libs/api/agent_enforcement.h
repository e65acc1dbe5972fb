#pragma once
// AgentEnforcement (aenf): what the operator does to one workload, and all that it must remember
// over a restart. Meaning of each field: crds/agentenforcements.yaml. Only the enforcement
// controller writes it.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/agent_slo.h"
#include "libs/api/conditions.h"
#include "libs/api/object_meta.h"

namespace reliability::api {

enum class EnforcementMode { kNormal, kThrottled, kPaused, kScaledDown, kHalfOpen };
template <>
struct EnumNames<EnforcementMode> {
  static constexpr std::array<std::string_view, 5> kNames = {"Normal", "Throttled", "Paused",
                                                             "ScaledDown", "HalfOpen"};
};

enum class Actuator { kSidecarGate, kScaleSubresource };
template <>
struct EnumNames<Actuator> {
  static constexpr std::array<std::string_view, 2> kNames = {"SidecarGate", "ScaleSubresource"};
};

struct EvidenceThresholds {
  std::optional<Ratio> bad_share;
  std::optional<double> act;
  std::optional<Ratio> budget_at_most;
  std::optional<Ratio> burn_at_least;
  friend bool operator==(const EvidenceThresholds&, const EvidenceThresholds&) = default;
};

struct EnforcementEvidence {
  std::optional<Tier> tier;
  std::int64_t n = 0;
  std::int64_t k = 0;
  std::optional<double> e;  // natural logarithm, six decimals in JSON
  std::optional<SystemTime> onset;
  std::optional<Ratio> budget_remaining;
  std::optional<Ratio> burn_rate;
  std::optional<EvidenceThresholds> thresholds;
  friend bool operator==(const EnforcementEvidence&, const EnforcementEvidence&) = default;
};

struct WouldBe {
  std::optional<EnforcementMode> mode;  // never Normal
  std::string cause;
  std::optional<SystemTime> since;
  friend bool operator==(const WouldBe&, const WouldBe&) = default;
};

// The last mode.json. (leader_epoch, generation) only grows.
struct ModeOrder {
  std::int64_t leader_epoch = 0;
  std::int64_t generation = 0;
  std::optional<EnforcementMode> mode;  // never ScaledDown
  std::optional<SystemTime> valid_until;
  friend bool operator==(const ModeOrder&, const ModeOrder&) = default;
};

struct RuleTimer {
  std::string slo;
  std::string rule;
  std::optional<SystemTime> since;       // conditions hold since; start of `for`
  std::optional<SystemTime> fired_at;    // action taken
  std::optional<SystemTime> calm_since;  // conditions do not hold since; start of `holdFor`
  friend bool operator==(const RuleTimer&, const RuleTimer&) = default;
};

struct AutoscalerRef {
  std::string kind;
  std::string name;
  std::int32_t min_replicas = 0;
  std::int32_t max_replicas = 0;
  friend bool operator==(const AutoscalerRef&, const AutoscalerRef&) = default;
};

// What must be given back. Written before the first change to the workload.
struct EnforcementLedger {
  std::optional<SystemTime> since;
  std::optional<std::int32_t> original_replicas;
  std::optional<Actuator> actuator;
  std::string actuator_reason;
  std::optional<AutoscalerRef> autoscaler_ref;
  std::optional<std::int32_t> target_replicas;        // a write of this value is under way
  std::optional<std::int32_t> last_written_replicas;  // our last write that is certain
  std::optional<SystemTime> last_written_at;
  std::int32_t reverts = 0;
  std::optional<SystemTime> last_revert_at;
  std::string last_revert_by;
  std::optional<Milliseconds> open_for;
  std::int32_t trips = 0;
  std::string trips_day;  // "2026-01-31", UTC
  friend bool operator==(const EnforcementLedger&, const EnforcementLedger&) = default;
};

struct ProbeCounter {
  std::string pod_uid;
  std::string epoch;
  std::int64_t good = 0;
  std::int64_t bad = 0;
  friend bool operator==(const ProbeCounter&, const ProbeCounter&) = default;
};

struct HalfOpenStatus {
  std::optional<SystemTime> started_at;
  std::vector<std::string> pod_uids;
  std::vector<std::string> pod_names;
  std::int64_t clean = 0;
  std::int64_t bad = 0;
  std::int64_t needed = 0;
  std::vector<ProbeCounter> counters;
  friend bool operator==(const HalfOpenStatus&, const HalfOpenStatus&) = default;
};

struct AgentEnforcementSpec {
  TargetRef target_ref;
};

struct AgentEnforcementStatus {
  std::int64_t observed_generation = 0;
  std::optional<EnforcementMode> mode;
  std::string cause;  // "<slo>/<rule>"
  std::optional<SystemTime> since;
  std::string until;  // column: "HalfOpen 10:42:10Z"
  std::string next_step;
  std::optional<SystemTime> next_step_at;
  std::optional<EnforcementEvidence> evidence;
  std::optional<WouldBe> would_be;
  std::optional<ModeOrder> order;
  std::vector<RuleTimer> timers;
  std::optional<EnforcementLedger> ledger;
  std::optional<HalfOpenStatus> half_open;
  Conditions conditions;  // Enforced, ScaleConflict, HumanOverride
  friend bool operator==(const AgentEnforcementStatus&, const AgentEnforcementStatus&) = default;
};

struct AgentEnforcement {
  ObjectMeta metadata;
  AgentEnforcementSpec spec;
  AgentEnforcementStatus status;
};

template <>
struct Traits<AgentEnforcement> {
  static constexpr std::string_view kGroup = kApiGroup;
  static constexpr std::string_view kVersion = kApiVersion;
  static constexpr std::string_view kPlural = "agentenforcements";
  static constexpr std::string_view kKind = "AgentEnforcement";
};

void Fields(FieldVisitor& v, AgentEnforcementSpec& o);
void Fields(FieldVisitor& v, AgentEnforcementStatus& o);
void Fields(FieldVisitor& v, AgentEnforcement& o);

}  // namespace reliability::api
