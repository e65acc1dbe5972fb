#include "sidecar/telemetry/metrics.h"

#include <chrono>
#include <utility>

#include "libs/base/log.h"

namespace reliability::sidecar::telemetry {
namespace {

using policy::ErrorClass;

std::string_view ResultName(ErrorClass error_class) {
  return error_class == ErrorClass::kNone ? "success" : policy::ErrorClassName(error_class);
}

std::string_view KindName(sidecar_config::UpstreamKind kind) {
  switch (kind) {
    case sidecar_config::UpstreamKind::kLlm:
      return "llm";
    case sidecar_config::UpstreamKind::kMcp:
      return "mcp";
    case sidecar_config::UpstreamKind::kHttp:
      return "http";
  }
  return "";
}

double Seconds(Milliseconds duration) { return std::chrono::duration<double>(duration).count(); }

constexpr std::array<std::string_view, kBadRequestCount> kBadRequestNames = {
    "malformed", "timeout", "too_large", "version", "forbidden", "not_found", "unsupported"};

constexpr std::array<std::string_view, kUnreadBodyCount> kUnreadNames = {"too_large", "encoded",
                                                                         "memory"};

constexpr std::array<std::string_view, kInterventionCount> kInterventionNames = {
    "template", "dropped_event", "stream_end", "stream_error",
    "notice",   "restart",       "tool_error", "error_answer"};

constexpr std::array kModes = {policy::GateMode::kNormal,   policy::GateMode::kThrottled,
                               policy::GateMode::kPaused,   policy::GateMode::kHalfOpen,
                               policy::GateMode::kDegraded, policy::GateMode::kRamping};
static_assert(kModes.size() == policy::kGateModeCount);

constexpr std::array kTransitions = {
    policy::BreakerEventKind::kOpened,      policy::BreakerEventKind::kReopened,
    policy::BreakerEventKind::kHalfOpened,  policy::BreakerEventKind::kClosed,
    policy::BreakerEventKind::kHeld,        policy::BreakerEventKind::kAutomatic,
    policy::BreakerEventKind::kMetricsOnly, policy::BreakerEventKind::kForcedOpen,
    policy::BreakerEventKind::kDisabled};
static_assert(kTransitions.size() == policy::kBreakerEventKindCount);

}  // namespace

CallMetrics::CallMetrics(metrics::Registry& registry, const sidecar_config::PolicyDocument& policy)
    : scope_(registry) {
  for (const auto& upstream : policy.upstreams) {
    const std::string kind(KindName(upstream.kind));
    Upstream& series = upstreams_.emplace_back();
    for (int i = 0; i < policy::kErrorClassCount; ++i) {
      series.by_class[static_cast<std::size_t>(i)] = scope_.GetCounter(
          "agent_reliability_calls_total", "Calls as answered to the agent, by result.",
          {{"kind", kind},
           {"name", upstream.name},
           {"result", std::string(ResultName(static_cast<ErrorClass>(i)))}});
    }
    series.attempts = scope_.GetCounter("agent_reliability_attempts_total",
                                        "Attempts made upstream: a retry makes one more.",
                                        {{"kind", kind}, {"name", upstream.name}});
    series.duration = scope_.GetHistogram("agent_reliability_call_duration_seconds",
                                          "From the request's head to the answer's last byte.",
                                          {{"kind", kind}, {"name", upstream.name}});
  }
}

void CallMetrics::Count(std::size_t upstream, ErrorClass error_class, Milliseconds duration) const {
  const Upstream& series = upstreams_[upstream];
  series.by_class[static_cast<std::size_t>(error_class)].Add();
  series.duration.Observe(Seconds(duration));
}

Metrics::Metrics() {
  const auto turn = [this](policy::TurnResult result, const char* name) {
    turns_[static_cast<std::size_t>(result)] =
        registry_.GetCounter("agent_reliability_turns_total",
                             "Turns that ended; excluded = no SLO event.", {{"result", name}});
  };
  turn(policy::TurnResult::kSuccess, "success");
  turn(policy::TurnResult::kFailure, "failure");
  turn(policy::TurnResult::kNone, "excluded");
  turn_deadline_ = registry_.GetCounter("agent_reliability_turn_deadline_exceeded_total",
                                        "Turns without a final answer in time.");
  turn_duration_ = registry_.GetHistogram("agent_reliability_turn_duration_seconds",
                                          "First request byte to last answer byte.");
  for (int i = 0; i < policy::kErrorClassCount; ++i) {
    const auto error_class = static_cast<ErrorClass>(i);
    if (error_class == ErrorClass::kNone) {
      continue;
    }
    would_[static_cast<std::size_t>(i)] =
        registry_.GetCounter("agent_reliability_would_reject_total",
                             "Calls that would have been refused or cut, by class: by Enforce "
                             "(enforcement: Observe), or "
                             "by a breaker in MetricsOnly.",
                             {{"class", std::string(policy::ErrorClassName(error_class))}});
  }
  MakeRetrySeries();
  MakeInterventionSeries();
  MakeCostSeries();
  for (std::size_t i = 0; i < kTransitions.size(); ++i) {
    transitions_[i] = registry_.GetCounter(
        "agent_reliability_breaker_transitions_total", "Changes of circuit breakers.",
        {{"event", std::string(policy::BreakerEventName(kTransitions[i]))}});
  }
  for (std::size_t i = 0; i < bad_.size(); ++i) {
    bad_[i] = registry_.GetCounter("agent_reliability_bad_requests_total",
                                   "Requests answered without a route.",
                                   {{"reason", std::string(kBadRequestNames[i])}});
  }
  for (std::size_t i = 0; i < unread_.size(); ++i) {
    unread_[i] = registry_.GetCounter("agent_reliability_unread_requests_total",
                                      "LLM and MCP requests whose body was relayed unread; "
                                      "those of reason memory could not be retried either.",
                                      {{"reason", std::string(kUnreadNames[i])}});
  }
  constexpr const char* kConfig = "agent_reliability_config_loads_total";
  constexpr const char* kConfigHelp = "Versions of policy.json and mode.json that were read.";
  config_loaded_ = registry_.GetCounter(kConfig, kConfigHelp, {{"result", "loaded"}});
  config_rejected_ = registry_.GetCounter(kConfig, kConfigHelp, {{"result", "rejected"}});
  for (const auto& [document, name] :
       {std::pair{ConfigDocument::kPolicy, "policy"}, std::pair{ConfigDocument::kMode, "mode"}}) {
    ignored_fields_[static_cast<std::size_t>(document)] = registry_.GetGauge(
        "agent_reliability_config_ignored_fields",
        "Fields of the document in force that this sidecar does not know, as it is older.",
        {{"document", name}});
  }
  header_mismatch_ = registry_.GetCounter("agent_reliability_mcp_header_mismatch_total",
                                          "MCP requests whose headers and body disagree.");
  dropped_events_ = registry_.GetCounter("agent_reliability_malformed_events_total",
                                         "Events of LLM streams that were dropped: no JSON.");
  connections_ = registry_.GetGauge("agent_reliability_connections", "Connections of agents.");
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    mode_[i] = registry_.GetGauge("agent_reliability_mode", "1 for the mode in force.",
                                  {{"mode", std::string(policy::GateModeName(kModes[i]))}});
  }
  degraded_[0] = registry_.GetCounter(
      "agent_reliability_would_degrade_total",
      "Turns that mode Degraded would have moved or shortened (enforcement: Observe).");
  degraded_[1] = registry_.GetCounter("agent_reliability_degraded_turns_total",
                                      "Turns that began in mode Degraded.");
  mode_stale_ = registry_.GetGauge("agent_reliability_mode_stale",
                                   "1 if the mode's order is past its validity.");
  throttle_ = registry_.GetGauge("agent_reliability_throttle_probability",
                                 "Share of new turns refused now, 0 to 1.");
  turns_running_ = registry_.GetGauge("agent_reliability_turns_running", "Turns without an end.");
  log_dropped_ = registry_.GetGauge("agent_reliability_log_lines_dropped",
                                    "Log lines lost because the queue was full.");
}

