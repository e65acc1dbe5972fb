#include "libs/sidecar_config/validate.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "libs/base/strings.h"
#include "libs/sidecar_config/chain_json.h"
#include "libs/sidecar_config/cost_json.h"

namespace reliability::sidecar_config {
namespace {

constexpr Milliseconds kLongest{86'400'000};  // a day; nothing here is meant to take longer
constexpr std::int64_t kMostRequestBytes = std::int64_t{32} << 20;
constexpr std::size_t kMaxEntries = 64;
constexpr std::size_t kMaxNameBytes = 63;
constexpr std::size_t kMaxKeyBytes = 128;

class Checker {
 public:
  void Add(std::string path, std::string reason) {
    errors_.push_back({std::move(path), std::move(reason)});
  }
  void Duration(const std::string& path, Milliseconds value, Milliseconds low) {
    if (value < low || value > kLongest) {
      Add(path, "must be " + std::to_string(low.count()) + " to " +
                    std::to_string(kLongest.count()) + " ms");
    }
  }
  void AtMost(const std::string& path, Milliseconds value, Milliseconds bound,
              const std::string& name) {
    if (value > bound) {
      Add(path, "longer than " + name + " (" + std::to_string(bound.count()) + " ms)");
    }
  }
  void Range(const std::string& path, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) {
      Add(path, "must be " + std::to_string(low) + " to " + std::to_string(high));
    }
  }
  template <class T>
  bool Count(const std::string& path, const std::vector<T>& values) {
    if (values.size() > kMaxEntries) {
      Add(path, "more than " + std::to_string(kMaxEntries) + " entries");
      return false;
    }
    return true;
  }
  std::vector<FieldError> Take() { return std::move(errors_); }

 private:
  std::vector<FieldError> errors_;
};

std::string At(const char* list, std::size_t index, const char* field = "") {
  std::string path = std::string(list) + "[" + std::to_string(index) + "]";
  return *field == '\0' ? path : path + "." + field;
}

// Part of a route, a metric label and a breaker key.
bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
         });
}

void CheckUpstreams(const PolicyDocument& document, Checker& check) {
  if (!check.Count("upstreams", document.upstreams)) {
    return;
  }
  std::set<std::pair<UpstreamKind, std::string>> seen;
  for (std::size_t i = 0; i < document.upstreams.size(); ++i) {
    const Upstream& upstream = document.upstreams[i];
    if (!IsName(upstream.name)) {
      check.Add(At("upstreams", i, "name"),
                "must be 1 to 63 letters, digits, dots, dashes or underscores");
    } else if (!seen.insert({upstream.kind, upstream.name}).second) {
      check.Add(At("upstreams", i, "name"), "\"" + upstream.name + "\" is used twice");
    }
    const bool from_environment = upstream.kind == UpstreamKind::kLlm && upstream.url.empty();
    if (!from_environment && !IsUpstreamUrl(upstream.url)) {
      check.Add(At("upstreams", i, "url"),
                "must be an http or https URL with a host, without user, query or fragment");
    }
  }
}

bool IsToolUpstream(const PolicyDocument& document, std::string_view name) {
  return std::any_of(document.upstreams.begin(), document.upstreams.end(),
                     [&](const Upstream& upstream) {
                       return upstream.kind != UpstreamKind::kLlm && upstream.name == name;
                     });
}

// Limits of single models and tools that the turn does not bound.
void CheckOverrides(const PolicyDocument& document, Checker& check) {
  const Timeouts& timeouts = document.timeouts;
  if (!check.Count("timeouts.llmOverrides", timeouts.llm_overrides) ||
      !check.Count("timeouts.longRunning", timeouts.long_running)) {
    return;
  }
  std::set<std::string> models;
  for (std::size_t i = 0; i < timeouts.llm_overrides.size(); ++i) {
    const LlmOverride& one = timeouts.llm_overrides[i];
    const auto at = [i](const char* field) { return At("timeouts.llmOverrides", i, field); };
    if (one.model.empty() || one.model.size() > kMaxKeyBytes) {
      check.Add(at("model"), "must have 1 to 128 bytes");
    } else if (!models.insert(one.model).second) {
      check.Add(at("model"), "\"" + one.model + "\" is used twice");
    }
    for (const auto& [field, value] :
         {std::pair{"firstTokenMs", one.first_token}, std::pair{"totalMs", one.total},
          std::pair{"idleMs", one.idle}}) {
      if (value) {
        check.Duration(at(field), *value, Milliseconds{1});
        check.AtMost(at(field), *value, document.turn.timeout, "turn.timeoutMs");
      }
    }
  }
  for (std::size_t i = 0; i < timeouts.long_running.size(); ++i) {
    const LongRunningTool& tool = timeouts.long_running[i];
    check.Duration(At("timeouts.longRunning", i, "timeoutMs"), tool.timeout, Milliseconds{1});
    if (!IsToolUpstream(document, tool.upstream)) {
      check.Add(At("timeouts.longRunning", i, "upstream"),
                "\"" + tool.upstream + "\" is no MCP or HTTP upstream");
    }
  }
}

