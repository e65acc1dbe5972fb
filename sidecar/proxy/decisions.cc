#include "sidecar/proxy/decisions.h"

#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/to_policy.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;

std::string ToolName(const Route& route, std::string_view tool) {
  return tool.empty() ? route.name : route.name + "/" + std::string(tool);
}

// Whose turn begins, for a ramp: the same words at each retry of a request.
std::string ConversationOf(std::string_view conversation, const policy::LlmClues& clues) {
  for (const std::string_view named : {conversation, clues.explicit_id, clues.baggage_turn}) {
    if (!named.empty()) {
      return std::string(named);
    }
  }
  return clues.prefix_hash.has_value() ? "#" + std::to_string(*clues.prefix_hash) : std::string();
}

}  // namespace

Decisions::Decisions(const Clock& clock, telemetry::Metrics& metrics, std::unique_ptr<Rng> rng,
                     std::string pod_uid, telemetry::Ledger ledger)
    : clock_(clock),
      metrics_(metrics),
      pod_uid_(std::move(pod_uid)),
      rng_(std::move(rng)),
      turns_(policy::TurnLimits{}),
      ledger_(std::move(ledger)) {
  if (ledger_.spent().has_value()) {
    costs_.Restore(*ledger_.spent());
  }
}

void Decisions::Configure(config::SnapshotPtr snapshot) {
  const MutexLock lock(mutex_);
  Announce(breakers_.Configure(sidecar_config::ToBreakerConfig(snapshot->policy)), {});
  budgets_.Configure(snapshot->retries.budget);
  costs_.Configure(snapshot->costs);
  ConfigureChain(*snapshot);
  std::vector<std::string> keys;
  for (const policy::SloRule& rule : snapshot->slos) {
    keys.push_back(rule.key);
  }
  ledger_.Track(keys);
  slo_places_.clear();
  for (const std::string& key : keys) {
    slo_places_.push_back(ledger_.PlaceOf(key));
  }
  NoteLedger();
  config_error_.clear();
  metrics_.CountConfig(true);
  metrics_.SetIgnoredFields(telemetry::ConfigDocument::kPolicy, snapshot->ignored_fields);
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
  SetTurnLimits();
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

void Decisions::ApplyMode(const sidecar_config::ModeDocument& document, int ignored_fields) {
  const Now now = Time();
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    const auto applied = gate_.Apply(sidecar_config::ToModeOrder(document, pod_uid_), now.wall);
    if (applied == policy::ModeGate::Applied::kIgnoredOlder) {
      log::Warn("mode_ignored_older",
                {{"leader_epoch", document.leader_epoch}, {"generation", document.generation}});
    } else {
      metrics_.SetIgnoredFields(telemetry::ConfigDocument::kMode, ignored_fields);
    }
    NoteMode(now);
    SetTurnLimits();
    next = EarlierWake(now);
  }
  Poke(next);
}

void Decisions::ClearMode() {
  const Now now = Time();
  const MutexLock lock(mutex_);
  gate_.Clear();
  metrics_.SetIgnoredFields(telemetry::ConfigDocument::kMode, 0);
  NoteMode(now);
  SetTurnLimits();
}

void Decisions::PassMode(Admission& admission, policy::CallIntent intent, bool enforce,
                         const Now& now, policy::GateVerdict& verdict,
                         std::string_view conversation) {
  verdict = gate_.Admit(intent, now.wall, now.mono, rng_->Uniform(), conversation);
  if (verdict.admitted) {
    return;
  }
  if (!enforce) {
    CountWould(admission, verdict.refusal);
    return;
  }
  admission.refusal = Refusal{.error_class = verdict.refusal,
                              .resource = "agent",
                              .retry_after = verdict.retry_after,
                              .remaining = {}};
}

