// How turns end, and what is remembered of them: the second half of turn_tracker.h (data-plane
// rulings 3 and 4, operator rulings 14 and 15).
#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/base/hash.h"
#include "libs/policy/turn_tracker.h"

namespace reliability::policy {
namespace {

constexpr Milliseconds kTick{1};  // a result in the deadline's own tick still counts (ruling 5)

void EraseFrom(std::unordered_multimap<std::uint64_t, TurnHandle>& index, std::uint64_t key,
               TurnHandle handle) {
  const auto [first, last] = index.equal_range(key);
  for (auto it = first; it != last;) {
    it = it->second == handle ? index.erase(it) : std::next(it);
  }
}

// Good or bad, and why (operator ruling 15).
void Judge(const Turn& turn, std::optional<ReportedResult> reported, TurnRecord& record) {
  if (reported) {
    record.result =
        *reported == ReportedResult::kSuccess ? TurnResult::kSuccess : TurnResult::kFailure;
  } else if (record.end == TurnEnd::kDeadline || record.end == TurnEnd::kAbandoned ||
             record.end == TurnEnd::kCut) {
    record.result = TurnResult::kFailure;
    record.error_class =
        turn.last_llm == ErrorClass::kNone ? ErrorClass::kDeadlineExceeded : turn.last_llm;
  } else if (turn.answered && turn.answered_at > turn.deadline) {
    record.result = TurnResult::kFailure;  // late
    record.error_class = ErrorClass::kDeadlineExceeded;
  } else if (turn.answered && record.end != TurnEnd::kEvicted) {
    record.result = turn.templated ? TurnResult::kFailure : TurnResult::kSuccess;
    record.error_class = turn.templated ? turn.last_llm : ErrorClass::kNone;
    record.degraded = turn.templated  ? Degraded::kTemplate
                      : turn.degraded ? Degraded::kTier
                                      : Degraded::kNone;
    for (const auto& [tool, state] : turn.tools) {
      if (TraitsOf(state.error_class).spoils_turn) {
        record.result = TurnResult::kFailure;  // the answer was written without this tool
        record.error_class = state.error_class;
        record.failed_tool = tool;
        record.degraded = Degraded::kNone;
        break;
      }
    }
  }
}

}  // namespace

TurnEnd TurnTracker::EndOf(const Turn& turn) {
  if (turn.answered) {
    return turn.templated ? TurnEnd::kTemplate : TurnEnd::kAnswered;
  }
  if (turn.cut) {
    return TurnEnd::kCut;
  }
  return turn.cancelled ? TurnEnd::kCancelled : TurnEnd::kDeadline;
}

void TurnTracker::CallEnded(Turn& turn, MonotonicTime now) {
  turn.calls_in_flight = std::max(0, turn.calls_in_flight - 1);
  const bool over = turn.calls_in_flight == 0 && now > turn.deadline;
  if (over || (turn.concluded() && !turn.named())) {
    const TurnEnd end = EndOf(turn);
    End(turn, end, now);
    if (end != TurnEnd::kDeadline) {
      Erase(turn);
    }
  } else if (turn.calls_in_flight == 0) {
    if (turn.concluded()) {
      turn.linger_until = std::min(now + kExplicitLinger, turn.deadline);
    }
    WakeAt(DueAt(turn));
  }
}

MonotonicTime TurnTracker::DueAt(const Turn& turn) {
  if (!turn.stopping.empty()) {
    return MonotonicTime::max();
  }
  if (turn.calls_in_flight > 0) {
    return turn.deadline + kAbandonAfter;
  }
  return std::min(turn.linger_until.value_or(turn.deadline), turn.deadline) + kTick;
}

Result<std::optional<TurnCorrection>> TurnTracker::Report(std::string_view id,
                                                          ReportedResult result,
                                                          MonotonicTime now) {
  Expire(now);
  if (Turn* turn = turns_.FindNamed(id); turn != nullptr && !turn->ended) {
    End(*turn, TurnEnd::kReported, now, result);
    Erase(*turn);
    return std::nullopt;
  }
  // The latest of its id.
  const auto found =
      std::find_if(remembered_.rbegin(), remembered_.rend(),
                   [hash = Fnv1a(id)](const Remembered& turn) { return turn.id_hash == hash; });
  if (found == remembered_.rend() || now - found->ended_at > kReportFor) {
    return Fail(Code::kNotFound,
                "no turn " + std::string(id) + " is running or ended in the last 24 h");
  }
  const TurnResult to =
      result == ReportedResult::kSuccess ? TurnResult::kSuccess : TurnResult::kFailure;
  const TurnResult from = std::exchange(found->result, to);
  const Degraded degraded = std::exchange(found->degraded, Degraded::kNone);
  if (from == to && degraded == Degraded::kNone) {
    return std::nullopt;
  }
  return TurnCorrection{std::string(id), from, to, degraded};
}

void TurnTracker::Expire(MonotonicTime now) {
  if (!wake_ || now < *wake_) {
    return;
  }
  wake_.reset();
  for (Turn* next = turns_.Oldest(); next != nullptr;) {
    Turn& turn = *next;
    next = turns_.Younger(turn);
    if (!turn.ended && now >= DueAt(turn)) {
      if (turn.calls_in_flight > 0) {
        End(turn, turn.concluded() ? EndOf(turn) : TurnEnd::kAbandoned, DueAt(turn));
      } else {
        End(turn, EndOf(turn), DueAt(turn) - kTick);
      }
    }
    if (turn.ended && now >= turn.forget_at) {
      Erase(turn);
    } else if (turn.ended) {
      WakeAt(turn.forget_at);
    } else {
      WakeAt(DueAt(turn));
    }
  }
}

void TurnTracker::Terminate(MonotonicTime now) {
  Expire(now);
  for (Turn* turn = turns_.Oldest(); turn != nullptr; turn = turns_.Younger(*turn)) {
    if (!turn->ended) {
      End(*turn, turn->concluded() ? EndOf(*turn) : TurnEnd::kTerminated, now);
    }
  }
  turns_.Clear();
  by_issued_.clear();
  wake_.reset();
}

void TurnTracker::End(Turn& turn, TurnEnd end, MonotonicTime at,
                      std::optional<ReportedResult> reported) {
  TurnRecord record;
  record.handle = turn.handle;
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
  Judge(turn, reported, record);
  Remember(turn, record, at);
  ended_.push_back(std::move(record));
  turn.ended = true;
  --running_;
  turns_.ForgetPrefix(turn);
  if (end == TurnEnd::kDeadline && turn.forget_at > at) {
    WakeAt(turn.forget_at);  // until then its continuations are told that the time is over
  } else {
    turn.forget_at = at;
  }
}

void TurnTracker::Erase(Turn& turn) {
  for (const std::uint64_t issued : turn.issued_ids) {
    EraseFrom(by_issued_, issued, turn.handle);
  }
  turns_.Erase(turn);
  if (turns_.size() == 0) {
    wake_.reset();  // no idle wake-ups
  }
}

void TurnTracker::MakeRoom(MonotonicTime now) {
  if (turns_.size() < kMaxTurns) {
    return;
  }
  Turn* victim = turns_.Oldest();
  if (running_ < turns_.size()) {
    while (!victim->ended) {
      victim = turns_.Younger(*victim);
    }
  } else {
    End(*victim, TurnEnd::kEvicted, now);
  }
  Erase(*victim);
}

void TurnTracker::Remember(const Turn& turn, const TurnRecord& record, MonotonicTime at) {
  remembered_.push_back({turn.id_hash, at, record.result, record.degraded});
  while (remembered_.size() > kMaxRemembered || at - remembered_.front().ended_at > kReportFor) {
    remembered_.pop_front();
  }
}

}  // namespace reliability::policy
