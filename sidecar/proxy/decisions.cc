#include "sidecar/proxy/decisions.h"

#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/to_policy.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;

// "mcp:orders/search" -> "orders/search"
std::string ResourceOf(const std::string& key) {
  const std::size_t colon = key.find(':');
  return colon == std::string::npos ? key : key.substr(colon + 1);
}

std::string ToolName(const Route& route, std::string_view tool) {
  return tool.empty() ? route.name : route.name + "/" + std::string(tool);
}

std::string CauseText(const policy::BreakerEvent& event) {
  const std::string last(policy::ErrorClassName(event.last_class));
  switch (event.cause) {
    case policy::BreakerCause::kConsecutiveFailures:
      return std::to_string(event.failures) + " consecutive " + last;
    case policy::BreakerCause::kFailureRate:
      return std::to_string(event.failures) + " of " + std::to_string(event.calls) +
             " calls failed, last " + last;
    case policy::BreakerCause::kProbeFailed:
      return "probe failed: " + last;
    case policy::BreakerCause::kQuota:
    case policy::BreakerCause::kRateLimit:
    case policy::BreakerCause::kNone:
      break;
  }
  return std::string(policy::BreakerCauseName(event.cause));
}

}  // namespace

Decisions::Decisions(const Clock& clock, telemetry::Metrics& metrics, std::unique_ptr<Rng> rng,
                     std::string pod_uid, telemetry::Ledger ledger)
    : clock_(clock),
      metrics_(metrics),
      pod_uid_(std::move(pod_uid)),
      rng_(std::move(rng)),
      turns_(policy::TurnLimits{}),
      ledger_(std::move(ledger)) {}

void Decisions::Configure(config::SnapshotPtr snapshot) {
  const MutexLock lock(mutex_);
  breakers_.Configure(sidecar_config::ToBreakerConfig(snapshot->policy));
  turns_.SetLimits(sidecar_config::ToTurnLimits(snapshot->policy));
  std::vector<std::string> keys;
  for (const policy::SloRule& rule : snapshot->slos) {
    keys.push_back(rule.key);
  }
  ledger_.Track(keys);
  NoteLedger();
  config_error_.clear();
  metrics_.CountConfig(true);
  log::Info("config_loaded", {{"workload", snapshot->policy.workload},
                              {"enforcement", sidecar_config::Name(snapshot->policy.enforcement)},
                              {"hash", snapshot->hash},
                              {"upstreams", snapshot->policy.upstreams.size()},
                              {"slos", snapshot->slos.size()}});
  for (const Route& route : snapshot->routes.routes()) {
    if (!route.configured) {
      log::Warn("upstream_without_url",
                {{"upstream", route.name}, {"set", UpstreamVariable(route.name)}});
    }
  }
  snapshot_ = std::move(snapshot);
}

void Decisions::ConfigRejected(bool policy, const std::string& why) {
  const MutexLock lock(mutex_);
  if (policy) {
    config_error_ = why;
  }
  metrics_.CountConfig(false);
  log::Error("config_rejected", {{"document", policy ? "policy.json" : "mode.json"},
                                 {"why", why},
                                 {"kept", snapshot_ == nullptr ? std::string{} : snapshot_->hash}});
}

void Decisions::ApplyMode(const sidecar_config::ModeDocument& document) {
  const Now now = Time();
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    const auto applied = gate_.Apply(sidecar_config::ToModeOrder(document, pod_uid_), now.wall);
    if (applied == policy::ModeGate::Applied::kIgnoredOlder) {
      log::Warn("mode_ignored_older",
                {{"leader_epoch", document.leader_epoch}, {"generation", document.generation}});
    }
    NoteMode(now);
    next = NextWake(now);
  }
  PokeIfEarlier(next);
}

void Decisions::ClearMode() {
  const Now now = Time();
  const MutexLock lock(mutex_);
  gate_.Clear();
  NoteMode(now);
}

void Decisions::PassMode(Admission& admission, policy::CallIntent intent, bool enforce,
                         const Now& now, policy::GateVerdict& verdict) {
  verdict = gate_.Admit(intent, now.wall, now.mono, rng_->Uniform());
  if (verdict.admitted) {
    return;
  }
  if (!enforce) {
    metrics_.CountWould(verdict.refusal);
    return;
  }
  admission.refusal = Refusal{.error_class = verdict.refusal,
                              .resource = "agent",
                              .retry_after = verdict.retry_after,
                              .remaining = {}};
}

