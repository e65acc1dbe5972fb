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

TurnTracker::Turn* TurnTracker::FindLive(TurnHandle handle) {
  const auto found = turns_.find(handle);
  return found == turns_.end() || found->second.ended ? nullptr : &found->second;
}

const TurnTracker::Turn* TurnTracker::FindLive(TurnHandle handle) const {
  const auto found = turns_.find(handle);
  return found == turns_.end() || found->second.ended ? nullptr : &found->second;
}

void TurnTracker::WakeAt(MonotonicTime at) {
  if (at != MonotonicTime::max()) {
    wake_ = wake_ ? std::min(*wake_, at) : at;
  }
}

TurnHandle TurnTracker::Open(const LlmClues& clues, const TurnMatch& match, MonotonicTime now,
                             std::uint64_t fresh) {
  MakeRoom(now);
  const TurnHandle handle = next_handle_++;
  Turn& turn = turns_.try_emplace(turns_.end(), handle)->second;
  turn.source = match.source;
  if (match.source == IdentitySource::kHeader) {
    turn.id = clues.explicit_id;
  } else if (match.source == IdentitySource::kBaggage) {
    turn.id = clues.baggage_turn;
  } else if (match.source == IdentitySource::kTrace) {
    turn.id = clues.trace;
  } else {
    turn.id = IdFrom(fresh);
    turn.source = clues.prefix_hash ? IdentitySource::kPrefix : IdentitySource::kNone;
  }
  if (const auto [named, first] = by_id_.try_emplace(turn.id, handle); !first) {
    const TurnHandle earlier = std::exchange(named->second, handle);
    if (Turn* live = FindLive(earlier)) {
      End(earlier, *live, TurnEnd::kEvicted, now);
    }
    Erase(earlier);
  }
  turn.resumed = match.resumed;
  turn.started = now;
  turn.deadline = now + limits_.timeout;
  turn.reserve = limits_.synthesis_reserve;
  turn.forget_at = now + 2 * limits_.timeout;  // later continuations are turns of their own
  turn.prefix_hash = clues.prefix_hash;
  if (turn.prefix_hash) {
    by_prefix_.emplace(*turn.prefix_hash, handle);
  }
  WakeAt(DueAt(turn));
  ++running_;
  return handle;
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
    CallEnded(handle, *turn, now);
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
      Issue(handle, *turn, end.response_id);
    }
    for (const RequestedTool& tool : end.tool_calls) {
      if (turn->issued_ids.size() >= kMaxToolCallsPerTurn) {
        break;
      }
      Issue(handle, *turn, tool.id);
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
  CallEnded(handle, *turn, now);
}

std::uint64_t TurnTracker::BeginToolCall(TurnHandle handle, const ToolClues& clues) {
  Turn* turn = FindLive(handle);
  if (turn == nullptr) {
    return 0;
  }
  ++turn->calls_in_flight;
  ++turn->tool_calls;
  turn->linger_until.reset();
  if (Pending* pending = FindPending(*turn, clues)) {
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
      found = turn->tools.emplace(std::string(tool), ToolState{}).first;
    }
    if (found != turn->tools.end() && found->second.call <= call) {
      found->second = ToolState{call, error_class};
    }
  }
  StartClock(*turn, call, now);
  WakeAt(DueAt(*turn));
  CallEnded(handle, *turn, now);
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

void TurnTracker::Issue(TurnHandle handle, Turn& turn, std::string_view id) {
  if (!id.empty()) {
    turn.issued_ids.push_back(Fnv1a(id));
    by_issued_.emplace(turn.issued_ids.back(), handle);
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
  const auto found = turns_.find(handle);
  if (found == turns_.end()) {
    return std::nullopt;
  }
  const Turn& turn = found->second;
  return TurnView{turn.id,      turn.started, turn.DeadlineAt(now),
                  turn.reserve, turn.ended,   turn.resumed};
}

std::optional<MonotonicTime> TurnTracker::NextWake() const { return wake_; }

std::vector<TurnRecord> TurnTracker::TakeEnded() { return std::exchange(ended_, {}); }

}  // namespace reliability::policy