void Decisions::PassLimit(Admission& admission, bool enforce, std::string_view resource,
                          const Now& now) {
  if (admission.limit.allowed) {
    return;
  }
  if (!enforce) {
    admission.limited = false;
    CountWould(admission, ErrorClass::kDeadlineExceeded);
    return;
  }
  const auto budget = turns_.Budget(admission.turn, now.mono);
  admission.refusal = Refusal{.error_class = ErrorClass::kDeadlineExceeded,
                              .resource = std::string(resource),
                              .retry_after = {},
                              .remaining = budget ? budget->remaining : Milliseconds{0}};
}

void Decisions::BeginLlm(const config::Snapshot& snapshot, const Route& route,
                         std::string_view model, const policy::LlmClues& clues,
                         std::string_view conversation, std::optional<Milliseconds> client_limit,
                         const std::vector<TierOffer>& offers, policy::CostAsk cost,
                         MonotonicTime mono, Admission& admission) {
  const Now now = TimeAt(mono);
  const bool enforce = snapshot.enforce();
  admission.cost = std::move(cost);
  admission.target.kind = policy::TargetKind::kLlm;
  admission.target.upstream = route.name;
  admission.target.name = model;
  admission.called = &route;
  admission.breakers = true;
  admission.component = sidecar_config::LlmTimesOf(snapshot.policy.timeouts, model).total;
  admission.client_retries = clues.retry_count;
  if (client_limit.has_value()) {
    admission.client_deadline = now.mono + *client_limit;
  }
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    const policy::TurnMatch match = turns_.Match(clues, now.mono);
    const bool ended = match.kind == policy::MatchKind::kEnded;
    const bool fresh = match.kind == policy::MatchKind::kNew;
    if (!fresh) {
      NoteTurn(admission, match.turn, now);
    }
    policy::GateVerdict verdict;
    PassMode(admission, fresh ? policy::CallIntent::kNewTurn : policy::CallIntent::kInTurn, enforce,
             now, verdict,
             gate_.order().mode == policy::GateMode::kRamping ? ConversationOf(conversation, clues)
                                                              : std::string());
    if (!admission.refusal && ended) {
      admission.turn_over = enforce;
      admission.limit.allowed = false;
      PassLimit(admission, enforce, route.name, now);
    }
    policy::GuardTicket agent;
    if (!admission.refusal && fresh && breakers_.guards_agent()) {
      PassAgent(admission, enforce, now, agent);
    }
    if (!admission.refusal && !ended) {
      admission.turn = fresh ? turns_.Open(clues, match, now.mono, rng_->Next() | 1U) : match.turn;
      if (fresh) {
        gate_.TurnOpened(admission.turn, verdict);
        if (gate_.degraded() != nullptr) {
          metrics_.CountDegraded(enforce);
        }
        if (!agent.empty()) {
          agent_tickets_.emplace(admission.turn, std::move(agent));
        }
      }
      turns_.BeginLlmCall(admission.turn);
      NoteTurn(admission, admission.turn, now);
      ChooseOffer(admission, offers, enforce, now);
      ResolveLimit(admission, now);
      PassLimit(admission, enforce, route.name, now);
    }
    if (!admission.refusal) {
      PassBudget(snapshot, admission, now);
    }
    if (!admission.refusal) {
      PassBreaker(snapshot, admission, now);
    }
    CollectEnded(now);
    next = EarlierWake(now);
  }
  Poke(next);
}

void Decisions::EndLlm(const Admission& admission, const CallEnd& end, MonotonicTime mono) {
  const Now now = TimeAt(mono);
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    SettleBreaker(admission, end.outcome, now);
    CountCall(admission, end);
    EndCost(admission, now);
    EndChain(admission, end, now);
    if (admission.turn != 0) {
      turns_.EndLlmCall(admission.turn,
                        {.error_class = end.outcome.error_class,
                         .final_answer = end.final_answer,
                         .tool_calls = end.tool_calls,
                         .response_id = end.response_id,
                         .templated = end.terminal,
                         .degraded = admission.offer > 0,
                         .cut = end.cut},
                        now.mono);
    }
    CollectEnded(now);
    next = EarlierWake(now);
  }
  Poke(next);
}

