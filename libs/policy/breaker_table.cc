#include "libs/policy/breaker_table.h"

#include <algorithm>
#include <array>
#include <span>

namespace reliability::policy {
namespace {

std::span<const BreakerScope> ScopesOf(TargetKind kind) {
  static constexpr std::array kLlm = {BreakerScope::kProvider, BreakerScope::kModel};
  static constexpr std::array kMcp = {BreakerScope::kServer, BreakerScope::kTool};
  static constexpr std::array kHttp = {BreakerScope::kTool};
  static constexpr std::array kAgent = {BreakerScope::kAgent};
  switch (kind) {
    case TargetKind::kLlm:
      return kLlm;
    case TargetKind::kMcpTool:
      return kMcp;
    case TargetKind::kHttpTool:
      return kHttp;
    case TargetKind::kAgent:
      break;
  }
  return kAgent;
}

// Settings of a rule for what it guards.
BreakerParameters ParametersOf(BreakerScope scope, const BreakerRule& rule) {
  BreakerParameters parameters = rule.parameters;
  if (scope == BreakerScope::kServer) {  // its other rule looks at its tools
    parameters.failure_percent = 0;
    parameters.slow_percent = 0;
  } else if (scope == BreakerScope::kLimit) {  // what fails is the provider's own breaker's
    parameters.consecutive_failures = 0;
    parameters.failure_percent = 0;
    parameters.slow_percent = 0;
    parameters.mean_latency = Milliseconds{0};
  }
  return parameters;
}

ErrorClass RefusalOf(BreakerScope scope, ErrorClass refusal) {
  return scope == BreakerScope::kAgent ? ErrorClass::kAgentUnavailable : refusal;
}

constexpr std::uint64_t kGenerationsPerBreaker = 1ULL << 32U;

}  // namespace

const BreakerTable::Known& BreakerTable::KnownOf(const TargetView& target) const {
  for (const Known& known : known_) {
    if (known.target.kind == target.kind && known.target.name == target.name &&
        known.target.upstream == target.upstream) {
      return known;
    }
  }
  Known known{target.Copy(), {}, {}};
  const auto scopes = ScopesOf(target.kind);
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    known.keys[i] = KeyOf(scopes[i], known.target);
    const auto found = entries_.find(known.keys[i]);
    known.entries[i] = found == entries_.end() ? nullptr : &found->second;
  }
  if (known_.size() < kMaxKnown) {
    return known_.emplace_back(std::move(known));
  }
  Known& place = known_[next_known_];
  next_known_ = (next_known_ + 1) % kMaxKnown;
  place = std::move(known);
  return place;
}

std::vector<KeyedBreakerEvent> BreakerTable::Configure(BreakerConfig config) {
  std::vector<KeyedBreakerEvent> events;
  known_.clear();
  config_ = std::move(config);
  guards_agent_ =
      std::any_of(config_.rules.begin(), config_.rules.end(),
                  [](const BreakerRule& rule) { return rule.scope == BreakerScope::kAgent; });
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    const BreakerRule* rule = FindRule(entry.scope, entry.target);
    if (rule == nullptr || KeyOf(entry.scope, entry.target) != it->first) {
      recency_.erase(entry.recency);
      it = Drop(it);
      continue;
    }
    entry.rule = rule->name;
    // Another call timeout is no reason to forget an open circuit.
    entry.breaker.SetProbeLease(rule->parameters.probe_lease);
    const BreakerParameters parameters = ParametersOf(entry.scope, *rule);
    if (!(entry.breaker.parameters() == parameters)) {
      const BreakerOperation before = entry.breaker.operation();
      entry.breaker = CircuitBreaker(parameters, next_generation_);
      (void)entry.breaker.SetOperation(before);
      next_generation_ += kGenerationsPerBreaker;
    }
    if (const auto event = entry.breaker.SetOperation(rule->operation)) {
      events.push_back({it->first, entry.rule, *event});
    }
    ++it;
  }
  return events;
}

void BreakerTable::ObserveTools(std::string_view upstream, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Learn(std::string(upstream), name);
  }
}

void BreakerTable::Learn(const std::string& upstream, const std::string& name) {
  auto& names = observed_[upstream];
  if (!name.empty() && names.size() < kMaxNamesPerUpstream && names.insert(name).second) {
    known_.clear();  // it has a key of its own now
  }
}

bool BreakerTable::MakeRoom(MonotonicTime now) {
  for (auto it = recency_.begin(); it != recency_.end();) {
    const auto entry = entries_.find(*it);
    const bool idle = now - entry->second.last_used >= kIdleLimit;
    if (!idle && entries_.size() < kMaxKeys) {
      return true;  // all later ones were used more recently
    }
    if (entry->second.breaker.Restricts(now)) {
      ++it;  // forgetting it would let calls through
      continue;
    }
    Drop(entry);
    it = recency_.erase(it);
  }
  return entries_.size() < kMaxKeys;
}

