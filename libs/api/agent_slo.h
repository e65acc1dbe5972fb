#pragma once
// AgentSLO (agslo): one objective of one agent, and what was measured. Meaning of each field:
// crds/agentslos.yaml.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/conditions.h"
#include "libs/api/object_meta.h"

namespace reliability::api {

enum class SloWindow { k1h, k1d, k7d, k28d, k30d };
template <>
struct EnumNames<SloWindow> {
  static constexpr std::array<std::string_view, 5> kNames = {"1h", "1d", "7d", "28d", "30d"};
};
[[nodiscard]] Milliseconds Length(SloWindow window);

enum class SliType { kTaskSuccess, kToolCallSuccess, kTurnLatency };
template <>
struct EnumNames<SliType> {
  static constexpr std::array<std::string_view, 3> kNames = {"TaskSuccess", "ToolCallSuccess",
                                                             "TurnLatency"};
};

enum class DegradedIs { kGood, kBad };
template <>
struct EnumNames<DegradedIs> {
  static constexpr std::array<std::string_view, 2> kNames = {"Good", "Bad"};
};

enum class Confidence { kStandard, kStrict };
template <>
struct EnumNames<Confidence> {
  static constexpr std::array<std::string_view, 2> kNames = {"Standard", "Strict"};
};

enum class BudgetState { kHealthy, kAtRisk, kCritical, kExhausted, kUnknown };
template <>
struct EnumNames<BudgetState> {
  static constexpr std::array<std::string_view, 5> kNames = {"Healthy", "AtRisk", "Critical",
                                                             "Exhausted", "Unknown"};
};

enum class BurnState { kIdle, kNormal, kElevated, kCritical, kRecovering, kUnknown };
template <>
struct EnumNames<BurnState> {
  static constexpr std::array<std::string_view, 6> kNames = {"Idle",     "Normal",     "Elevated",
                                                             "Critical", "Recovering", "Unknown"};
};

// The column: Exhausted, else the burn state.
enum class SloState { kIdle, kNormal, kElevated, kCritical, kRecovering, kExhausted, kUnknown };
template <>
struct EnumNames<SloState> {
  static constexpr std::array<std::string_view, 7> kNames = {
      "Idle", "Normal", "Elevated", "Critical", "Recovering", "Exhausted", "Unknown"};
};

// Lowest first, so that < compares severity.
enum class Tier { kTicketSlow, kTicketFast, kPageSlow, kPageFast, kOutage };
template <>
struct EnumNames<Tier> {
  static constexpr std::array<std::string_view, 5> kNames = {"TicketSlow", "TicketFast", "PageSlow",
                                                             "PageFast", "Outage"};
};

enum class Firing { kNo, kAlert, kAct, kUnknown };
template <>
struct EnumNames<Firing> {
  static constexpr std::array<std::string_view, 4> kNames = {"No", "Alert", "Act", "Unknown"};
};

enum class EvidenceLevel { kNone, kAlert, kAct };
template <>
struct EnumNames<EvidenceLevel> {
  static constexpr std::array<std::string_view, 3> kNames = {"None", "Alert", "Act"};
};

struct SliSpec {
  SliType type = SliType::kTaskSuccess;
  std::string tool;                       // ToolCallSuccess: "<upstream>/<tool>" or "<tool>"
  std::optional<Milliseconds> threshold;  // TurnLatency
  std::optional<DegradedIs> degraded_is;  // TaskSuccess; unset: tiers good, the template bad
};

struct LowTraffic {
  std::int32_t min_events = 10;
  std::int32_t min_bad = 3;
  Confidence confidence = Confidence::kStandard;
};

struct AgentSloSpec {
  TargetRef target_ref;
  Ratio objective;  // 0.95 for "95"
  SloWindow window = SloWindow::k30d;
  SliSpec sli;
  LowTraffic low_traffic;
  std::optional<NameRef> error_budget_policy_ref;
};

struct BudgetStatus {
  std::string left;  // column: "-20%"
  std::optional<Ratio> remaining;
  std::optional<Ratio> consumed;
  std::int64_t events = 0;
  std::int64_t bad_events = 0;
};

struct BurnTier {
  Tier tier = Tier::kTicketSlow;
  std::optional<Milliseconds> long_window;
  std::optional<Milliseconds> short_window;
  std::optional<Ratio> long_bad_share;   // JSON "long"
  std::optional<Ratio> short_bad_share;  // JSON "short"
  std::optional<Ratio> threshold;
  std::optional<Ratio> capped_from;
  std::optional<Ratio> burn_rate;
  std::int64_t events = 0;
  std::int64_t bad_events = 0;
  std::optional<Firing> firing;
};

struct SloEvidence {
  std::optional<EvidenceLevel> level;
  std::optional<Tier> tier;  // highest that fires at this level
  std::optional<double> e;   // natural logarithms, six decimals in JSON
  std::optional<double> alert_at;
  std::optional<double> act_at;
  std::optional<SystemTime> onset;
  std::int64_t n = 0;
  std::int64_t k = 0;
  std::optional<Ratio> budget_spent;
};

struct AgentSloStatus {
  std::int64_t observed_generation = 0;
  std::string target;     // column: "Deployment/refunds-agent"
  std::string objective;  // column: "95%"
  std::optional<SloState> state;
  std::optional<BudgetState> budget_state;
  std::optional<BurnState> burn_state;
  std::string burn_rate;  // column: "14.8x"
  std::optional<BudgetStatus> budget;
  std::vector<BurnTier> burn;
  std::optional<SloEvidence> evidence;
  std::int32_t pods_covered = 0;
  std::int32_t pods_total = 0;
  std::optional<SystemTime> exhausts_at;
  std::optional<SystemTime> last_evaluated_time;
  Conditions conditions;  // Accepted TelemetryHealthy Evaluable SLOMet BudgetExhausted FastBurn
};

struct AgentSlo {
  ObjectMeta metadata;
  AgentSloSpec spec;
  AgentSloStatus status;
};

template <>
struct Traits<AgentSlo> {
  static constexpr std::string_view kGroup = kApiGroup;
  static constexpr std::string_view kVersion = kApiVersion;
  static constexpr std::string_view kPlural = "agentslos";
  static constexpr std::string_view kKind = "AgentSLO";
};

void Fields(FieldVisitor& v, SliSpec& o);
void Fields(FieldVisitor& v, AgentSloSpec& o);
void Fields(FieldVisitor& v, AgentSloStatus& o);
void Fields(FieldVisitor& v, AgentSlo& o);

}  // namespace reliability::api