void CheckTimes(const PolicyDocument& document, Checker& check) {
  const Milliseconds turn = document.turn.timeout;
  check.Duration("turn.timeoutMs", turn, Milliseconds{100});
  if (document.turn.synthesis_reserve >= turn || document.turn.synthesis_reserve.count() < 0) {
    check.Add("turn.synthesisReserveMs", "must be shorter than turn.timeoutMs");
  }
  const Timeouts& timeouts = document.timeouts;
  for (const auto& [path, value] :
       {std::pair{"timeouts.llmMs", timeouts.llm}, std::pair{"timeouts.toolMs", timeouts.tool},
        std::pair{"timeouts.connectMs", timeouts.connect},
        std::pair{"timeouts.firstTokenMs", timeouts.first_token},
        std::pair{"timeouts.streamIdleMs", timeouts.stream_idle}}) {
    check.Duration(path, value, Milliseconds{1});
  }
  check.AtMost("timeouts.llmMs", timeouts.llm, turn, "turn.timeoutMs");
  check.AtMost("timeouts.toolMs", timeouts.tool, turn, "turn.timeoutMs");
  if (!check.Count("timeouts.toolOverrides", timeouts.tool_overrides)) {
    return;
  }
  for (std::size_t i = 0; i < timeouts.tool_overrides.size(); ++i) {
    const ToolTimeout& tool = timeouts.tool_overrides[i];
    const std::string path = At("timeouts.toolOverrides", i, "timeoutMs");
    check.Duration(path, tool.timeout, Milliseconds{1});
    check.AtMost(path, tool.timeout, turn, "turn.timeoutMs");
    if (!IsToolUpstream(document, tool.upstream)) {
      check.Add(At("timeouts.toolOverrides", i, "upstream"),
                "\"" + tool.upstream + "\" is no MCP or HTTP upstream");
    }
  }
}

void CheckRetries(const PolicyDocument& document, Checker& check) {
  const Retries& retries = document.retries;
  check.Range("retries.maxRetries", retries.max_retries, 0, 10);
  check.Duration("retries.backoff.baseMs", retries.backoff.base, Milliseconds{1});
  check.Duration("retries.backoff.maxMs", retries.backoff.max, Milliseconds{1});
  check.AtMost("retries.backoff.baseMs", retries.backoff.base, retries.backoff.max,
               "retries.backoff.maxMs");
  check.Duration("retries.retryAfter.maxMs", retries.retry_after.max, Milliseconds{0});
  check.Duration("retries.onFailureWithinMs", retries.on_failure_within, Milliseconds{0});
  check.Range("retries.budget.percent", retries.budget.percent, 0, 100);
  check.Duration("retries.budget.intervalMs", retries.budget.interval, Milliseconds{100});
  check.Range("retries.budget.minRetries", retries.budget.min_retries, 0, 1000);
  check.Range("retries.maxRequestBytes", retries.max_request_bytes, 0, kMostRequestBytes);
  for (std::size_t i = 0; i < retries.retry_on.size(); ++i) {
    if (!policy::TraitsOf(retries.retry_on[i]).retryable) {
      check.Add(At("retries.retryOn", i), "\"" + std::string(ErrorClassName(retries.retry_on[i])) +
                                              "\" does not pass by waiting");
    }
  }
  if (!check.Count("retries.idempotentTools", retries.idempotent_tools)) {
    return;
  }
  for (std::size_t i = 0; i < retries.idempotent_tools.size(); ++i) {
    const std::string& upstream = retries.idempotent_tools[i].upstream;
    if (!IsToolUpstream(document, upstream)) {
      check.Add(At("retries.idempotentTools", i, "upstream"),
                "\"" + upstream + "\" is no MCP or HTTP upstream");
    }
  }
}

