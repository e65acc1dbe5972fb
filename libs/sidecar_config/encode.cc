#include "libs/sidecar_config/encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "libs/base/duration.h"
#include "libs/sidecar_config/chain_json.h"
#include "libs/sidecar_config/cost_json.h"
#include "libs/sidecar_config/names.h"
#include "libs/sidecar_config/policy_json.h"
#include "libs/sidecar_config/to_policy.h"

namespace reliability::sidecar_config {
namespace {

using nlohmann::json;  // its objects are sorted by key

std::string SchemaOf(int major, int minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string Decimal(double value) {
  std::array<char, 64> buffer{};
  const auto [end, failure] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return failure == std::errc{} ? std::string(buffer.data(), end) : "0";
}

json ToJson(const Upstream& upstream) {
  json out = {{"kind", Name(upstream.kind)}, {"name", upstream.name}, {"url", upstream.url}};
  if (upstream.kind == UpstreamKind::kLlm) {
    out["format"] = Name(upstream.format);
  }
  if (!upstream.ca_file.empty()) {
    out["caFile"] = upstream.ca_file;
  }
  return out;
}

json ToJson(const Timeouts& timeouts) {
  json overrides = json::array();
  for (const ToolTimeout& tool : timeouts.tool_overrides) {
    overrides.push_back(
        {{"upstream", tool.upstream}, {"tool", tool.tool}, {"timeoutMs", tool.timeout.count()}});
  }
  json models = json::array();
  for (const LlmOverride& one : timeouts.llm_overrides) {
    json model = {{"model", one.model}};
    for (const auto& [name, value] :
         {std::pair{"firstTokenMs", one.first_token}, std::pair{"totalMs", one.total},
          std::pair{"idleMs", one.idle}}) {
      if (value) {
        model[name] = value->count();
      }
    }
    models.push_back(std::move(model));
  }
  json slow = json::array();
  for (const LongRunningTool& tool : timeouts.long_running) {
    slow.push_back(
        {{"upstream", tool.upstream}, {"tool", tool.tool}, {"timeoutMs", tool.timeout.count()}});
  }
  return {{"llmMs", timeouts.llm.count()},
          {"toolMs", timeouts.tool.count()},
          {"connectMs", timeouts.connect.count()},
          {"firstTokenMs", timeouts.first_token.count()},
          {"streamIdleMs", timeouts.stream_idle.count()},
          {"toolOverrides", std::move(overrides)},
          {"llmOverrides", std::move(models)},
          {"longRunning", std::move(slow)}};
}

json ToJson(const Retries& retries) {
  json classes = json::array();
  for (const policy::ErrorClass one : retries.retry_on) {
    classes.push_back(policy::ErrorClassName(one));
  }
  json tools = json::array();
  for (const ToolRef& tool : retries.idempotent_tools) {
    tools.push_back({{"upstream", tool.upstream}, {"tool", tool.tool}});
  }
  return {
      {"maxRetries", retries.max_retries},
      {"backoff",
       {{"baseMs", retries.backoff.base.count()}, {"maxMs", retries.backoff.max.count()}}},
      {"retryAfter",
       {{"honor", retries.retry_after.honor}, {"maxMs", retries.retry_after.max.count()}}},
      {"onFailureWithinMs", retries.on_failure_within.count()},
      {"budget",
       {{"percent", retries.budget.percent},
        {"intervalMs", retries.budget.interval.count()},
        {"minRetries", retries.budget.min_retries}}},
      {"retryOn", std::move(classes)},
      {"idempotentTools", std::move(tools)},
      {"maxRequestBytes", retries.max_request_bytes},
  };
}

json ToJson(const CircuitBreaker& breaker) {
  return {
      {"name", breaker.name},
      {"scope", Name(breaker.scope)},
      {"operation", Name(breaker.operation)},
      {"match",
       {{"upstreams", breaker.match.upstreams},
        {"tools", breaker.match.tools},
        {"models", breaker.match.models}}},
      {"trip",
       {{"consecutiveFailures", breaker.trip.consecutive_failures},
        {"failurePercent", breaker.trip.failure_percent},
        {"minCalls", breaker.trip.min_calls},
        {"windowMs", breaker.trip.window.count()},
        {"slowCallPercent", breaker.trip.slow_call_percent},
        {"slowCallDurationMs", breaker.trip.slow_call_duration.count()},
        {"meanLatencyMs", breaker.trip.mean_latency.count()}}},
      {"openForMs", breaker.open_for.count()},
      {"maxOpenForMs", breaker.max_open_for.count()},
      {"halfOpen",
       {{"maxProbes", breaker.half_open.max_probes}, {"successes", breaker.half_open.successes}}}};
}

json ToJson(const Slo& slo) {
  json out = {{"key", slo.key}, {"name", slo.name}, {"type", Name(slo.type)}};
  if (!slo.tool.empty()) {
    out["tool"] = slo.tool;
  }
  if (slo.threshold) {
    out["thresholdMs"] = slo.threshold->count();
  }
  if (slo.degraded_is) {
    out["degradedIs"] = names::NameIn(names::kDegradedIs, *slo.degraded_is);
  }
  return out;
}

json ToJson(const std::map<std::string, SloCounts>& slos) {
  json out = json::object();
  for (const auto& [key, counts] : slos) {
    out[key] = {{"good", counts.good}, {"bad", counts.bad}};
  }
  return out;
}

json ToJson(const LedgerEpoch& epoch) {
  return {{"epoch", epoch.epoch}, {"slos", ToJson(epoch.slos)}};
}

template <class T>
json ArrayOf(const std::vector<T>& values) {
  json out = json::array();
  for (const T& value : values) {
    out.push_back(ToJson(value));
  }
  return out;
}

}  // namespace

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string_view Name(Enforcement value) { return names::NameIn(names::kEnforcements, value); }
std::string_view Name(UpstreamKind value) { return names::NameIn(names::kUpstreamKinds, value); }
std::string_view Name(LlmFormat value) { return names::NameIn(names::kLlmFormats, value); }
std::string_view Name(BreakerScope value) { return names::NameIn(names::kBreakerScopes, value); }
std::string_view Name(BreakerOperation value) {
  return names::NameIn(names::kBreakerOperations, value);
}
std::string_view Name(SliType value) { return names::NameIn(names::kSliTypes, value); }
std::string_view Name(Mode value) { return names::NameIn(names::kModes, value); }

json PolicyToJson(const PolicyDocument& document) {
  json out = {{"schema", SchemaOf(document.schema_major, document.schema_minor)},
              {"workload", document.workload},
              {"enforcement", Name(document.enforcement)},
              {"upstreams", ArrayOf(document.upstreams)},
              {"turn",
               {{"timeoutMs", document.turn.timeout.count()},
                {"synthesisReserveMs", document.turn.synthesis_reserve.count()},
                {"identity", names::NameIn(names::kTurnIdentities, document.turn.identity)},
                {"onStreamDeadline",
                 names::NameIn(names::kStreamDeadlines, document.turn.on_stream_deadline)}}},
              {"timeouts", ToJson(document.timeouts)},
              {"retries", ToJson(document.retries)},
              {"circuitBreakers", ArrayOf(document.circuit_breakers)},
              {"slos", ArrayOf(document.slos)}};
  if (document.inspection.on_oversize != OnOversize::kPass) {
    out["inspection"] = {
        {"onOversize", names::NameIn(names::kOnOversizes, document.inspection.on_oversize)}};
  }
  if (!document.tls.system_cas) {
    out["tls"] = {{"systemCAs", false}};
  }
  if (document.fallback_chain) {
    out["fallbackChain"] = ChainToJson(*document.fallback_chain);
  }
  // Without budgets, too: mode Degraded may set one, and this says what becomes of the calls.
  if (ToCostSettings(document).active() || document.cost != Cost{}) {
    out["cost"] = CostToJson(document.cost);
    out["prices"] = PricesToJson(document.prices);
  }
  return out;
}

std::string EncodePolicy(const PolicyDocument& document) { return Dump(PolicyToJson(document)); }

std::string EncodeMode(const ModeDocument& document) {
  json out = {{"schema", SchemaOf(document.schema_major, document.schema_minor)},
              {"leaderEpoch", document.leader_epoch},
              {"generation", document.generation},
              {"mode", Name(document.mode)},
              {"cause", document.cause},
              {"retryAfterMs", document.retry_after.count()}};
  if (document.valid_until) {
    out["validUntil"] = FormatRfc3339(*document.valid_until);
  }
  if (document.throttle) {
    out["throttle"] = {{"objective", Decimal(document.throttle->objective)},
                       {"maxRejectPercent", document.throttle->max_reject_percent},
                       {"minEvents", document.throttle->min_events}};
  }
  if (document.half_open) {
    out["halfOpen"] = {{"maxProbes", document.half_open->max_probes},
                       {"podUIDs", document.half_open->pod_uids}};
  }
  if (document.degrade) {
    out["degrade"] = {{"fallbackTier", document.degrade->fallback_tier}};
    if (document.degrade->turn_timeout) {
      out["degrade"]["turnTimeoutMs"] = document.degrade->turn_timeout->count();
    }
    const policy::BudgetLimit& budget = document.degrade->turn_budget;
    if (budget.tokens) {
      out["degrade"]["maxTokensPerTurn"] = *budget.tokens;
    }
    if (budget.usd) {
      out["degrade"]["maxCostPerTurn"] = policy::FormatUsd(*budget.usd);
    }
  }
  if (document.ramp) {
    out["ramp"] = {{"id", document.ramp->id}, {"percent", document.ramp->percent}};
  }
  return Dump(out);
}

std::string EncodeLedger(const LedgerDocument& document) {
  json traffic = json::object();
  for (const auto& [name, counts] : document.traffic) {
    traffic[name] = {{"attempts", counts.attempts}, {"calls", counts.calls}};
  }
  json out = {{"schema", SchemaOf(document.schema_major, document.schema_minor)},
              {"podUID", document.pod_uid},
              {"epoch", document.current.epoch},
              {"slos", ToJson(document.current.slos)},
              {"closed", ArrayOf(document.closed)},
              {"configHash", document.config_hash},
              {"configError", document.config_error},
              {"modeLeaderEpoch", document.mode_leader_epoch},
              {"modeGeneration", document.mode_generation},
              {"mode", document.mode},
              {"modeStale", document.mode_stale},
              {"turnsRunning", document.turns_running},
              {"traffic", std::move(traffic)}};
  if (document.fallback_chain) {
    out["fallbackChain"] = ChainToJson(*document.fallback_chain);
  }
  if (document.spent) {
    out["spent"] = SpendToJson(*document.spent);
  }
  return Dump(out);
}

std::string EncodeLastWords(const std::string& pod_uid, const LedgerEpoch& epoch) {
  std::vector<std::pair<std::string, SloCounts>> slos(epoch.slos.begin(), epoch.slos.end());
  std::stable_sort(slos.begin(), slos.end(), [](const auto& a, const auto& b) {
    return a.second.good + a.second.bad > b.second.good + b.second.bad;
  });
  json out = {{"u", pod_uid}, {"e", epoch.epoch}, {"s", json::object()}};
  for (std::size_t count = slos.size();; --count) {
    json& kept = out["s"] = json::object();
    for (std::size_t i = 0; i < count; ++i) {
      kept[slos[i].first] = {slos[i].second.good, slos[i].second.bad};
    }
    if (count < slos.size()) {
      out["t"] = true;
    }
    std::string text = Dump(out);
    if (text.size() <= kLastWordsBytes || count == 0) {
      return text.size() <= kLastWordsBytes ? text : std::string();
    }
  }
}

}  // namespace reliability::sidecar_config
