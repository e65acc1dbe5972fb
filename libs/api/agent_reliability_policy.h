#pragma once
// AgentReliabilityPolicy (arp): which agents get a sidecar, where their calls go, how calls are
// bounded. Meaning of each field: crds/agentreliabilitypolicies.yaml. Defaults that the schema
// cannot have (they depend on the turn or the scope) are empty optionals here; the policy
// controller resolves them.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/conditions.h"
#include "libs/api/object_meta.h"

namespace reliability::api {

enum class Enforcement { kObserve, kEnforce };
template <>
struct EnumNames<Enforcement> {
  static constexpr std::array<std::string_view, 2> kNames = {"Observe", "Enforce"};
};

enum class LlmFormat { kOpenAI, kAnthropic };
template <>
struct EnumNames<LlmFormat> {
  static constexpr std::array<std::string_view, 2> kNames = {"OpenAI", "Anthropic"};
};

enum class BreakerScope { kTool, kProvider, kModel, kAgent };
template <>
struct EnumNames<BreakerScope> {
  static constexpr std::array<std::string_view, 4> kNames = {"Tool", "Provider", "Model", "Agent"};
};

enum class BreakerOperation { kAutomatic, kMetricsOnly, kForcedOpen, kDisabled };
template <>
struct EnumNames<BreakerOperation> {
  static constexpr std::array<std::string_view, 4> kNames = {"Automatic", "MetricsOnly",
                                                             "ForcedOpen", "Disabled"};
};

struct CaConfigMapRef {
  std::string name;
  std::string key = "ca.crt";
};

struct LlmUpstream {
  std::string name;
  LlmFormat format = LlmFormat::kOpenAI;
  std::string url;               // empty: the agent's own base URL variable says it
  std::vector<std::string> env;  // further variables that get the local route
  std::optional<CaConfigMapRef> ca_config_map_ref;
};

// An MCP server or a plain HTTP tool.
struct ToolUpstream {
  std::string name;
  std::string url;
  std::vector<std::string> env;
  std::optional<CaConfigMapRef> ca_config_map_ref;
};

struct Upstreams {
  std::vector<LlmUpstream> llms;
  std::vector<ToolUpstream> mcp_servers;
  std::vector<ToolUpstream> tools;
};

enum class TurnIdentity { kAuto, kTrace };
template <>
struct EnumNames<TurnIdentity> {
  static constexpr std::array<std::string_view, 2> kNames = {"Auto", "Trace"};
};

enum class StreamDeadline { kError, kEndWithNotice };
template <>
struct EnumNames<StreamDeadline> {
  static constexpr std::array<std::string_view, 2> kNames = {"Error", "EndWithNotice"};
};

struct TurnSpec {
  Milliseconds timeout{15000};
  std::optional<Milliseconds> synthesis_reserve;
  TurnIdentity identity = TurnIdentity::kAuto;
  StreamDeadline on_stream_deadline = StreamDeadline::kError;
};

struct ToolOverride {
  std::string upstream;
  std::string tool;  // empty: every tool of the upstream
  Milliseconds timeout{0};
};

struct LlmOverride {  // unset: as for every model
  std::string model;
  std::optional<Milliseconds> first_token;
  std::optional<Milliseconds> total;
  std::optional<Milliseconds> idle;
};

struct LongRunningTool {
  std::string upstream;
  std::string tool;  // empty: every tool of the upstream
  Milliseconds timeout{600'000};
};

struct TimeoutsSpec {
  std::optional<Milliseconds> llm;
  std::optional<Milliseconds> tool;
  std::optional<Milliseconds> connect;
  std::optional<Milliseconds> first_token;
  std::optional<Milliseconds> stream_idle;
  std::vector<ToolOverride> tool_overrides;
  std::vector<LlmOverride> llm_overrides;
  std::vector<LongRunningTool> long_running;
};

enum class RetryAfterHonor { kAlways, kNever };
template <>
struct EnumNames<RetryAfterHonor> {
  static constexpr std::array<std::string_view, 2> kNames = {"Always", "Never"};
};

struct RetryBackoff {
  Milliseconds base{200};
  Milliseconds max{2000};
};

struct RetryAfterSpec {
  RetryAfterHonor honor = RetryAfterHonor::kAlways;
  Milliseconds max{3000};
};

struct RetryBudgetSpec {
  std::int32_t percent = 20;
  Milliseconds interval{10000};
  std::int32_t min_retries = 3;
};

struct IdempotentTool {
  std::string upstream;
  std::string tool;  // empty: every tool of the upstream
};

struct RetriesSpec {
  std::int32_t max_retries = 2;
  RetryBackoff backoff;
  RetryAfterSpec retry_after;
  Milliseconds on_failure_within{3000};
  RetryBudgetSpec budget;
  std::vector<std::string> retry_on;  // error classes; empty: all that may pass
  std::vector<IdempotentTool> idempotent_tools;
  std::int32_t max_request_bytes = 4 << 20;
};

// Amounts of USD are decimal strings as the user wrote them; empty: none.
struct BudgetLimit {
  std::optional<std::int64_t> tokens;
  std::string usd;
};

enum class OnExceed { kReject, kTemplate, kDegrade };
template <>
struct EnumNames<OnExceed> {
  static constexpr std::array<std::string_view, 3> kNames = {"Reject", "Template", "Degrade"};
};

enum class UnknownCost { kAdmit, kReject };
template <>
struct EnumNames<UnknownCost> {
  static constexpr std::array<std::string_view, 2> kNames = {"Admit", "Reject"};
};

struct CostSpec {
  std::optional<BudgetLimit> per_turn;
  std::optional<BudgetLimit> per_session;
  std::optional<BudgetLimit> per_day;
  OnExceed on_exceed = OnExceed::kReject;
  UnknownCost on_unknown_cost = UnknownCost::kAdmit;
  std::int32_t assumed_output_tokens = 1024;
};

// USD for a million tokens.
struct PriceSpec {
  std::string provider;
  std::string model;  // empty: every other model of the provider
  std::string input;
  std::string cached_input;  // empty: as input
  std::string cache_write;   // empty: as input
  std::string output;
};

enum class OnOversize { kPass, kReject };
template <>
struct EnumNames<OnOversize> {
  static constexpr std::array<std::string_view, 2> kNames = {"Pass", "Reject"};
};

struct InspectionSpec {
  OnOversize on_oversize = OnOversize::kPass;
};

struct TlsSpec {
  bool system_cas = true;
};

struct BreakerMatch {  // an empty list matches anything
  std::vector<std::string> upstreams;
  std::vector<std::string> tools;
  std::vector<std::string> models;
};

struct BreakerTrip {
  std::int32_t consecutive_failures = 3;
  std::int32_t failure_percent = 50;
  std::int32_t min_calls = 5;
  Milliseconds window{60000};
  std::optional<std::int32_t> slow_call_percent;  // 0: off
  std::optional<Milliseconds> slow_call_duration;
  std::optional<Milliseconds> mean_latency;  // scope Agent
};

struct BreakerHalfOpen {
  std::int32_t max_probes = 2;
  std::int32_t successes = 2;
};

struct CircuitBreakerSpec {
  std::string name;
  BreakerScope scope = BreakerScope::kTool;
  BreakerOperation operation = BreakerOperation::kAutomatic;
  BreakerMatch match;
  BreakerTrip trip;
  std::optional<Milliseconds> open_for;
  Milliseconds max_open_for{300000};
  BreakerHalfOpen half_open;
};

struct AgentReliabilityPolicySpec {
  std::vector<TargetRef> target_refs;
  Enforcement enforcement = Enforcement::kObserve;
  Upstreams upstreams;
  TurnSpec turn;
  TimeoutsSpec timeouts;
  RetriesSpec retries;
  InspectionSpec inspection;
  TlsSpec tls;
  std::optional<CostSpec> cost;
  std::vector<PriceSpec> prices;
  std::vector<CircuitBreakerSpec> circuit_breakers;
  std::optional<NameRef> fallback_chain_ref;  // an LlmFallbackChain
  std::optional<NameRef> error_budget_policy_ref;
};

// The state of one target (GEP-713).
struct PolicyAncestor {
  TargetRef ancestor_ref;
  std::string controller_name;
  std::string config_hash;  // SHA-256 of the newest policy.json of this target
  std::int32_t pods_covered = 0;
  std::int32_t pods_stale = 0;
  std::int32_t pods_missing = 0;
  Conditions conditions;
};

struct AgentReliabilityPolicyStatus {
  std::int64_t observed_generation = 0;
  std::string target;   // column: "Deployment/refunds-agent"
  std::string covered;  // column: "3/3"
  std::int32_t pods_covered = 0;
  std::int32_t pods_stale = 0;
  std::int32_t pods_missing = 0;
  std::string config_hash;  // only with one target
  Conditions conditions;    // Accepted, Programmed, SidecarsCovered, ResolvedRefs
  std::vector<PolicyAncestor> ancestors;
};

struct AgentReliabilityPolicy {
  ObjectMeta metadata;
  AgentReliabilityPolicySpec spec;
  AgentReliabilityPolicyStatus status;
};

template <>
struct Traits<AgentReliabilityPolicy> {
  static constexpr std::string_view kGroup = kApiGroup;
  static constexpr std::string_view kVersion = kApiVersion;
  static constexpr std::string_view kPlural = "agentreliabilitypolicies";
  static constexpr std::string_view kKind = "AgentReliabilityPolicy";
};

void Fields(FieldVisitor& v, CaConfigMapRef& o);
void Fields(FieldVisitor& v, AgentReliabilityPolicySpec& o);
void Fields(FieldVisitor& v, AgentReliabilityPolicyStatus& o);
void Fields(FieldVisitor& v, AgentReliabilityPolicy& o);

}  // namespace reliability::api
