#include "libs/api/agent_reliability_policy.h"

namespace reliability::api {

void Fields(FieldVisitor& v, CaConfigMapRef& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("key", o.key);
}

void Fields(FieldVisitor& v, LlmUpstream& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("format", o.format, Presence::kRequired);
  v.Field("url", o.url);
  v.Field("env", o.env);
  v.Field("caConfigMapRef", o.ca_config_map_ref);
}

void Fields(FieldVisitor& v, ToolUpstream& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("url", o.url, Presence::kRequired);
  v.Field("env", o.env);
  v.Field("caConfigMapRef", o.ca_config_map_ref);
}

void Fields(FieldVisitor& v, Upstreams& o) {
  v.Field("llms", o.llms);
  v.Field("mcpServers", o.mcp_servers);
  v.Field("tools", o.tools);
}

void Fields(FieldVisitor& v, TurnSpec& o) {
  v.Field("timeout", o.timeout);
  v.Field("synthesisReserve", o.synthesis_reserve);
  v.Field("identity", o.identity);
  v.Field("onStreamDeadline", o.on_stream_deadline);
}

void Fields(FieldVisitor& v, ToolOverride& o) {
  v.Field("upstream", o.upstream, Presence::kRequired);
  v.Field("tool", o.tool);
  v.Field("timeout", o.timeout, Presence::kRequired);
}

void Fields(FieldVisitor& v, LlmOverride& o) {
  v.Field("model", o.model, Presence::kRequired);
  v.Field("firstToken", o.first_token);
  v.Field("total", o.total);
  v.Field("idle", o.idle);
}

void Fields(FieldVisitor& v, LongRunningTool& o) {
  v.Field("upstream", o.upstream, Presence::kRequired);
  v.Field("tool", o.tool);
  v.Field("timeout", o.timeout);
}

void Fields(FieldVisitor& v, TimeoutsSpec& o) {
  v.Field("llm", o.llm);
  v.Field("tool", o.tool);
  v.Field("connect", o.connect);
  v.Field("firstToken", o.first_token);
  v.Field("streamIdle", o.stream_idle);
  v.Field("toolOverrides", o.tool_overrides);
  v.Field("llmOverrides", o.llm_overrides);
  v.Field("longRunning", o.long_running);
}

void Fields(FieldVisitor& v, RetryBackoff& o) {
  v.Field("base", o.base);
  v.Field("max", o.max);
}

void Fields(FieldVisitor& v, RetryAfterSpec& o) {
  v.Field("honor", o.honor);
  v.Field("max", o.max);
}

void Fields(FieldVisitor& v, RetryBudgetSpec& o) {
  v.Field("percent", o.percent);
  v.Field("interval", o.interval);
  v.Field("minRetries", o.min_retries);
}

void Fields(FieldVisitor& v, IdempotentTool& o) {
  v.Field("upstream", o.upstream, Presence::kRequired);
  v.Field("tool", o.tool);
}

void Fields(FieldVisitor& v, RetriesSpec& o) {
  v.Field("maxRetries", o.max_retries);
  v.Field("backoff", o.backoff);
  v.Field("retryAfter", o.retry_after);
  v.Field("onFailureWithin", o.on_failure_within);
  v.Field("budget", o.budget);
  v.Field("retryOn", o.retry_on);
  v.Field("idempotentTools", o.idempotent_tools);
  v.Field("maxRequestBytes", o.max_request_bytes);
}

void Fields(FieldVisitor& v, InspectionSpec& o) { v.Field("onOversize", o.on_oversize); }

void Fields(FieldVisitor& v, TlsSpec& o) { v.Field("systemCAs", o.system_cas); }

void Fields(FieldVisitor& v, BudgetLimit& o) {
  v.Field("tokens", o.tokens);
  v.Field("usd", o.usd);
}

void Fields(FieldVisitor& v, CostSpec& o) {
  v.Field("perTurn", o.per_turn);
  v.Field("perSession", o.per_session);
  v.Field("perDay", o.per_day);
  v.Field("onExceed", o.on_exceed);
  v.Field("onUnknownCost", o.on_unknown_cost);
  v.Field("assumedOutputTokens", o.assumed_output_tokens);
}

void Fields(FieldVisitor& v, PriceSpec& o) {
  v.Field("provider", o.provider, Presence::kRequired);
  v.Field("model", o.model);
  v.Field("input", o.input, Presence::kRequired);
  v.Field("cachedInput", o.cached_input);
  v.Field("cacheWrite", o.cache_write);
  v.Field("output", o.output, Presence::kRequired);
}

void Fields(FieldVisitor& v, BreakerMatch& o) {
  v.Field("upstreams", o.upstreams);
  v.Field("tools", o.tools);
  v.Field("models", o.models);
}

void Fields(FieldVisitor& v, BreakerTrip& o) {
  v.Field("consecutiveFailures", o.consecutive_failures);
  v.Field("failurePercent", o.failure_percent);
  v.Field("minCalls", o.min_calls);
  v.Field("window", o.window);
  v.Field("slowCallPercent", o.slow_call_percent);
  v.Field("slowCallDuration", o.slow_call_duration);
  v.Field("meanLatency", o.mean_latency);
}

void Fields(FieldVisitor& v, BreakerHalfOpen& o) {
  v.Field("maxProbes", o.max_probes);
  v.Field("successes", o.successes);
}

void Fields(FieldVisitor& v, CircuitBreakerSpec& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("scope", o.scope, Presence::kRequired);
  v.Field("operation", o.operation);
  v.Field("match", o.match);
  v.Field("trip", o.trip);
  v.Field("openFor", o.open_for);
  v.Field("maxOpenFor", o.max_open_for);
  v.Field("halfOpen", o.half_open);
}

void Fields(FieldVisitor& v, AgentReliabilityPolicySpec& o) {
  v.Field("targetRefs", o.target_refs, Presence::kRequired);
  v.Field("enforcement", o.enforcement);
  v.Field("upstreams", o.upstreams, Presence::kRequired);
  v.Field("turn", o.turn);
  v.Field("timeouts", o.timeouts);
  v.Field("retries", o.retries);
  v.Field("inspection", o.inspection);
  v.Field("tls", o.tls);
  v.Field("cost", o.cost);
  v.Field("prices", o.prices);
  v.Field("circuitBreakers", o.circuit_breakers);
  v.Field("fallbackChainRef", o.fallback_chain_ref);
  v.Field("errorBudgetPolicyRef", o.error_budget_policy_ref);
}

void Fields(FieldVisitor& v, PolicyAncestor& o) {
  v.Field("ancestorRef", o.ancestor_ref, Presence::kRequired);
  v.Field("controllerName", o.controller_name, Presence::kRequired);
  v.Field("configHash", o.config_hash);
  v.Field("podsCovered", o.pods_covered);
  v.Field("podsStale", o.pods_stale);
  v.Field("podsMissing", o.pods_missing);
  v.Field("conditions", o.conditions);
}

void Fields(FieldVisitor& v, AgentReliabilityPolicyStatus& o) {
  v.Field("observedGeneration", o.observed_generation);
  v.Field("target", o.target);
  v.Field("covered", o.covered);
  v.Field("podsCovered", o.pods_covered);
  v.Field("podsStale", o.pods_stale);
  v.Field("podsMissing", o.pods_missing);
  v.Field("configHash", o.config_hash);
  v.Field("conditions", o.conditions);
  v.Field("ancestors", o.ancestors);
}

void Fields(FieldVisitor& v, AgentReliabilityPolicy& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec, Presence::kRequired);
  v.Field("status", o.status);
}

}  // namespace reliability::api