void CheckBreakers(const PolicyDocument& document, Checker& check) {
  if (!check.Count("circuitBreakers", document.circuit_breakers)) {
    return;
  }
  for (std::size_t i = 0; i < document.circuit_breakers.size(); ++i) {
    const CircuitBreaker& breaker = document.circuit_breakers[i];
    const auto at = [i](const char* field) { return At("circuitBreakers", i, field); };
    check.Range(at("trip.consecutiveFailures"), breaker.trip.consecutive_failures, 0, 1000);
    check.Range(at("trip.failurePercent"), breaker.trip.failure_percent, 0, 100);
    if (breaker.trip.consecutive_failures == 0 && breaker.trip.failure_percent == 0) {
      check.Add(at("trip"), "consecutiveFailures and failurePercent are both off");
    }
    check.Range(at("trip.minCalls"), breaker.trip.min_calls, 1, 10'000);
    check.Duration(at("trip.windowMs"), breaker.trip.window, Milliseconds{1000});
    check.Range(at("trip.slowCallPercent"), breaker.trip.slow_call_percent, 0, 100);
    check.Duration(at("trip.slowCallDurationMs"), breaker.trip.slow_call_duration, Milliseconds{0});
    check.Duration(at("trip.meanLatencyMs"), breaker.trip.mean_latency, Milliseconds{0});
    const bool agent = breaker.scope == BreakerScope::kAgent;
    if (agent &&
        (breaker.trip.slow_call_percent != 0 || breaker.trip.slow_call_duration.count() != 0)) {
      check.Add(at("trip.slowCallPercent"), "scope Agent has meanLatencyMs instead");
    }
    if (!agent && breaker.trip.mean_latency.count() != 0) {
      check.Add(at("trip.meanLatencyMs"), "only for scope Agent");
    }
    if (agent && !(breaker.match.upstreams.empty() && breaker.match.tools.empty() &&
                   breaker.match.models.empty())) {
      check.Add(at("match"), "scope Agent matches the whole agent");
    }
    check.Duration(at("openForMs"), breaker.open_for, Milliseconds{1});
    check.Duration(at("maxOpenForMs"), breaker.max_open_for, Milliseconds{1});
    check.AtMost(at("openForMs"), breaker.open_for, breaker.max_open_for, "maxOpenForMs");
    check.Range(at("halfOpen.maxProbes"), breaker.half_open.max_probes, 1, 100);
    check.Range(at("halfOpen.successes"), breaker.half_open.successes, 1, 100);
    for (const auto* list :
         {&breaker.match.upstreams, &breaker.match.tools, &breaker.match.models}) {
      check.Count(at("match"), *list);
    }
  }
}

void CheckSlos(const PolicyDocument& document, Checker& check) {
  if (!check.Count("slos", document.slos)) {
    return;
  }
  std::set<std::string> keys;
  for (std::size_t i = 0; i < document.slos.size(); ++i) {
    const Slo& slo = document.slos[i];
    if (slo.key.empty() || slo.key.size() > kMaxKeyBytes) {
      check.Add(At("slos", i, "key"), "must have 1 to 128 bytes");
    } else if (!keys.insert(slo.key).second) {
      check.Add(At("slos", i, "key"), "\"" + slo.key + "\" is used twice");
    }
    const bool latency = slo.type == SliType::kTurnLatency;
    if (latency && (!slo.threshold || slo.threshold->count() <= 0)) {
      check.Add(At("slos", i, "thresholdMs"), "required for TurnLatency, greater than 0");
    }
    if (!latency && slo.threshold) {
      check.Add(At("slos", i, "thresholdMs"), "only for TurnLatency");
    }
    if (slo.type != SliType::kTaskSuccess && slo.degraded_is) {
      check.Add(At("slos", i, "degradedIs"), "only for TaskSuccess");
    }
    if (slo.type != SliType::kToolCallSuccess && !slo.tool.empty()) {
      check.Add(At("slos", i, "tool"), "only for ToolCallSuccess");
    }
  }
}

}  // namespace

