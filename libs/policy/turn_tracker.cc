#include "libs/policy/turn_tracker.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/base/hash.h"

namespace reliability::policy {
namespace {

constexpr Milliseconds kTick{1};  // a result in the deadline's own tick still counts (ruling 5)

std::string IdFrom(std::uint64_t fresh) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id(16, '0');
  for (auto it = id.rbegin(); it != id.rend(); ++it) {
    *it = kDigits[fresh & 0xfU];
    fresh >>= 4U;
  }
  return id;
}

void EraseFrom(std::unordered_multimap<std::uint64_t, TurnHandle>& index, std::uint64_t key,
               TurnHandle handle) {
  const auto [first, last] = index.equal_range(key);
  for (auto it = first; it != last;) {
    it = it->second == handle ? index.erase(it) : std::next(it);
  }
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

void TurnTracker::WakeAt(MonotonicTime at) { wake_ = wake_ ? std::min(*wake_, at) : at; }

TurnHandle TurnTracker::Open(const LlmClues& clues, const TurnMatch& match, MonotonicTime now,
                             std::uint64_t fresh) {
  MakeRoom(now);
  Turn turn;
  turn.source = match.source;
  if (match.source == IdentitySource::kHeader) {
    turn.id = clues.explicit_id;
  } else if (match.source == IdentitySource::kBaggage) {
    turn.id = clues.baggage_turn;
  } else {
    turn.id = IdFrom(fresh);
    turn.source = clues.prefix_hash ? IdentitySource::kPrefix : IdentitySource::kNone;
  }
  if (const auto found = by_id_.find(turn.id); found != by_id_.end()) {
    const TurnHandle earlier = found->second;
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
  const TurnHandle handle = next_handle_++;
  by_id_[turn.id] = handle;
  if (turn.prefix_hash) {
    by_prefix_.emplace(*turn.prefix_hash, handle);
  }
  WakeAt(turn.deadline + kTick);
  turns_.emplace(handle, std::move(turn));
  ++running_;
  return handle;
}

void TurnTracker::BeginLlmCall(TurnHandle handle) {
  if (Turn* turn = FindLive(handle)) {
    ++turn->calls_in_flight;
    ++turn->llm_calls;
    turn->cancelled = false;
    turn->answered = false;
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
  if (end.templated) {
    turn->answered = true;
    turn->templated = true;
    turn->answered_at = now;
  }
  if (end.error_class == ErrorClass::kNone) {
    for (const RequestedTool& tool : end.tool_calls) {
      if (turn->issued_ids.size() >= kMaxToolCallsPerTurn) {
        break;
      }
      if (!tool.id.empty()) {
        turn->issued_ids.push_back(Fnv1a(tool.id));
        by_issued_.emplace(turn->issued_ids.back(), handle);
      }
      if (turn->pending.size() >= kMaxToolCallsPerTurn) {
        turn->pending.pop_front();
      }
      turn->pending.push_back({tool.name, tool.arguments_hash, false});
    }
    if (end.final_answer) {
      turn->answered = true;
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
  CallEnded(handle, *turn, now);
}

void TurnTracker::CallEnded(TurnHandle handle, Turn& turn, MonotonicTime now) {
  turn.calls_in_flight = std::max(0, turn.calls_in_flight - 1);
  if (!turn.answered) {
    return;
  }
  if (!turn.named()) {
    End(handle, turn, TurnEnd::kAnswered, now);
    Erase(handle);
  } else if (turn.calls_in_flight == 0) {
    turn.linger_until = std::min(now + kExplicitLinger, turn.deadline);
    WakeAt(*turn.linger_until + kTick);
  }
}

std::optional<TurnBudget> TurnTracker::Budget(TurnHandle handle, MonotonicTime now) const {
  const Turn* turn = FindLive(handle);
  if (turn == nullptr) {
    return std::nullopt;
  }
  return TurnBudget{std::max(Milliseconds{0}, turn->deadline - now), turn->reserve};
}

std::optional<TurnView> TurnTracker::View(TurnHandle handle) const {
  const auto found = turns_.find(handle);
  if (found == turns_.end()) {
    return std::nullopt;
  }
  const Turn& turn = found->second;
  return TurnView{turn.id, turn.started, turn.deadline, turn.reserve, turn.ended, turn.resumed};
}

Result<std::optional<TurnCorrection>> TurnTracker::Report(std::string_view id,
                                                          ReportedResult result,
                                                          MonotonicTime now) {
  Expire(now);
  const std::string key(id);
  if (const auto running = by_id_.find(key); running != by_id_.end()) {
    if (Turn* turn = FindLive(running->second)) {
      const TurnHandle handle = running->second;
      End(handle, *turn, TurnEnd::kReported, now, result);
      Erase(handle);
      return std::nullopt;
    }
  }
  const auto found = remembered_.find(key);
  if (found == remembered_.end() || now - found->second.ended_at > kReportFor) {
    return Fail(Code::kNotFound, "no turn " + key + " is running or ended in the last 24 h");
  }
  const TurnResult to =
      result == ReportedResult::kSuccess ? TurnResult::kSuccess : TurnResult::kFailure;
  const TurnResult from = std::exchange(found->second.result, to);
  if (from == to) {
    return std::nullopt;
  }
  return TurnCorrection{key, from, to};
}

void TurnTracker::Expire(MonotonicTime now) {
  if (!wake_ || now < *wake_) {
    return;
  }
  wake_.reset();
  std::vector<TurnHandle> forgotten;
  for (auto& [handle, turn] : turns_) {
    if (!turn.ended && turn.linger_until && now > *turn.linger_until) {
      End(handle, turn, TurnEnd::kAnswered, *turn.linger_until);
    } else if (!turn.ended && now > turn.deadline) {
      TurnEnd end = turn.cancelled ? TurnEnd::kCancelled : TurnEnd::kDeadline;
      end = turn.answered ? TurnEnd::kAnswered : end;
      End(handle, turn, end, turn.deadline);
    }
    if (turn.ended && now >= turn.forget_at) {
      forgotten.push_back(handle);
    } else if (turn.ended) {
      WakeAt(turn.forget_at);
    } else {
      WakeAt(std::min(turn.linger_until.value_or(turn.deadline), turn.deadline) + kTick);
    }
  }
  for (const TurnHandle handle : forgotten) {
    Erase(handle);
  }
}

std::optional<MonotonicTime> TurnTracker::NextWake() const { return wake_; }

std::vector<TurnRecord> TurnTracker::TakeEnded() { return std::exchange(ended_, {}); }

void TurnTracker::Terminate(MonotonicTime now) {
  Expire(now);
  for (auto& [handle, turn] : turns_) {
    if (!turn.ended) {
      End(handle, turn, turn.answered ? TurnEnd::kAnswered : TurnEnd::kTerminated, now);
    }
  }
  turns_.clear();
  by_id_.clear();
  by_issued_.clear();
  by_prefix_.clear();
  wake_.reset();
}

void TurnTracker::End(TurnHandle handle, Turn& turn, TurnEnd end, MonotonicTime at,
                      std::optional<ReportedResult> reported) {
  TurnRecord record;
  record.handle = handle;
  record.id = turn.id;
  record.source = turn.source;
  record.end = end;
  record.resumed = turn.resumed;
  record.llm_calls = turn.llm_calls;
  record.tool_calls = turn.tool_calls;
  record.reported = reported.has_value();
  // Who reports success has its answer, even if no LLM call of ours carried it.
  record.answered = turn.answered || reported == ReportedResult::kSuccess;
  record.duration = (turn.answered ? turn.answered_at : at) - turn.started;
  if (reported) {
    record.result =
        *reported == ReportedResult::kSuccess ? TurnResult::kSuccess : TurnResult::kFailure;
  } else if (end == TurnEnd::kDeadline) {
    record.result = TurnResult::kFailure;
    record.error_class =
        turn.last_llm == ErrorClass::kNone ? ErrorClass::kDeadlineExceeded : turn.last_llm;
  } else if (end == TurnEnd::kAnswered) {
    record.result = TurnResult::kSuccess;
    if (turn.templated) {
      record.result = TurnResult::kFailure;
      record.error_class = turn.last_llm;
    }
    for (const auto& [tool, state] : turn.tools) {
      if (TraitsOf(state.error_class).spoils_turn) {
        record.result = TurnResult::kFailure;  // the answer was written without this tool
        record.error_class = state.error_class;
        record.failed_tool = tool;
        break;
      }
    }
  }
  Remember(record.id, record.result, at);
  ended_.push_back(std::move(record));
  turn.ended = true;
  --running_;
  if (turn.prefix_hash) {
    EraseFrom(by_prefix_, *turn.prefix_hash, handle);
  }
  if (end == TurnEnd::kDeadline) {
    WakeAt(turn.forget_at);  // until then its continuations are told that the time is over
  } else {
    turn.forget_at = at;
  }
}

void TurnTracker::Erase(TurnHandle handle) {
  const auto found = turns_.find(handle);
  if (found == turns_.end()) {
    return;
  }
  const Turn& turn = found->second;
  for (const std::uint64_t issued : turn.issued_ids) {
    EraseFrom(by_issued_, issued, handle);
  }
  if (const auto named = by_id_.find(turn.id); named != by_id_.end() && named->second == handle) {
    by_id_.erase(named);
  }
  turns_.erase(found);
  if (turns_.empty()) {
    wake_.reset();  // no idle wake-ups
  }
}

void TurnTracker::MakeRoom(MonotonicTime now) {
  if (turns_.size() < kMaxTurns) {
    return;
  }
  auto victim = std::find_if(turns_.begin(), turns_.end(),
                             [](const auto& entry) { return entry.second.ended; });
  if (victim == turns_.end()) {
    victim = turns_.begin();
    End(victim->first, victim->second, TurnEnd::kEvicted, now);
  }
  Erase(victim->first);
}

void TurnTracker::Remember(const std::string& id, TurnResult result, MonotonicTime at) {
  const std::uint64_t serial = next_serial_++;
  remembered_[id] = Remembered{serial, at, result};
  remembered_order_.emplace_back(id, serial);
  while (remembered_order_.size() > kMaxRemembered ||
         (!remembered_order_.empty() && remembered_.contains(remembered_order_.front().first) &&
          at - remembered_[remembered_order_.front().first].ended_at > kReportFor)) {
    const auto& [oldest, oldest_serial] = remembered_order_.front();
    if (const auto found = remembered_.find(oldest);
        found != remembered_.end() && found->second.serial == oldest_serial) {
      remembered_.erase(found);
    }
    remembered_order_.pop_front();
  }
}

}  // namespace reliability::policy
