#include "libs/policy/turn_tracker.h"

#include <algorithm>
#include <utility>

#include "libs/base/hash.h"

namespace reliability::policy {
namespace {

std::string IdFrom(std::uint64_t fresh) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id(15, '0');  // the longest that std::string holds without memory of its own
  for (auto it = id.rbegin(); it != id.rend(); ++it) {
    *it = kDigits[fresh & 0xfU];
    fresh >>= 4U;
  }
  return id;
}

// Outcomes that say nothing about whether the agent got what it asked for.
bool Telling(ErrorClass error_class) {
  return error_class == ErrorClass::kNone ||
         TraitsOf(error_class).call_verdict != SliVerdict::kNone;
}

}  // namespace

Turn* TurnTracker::FindLive(TurnHandle handle) {
  Turn* const turn = turns_.Find(handle);
  return turn == nullptr || turn->ended ? nullptr : turn;
}

const Turn* TurnTracker::FindLive(TurnHandle handle) const {
  const Turn* const turn = turns_.Find(handle);
  return turn == nullptr || turn->ended ? nullptr : turn;
}

void TurnTracker::WakeAt(MonotonicTime at) {
  if (at != MonotonicTime::max()) {
    wake_ = wake_ ? std::min(*wake_, at) : at;
  }
}

TurnHandle TurnTracker::Open(const LlmClues& clues, const TurnMatch& match, MonotonicTime now,
                             std::uint64_t fresh) {
  std::string id;
  IdentitySource source = match.source;
  if (match.source == IdentitySource::kHeader) {
    id = clues.explicit_id;
  } else if (match.source == IdentitySource::kBaggage) {
    id = clues.baggage_turn;
  } else if (match.source == IdentitySource::kTrace) {
    id = clues.trace;
  } else {
    id = IdFrom(fresh);
    source = clues.prefix_hash ? IdentitySource::kPrefix : IdentitySource::kNone;
  }
  if (Turn* earlier = turns_.FindNamed(id)) {
    if (!earlier->ended) {
      End(*earlier, TurnEnd::kEvicted, now);
    }
    Erase(*earlier);
  }
  MakeRoom(now);
  Turn& turn = turns_.Add(std::move(id), clues.prefix_hash);
  turn.source = source;
  turn.resumed = match.resumed;
  turn.started = now;
  turn.deadline = now + limits_.timeout;
  turn.reserve = limits_.synthesis_reserve;
  turn.forget_at = now + 2 * limits_.timeout;  // later continuations are turns of their own
  WakeAt(DueAt(turn));
  ++running_;
  return turn.handle;
}

void TurnTracker::BeginLlmCall(TurnHandle handle) {
  if (Turn* turn = FindLive(handle)) {
    ++turn->calls_in_flight;
    ++turn->llm_calls;
    turn->cancelled = false;
    turn->answered = false;
    turn->cut = false;
    turn->linger_until.reset();
  }
}

void TurnTracker::EndLlmCall(TurnHandle handle, const LlmCallEnd& end, MonotonicTime now) {
  Turn* turn = FindLive(handle);
  if (turn == nullptr) {
    return;
  }
  if (end.error_class == ErrorClass::kClientCancelled) {
    turn->cancelled = true;
    CallEnded(*turn, now);
    return;
  }
  turn->last_llm = end.error_class;
  turn->cut = end.cut && end.error_class != ErrorClass::kNone;
  if (end.templated) {
    turn->answered = true;
    turn->templated = true;
    turn->answered_at = now;
  }
  if (end.error_class == ErrorClass::kNone) {
    if (!end.tool_calls.empty()) {
      Issue(*turn, end.response_id);
    }
    for (const RequestedTool& tool : end.tool_calls) {
      if (turn->issued_ids.size() >= kMaxToolCallsPerTurn) {
        break;
      }
      Issue(*turn, tool.id);
      if (turn->pending.size() >= kMaxToolCallsPerTurn) {
        turn->pending.erase(turn->pending.begin());
      }
      turn->pending.push_back({tool.name, tool.arguments_hash, false});
    }
    if (end.final_answer) {
      turn->answered = true;
      turn->degraded = end.degraded;
      turn->answered_at = now;
    }
  }
  CallEnded(*turn, now);
}

std::uint64_t TurnTracker::BeginToolCall(TurnHandle handle, const ToolClues& clues) {
  Turn* turn = FindLive(handle);
  if (turn == nullptr) {
    return 0;
  }
  ++turn->calls_in_flight;
  ++turn->tool_calls;
  turn->linger_until.reset();
  if (Turn::Pending* pending = FindPending(*turn, clues)) {
    pending->taken = true;
  }
  return next_call_++;
}

void TurnTracker::EndToolCall(TurnHandle handle, std::uint64_t call, std::string_view tool,
                              ErrorClass error_class, MonotonicTime now) {
  Turn* turn = FindLive(handle);
  if (turn == nullptr) {
    return;
  }
  if (Telling(error_class)) {
    auto found = turn->tools.find(tool);
    if (found == turn->tools.end() && turn->tools.size() < kMaxToolCallsPerTurn) {
      found = turn->tools.emplace(std::string(tool), Turn::ToolState{}).first;
    }
    if (found != turn->tools.end() && found->second.call <= call) {
      found->second = Turn::ToolState{call, error_class};
    }
  }
  StartClock(*turn, call, now);
  WakeAt(DueAt(*turn));
  CallEnded(*turn, now);
}

void TurnTracker::StopClock(TurnHandle handle, std::uint64_t call, MonotonicTime now) {
  Turn* turn = FindLive(handle);
  if (turn == nullptr || now > turn->DeadlineAt(now)) {
    return;
  }
  if (turn->stopping.empty()) {
    turn->stopped_at = now;
  }
  turn->stopping.push_back(call);
}

void TurnTracker::StartClock(Turn& turn, std::uint64_t call, MonotonicTime now) {
  if (std::erase(turn.stopping, call) > 0 && turn.stopping.empty()) {
    turn.deadline += now - turn.stopped_at;
    turn.forget_at += now - turn.stopped_at;
  }
}

void TurnTracker::Issue(Turn& turn, std::string_view id) {
  if (!id.empty()) {
    turn.issued_ids.push_back(Fnv1a(id));
    by_issued_.emplace(turn.issued_ids.back(), turn.handle);
  }
}

std::optional<TurnBudget> TurnTracker::Budget(TurnHandle handle, MonotonicTime now) const {
  const Turn* turn = FindLive(handle);
  if (turn == nullptr) {
    return std::nullopt;
  }
  return TurnBudget{std::max(Milliseconds{0}, turn->DeadlineAt(now) - now), turn->reserve};
}

std::optional<TurnView> TurnTracker::View(TurnHandle handle, MonotonicTime now) const {
  const Turn* const turn = turns_.Find(handle);
  if (turn == nullptr) {
    return std::nullopt;
  }
  return TurnView{turn->id,      turn->started, turn->DeadlineAt(now),
                  turn->reserve, turn->ended,   turn->resumed};
}

std::optional<MonotonicTime> TurnTracker::NextWake() const { return wake_; }

std::vector<TurnRecord> TurnTracker::TakeEnded() { return std::exchange(ended_, {}); }

}  // namespace reliability::policy