void Decisions::BeginOther(const config::Snapshot& snapshot, const Route& route,
                           std::optional<Milliseconds> client_limit, int client_retries,
                           const std::vector<TierOffer>& offers, policy::CostAsk cost,
                           Admission& admission) {
  const Now now = Time();
  const bool llm = route.kind == sidecar_config::UpstreamKind::kLlm;
  admission.target = {.kind = llm ? policy::TargetKind::kLlm : policy::TargetKind::kMcpTool,
                      .upstream = route.name,
                      .name = {}};
  admission.called = &route;
  admission.breakers = llm;
  admission.cost = std::move(cost);
  admission.client_retries = client_retries;
  admission.component =
      llm ? snapshot.policy.timeouts.llm
          : sidecar_config::ToolTimeoutOf(snapshot.policy.timeouts, route.name, {});
  if (client_limit.has_value()) {
    admission.client_deadline = now.mono + *client_limit;
  }
  const MutexLock lock(mutex_);
  policy::GateVerdict verdict;
  PassMode(admission, policy::CallIntent::kControl, snapshot.enforce(), now, verdict);
  ChooseOffer(admission, offers, snapshot.enforce(), now);
  ResolveLimit(admission, now);
  if (!admission.refusal) {
    PassBudget(snapshot, admission, now);
  }
  if (!admission.refusal) {
    PassBreaker(snapshot, admission, now);
  }
}

void Decisions::EndOther(const Admission& admission, const CallEnd& end, MonotonicTime mono) {
  const Now now = TimeAt(mono);
  const MutexLock lock(mutex_);
  SettleBreaker(admission, end.outcome, now);
  CountCall(admission, end);
  EndCost(admission, now);
  EndChain(admission, end, now);
}

void Decisions::BeginTool(const config::Snapshot& snapshot, const Route& route,
                          const policy::ToolClues& clues, Admission& admission) {
  const Now now = Time();
  const bool enforce = snapshot.enforce();
  const bool mcp = route.kind == sidecar_config::UpstreamKind::kMcp;
  admission.target = {.kind = mcp ? policy::TargetKind::kMcpTool : policy::TargetKind::kHttpTool,
                      .upstream = route.name,
                      .name = std::string(clues.tool)};
  admission.called = &route;
  admission.breakers = true;
  admission.tool = true;
  admission.component =
      sidecar_config::ToolTimeoutOf(snapshot.policy.timeouts, route.name, clues.tool);
  admission.long_running =
      sidecar_config::IsLongRunning(snapshot.policy.timeouts, route.name, clues.tool);
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    const policy::TurnMatch match = turns_.MatchToolCall(clues, now.mono);
    const bool running = match.kind == policy::MatchKind::kRunning;
    if (match.kind != policy::MatchKind::kNew) {
      NoteTurn(admission, match.turn, now);
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
      ResolveLimit(admission, now);
      admission.limit.allowed = admission.limit.allowed && match.kind != policy::MatchKind::kEnded;
      PassLimit(admission, enforce, resource, now);
    }
    if (!admission.refusal) {
      PassBreaker(snapshot, admission, now);
    }
    if (!admission.refusal && admission.long_running) {
      turns_.StopClock(admission.turn, admission.tool_call, now.mono);
    }
    CollectEnded(now);
    next = EarlierWake(now);
  }
  Poke(next);
}

void Decisions::EndTool(const config::Snapshot& snapshot, const Route& route, std::string_view tool,
                        const Admission& admission, const CallEnd& end, MonotonicTime mono) {
  const Now now = TimeAt(mono);
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    SettleBreaker(admission, end.outcome, now);
    CountCall(admission, end);
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
    next = EarlierWake(now);
  }
  Poke(next);
}

void Decisions::ObserveTools(std::string_view upstream, const std::vector<std::string>& names) {
  const MutexLock lock(mutex_);
  breakers_.ObserveTools(upstream, names);
}

}  // namespace reliability::sidecar::proxy