void Metrics::MakeRetrySeries() {
  for (int i = 0; i < policy::kErrorClassCount; ++i) {
    const auto error_class = static_cast<ErrorClass>(i);
    const bool of_stand_ins =
        error_class == ErrorClass::kAuth || error_class == ErrorClass::kNotFound;
    if (policy::TraitsOf(error_class).next_target != policy::NextTarget::kNo || of_stand_ins ||
        error_class == ErrorClass::kBudgetExhausted) {
      const std::string name(policy::ErrorClassName(error_class));
      fallback_[static_cast<std::size_t>(i)] = registry_.GetCounter(
          "agent_reliability_fallback_total",
          "Failed attempts after which another tier of the chain was asked, by class.",
          {{"class", name}});
      would_fallback_[static_cast<std::size_t>(i)] = registry_.GetCounter(
          "agent_reliability_would_fallback_total",
          "Failed attempts that Enforce would have sent to another tier (enforcement: Observe).",
          {{"class", name}});
    }
    if (!policy::TraitsOf(error_class).retryable) {
      continue;
    }
    const auto at = static_cast<std::size_t>(i);
    const std::string name(policy::ErrorClassName(error_class));
    for (int j = 0; j < policy::kRetryDecisionCount; ++j) {
      const auto decision = static_cast<policy::RetryDecision>(j);
      retries_[at][static_cast<std::size_t>(j)] = registry_.GetCounter(
          "agent_reliability_retries_total",
          "Failed attempts that may pass, by class and by what was decided about another one.",
          {{"class", name}, {"decision", std::string(policy::RetryDecisionName(decision))}});
    }
    would_retry_[at] = registry_.GetCounter(
        "agent_reliability_would_retry_total",
        "Failed attempts that Enforce would have made again (enforcement: Observe), by class.",
        {{"class", name}});
  }
  constexpr const char* kRetried = "agent_reliability_retried_calls_total";
  constexpr const char* kRetriedHelp = "Calls with a retry, by how they ended.";
  retried_[0] = registry_.GetCounter(kRetried, kRetriedHelp, {{"result", "failed"}});
  retried_[1] = registry_.GetCounter(kRetried, kRetriedHelp, {{"result", "rescued"}});
}