bool IsUpstreamUrl(std::string_view url) {
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return false;
  }
  if (std::any_of(url.begin(), url.end(), [](char c) {
        return c <= 0x20 || c >= 0x7f || c == '?' || c == '#' || c == '\\' || c == '"';
      })) {
    return false;
  }
  std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.find('@') != std::string_view::npos) {
    return false;
  }
  std::string_view port;
  if (authority.starts_with('[')) {  // IPv6 literal
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos || end < 3) {
      return false;
    }
    port = authority.substr(end + 1);
    if (!port.empty() && port.front() != ':') {
      return false;
    }
  } else {
    const std::size_t colon = authority.find(':');
    if (colon == 0 || authority.empty()) {
      return false;
    }
    port = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
  }
  if (port.empty()) {
    return true;
  }
  const auto number = ParseUint(port.substr(1));
  return number && *number >= 1 && *number <= 65535;
}

namespace {

void CheckDegrade(const DegradeOrder& degrade, Checker& check) {
  if (degrade.turn_timeout) {
    check.Duration("degrade.turnTimeoutMs", *degrade.turn_timeout, Milliseconds{100});
  }
  if (degrade.turn_budget.tokens) {
    check.Range("degrade.maxTokensPerTurn", *degrade.turn_budget.tokens, 1, kMostBudgetTokens);
  }
  if (degrade.turn_budget.usd && *degrade.turn_budget.usd <= 0) {
    check.Add("degrade.maxCostPerTurn", "must be more than 0");
  }
}

}  // namespace

std::vector<FieldError> Validate(const PolicyDocument& document) {
  Checker check;
  if (document.workload.size() > 1024) {
    check.Add("workload", "longer than 1024 bytes");
  }
  CheckUpstreams(document, check);
  CheckTimes(document, check);
  CheckOverrides(document, check);
  CheckRetries(document, check);
  CheckBreakers(document, check);
  for (FieldError& error : ValidateChain(document)) {
    check.Add(std::move(error.path), std::move(error.reason));
  }
  for (FieldError& error : ValidateCost(document)) {
    check.Add(std::move(error.path), std::move(error.reason));
  }
  CheckSlos(document, check);
  return check.Take();
}

std::vector<FieldError> Validate(const ModeDocument& document) {
  Checker check;
  check.Range("leaderEpoch", document.leader_epoch, 0, INT64_MAX);
  check.Range("generation", document.generation, 0, INT64_MAX);
  check.Duration("retryAfterMs", document.retry_after, Milliseconds{0});
  if (document.mode != Mode::kNormal && !document.valid_until) {
    check.Add("validUntil", "required unless mode is Normal");
  }
  if (document.mode == Mode::kThrottled) {
    if (!document.throttle) {
      check.Add("throttle", "required for Throttled");
    } else {
      if (!(document.throttle->objective > 0.0 && document.throttle->objective < 1.0)) {
        check.Add("throttle.objective", "must be between 0 and 1");
      }
      check.Range("throttle.maxRejectPercent", document.throttle->max_reject_percent, 1, 100);
      check.Range("throttle.minEvents", document.throttle->min_events, 1, 100'000);
    }
  }
  if (document.mode == Mode::kDegraded) {
    if (!document.degrade) {
      check.Add("degrade", "required for Degraded");
    } else {
      CheckDegrade(*document.degrade, check);
    }
  }
  if (document.mode == Mode::kRamping) {
    if (!document.ramp) {
      check.Add("ramp", "required for Ramping");
    } else {
      check.Range("ramp.percent", document.ramp->percent, 0, 100);
    }
  }
  if (document.mode == Mode::kHalfOpen) {
    if (!document.half_open) {
      check.Add("halfOpen", "required for HalfOpen");
    } else {
      check.Range("halfOpen.maxProbes", document.half_open->max_probes, 1, 100);
    }
  }
  return check.Take();
}

Status ToStatus(const std::vector<FieldError>& errors) {
  if (errors.empty()) {
    return {};
  }
  std::string message = errors.front().path + ": " + errors.front().reason;
  if (errors.size() > 1) {
    message += " (and " + std::to_string(errors.size() - 1) + " more)";
  }
  return Fail(Code::kInvalid, std::move(message));
}

}  // namespace reliability::sidecar_config
