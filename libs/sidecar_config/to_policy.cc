#include "libs/sidecar_config/to_policy.h"

#include <algorithm>

namespace reliability::sidecar_config {
namespace {

// A probe that is still out after the longest its call may take has been lost.
constexpr Milliseconds kLeaseMargin{1000};
constexpr Milliseconds kTurnLeaseMargin{61'000};

policy::BreakerScope ScopeOf(BreakerScope scope) {
  switch (scope) {
    case BreakerScope::kTool:
      return policy::BreakerScope::kTool;
    case BreakerScope::kProvider:
      return policy::BreakerScope::kProvider;
    case BreakerScope::kModel:
      return policy::BreakerScope::kModel;
    case BreakerScope::kAgent:
      return policy::BreakerScope::kAgent;
  }
  return policy::BreakerScope::kTool;
}

policy::BreakerOperation OperationOf(BreakerOperation operation) {
  switch (operation) {
    case BreakerOperation::kAutomatic:
      return policy::BreakerOperation::kAutomatic;
    case BreakerOperation::kMetricsOnly:
      return policy::BreakerOperation::kMetricsOnly;
    case BreakerOperation::kForcedOpen:
      return policy::BreakerOperation::kForcedOpen;
    case BreakerOperation::kDisabled:
      return policy::BreakerOperation::kDisabled;
  }
  return policy::BreakerOperation::kAutomatic;
}

policy::SliKind KindOf(SliType type) {
  switch (type) {
    case SliType::kTaskSuccess:
      return policy::SliKind::kTaskSuccess;
    case SliType::kToolCallSuccess:
      return policy::SliKind::kToolCallSuccess;
    case SliType::kTurnLatency:
      return policy::SliKind::kTurnLatency;
  }
  return policy::SliKind::kTaskSuccess;
}

policy::GateMode ModeOf(Mode mode) {
  switch (mode) {
    case Mode::kNormal:
      return policy::GateMode::kNormal;
    case Mode::kThrottled:
      return policy::GateMode::kThrottled;
    case Mode::kPaused:
      return policy::GateMode::kPaused;
    case Mode::kHalfOpen:
      return policy::GateMode::kHalfOpen;
    case Mode::kDegraded:
      return policy::GateMode::kDegraded;
    case Mode::kRamping:
      return policy::GateMode::kRamping;
  }
  return policy::GateMode::kNormal;
}

policy::DegradedIs DegradedOf(const std::optional<DegradedIs>& degraded) {
  if (!degraded) {
    return policy::DegradedIs::kDefault;
  }
  return *degraded == DegradedIs::kGood ? policy::DegradedIs::kGood : policy::DegradedIs::kBad;
}

Milliseconds LongestToolCall(const Timeouts& timeouts) {
  Milliseconds longest = timeouts.tool;
  for (const ToolTimeout& tool : timeouts.tool_overrides) {
    longest = std::max(longest, tool.timeout);
  }
  for (const LongRunningTool& tool : timeouts.long_running) {
    longest = std::max(longest, tool.timeout);
  }
  return longest;
}

Milliseconds ProbeLease(const PolicyDocument& document, BreakerScope scope) {
  switch (scope) {
    case BreakerScope::kTool:
      return kLeaseMargin + LongestToolCall(document.timeouts);
    case BreakerScope::kAgent:  // a turn whose agent went silent ends after its deadline
      return kTurnLeaseMargin + document.turn.timeout;
    case BreakerScope::kProvider:
    case BreakerScope::kModel:
      break;
  }
  return kLeaseMargin + document.turn.timeout;
}

// The entry of this tool, else the one of its whole upstream unless an override excepts the tool.
const LongRunningTool* FindLongRunning(const Timeouts& timeouts, std::string_view upstream,
                                       std::string_view tool) {
  const LongRunningTool* found = nullptr;
  const bool excepted =
      std::any_of(timeouts.tool_overrides.begin(), timeouts.tool_overrides.end(),
                  [&](const ToolTimeout& entry) {
                    return entry.upstream == upstream && !entry.tool.empty() && entry.tool == tool;
                  });
  for (const LongRunningTool& entry : timeouts.long_running) {
    if (entry.upstream != upstream) {
      continue;
    }
    if (entry.tool == tool) {
      return &entry;
    }
    if (entry.tool.empty() && !excepted) {
      found = &entry;
    }
  }
  return found;
}

bool IsUpstream(const PolicyDocument& document, std::string_view name) {
  return std::any_of(document.upstreams.begin(), document.upstreams.end(),
                     [&](const Upstream& upstream) { return upstream.name == name; });
}

}  // namespace

policy::BreakerConfig ToBreakerConfig(const PolicyDocument& document) {
  policy::BreakerConfig config;
  for (const CircuitBreaker& breaker : document.circuit_breakers) {
    policy::BreakerRule rule;
    rule.name = breaker.name;
    rule.scope = ScopeOf(breaker.scope);
    rule.upstreams = breaker.match.upstreams;
    rule.tools = breaker.match.tools;
    rule.models = breaker.match.models;
    rule.parameters.consecutive_failures = breaker.trip.consecutive_failures;
    rule.parameters.failure_percent = breaker.trip.failure_percent;
    rule.parameters.min_calls = breaker.trip.min_calls;
    rule.parameters.window = breaker.trip.window;
    rule.parameters.open_for = breaker.open_for;
    rule.parameters.max_open_for = breaker.max_open_for;
    rule.parameters.max_probes = breaker.half_open.max_probes;
    rule.parameters.successes = breaker.half_open.successes;
    rule.parameters.probe_lease = ProbeLease(document, breaker.scope);
    rule.parameters.slow_percent = breaker.trip.slow_call_percent;
    rule.parameters.slow_after = breaker.trip.slow_call_duration;
    rule.parameters.mean_latency = breaker.trip.mean_latency;
    rule.operation = OperationOf(breaker.operation);
    config.rules.push_back(std::move(rule));
  }
  for (const ToolTimeout& tool : document.timeouts.tool_overrides) {
    if (!tool.tool.empty()) {
      config.known_tools.emplace_back(tool.upstream, tool.tool);
    }
  }
  for (const LongRunningTool& tool : document.timeouts.long_running) {
    if (!tool.tool.empty()) {
      config.known_tools.emplace_back(tool.upstream, tool.tool);
    }
  }
  for (const ToolRef& tool : document.retries.idempotent_tools) {
    if (!tool.tool.empty()) {
      config.known_tools.emplace_back(tool.upstream, tool.tool);
    }
  }
  for (const Slo& slo : document.slos) {
    if (slo.tool.empty()) {
      continue;
    }
    config.known_tools.emplace_back("", slo.tool);
    const std::size_t slash = slo.tool.find('/');
    if (slash != std::string::npos && IsUpstream(document, slo.tool.substr(0, slash))) {
      config.known_tools.emplace_back(slo.tool.substr(0, slash), slo.tool.substr(slash + 1));
    }
  }
  return config;
}

policy::CostSettings ToCostSettings(const PolicyDocument& document) {
  const Cost& cost = document.cost;
  policy::CostSettings settings;
  settings.prices = document.prices;
  settings.per_turn = cost.per_turn;
  settings.per_session = cost.per_session;
  settings.per_day = cost.per_day;
  settings.on_exceed = cost.on_exceed;
  settings.reject_unknown = cost.on_unknown_cost == UnknownCost::kReject;
  settings.assumed_output_tokens = cost.assumed_output_tokens;
  return settings;
}

policy::RetrySettings ToRetrySettings(const PolicyDocument& document) {
  const Retries& retries = document.retries;
  policy::RetrySettings settings;
  settings.max_retries = retries.max_retries;
  settings.backoff_base = retries.backoff.base;
  settings.backoff_max = retries.backoff.max;
  settings.honor_retry_after = retries.retry_after.honor;
  settings.retry_after_max = retries.retry_after.max;
  settings.on_failure_within = retries.on_failure_within;
  settings.budget = {retries.budget.percent, retries.budget.interval, retries.budget.min_retries};
  settings.retry_on = retries.retry_on;
  return settings;
}

policy::TurnLimits ToTurnLimits(const PolicyDocument& document) {
  return {document.turn.timeout, document.turn.synthesis_reserve};
}

policy::TurnLimits ToTurnLimits(const PolicyDocument& document,
                                const policy::DegradeRule& degrade) {
  policy::TurnLimits limits = ToTurnLimits(document);
  if (degrade.turn_timeout.has_value() && *degrade.turn_timeout < limits.timeout) {
    // The reserve keeps its share: longer than the turn, nothing would be left for tools.
    limits.synthesis_reserve =
        limits.synthesis_reserve * degrade.turn_timeout->count() / limits.timeout.count();
    limits.timeout = *degrade.turn_timeout;
  }
  return limits;
}

std::vector<policy::SloRule> ToSloRules(const PolicyDocument& document) {
  std::vector<policy::SloRule> rules;
  rules.reserve(document.slos.size());
  for (const Slo& slo : document.slos) {
    rules.push_back({slo.key, slo.name, KindOf(slo.type), slo.tool,
                     slo.threshold.value_or(Milliseconds{0}), DegradedOf(slo.degraded_is)});
  }
  return rules;
}

policy::ModeOrder ToModeOrder(const ModeDocument& document, std::string_view pod_uid) {
  policy::ModeOrder order;
  order.leader_epoch = document.leader_epoch;
  order.generation = document.generation;
  order.mode = ModeOf(document.mode);
  order.cause = document.cause;
  order.retry_after = document.retry_after;
  order.valid_until = document.valid_until;
  if (document.throttle) {
    order.throttle = {document.throttle->objective, document.throttle->max_reject_percent,
                      document.throttle->min_events};
  }
  if (document.half_open) {
    const std::vector<std::string>& uids = document.half_open->pod_uids;
    order.max_probes = document.half_open->max_probes;
    order.this_pod_probes = std::find(uids.begin(), uids.end(), pod_uid) != uids.end();
  }
  if (document.degrade) {
    order.degrade = {document.degrade->fallback_tier, document.degrade->turn_timeout,
                     document.degrade->turn_budget};
  }
  if (document.ramp) {
    order.ramp = {document.ramp->id, document.ramp->percent};
  }
  return order;
}

Milliseconds ToolTimeoutOf(const Timeouts& timeouts, std::string_view upstream,
                           std::string_view tool) {
  if (const LongRunningTool* slow = FindLongRunning(timeouts, upstream, tool)) {
    return slow->timeout;
  }
  Milliseconds found = timeouts.tool;
  for (const ToolTimeout& entry : timeouts.tool_overrides) {
    if (entry.upstream != upstream) {
      continue;
    }
    if (!entry.tool.empty() && entry.tool == tool) {
      return entry.timeout;
    }
    if (entry.tool.empty()) {
      found = entry.timeout;
    }
  }
  return found;
}

bool IsLongRunning(const Timeouts& timeouts, std::string_view upstream, std::string_view tool) {
  return FindLongRunning(timeouts, upstream, tool) != nullptr;
}

LlmTimes LlmTimesOf(const Timeouts& timeouts, std::string_view model) {
  LlmTimes times{timeouts.llm, timeouts.first_token, timeouts.stream_idle};
  for (const LlmOverride& entry : timeouts.llm_overrides) {
    if (entry.model == model) {
      times.total = entry.total.value_or(times.total);
      times.first_token = entry.first_token.value_or(times.first_token);
      times.idle = entry.idle.value_or(times.idle);
    }
  }
  return times;
}

bool IsIdempotentTool(const Retries& retries, std::string_view upstream, std::string_view tool) {
  return std::any_of(retries.idempotent_tools.begin(), retries.idempotent_tools.end(),
                     [&](const ToolRef& ref) {
                       return ref.upstream == upstream && (ref.tool.empty() || ref.tool == tool);
                     });
}

}  // namespace reliability::sidecar_config