void Decisions::PassLimit(Admission& admission, bool enforce, std::string resource,
                          const Now& now) {
  if (admission.limit.allowed) {
    return;
  }
  if (!enforce) {
    admission.limited = false;
    metrics_.CountWould(ErrorClass::kDeadlineExceeded);
    return;
  }
  const auto budget = turns_.Budget(admission.turn, now.mono);
  admission.refusal = Refusal{.error_class = ErrorClass::kDeadlineExceeded,
                              .resource = std::move(resource),
                              .retry_after = {},
                              .remaining = budget ? budget->remaining : Milliseconds{0}};
}

void Decisions::PassBreaker(Admission& admission, const policy::CallTarget& target, bool enforce,
                            const Now& now) {
  policy::GuardAdmission guard = breakers_.Admit(target, now.mono);
  Announce(guard.events, admission.turn_id);
  if (!guard.admitted) {
    if (enforce) {
      const auto budget = turns_.Budget(admission.turn, now.mono);
      Refusal refusal{.error_class = guard.refusal,
                      .resource = ResourceOf(guard.refused_by),
                      .retry_after = guard.retry_after,
                      .remaining = {}};
      if (budget.has_value()) {
        refusal.remaining = budget->remaining;
      }
      admission.refusal = std::move(refusal);
      return;
    }
    metrics_.CountWould(guard.refusal);
  }
  admission.guarded = true;
  admission.ticket = std::move(guard.ticket);
}

Admission Decisions::BeginLlm(const config::Snapshot& snapshot, const Route& route,
                              std::string_view model, const policy::LlmClues& clues,
                              std::optional<Milliseconds> client_limit) {
  const Now now = Time();
  const bool enforce = snapshot.enforce();
  Admission admission;
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    const policy::TurnMatch match = turns_.Match(clues, now.mono);
    const bool ended = match.kind == policy::MatchKind::kEnded;
    const bool fresh = match.kind == policy::MatchKind::kNew;
    if (!fresh) {
      if (const auto view = turns_.View(match.turn)) {
        admission.turn_id = view->id;
      }
    }
    policy::GateVerdict verdict;
    PassMode(admission, fresh ? policy::CallIntent::kNewTurn : policy::CallIntent::kInTurn, enforce,
             now, verdict);
    if (!admission.refusal && ended) {
      admission.limit.allowed = false;
      PassLimit(admission, enforce, route.name, now);
    } else if (!admission.refusal) {
      admission.turn = fresh ? turns_.Open(clues, match, now.mono, rng_->Next() | 1U) : match.turn;
      if (fresh) {
        gate_.TurnOpened(admission.turn, verdict);
      }
      turns_.BeginLlmCall(admission.turn);
      if (const auto view = turns_.View(admission.turn)) {
        admission.turn_id = view->id;
        admission.turn_deadline = view->deadline;
      }
      admission.limited = true;
      admission.limit =
          policy::ResolveLlmLimit(snapshot.policy.timeouts.llm,
                                  turns_.Budget(admission.turn, now.mono), false, client_limit);
      PassLimit(admission, enforce, route.name, now);
    }
    if (!admission.refusal) {
      PassBreaker(
          admission,
          {.kind = policy::TargetKind::kLlm, .upstream = route.name, .name = std::string(model)},
          enforce, now);
    }
    CollectEnded(now);
    next = NextWake(now);
  }
  PokeIfEarlier(next);
  return admission;
}

void Decisions::EndLlm(const Admission& admission, const CallEnd& end) {
  const Now now = Time();
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    SettleBreaker(admission, end, now);
    if (admission.turn != 0) {
      turns_.EndLlmCall(admission.turn,
                        {.error_class = end.outcome.error_class,
                         .final_answer = end.final_answer,
                         .tool_calls = end.tool_calls},
                        now.mono);
    }
    CollectEnded(now);
    next = NextWake(now);
  }
  PokeIfEarlier(next);
}

Admission Decisions::BeginOther(const config::Snapshot& snapshot, const Route& route) {
  const Now now = Time();
  Admission admission;
  const MutexLock lock(mutex_);
  policy::GateVerdict verdict;
  PassMode(admission, policy::CallIntent::kControl, snapshot.enforce(), now, verdict);
  admission.limited = true;
  if (route.kind == sidecar_config::UpstreamKind::kLlm) {
    admission.limit.limit = snapshot.policy.timeouts.llm;
    PassBreaker(admission, {.kind = policy::TargetKind::kLlm, .upstream = route.name, .name = {}},
                snapshot.enforce(), now);
  } else {
    admission.limit.limit = sidecar_config::ToolTimeoutOf(snapshot.policy.timeouts, route.name, {});
  }
  return admission;
}

