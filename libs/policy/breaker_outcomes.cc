// What an attempt's end means to the breakers that let it pass. Part of BreakerTable.
#include <string>
#include <utility>
#include <vector>

#include "libs/policy/breaker_table.h"

namespace reliability::policy {
namespace {

constexpr int kServerMinOpen = 2;
constexpr int kServerOpenPercent = 50;

// The call did not get through to its server.
bool IsTransport(ErrorClass error_class) {
  return error_class == ErrorClass::kConnect || error_class == ErrorClass::kTimeoutConnect ||
         error_class == ErrorClass::kResetBeforeHeaders ||
         error_class == ErrorClass::kStreamTruncated;
}

// What a tool's outcome says about its server: one that answers is there, whatever it says. A probe
// is judged like any other.
AttemptOutcome ForServer(const AttemptOutcome& outcome, bool probe) {
  const BreakerEffect effect = TraitsOf(outcome.error_class).breaker;
  AttemptOutcome own = outcome;
  own.retry_after.reset();  // a rate limit is the tool's
  if (effect == BreakerEffect::kFailure) {
    own.effect = probe || IsTransport(outcome.error_class) ? BreakerEffect::kFailure
                                                           : BreakerEffect::kSuccess;
  } else if (effect == BreakerEffect::kHold || effect == BreakerEffect::kQuotaOpen) {
    own.effect = BreakerEffect::kSuccess;
  }
  return own;
}

// A rate limit that ends at a known time is one of the model that was asked for (data-plane ruling
// 23): the provider goes on answering for the others. Without a name it is everybody's.
bool LimitsOneModel(const CallTarget& target, const AttemptOutcome& outcome) {
  return target.kind == TargetKind::kLlm && !target.name.empty() &&
         outcome.retry_after.value_or(Milliseconds{0}).count() > 0 &&
         TraitsOf(outcome.error_class).breaker == BreakerEffect::kHold;
}

}  // namespace

std::vector<KeyedBreakerEvent> BreakerTable::Settle(const GuardTicket& ticket,
                                                    const AttemptOutcome& outcome,
                                                    MonotonicTime now, double jitter) {
  std::vector<KeyedBreakerEvent> events;
  const bool limited = LimitsOneModel(ticket.target, outcome);
  bool counted = false;
  bool opened = false;
  Entry* model = nullptr;  // of its own name
  for (std::size_t i = 0; i < ticket.count; ++i) {
    const GuardTicket::Part& part = ticket.parts[i];
    if (part.place >= places_.size() || places_[part.place] == nullptr) {
      continue;
    }
    Entry& entry = *places_[part.place];
    counted = counted || part.ticket.counted;
    if (entry.scope == BreakerScope::kLimit) {
      continue;
    }
    if (entry.scope == BreakerScope::kModel && entry.target.name == ticket.target.name) {
      model = &entry;
    }
    const bool server = entry.scope == BreakerScope::kServer;
    AttemptOutcome own = server ? ForServer(outcome, part.ticket.probe != 0) : outcome;
    if (limited) {
      own.retry_after.reset();
    }
    if (const auto event = entry.breaker.Settle(part.ticket, own, now, jitter)) {
      events.push_back({*entry.recency, entry.rule, *event});
      opened = opened || (!server && event->kind == BreakerEventKind::kOpened);
    }
  }
  if (opened && ticket.target.kind == TargetKind::kMcpTool) {
    JudgeServer(ticket.target.upstream, now, jitter, events);
  }
  if (limited && counted) {
    HoldModel(ticket.target, outcome, now, events);
  }
  if (ticket.target.kind == TargetKind::kLlm && outcome.error_class == ErrorClass::kNone) {
    LearnModel(ticket.target, model);
  }
  return events;
}

void BreakerTable::LearnModel(const CallTarget& target, Entry* model) {
  if (model != nullptr && std::exchange(model->learned, true)) {
    return;
  }
  Learn(target.upstream, target.name);
}

void BreakerTable::JudgeServer(const std::string& upstream, MonotonicTime now, double jitter,
                               std::vector<KeyedBreakerEvent>& events) {
  const auto server = entries_.find("mcp:" + upstream);
  if (server == entries_.end()) {
    return;
  }
  const Milliseconds window = server->second.breaker.parameters().window;
  int called = 0;
  int open = 0;
  for (const auto& [key, entry] : entries_) {
    if (entry.scope == BreakerScope::kTool && entry.target.kind == TargetKind::kMcpTool &&
        entry.target.upstream == upstream && now - entry.last_used < window) {
      ++called;
      open += entry.breaker.state() == BreakerState::kClosed ? 0 : 1;
    }
  }
  if (open < kServerMinOpen || open * 100 < kServerOpenPercent * called) {
    return;
  }
  if (const auto event =
          server->second.breaker.Trip(BreakerCause::kToolsOpen, open, called, now, jitter)) {
    events.push_back({server->first, server->second.rule, *event});
  }
}

void BreakerTable::HoldModel(const CallTarget& target, const AttemptOutcome& outcome,
                             MonotonicTime now, std::vector<KeyedBreakerEvent>& events) {
  Learn(target.upstream, target.name);  // who limits a model knows it
  const Known& known = KnownOf(TargetView::Of(target));
  Entry* entry = known.entries.back();
  if (entry == nullptr) {
    const std::string key = known.keys.back();
    entry = Make(BreakerScope::kModel, target, key, now, events);
    if (entry == nullptr) {
      entry = Make(BreakerScope::kLimit, target, key, now, events);
    }
  }
  if (entry == nullptr) {
    return;  // 256 keys that all restrict
  }
  if (const auto event = entry->breaker.Hold(outcome, now)) {
    events.push_back({*entry->recency, entry->rule, *event});
  }
}

}  // namespace reliability::policy
