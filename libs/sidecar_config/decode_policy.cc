#include <utility>

#include "libs/sidecar_config/chain_json.h"
#include "libs/sidecar_config/cost_json.h"
#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/names.h"
#include "libs/sidecar_config/object_reader.h"
#include "libs/sidecar_config/policy_json.h"

namespace reliability::sidecar_config {
namespace {

void Read(ObjectReader& in, Upstream& out) {
  in.Require("kind");
  in.Require("name");
  in.Enum<UpstreamKind>("kind", out.kind, names::kUpstreamKinds);
  in.String("name", out.name);
  if (out.kind == UpstreamKind::kLlm) {
    in.Require("format");
    in.Enum<LlmFormat>("format", out.format, names::kLlmFormats);
  }
  in.String("url", out.url);
  in.String("caFile", out.ca_file);
}

void OptionalMs(ObjectReader& in, const char* name, std::optional<Milliseconds>& out) {
  Milliseconds value{0};
  if (in.Ms(name, value)) {
    out = value;
  }
}

void Read(ObjectReader& in, Timeouts& out) {
  in.Ms("llmMs", out.llm);
  in.Ms("toolMs", out.tool);
  in.Ms("connectMs", out.connect);
  in.Ms("firstTokenMs", out.first_token);
  in.Ms("streamIdleMs", out.stream_idle);
  in.Objects("toolOverrides", out.tool_overrides, [](ObjectReader& tool, ToolTimeout& value) {
    tool.Require("upstream");
    tool.Require("timeoutMs");
    tool.String("upstream", value.upstream);
    tool.String("tool", value.tool);
    tool.Ms("timeoutMs", value.timeout);
  });
  in.Objects("llmOverrides", out.llm_overrides, [](ObjectReader& model, LlmOverride& value) {
    model.Require("model");
    model.String("model", value.model);
    OptionalMs(model, "firstTokenMs", value.first_token);
    OptionalMs(model, "totalMs", value.total);
    OptionalMs(model, "idleMs", value.idle);
  });
  in.Objects("longRunning", out.long_running, [](ObjectReader& tool, LongRunningTool& value) {
    tool.Require("upstream");
    tool.String("upstream", value.upstream);
    tool.String("tool", value.tool);
    tool.Ms("timeoutMs", value.timeout);
  });
}

void ReadClasses(ObjectReader& in, const char* name, std::vector<policy::ErrorClass>& out) {
  std::vector<std::string> words;
  if (!in.Strings(name, words)) {
    return;
  }
  out.clear();
  for (const std::string& word : words) {
    const auto known = policy::ParseErrorClass(word);
    if (!known.has_value()) {
      in.Reject(name, "unknown error class \"" + word + "\"");
      return;
    }
    out.push_back(*known);
  }
}

void Read(ObjectReader& in, Retries& out) {
  in.Int("maxRetries", out.max_retries);
  in.Object("backoff", [&](ObjectReader& backoff) {
    backoff.Ms("baseMs", out.backoff.base);
    backoff.Ms("maxMs", out.backoff.max);
  });
  in.Object("retryAfter", [&](ObjectReader& wait) {
    wait.Bool("honor", out.retry_after.honor);
    wait.Ms("maxMs", out.retry_after.max);
  });
  in.Ms("onFailureWithinMs", out.on_failure_within);
  in.Object("budget", [&](ObjectReader& budget) {
    budget.Int("percent", out.budget.percent);
    budget.Ms("intervalMs", out.budget.interval);
    budget.Int("minRetries", out.budget.min_retries);
  });
  ReadClasses(in, "retryOn", out.retry_on);
  in.Objects("idempotentTools", out.idempotent_tools, [](ObjectReader& tool, ToolRef& value) {
    tool.Require("upstream");
    tool.String("upstream", value.upstream);
    tool.String("tool", value.tool);
  });
  in.Int64("maxRequestBytes", out.max_request_bytes);
}

void Read(ObjectReader& in, CircuitBreaker& out) {
  in.Require("scope");
  in.String("name", out.name);
  in.Enum<BreakerScope>("scope", out.scope, names::kBreakerScopes);
  in.Enum<BreakerOperation>("operation", out.operation, names::kBreakerOperations);
  in.Object("match", [&](ObjectReader& match) {
    match.Strings("upstreams", out.match.upstreams);
    match.Strings("tools", out.match.tools);
    match.Strings("models", out.match.models);
  });
  in.Object("trip", [&](ObjectReader& trip) {
    trip.Int("consecutiveFailures", out.trip.consecutive_failures);
    trip.Int("failurePercent", out.trip.failure_percent);
    trip.Int("minCalls", out.trip.min_calls);
    trip.Ms("windowMs", out.trip.window);
    trip.Int("slowCallPercent", out.trip.slow_call_percent);
    trip.Ms("slowCallDurationMs", out.trip.slow_call_duration);
    trip.Ms("meanLatencyMs", out.trip.mean_latency);
  });
  in.Ms("openForMs", out.open_for);
  in.Ms("maxOpenForMs", out.max_open_for);
  in.Object("halfOpen", [&](ObjectReader& half_open) {
    half_open.Int("maxProbes", out.half_open.max_probes);
    half_open.Int("successes", out.half_open.successes);
  });
}

void Read(ObjectReader& in, Slo& out) {
  in.Require("key");
  in.Require("type");
  in.String("key", out.key);
  in.String("name", out.name);
  in.Enum<SliType>("type", out.type, names::kSliTypes);
  in.String("tool", out.tool);
  OptionalMs(in, "thresholdMs", out.threshold);
  DegradedIs degraded{};
  if (in.Enum<DegradedIs>("degradedIs", degraded, names::kDegradedIs)) {
    out.degraded_is = degraded;
  }
}

}  // namespace

void ReadPolicy(ObjectReader& in, ReadContext& context, PolicyDocument& document) {
  in.String("workload", document.workload);
  in.Enum<Enforcement>("enforcement", document.enforcement, names::kEnforcements);
  in.Objects("upstreams", document.upstreams,
             [](ObjectReader& element, Upstream& upstream) { Read(element, upstream); });
  in.Object("turn", [&](ObjectReader& turn) {
    turn.Ms("timeoutMs", document.turn.timeout);
    turn.Ms("synthesisReserveMs", document.turn.synthesis_reserve);
    turn.Enum<TurnIdentity>("identity", document.turn.identity, names::kTurnIdentities);
    turn.Enum<StreamDeadline>("onStreamDeadline", document.turn.on_stream_deadline,
                              names::kStreamDeadlines);
  });
  in.Object("timeouts", [&](ObjectReader& timeouts) { Read(timeouts, document.timeouts); });
  in.Object("retries", [&](ObjectReader& retries) { Read(retries, document.retries); });
  in.Object("inspection", [&](ObjectReader& inspection) {
    inspection.Enum<OnOversize>("onOversize", document.inspection.on_oversize, names::kOnOversizes);
  });
  in.Object("tls", [&](ObjectReader& tls) { tls.Bool("systemCAs", document.tls.system_cas); });
  in.Objects("circuitBreakers", document.circuit_breakers,
             [](ObjectReader& element, CircuitBreaker& breaker) { Read(element, breaker); });
  ReadChain(in, context, document.fallback_chain);
  ReadCost(in, document.cost);
  ReadPrices(in, document.prices);
  in.Objects("slos", document.slos, [](ObjectReader& element, Slo& slo) { Read(element, slo); });
}

Result<Decoded<PolicyDocument>> DecodePolicy(std::string_view json) {
  ReadContext context;
  Decoded<PolicyDocument> out;
  RELIABILITY_ASSIGN_OR_RETURN(
      const nlohmann::json value,
      ParseDocument(json, context, out.document.schema_major, out.document.schema_minor));
  ObjectReader in(value, "", context);
  in.Take("schema");
  ReadPolicy(in, context, out.document);
  in.Finish();
  if (!context.error.empty()) {
    return Fail(Code::kInvalid, context.error);
  }
  out.ignored_fields = context.ignored_fields;
  out.ignored_names = std::move(context.ignored_names);
  return out;
}

}  // namespace reliability::sidecar_config