void Metrics::MakeInterventionSeries() {
  for (std::size_t i = 0; i < kInterventionNames.size(); ++i) {
    const metrics::Labels labels{{"action", std::string(kInterventionNames[i])}};
    interventions_[i] =
        registry_.GetCounter("agent_reliability_interventions_total",
                             "Answers that were mended or replaced, by what was done.", labels);
    would_intervene_[i] = registry_.GetCounter(
        "agent_reliability_would_intervene_total",
        "Answers that Enforce would have mended or replaced (enforcement: Observe).", labels);
  }
}

void Metrics::CountRetry(ErrorClass error_class, policy::RetryDecision decision, bool enforce) {
  if (!policy::TraitsOf(error_class).retryable) {
    return;
  }
  const auto at = static_cast<std::size_t>(error_class);
  if (enforce) {
    retries_[at][static_cast<std::size_t>(decision)].Add();
  } else if (decision == policy::RetryDecision::kRetry) {
    would_retry_[at].Add();
  }
}

void Metrics::CountFallback(ErrorClass error_class, bool enforce) {
  (enforce ? fallback_ : would_fallback_)[static_cast<std::size_t>(error_class)].Add();
}

metrics::Counter Metrics::ServedBy(const std::string& tier) {
  // Names of tiers come from the policy: at most nine.
  return registry_.GetCounter(
      "agent_reliability_fallback_served_total",
      "Calls of a chain by the tier that answered; terminal = its last resort.", {{"tier", tier}});
}

void Metrics::CountUntranslatable(const std::string& tier) {
  registry_
      .GetCounter("agent_reliability_untranslatable_total",
                  "Calls that a tier of another format could not take; the log names the field.",
                  {{"tier", tier}})
      .Add();
}

void Metrics::CountTurn(const policy::TurnRecord& turn) {
  turns_[static_cast<std::size_t>(turn.result)].Add();
  const bool late = turn.result == policy::TurnResult::kFailure && turn.failed_tool.empty() &&
                    turn.error_class == ErrorClass::kDeadlineExceeded;
  if (late || turn.end == policy::TurnEnd::kDeadline || turn.end == policy::TurnEnd::kAbandoned) {
    turn_deadline_.Add();
  }
  if (turn.end != policy::TurnEnd::kRefused) {
    turn_duration_.Observe(Seconds(turn.duration));
  }
}

void Metrics::CountWould(ErrorClass refusal) { would_[static_cast<std::size_t>(refusal)].Add(); }

void Metrics::CountTransition(policy::BreakerEventKind kind) {
  for (std::size_t i = 0; i < kTransitions.size(); ++i) {
    if (kTransitions[i] == kind) {
      transitions_[i].Add();
    }
  }
}

void Metrics::CountBad(BadRequest reason) { bad_[static_cast<std::size_t>(reason)].Add(); }

void Metrics::CountConfig(bool loaded) { (loaded ? config_loaded_ : config_rejected_).Add(); }

void Metrics::OnCollect(std::function<Gauges()> read) {
  registry_.OnCollect([this, read = std::move(read)] { Publish(read()); });
}

void Metrics::Publish(const Gauges& gauges) {
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    mode_[i].Set(kModes[i] == gauges.mode ? 1 : 0);
  }
  mode_stale_.Set(gauges.mode_stale ? 1 : 0);
  throttle_.Set(gauges.throttle_probability);
  turns_running_.Set(static_cast<double>(gauges.turns_running));
  log_dropped_.Set(static_cast<double>(log::Dropped()));
  PublishBudgets(gauges);
  // Series cannot go away: those of forgotten breakers say closed.
  std::set<std::string> gone = std::move(breakers_);
  breakers_.clear();
  for (const Gauges::Breaker& breaker : gauges.breakers) {
    gone.erase(breaker.key);
    breakers_.insert(breaker.key);
    PublishBreaker(breaker);
  }
  for (const std::string& key : gone) {
    PublishBreaker({.key = key});
    breakers_.insert(key);
  }
}

void Metrics::PublishBreaker(const Gauges::Breaker& breaker) {
  // Keys are bounded: names of the policy or of tools/list answers (data-plane ruling 20).
  registry_
      .GetGauge("agent_reliability_breaker_state", "0 closed, 1 open, 2 half-open.",
                {{"resource", breaker.key}})
      .Set(static_cast<double>(static_cast<int>(breaker.state)));
  registry_
      .GetGauge("agent_reliability_breaker_operation",
                "0 Automatic, 1 MetricsOnly, 2 ForcedOpen, 3 Disabled.",
                {{"resource", breaker.key}})
      .Set(static_cast<double>(static_cast<int>(breaker.operation)));
}

}  // namespace reliability::sidecar::telemetry