BreakerTable::Entries::iterator BreakerTable::Drop(Entries::iterator at) {
  known_.clear();
  places_[at->second.place] = nullptr;
  return entries_.erase(at);
}

BreakerTable::Entry* BreakerTable::Make(BreakerScope scope, const CallTarget& target,
                                        const std::string& known_key, MonotonicTime now,
                                        std::vector<KeyedBreakerEvent>& events) {
  const BreakerRule* rule = FindRule(scope, target);
  if (rule == nullptr) {
    return nullptr;
  }
  std::string key = known_key;  // before MakeRoom, whose Drop forgets it with known_
  if (!MakeRoom(now)) {
    return nullptr;
  }
  CallTarget own = target;
  if (!HasOwnKey(target)) {
    own.name.clear();
  }
  const auto recency = recency_.insert(recency_.end(), key);
  Entry entry{std::move(own),
              scope,
              rule->name,
              CircuitBreaker(ParametersOf(scope, *rule), next_generation_),
              now,
              recency};
  next_generation_ += kGenerationsPerBreaker;
  if (const auto event = entry.breaker.SetOperation(rule->operation)) {
    events.push_back({key, rule->name, *event});
  }
  const auto free = std::find(places_.begin(), places_.end(), nullptr);
  entry.place = static_cast<std::size_t>(free - places_.begin());
  Entry* made = &entries_.emplace(std::move(key), std::move(entry)).first->second;
  if (free == places_.end()) {
    places_.push_back(made);
  } else {
    *free = made;
  }
  known_.clear();
  return made;
}

GuardAdmission BreakerTable::Admit(const CallTarget& target, MonotonicTime now) {
  GuardAdmission guard;
  GuardTicket& ticket = guard.ticket;
  ticket.target = target;
  const auto scopes = ScopesOf(target.kind);
  const Known* known = &KnownOf(TargetView::Of(target));
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const BreakerScope scope = scopes[i];
    Entry* entry = known->entries[i];
    if (entry != nullptr) {
      entry->last_used = now;
      recency_.splice(recency_.end(), recency_, entry->recency);
    } else {
      entry = Make(scope, target, known->keys[i], now, guard.events);
      known = &KnownOf(TargetView::Of(target));
    }
    if (entry == nullptr) {
      continue;  // no rule, or 256 keys that all restrict: not guarded
    }
    BreakerAdmission admission = entry->breaker.Admit(now);
    if (admission.event) {
      guard.events.push_back({*entry->recency, entry->rule, *admission.event});
    }
    if (admission.would_refuse) {
      guard.would_refuse = RefusalOf(scope, admission.refusal);
    }
    if (admission.admitted) {
      guard.probe = guard.probe || (admission.ticket.probe != 0 &&
                                    entry->breaker.operation() != BreakerOperation::kMetricsOnly);
      ticket.parts[ticket.count++] = {entry->place, admission.ticket};
      continue;
    }
    guard.admitted = false;
    guard.probe = false;
    guard.refused_by = *entry->recency;
    guard.refusal = RefusalOf(scope, admission.refusal);
    guard.retry_after = admission.retry_after;
    guard.cause = admission.cause;
    // Slots taken at the wider breakers are given back: this attempt is not made.
    for (std::size_t taken = 0; taken < ticket.count; ++taken) {
      places_[ticket.parts[taken].place]->breaker.Settle(
          ticket.parts[taken].ticket, AttemptOutcome{ErrorClass::kClientCancelled, std::nullopt},
          now, 0.5);
    }
    ticket.count = 0;
    break;
  }
  guard.target_key = &known->keys[scopes.size() - 1];
  return guard;
}

const std::string& BreakerTable::TargetKey(const CallTarget& target) const {
  return KnownOf(TargetView::Of(target)).keys[ScopesOf(target.kind).size() - 1];
}

bool BreakerTable::Refuses(const TargetView& target, MonotonicTime at) const {
  const auto& entries = KnownOf(target).entries;
  return std::any_of(entries.begin(), entries.end(), [&](const Entry* entry) {
    return entry != nullptr && entry->breaker.Refuses(at);
  });
}

std::vector<BreakerTable::View> BreakerTable::List(MonotonicTime now) const {
  std::vector<View> views;
  views.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    views.push_back({key, entry.rule, entry.breaker.state(), entry.breaker.RetryAfter(now),
                     entry.breaker.consecutive_failures(), entry.breaker.operation(),
                     entry.breaker.WindowTotals(now)});
  }
  return views;
}

}  // namespace reliability::policy