void Decisions::EndOther(const Admission& admission, const CallEnd& end) {
  const Now now = Time();
  const MutexLock lock(mutex_);
  SettleBreaker(admission, end, now);
}

Admission Decisions::BeginTool(const config::Snapshot& snapshot, const Route& route,
                               const policy::ToolClues& clues) {
  const Now now = Time();
  const bool enforce = snapshot.enforce();
  const bool mcp = route.kind == sidecar_config::UpstreamKind::kMcp;
  Admission admission;
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    const policy::TurnMatch match = turns_.MatchToolCall(clues, now.mono);
    const bool running = match.kind == policy::MatchKind::kRunning;
    if (match.kind != policy::MatchKind::kNew) {
      if (const auto view = turns_.View(match.turn)) {
        admission.turn_id = view->id;
        admission.turn_deadline = view->deadline;
      }
    }
    policy::GateVerdict verdict;
    PassMode(admission,
             match.kind == policy::MatchKind::kNew ? policy::CallIntent::kUnjoinedTool
                                                   : policy::CallIntent::kInTurn,
             enforce, now, verdict);
    if (!admission.refusal) {
      const std::string resource = ToolName(route, clues.tool);
      if (running) {
        admission.turn = match.turn;
        admission.tool_call = turns_.BeginToolCall(match.turn, clues);
      }
      admission.limited = true;
      admission.limit = policy::ResolveToolLimit(
          sidecar_config::ToolTimeoutOf(snapshot.policy.timeouts, route.name, clues.tool),
          turns_.Budget(admission.turn, now.mono), std::nullopt);
      admission.limit.allowed = admission.limit.allowed && match.kind != policy::MatchKind::kEnded;
      PassLimit(admission, enforce, resource, now);
    }
    if (!admission.refusal) {
      PassBreaker(admission,
                  {.kind = mcp ? policy::TargetKind::kMcpTool : policy::TargetKind::kHttpTool,
                   .upstream = route.name,
                   .name = std::string(clues.tool)},
                  enforce, now);
    }
    CollectEnded(now);
    next = NextWake(now);
  }
  PokeIfEarlier(next);
  return admission;
}

void Decisions::EndTool(const config::Snapshot& snapshot, const Route& route, std::string_view tool,
                        const Admission& admission, const CallEnd& end) {
  const Now now = Time();
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    SettleBreaker(admission, end, now);
    const ErrorClass error_class = end.outcome.error_class;
    if (admission.turn != 0) {
      turns_.EndToolCall(admission.turn, admission.tool_call, ToolName(route, tool), error_class,
                         now.mono);
    }
    const policy::ToolCallRecord record{
        .upstream = route.name, .tool = std::string(tool), .error_class = error_class};
    for (const policy::SloRule& rule : snapshot.slos) {
      if (rule.kind == policy::SliKind::kToolCallSuccess) {
        ledger_.Count(rule.key, policy::ClassifyToolCall(rule, record));
      }
    }
    NoteLedger();
    CollectEnded(now);
    next = NextWake(now);
  }
  PokeIfEarlier(next);
}

void Decisions::SettleBreaker(const Admission& admission, const CallEnd& end, const Now& now) {
  if (admission.guarded) {
    Announce(breakers_.Settle(admission.ticket, end.outcome, now.mono, rng_->Uniform()),
             admission.turn_id);
  }
}

void Decisions::ObserveTools(std::string_view upstream, const std::vector<std::string>& names) {
  const MutexLock lock(mutex_);
  breakers_.ObserveTools(upstream, names);
}

void Decisions::Announce(const std::vector<policy::KeyedBreakerEvent>& events,
                         const std::string& turn_id) {
  for (const policy::KeyedBreakerEvent& keyed : events) {
    metrics_.CountTransition(keyed.event.kind);
    log::Info(policy::BreakerEventName(keyed.event.kind),
              {{"resource", keyed.key},
               {"cause", CauseText(keyed.event)},
               {"open_for_ms", keyed.event.open_for.count()},
               {"breaker", keyed.rule},
               {"turn", turn_id}});
  }
}

}  // namespace reliability::sidecar::proxy
