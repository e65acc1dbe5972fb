#include "controllers/agent_policy/render.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "controllers/agent_policy/chain.h"
#include "controllers/agent_policy/cost.h"

namespace reliability::controllers::agent_policy {
namespace {

namespace config = sidecar_config;

constexpr Milliseconds kLlm{10000};
constexpr Milliseconds kTool{5000};
constexpr Milliseconds kConnect{1000};
constexpr Milliseconds kFirstToken{8000};
constexpr Milliseconds kStreamIdle{5000};
constexpr Milliseconds kSynthesisReserve{3000};
constexpr int kReserveShare = 5;  // the reserve is at most a fifth of the turn
constexpr Milliseconds kMaxOpenFor{300000};

config::BreakerScope ToScope(api::BreakerScope scope) {
  switch (scope) {
    case api::BreakerScope::kProvider:
      return config::BreakerScope::kProvider;
    case api::BreakerScope::kModel:
      return config::BreakerScope::kModel;
    case api::BreakerScope::kAgent:
      return config::BreakerScope::kAgent;
    case api::BreakerScope::kTool:
      break;
  }
  return config::BreakerScope::kTool;
}

config::SliType ToType(api::SliType type) {
  switch (type) {
    case api::SliType::kToolCallSuccess:
      return config::SliType::kToolCallSuccess;
    case api::SliType::kTurnLatency:
      return config::SliType::kTurnLatency;
    case api::SliType::kTaskSuccess:
      break;
  }
  return config::SliType::kTaskSuccess;
}

std::optional<config::DegradedIs> ToDegraded(const api::SliSpec& sli) {
  if (sli.type != api::SliType::kTaskSuccess || !sli.degraded_is.has_value()) {
    return std::nullopt;
  }
  return *sli.degraded_is == api::DegradedIs::kGood ? config::DegradedIs::kGood
                                                    : config::DegradedIs::kBad;
}

config::BreakerOperation ToOperation(api::BreakerOperation operation) {
  switch (operation) {
    case api::BreakerOperation::kMetricsOnly:
      return config::BreakerOperation::kMetricsOnly;
    case api::BreakerOperation::kForcedOpen:
      return config::BreakerOperation::kForcedOpen;
    case api::BreakerOperation::kDisabled:
      return config::BreakerOperation::kDisabled;
    case api::BreakerOperation::kAutomatic:
      break;
  }
  return config::BreakerOperation::kAutomatic;
}

// A schema default cannot depend on the scope, so these live here.
Milliseconds DefaultOpenFor(api::BreakerScope scope) {
  switch (scope) {
    case api::BreakerScope::kTool:
      return Milliseconds{60000};
    case api::BreakerScope::kAgent:
      return Milliseconds{300000};
    case api::BreakerScope::kProvider:
    case api::BreakerScope::kModel:
      break;
  }
  return Milliseconds{30000};
}

int DefaultSlowCallPercent(api::BreakerScope scope) {
  return scope == api::BreakerScope::kAgent ? 0 : 80;
}

std::string CaFileOf(const std::optional<api::CaConfigMapRef>& ref) {
  return ref.has_value() ? CaFile(*ref) : std::string();
}

std::vector<config::Upstream> RenderUpstreams(const api::Upstreams& upstreams) {
  std::vector<config::Upstream> out;
  for (const api::LlmUpstream& llm : upstreams.llms) {
    config::Upstream upstream;
    upstream.kind = config::UpstreamKind::kLlm;
    upstream.name = llm.name;
    upstream.format = llm.format == api::LlmFormat::kAnthropic ? config::LlmFormat::kAnthropic
                                                               : config::LlmFormat::kOpenAI;
    upstream.url = llm.url;
    upstream.ca_file = CaFileOf(llm.ca_config_map_ref);
    out.push_back(std::move(upstream));
  }
  const auto add = [&out](config::UpstreamKind kind, const std::vector<api::ToolUpstream>& list) {
    for (const api::ToolUpstream& tool : list) {
      config::Upstream upstream;
      upstream.kind = kind;
      upstream.name = tool.name;
      upstream.url = tool.url;
      upstream.ca_file = CaFileOf(tool.ca_config_map_ref);
      out.push_back(std::move(upstream));
    }
  };
  add(config::UpstreamKind::kMcp, upstreams.mcp_servers);
  add(config::UpstreamKind::kHttp, upstreams.tools);
  return out;
}

config::Timeouts RenderTimeouts(const api::TimeoutsSpec& spec, Milliseconds turn) {
  const auto clip = [turn](const std::optional<Milliseconds>& given, Milliseconds fallback) {
    return given.value_or(std::min(fallback, turn));
  };
  config::Timeouts out;
  out.llm = clip(spec.llm, kLlm);
  out.tool = clip(spec.tool, kTool);
  out.connect = clip(spec.connect, kConnect);
  out.first_token = spec.first_token.value_or(std::min(kFirstToken, out.llm));
  out.stream_idle = clip(spec.stream_idle, kStreamIdle);
  for (const api::ToolOverride& one : spec.tool_overrides) {
    out.tool_overrides.push_back({one.upstream, one.tool, one.timeout});
  }
  for (const api::LlmOverride& one : spec.llm_overrides) {
    out.llm_overrides.push_back({one.model, one.first_token, one.total, one.idle});
  }
  for (const api::LongRunningTool& one : spec.long_running) {
    out.long_running.push_back({one.upstream, one.tool, one.timeout});
  }
  return out;
}

config::Retries RenderRetries(const api::RetriesSpec& spec) {
  config::Retries out;
  out.max_retries = spec.max_retries;
  out.backoff = {spec.backoff.base, spec.backoff.max};
  out.retry_after = {spec.retry_after.honor == api::RetryAfterHonor::kAlways, spec.retry_after.max};
  out.on_failure_within = spec.on_failure_within;
  out.budget = {spec.budget.percent, spec.budget.interval, spec.budget.min_retries};
  for (const std::string& name : spec.retry_on) {
    if (const auto error_class = policy::ParseErrorClass(name)) {  // the schema lists the names
      out.retry_on.push_back(*error_class);
    }
  }
  for (const api::IdempotentTool& tool : spec.idempotent_tools) {
    out.idempotent_tools.push_back({tool.upstream, tool.tool});
  }
  out.max_request_bytes = spec.max_request_bytes;
  return out;
}

config::CircuitBreaker RenderBreaker(const api::CircuitBreakerSpec& spec) {
  config::CircuitBreaker out;
  out.name = spec.name;
  out.scope = ToScope(spec.scope);
  out.match = {spec.match.upstreams, spec.match.tools, spec.match.models};
  out.operation = ToOperation(spec.operation);
  out.trip = {spec.trip.consecutive_failures,
              spec.trip.failure_percent,
              spec.trip.min_calls,
              spec.trip.window,
              spec.trip.slow_call_percent.value_or(DefaultSlowCallPercent(spec.scope)),
              spec.trip.slow_call_duration.value_or(Milliseconds{0}),
              spec.trip.mean_latency.value_or(Milliseconds{0})};
  out.max_open_for = spec.max_open_for;
  out.open_for = spec.open_for.value_or(std::min(DefaultOpenFor(spec.scope), spec.max_open_for));
  out.half_open = {spec.half_open.max_probes, spec.half_open.successes};
  return out;
}

// One entry for each scope that matches everything: every call has its breakers. The agent as a
// whole has one only if the policy says so.
void AppendCatchAlls(std::vector<config::CircuitBreaker>& breakers) {
  static constexpr std::array<std::pair<api::BreakerScope, const char*>, 3> kScopes{
      {{api::BreakerScope::kTool, "default-tool"},
       {api::BreakerScope::kProvider, "default-provider"},
       {api::BreakerScope::kModel, "default-model"}}};
  std::set<std::string> taken;
  for (const config::CircuitBreaker& breaker : breakers) {
    taken.insert(breaker.name);
  }
  for (const auto& [scope, base] : kScopes) {
    std::string name = base;
    for (int n = 2; taken.count(name) > 0; ++n) {
      name = std::string(base) + "-" + std::to_string(n);
    }
    api::CircuitBreakerSpec spec;
    spec.name = name;
    spec.scope = scope;
    spec.max_open_for = kMaxOpenFor;
    breakers.push_back(RenderBreaker(spec));
  }
}

std::vector<config::Slo> RenderSlos(std::vector<SloPtr> slos) {
  std::sort(slos.begin(), slos.end(),
            [](const SloPtr& a, const SloPtr& b) { return a->metadata.name < b->metadata.name; });
  std::vector<config::Slo> out;
  for (const SloPtr& slo : slos) {
    const api::SliSpec& sli = slo->spec.sli;
    out.push_back({api::SloKey(*slo), slo->metadata.name, ToType(sli.type), sli.tool,
                   sli.type == api::SliType::kTurnLatency ? sli.threshold : std::nullopt,
                   ToDegraded(sli)});
  }
  return out;
}

}  // namespace

std::string CaFile(const api::CaConfigMapRef& ref) {
  return std::string(api::kCaFolder) + "/" + ref.name + "/" + ref.key;
}

config::PolicyDocument Render(const api::AgentReliabilityPolicy& policy,
                              const std::vector<SloPtr>& slos, const api::LlmFallbackChain* chain) {
  const api::AgentReliabilityPolicySpec& spec = policy.spec;
  config::PolicyDocument out;
  out.enforcement = spec.enforcement == api::Enforcement::kEnforce ? config::Enforcement::kEnforce
                                                                   : config::Enforcement::kObserve;
  out.upstreams = RenderUpstreams(spec.upstreams);
  out.turn.timeout = spec.turn.timeout;
  out.turn.synthesis_reserve = spec.turn.synthesis_reserve.value_or(
      std::min(kSynthesisReserve, spec.turn.timeout / kReserveShare));
  out.turn.identity = spec.turn.identity == api::TurnIdentity::kTrace ? config::TurnIdentity::kTrace
                                                                      : config::TurnIdentity::kAuto;
  out.turn.on_stream_deadline = spec.turn.on_stream_deadline == api::StreamDeadline::kEndWithNotice
                                    ? config::StreamDeadline::kEndWithNotice
                                    : config::StreamDeadline::kError;
  out.timeouts = RenderTimeouts(spec.timeouts, spec.turn.timeout);
  out.retries = RenderRetries(spec.retries);
  out.inspection.on_oversize = spec.inspection.on_oversize == api::OnOversize::kReject
                                   ? config::OnOversize::kReject
                                   : config::OnOversize::kPass;
  out.tls.system_cas = spec.tls.system_cas;
  for (const api::CircuitBreakerSpec& breaker : spec.circuit_breakers) {
    out.circuit_breakers.push_back(RenderBreaker(breaker));
  }
  AppendCatchAlls(out.circuit_breakers);
  if (chain != nullptr) {
    out.fallback_chain = RenderChain(*chain, policy);
  }
  RenderCost(spec, out);
  out.slos = RenderSlos(slos);
  return out;
}

config::PolicyDocument PassThrough(const config::PolicyDocument& last) {
  config::PolicyDocument out;
  out.workload = last.workload;
  out.enforcement = config::Enforcement::kObserve;
  out.upstreams = last.upstreams;
  AppendCatchAlls(out.circuit_breakers);
  return out;
}

}  // namespace reliability::controllers::agent_policy
