#pragma once
// A tracker with a clock that the test moves, and shorthands for the calls of a turn.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "libs/policy/turn_tracker.h"

namespace reliability::policy {

class TurnTest : public testing::Test {
 protected:
  void Advance(std::int64_t ms) { now_ += Milliseconds{ms}; }

  static LlmClues Question(std::uint64_t prefix) {
    LlmClues clues;
    clues.prefix_hash = prefix;
    return clues;
  }
  static LlmClues Continuation(std::vector<std::string> ids, std::uint64_t prefix) {
    LlmClues clues = Question(prefix);
    clues.tool_call_ids = std::move(ids);
    clues.tool_call_after_user = true;
    return clues;
  }
  static LlmClues Retry(LlmClues clues) {
    clues.retry_count = 1;
    return clues;
  }
  static ToolClues ToolCall(std::string_view tool, std::uint64_t arguments) {
    ToolClues clues;
    clues.tool = tool;
    clues.arguments_hash = arguments;
    return clues;
  }

  // Match, open if it is new, begin.
  TurnHandle Begin(const LlmClues& clues) {
    const TurnMatch match = tracker_.Match(clues, now_);
    const TurnHandle turn =
        match.kind == MatchKind::kNew ? tracker_.Open(clues, match, now_, ++fresh_) : match.turn;
    tracker_.BeginLlmCall(turn);
    return turn;
  }
  void AskForTools(TurnHandle turn, std::vector<RequestedTool> tools) {
    LlmCallEnd end;
    end.tool_calls = std::move(tools);
    tracker_.EndLlmCall(turn, end, now_);
  }
  void Answer(TurnHandle turn) {
    LlmCallEnd end;
    end.final_answer = true;
    tracker_.EndLlmCall(turn, end, now_);
  }
  void FailLlm(TurnHandle turn, ErrorClass error_class) {
    LlmCallEnd end;
    end.error_class = error_class;
    tracker_.EndLlmCall(turn, end, now_);
  }
  void RunTool(TurnHandle turn, const std::string& tool, ErrorClass error_class,
               std::uint64_t arguments = 1) {
    const std::uint64_t call = tracker_.BeginToolCall(turn, ToolCall(tool, arguments));
    tracker_.EndToolCall(turn, call, tool, error_class, now_);
  }
  TurnRecord OnlyEnded() {
    const std::vector<TurnRecord> ended = tracker_.TakeEnded();
    EXPECT_EQ(ended.size(), 1U);
    return ended.empty() ? TurnRecord{} : ended.front();
  }

  TurnTracker tracker_{TurnLimits{}};
  MonotonicTime now_{Milliseconds{1'000'000}};
  std::uint64_t fresh_ = 0;
};

}  // namespace reliability::policy
