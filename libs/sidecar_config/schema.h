#pragma once
// The contract between the two processes: what the operator writes into the workload's ConfigMap
// (policy.json, mode.json) and what a sidecar reports on its admin port (/ledger).
//
// All defaults are resolved by the writer; times are integers in milliseconds; JSON is canonical
// (keys sorted, no whitespace). Field names in JSON are these members in camelCase.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"
#include "libs/sidecar_config/chain.h"
#include "libs/sidecar_config/cost.h"
#include "libs/sidecar_config/llm_format.h"

namespace reliability::sidecar_config {

inline constexpr int kSchemaMajor = 1;
// A new field of a document raises it; one of policy.json needs a row in schema_skew.cc, too. An
// old field gets no new values: sidecars of older minors would refuse the whole document.
//
// 1: retries, traffic, fallbackChain.
// 2: slow calls, mean latency, scope Agent, operation of breakers; modes Degraded, Ramping.
// 3: cost, prices, spent; turn.identity, turn.onStreamDeadline, timeouts.llmOverrides,
//    timeouts.longRunning, slos[].degradedIs.
// 4: inspection, tls.
// 5: degrade.maxTokensPerTurn, degrade.maxCostPerTurn of mode.json.
inline constexpr int kSchemaMinor = 5;

enum class Enforcement { kObserve, kEnforce };                 // "Observe", "Enforce"
enum class UpstreamKind { kLlm, kMcp, kHttp };                 // "LLM", "MCP", "HTTP"
enum class BreakerScope { kTool, kProvider, kModel, kAgent };  // "Tool", "Provider", ...
enum class BreakerOperation { kAutomatic, kMetricsOnly, kForcedOpen, kDisabled };
enum class SliType { kTaskSuccess, kToolCallSuccess, kTurnLatency };
enum class DegradedIs { kGood, kBad };                 // "Good", "Bad"
enum class TurnIdentity { kAuto, kTrace };             // "Auto", "Trace"
enum class StreamDeadline { kError, kEndWithNotice };  // "Error", "EndWithNotice"
enum class OnOversize { kPass, kReject };              // "Pass", "Reject"
// "Normal", ... Frozen is read as Normal, ScaledDown as Paused: to a sidecar they are the same.
enum class Mode { kNormal, kThrottled, kPaused, kHalfOpen, kDegraded, kRamping };

// One place that agents call through the sidecar: route /llm/<name>, /mcp/<name> or /tools/<name>.
struct Upstream {
  UpstreamKind kind = UpstreamKind::kLlm;
  std::string name;
  LlmFormat format = LlmFormat::kOpenAI;  // only for LLM; JSON "format" is absent otherwise
  // Base URL. Empty (LLM only): taken from AGENT_RELIABILITY_UPSTREAM_<NAME> (operator ruling 9).
  std::string url;
  // File with extra CA certificates (PEM), mounted beside policy.json; empty = system CAs only.
  std::string ca_file;
};

struct Turn {
  Milliseconds timeout{15000};           // "timeoutMs"
  Milliseconds synthesis_reserve{3000};  // "synthesisReserveMs"
  // kTrace: a traceparent's trace id names the turn if nothing else does.
  TurnIdentity identity = TurnIdentity::kAuto;
  // Of a stream that still runs at the deadline; kEndWithNotice: text gets an end in words.
  StreamDeadline on_stream_deadline = StreamDeadline::kError;
};

struct ToolTimeout {
  std::string upstream;
  std::string tool;  // empty = every tool of the upstream
  Milliseconds timeout{0};
};

struct LlmOverride {  // absent: as for every model
  std::string model;
  std::optional<Milliseconds> first_token;
  std::optional<Milliseconds> total;
  std::optional<Milliseconds> idle;
};

// A tool that may outlive its turn, whose clock stands still meanwhile.
struct LongRunningTool {
  std::string upstream;
  std::string tool;  // empty = every tool of the upstream
  Milliseconds timeout{600'000};
};

struct Timeouts {
  Milliseconds llm{10000};
  Milliseconds tool{5000};
  Milliseconds connect{1000};
  Milliseconds first_token{8000};
  Milliseconds stream_idle{5000};
  std::vector<ToolTimeout> tool_overrides;
  std::vector<LlmOverride> llm_overrides;
  std::vector<LongRunningTool> long_running;
};

struct RetryBackoff {
  Milliseconds base{200};  // "baseMs"
  Milliseconds max{2000};  // "maxMs"
};

struct RetryAfter {
  bool honor = true;
  Milliseconds max{3000};  // "maxMs"
};

struct RetryBudget {
  int percent = 20;
  Milliseconds interval{10000};  // "intervalMs"
  int min_retries = 3;
};

struct ToolRef {
  std::string upstream;
  std::string tool;  // empty = every tool of the upstream
};

// Attempts at the same target after a failure that may pass.
struct Retries {
  int max_retries = 2;
  RetryBackoff backoff;
  RetryAfter retry_after;
  Milliseconds on_failure_within{3000};  // "onFailureWithinMs"
  RetryBudget budget;
  std::vector<policy::ErrorClass> retry_on;  // JSON: class names; empty = all that may pass
  std::vector<ToolRef> idempotent_tools;     // may be called twice without harm
  // Larger request bodies are not kept, so their calls are not repeated.
  std::int64_t max_request_bytes = 4 << 20;
};

// Of calls to LLM and MCP upstreams whose body cannot be looked into: more than 1 MiB, encoded, or
// no memory left.
struct Inspection {
  OnOversize on_oversize = OnOversize::kPass;
};

struct Tls {
  bool system_cas = true;  // "systemCAs": also those that have a CA file of their own trust them
};

struct BreakerMatch {  // empty list = any; names, no patterns
  std::vector<std::string> upstreams;
  std::vector<std::string> tools;
  std::vector<std::string> models;
};

struct BreakerTrip {
  int consecutive_failures = 3;
  int failure_percent = 50;
  int min_calls = 5;
  Milliseconds window{60000};
  int slow_call_percent = 0;           // 0 = rule off
  Milliseconds slow_call_duration{0};  // "slowCallDurationMs"; 0 = 80 % of the call's time-out
  Milliseconds mean_latency{0};        // "meanLatencyMs", scope Agent: of turns; 0 = rule off
};

struct BreakerHalfOpen {
  int max_probes = 2;
  int successes = 2;
};

// The first entry of a scope that matches wins. The operator always appends one catch-all entry
// for each scope but Agent with the documented defaults, so every call has its breakers.
struct CircuitBreaker {
  std::string name;
  BreakerScope scope = BreakerScope::kTool;
  BreakerOperation operation = BreakerOperation::kAutomatic;
  BreakerMatch match;
  BreakerTrip trip;
  Milliseconds open_for{60000};
  Milliseconds max_open_for{300000};
  BreakerHalfOpen half_open;
};

struct Slo {
  std::string key;   // "<AgentSLO uid>/<8 hex of the SLI's hash>"
  std::string name;  // for logs and metrics
  SliType type = SliType::kTaskSuccess;
  std::string tool;  // ToolCallSuccess: "<upstream>/<tool>" or "<tool>"; empty = all
  std::optional<Milliseconds> threshold;  // TurnLatency: "thresholdMs"
  // TaskSuccess: of answers by a fallback chain; absent = another tier's good, the template's bad.
  std::optional<DegradedIs> degraded_is;
};

struct PolicyDocument {             // policy.json
  int schema_major = kSchemaMajor;  // JSON: "schema":"1.5"
  int schema_minor = kSchemaMinor;
  std::string workload;  // "<namespace>/<Kind>/<name>"
  Enforcement enforcement = Enforcement::kObserve;
  std::vector<Upstream> upstreams;
  Turn turn;
  Timeouts timeouts;
  Retries retries;
  Inspection inspection;  // JSON "inspection", "tls" are absent if they say the default
  Tls tls;
  std::vector<CircuitBreaker> circuit_breakers;
  std::optional<FallbackChain> fallback_chain;  // absent = none
  Cost cost;  // JSON "cost", "prices" are absent if they say the default
  std::vector<policy::PriceRule> prices;
  std::vector<Slo> slos;
};

// Admission control formula of slo-and-enforcement.md section 3.
struct ThrottleOrder {
  double objective = 0.0;  // ratio in (0, 1); JSON: decimal string
  int max_reject_percent = 80;
  int min_events = 10;
};

struct HalfOpenOrder {
  int max_probes = 2;
  std::vector<std::string> pod_uids;  // who probes; every other pod acts Paused
};

struct DegradeOrder {
  std::string fallback_tier;  // name of a tier of the chain: calls begin there or below
  std::optional<Milliseconds> turn_timeout;  // "turnTimeoutMs"
  // JSON: "maxTokensPerTurn", an integer, and "maxCostPerTurn", USD as in cost.perTurn.usd.
  policy::BudgetLimit turn_budget{};
};

struct RampOrder {
  std::string id;  // steps of one ramp share it
  int percent = 100;
};

struct ModeDocument {  // mode.json
  int schema_major = kSchemaMajor;
  int schema_minor = kSchemaMinor;
  std::int64_t leader_epoch = 0;  // (leader_epoch, generation) never goes back in a sidecar
  std::int64_t generation = 0;
  Mode mode = Mode::kNormal;
  std::string cause;  // "<slo>/<rule>", empty for Normal
  Milliseconds retry_after{30000};
  std::optional<SystemTime> valid_until;  // RFC 3339; absent for Normal
  std::optional<ThrottleOrder> throttle;
  std::optional<HalfOpenOrder> half_open;
  std::optional<DegradeOrder> degrade;
  std::optional<RampOrder> ramp;
};

// Monotone counters of one SLO in one epoch of one sidecar process.
struct SloCounts {
  std::uint64_t good = 0;
  std::uint64_t bad = 0;
  friend bool operator==(const SloCounts&, const SloCounts&) = default;
};

// Since the start of the process.
struct TrafficCounts {
  std::uint64_t calls = 0;     // as the agent made them
  std::uint64_t attempts = 0;  // as they went upstream: retries make more, refusals fewer
  friend bool operator==(const TrafficCounts&, const TrafficCounts&) = default;
};

struct LedgerEpoch {
  std::string epoch;  // unique per process start, e.g. "<start ms>-<random>"
  std::map<std::string, SloCounts> slos;
};

struct LedgerDocument {  // GET /ledger
  int schema_major = kSchemaMajor;
  int schema_minor = kSchemaMinor;
  std::string pod_uid;
  LedgerEpoch current;                 // JSON: "epoch" and "slos" at the top level
  std::vector<LedgerEpoch> closed;     // earlier processes of this pod, newest last, at most 8
  std::string config_hash;             // SHA-256 of the loaded policy.json's bytes; empty = none
  std::string config_error;            // why the newest policy.json was refused; empty = it was not
  std::int64_t mode_leader_epoch = 0;  // order in force
  std::int64_t mode_generation = 0;
  std::string mode;         // mode in force, e.g. "Paused"
  bool mode_stale = false;  // past validUntil
  std::uint64_t turns_running = 0;
  std::map<std::string, TrafficCounts> traffic;  // by "<kind>:<upstream>", "mcp:orders"
  std::optional<ChainCounts> fallback_chain;     // absent without a chain
  std::optional<policy::DaySpend> spent;         // absent without prices and budgets
};

// Compact form for the container's termination message (kubelet limit 4,096 bytes; ours 1,024).
// {"u":podUID,"e":epoch,"s":{key:[good,bad]}}
inline constexpr std::size_t kLastWordsBytes = 1024;

}  // namespace reliability::sidecar_config
