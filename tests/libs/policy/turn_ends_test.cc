// When a turn ends, and how: data-plane ruling 3 line by line. Turn 15 s.
#include <vector>

#include "tests/libs/policy/turn_test_support.h"

namespace reliability::policy {
namespace {

using enum ErrorClass;

enum class Does { kAsk, kAnswer, kAskTools, kCut, kTemplate, kFail, kLeave, kRetry };

struct Step {
  std::int64_t at;  // ms since the question
  Does does;
};

struct Row {
  const char* what;
  bool named;  // x-agent-turn-id
  std::vector<Step> steps;
  std::int64_t ends_at;  // looked at then, and a tick earlier
  TurnEnd end;
  TurnResult result;
  ErrorClass error_class;
  std::int64_t duration;
};

class TurnEndsTest : public TurnTest {
 protected:
  LlmClues Clues(bool named) const {
    LlmClues clues = Question(7);
    clues.explicit_id = named ? "t" : "";
    return clues;
  }
  void Do(const Row& row, Does does) {
    LlmCallEnd end;
    switch (does) {
      case Does::kAsk:
      case Does::kRetry:
        turn_ = Begin(does == Does::kRetry ? Retry(Clues(row.named)) : Clues(row.named));
        return;
      case Does::kAnswer:
        end.final_answer = true;
        break;
      case Does::kAskTools:
        end.tool_calls = {{"call_1", "search", 1}};
        break;
      case Does::kCut:
        end.error_class = kStreamTruncated;
        end.cut = true;
        break;
      case Does::kTemplate:
        end.error_class = kAllTargetsFailed;
        end.templated = true;
        break;
      case Does::kFail:
        end.error_class = kServerError;
        break;
      case Does::kLeave:
        end.error_class = kClientCancelled;
        break;
    }
    tracker_.EndLlmCall(turn_, end, now_);
  }
  TurnHandle turn_ = 0;
};

TEST_F(TurnEndsTest, TheTable) {
  using enum Does;
  constexpr TurnResult kGood = TurnResult::kSuccess;
  constexpr TurnResult kBad = TurnResult::kFailure;
  const std::vector<Row> rows = {
      {"an answer without tool calls",
       false,
       {{0, kAsk}, {900, kAnswer}},
       900,
       TurnEnd::kAnswered,
       kGood,
       kNone,
       900},
      {"with an explicit id 2 s later",
       true,
       {{0, kAsk}, {900, kAnswer}},
       2901,
       TurnEnd::kAnswered,
       kGood,
       kNone,
       900},
      {"if no call follows",
       true,
       {{0, kAsk}, {900, kAnswer}, {2000, kAsk}, {3000, kAnswer}},
       5001,
       TurnEnd::kAnswered,
       kGood,
       kNone,
       3000},
      {"a cut", false, {{0, kAsk}, {900, kCut}}, 900, TurnEnd::kCut, kBad, kStreamTruncated, 900},
      {"a cut that a named turn does not repeat",
       true,
       {{0, kAsk}, {900, kCut}},
       2901,
       TurnEnd::kCut,
       kBad,
       kStreamTruncated,
       2900},
      {"a cut that a named turn repeats",
       true,
       {{0, kAsk}, {900, kCut}, {1000, kAsk}, {2000, kAnswer}},
       4001,
       TurnEnd::kAnswered,
       kGood,
       kNone,
       2000},
      {"a template",
       false,
       {{0, kAsk}, {900, kTemplate}},
       900,
       TurnEnd::kTemplate,
       kBad,
       kAllTargetsFailed,
       900},
      {"a failed call alone does not end it",
       false,
       {{0, kAsk}, {900, kFail}},
       15'001,
       TurnEnd::kDeadline,
       kBad,
       kServerError,
       15'000},
      {"an SDK's retry rejoins it",
       false,
       {{0, kAsk}, {900, kFail}, {14'000, kRetry}, {14'500, kAnswer}},
       14'500,
       TurnEnd::kAnswered,
       kGood,
       kNone,
       14'500},
      {"the agent goes and does not come back",
       false,
       {{0, kAsk}, {900, kLeave}},
       15'001,
       TurnEnd::kCancelled,
       TurnResult::kNone,
       kNone,
       15'000},
      {"the agent's own time-out, then its retry",
       false,
       {{0, kAsk}, {900, kLeave}, {1000, kRetry}, {2000, kAnswer}},
       2000,
       TurnEnd::kAnswered,
       kGood,
       kNone,
       2000},
      {"tools asked for, and no continuation",
       false,
       {{0, kAsk}, {900, kAskTools}},
       15'001,
       TurnEnd::kDeadline,
       kBad,
       kDeadlineExceeded,
       15'000},
      {"an answer in the deadline's own tick counts",
       false,
       {{0, kAsk}, {15'000, kAnswer}},
       15'000,
       TurnEnd::kAnswered,
       kGood,
       kNone,
       15'000},
      {"an answer after the deadline is late",
       false,
       {{0, kAsk}, {19'000, kAnswer}},
       19'000,
       TurnEnd::kAnswered,
       kBad,
       kDeadlineExceeded,
       19'000},
      {"late, and the agent goes",
       false,
       {{0, kAsk}, {19'000, kLeave}},
       19'000,
       TurnEnd::kCancelled,
       TurnResult::kNone,
       kNone,
       19'000},
      {"late, and tools are asked for",
       false,
       {{0, kAsk}, {19'000, kAskTools}},
       19'000,
       TurnEnd::kDeadline,
       kBad,
       kDeadlineExceeded,
       19'000},
      {"a call that never ends: 60 s after the deadline",
       false,
       {{0, kAsk}},
       75'000,
       TurnEnd::kAbandoned,
       kBad,
       kDeadlineExceeded,
       75'000},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    now_ += std::chrono::hours{1};
    const MonotonicTime start = now_;
    bool early = false;
    for (const Step& step : row.steps) {
      now_ = start + Milliseconds{step.at};
      tracker_.Expire(now_);
      early = early || !tracker_.TakeEnded().empty();
      Do(row, step.does);
    }
    EXPECT_FALSE(early);
    if (row.ends_at > row.steps.back().at) {
      now_ = start + Milliseconds{row.ends_at - 1};
      tracker_.Expire(now_);
      EXPECT_TRUE(tracker_.TakeEnded().empty());
    }
    now_ = start + Milliseconds{row.ends_at};
    tracker_.Expire(now_);
    const TurnRecord record = OnlyEnded();
    EXPECT_EQ(TurnEndName(record.end), TurnEndName(row.end));
    EXPECT_EQ(TurnResultName(record.result), TurnResultName(row.result));
    EXPECT_EQ(ErrorClassName(record.error_class), ErrorClassName(row.error_class));
    EXPECT_EQ(record.duration, Milliseconds{row.duration});
    tracker_.Expire(start + std::chrono::minutes{10});
    EXPECT_EQ(tracker_.NextWake(), std::nullopt);
  }
}

TEST_F(TurnEndsTest, ACallThatOutlivesItsTurnChangesNothing) {
  const TurnHandle turn = Begin(Question(7));
  Advance(75'000);
  tracker_.Expire(now_);
  EXPECT_EQ(OnlyEnded().end, TurnEnd::kAbandoned);
  Answer(turn);
  EXPECT_TRUE(tracker_.TakeEnded().empty());
  EXPECT_EQ(tracker_.NextWake(), std::nullopt);
}

TEST_F(TurnEndsTest, AnAnsweredTurnIsNotAbandonedForACallThatNobodyWaitsFor) {
  LlmClues clues = Clues(true);
  const TurnHandle turn = Begin(clues);
  (void)tracker_.BeginToolCall(turn, ToolCall("log", 1));
  Answer(turn);
  Advance(75'000);
  tracker_.Expire(now_);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.end, TurnEnd::kAnswered);
  EXPECT_EQ(record.result, TurnResult::kSuccess);
}

TEST_F(TurnEndsTest, AResponseIsJoinedByItsIdAsWellAsByItsCalls) {
  const TurnHandle turn = Begin(Question(7));
  LlmCallEnd end;
  end.tool_calls = {{"call_1", "search", 1}};
  end.response_id = "resp_1";
  tracker_.EndLlmCall(turn, end, now_);
  LlmClues next;  // the question does not stand in it
  next.tool_call_after_user = true;
  next.tool_call_ids = {"unknown", "resp_1"};
  const TurnMatch match = tracker_.Match(next, now_);
  EXPECT_EQ(match.turn, turn);
  EXPECT_EQ(match.source, IdentitySource::kToolCallId);
}

TEST_F(TurnEndsTest, AResponseWithoutToolCallsLeadsNowhere) {
  const TurnHandle turn = Begin(Question(7));
  LlmCallEnd end;
  end.final_answer = true;
  end.response_id = "resp_1";
  tracker_.EndLlmCall(turn, end, now_);
  LlmClues next;
  next.tool_call_after_user = true;
  next.tool_call_ids = {"resp_1"};
  EXPECT_EQ(tracker_.Match(next, now_).kind, MatchKind::kNew);
}

TEST_F(TurnEndsTest, ALongRunningToolStopsTheClock) {
  const TurnHandle turn = Begin(Question(7));
  AskForTools(turn, {{"call_1", "build", 1}});
  Advance(4000);
  const std::uint64_t call = tracker_.BeginToolCall(turn, ToolCall("build", 1));
  tracker_.StopClock(turn, call, now_);
  Advance(3'600'000);
  tracker_.Expire(now_);
  EXPECT_TRUE(tracker_.TakeEnded().empty());
  EXPECT_EQ(tracker_.NextWake(), std::nullopt);  // nothing is pending
  EXPECT_EQ(tracker_.Budget(turn, now_)->remaining, Milliseconds{11'000});
  EXPECT_EQ(tracker_.View(turn, now_)->deadline, now_ + Milliseconds{11'000});
  tracker_.EndToolCall(turn, call, "ci/build", kNone, now_);
  EXPECT_EQ(tracker_.NextWake(), now_ + Milliseconds{11'001});
  Advance(10'999);
  EXPECT_EQ(Begin(Continuation({"call_1"}, 7)), turn);
  Answer(turn);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.result, TurnResult::kSuccess);
  EXPECT_EQ(record.duration, Milliseconds{4000 + 3'600'000 + 10'999});  // as the user saw it
}

TEST_F(TurnEndsTest, TheClockStandsUntilTheLastOfThemEnds) {
  const TurnHandle turn = Begin(Question(7));
  AskForTools(turn, {{"call_1", "build", 1}, {"call_2", "build", 2}});
  const std::uint64_t first = tracker_.BeginToolCall(turn, ToolCall("build", 1));
  tracker_.StopClock(turn, first, now_);
  Advance(20'000);
  const std::uint64_t second = tracker_.BeginToolCall(turn, ToolCall("build", 2));
  tracker_.StopClock(turn, second, now_);
  tracker_.EndToolCall(turn, first, "ci/build", kNone, now_);
  Advance(20'000);
  EXPECT_EQ(tracker_.Budget(turn, now_)->remaining, Milliseconds{15'000});
  tracker_.EndToolCall(turn, second, "ci/build", kNone, now_);
  Advance(15'001);
  tracker_.Expire(now_);
  EXPECT_EQ(OnlyEnded().end, TurnEnd::kDeadline);
}

TEST_F(TurnEndsTest, WhoStoodInForTheModel) {
  struct Stood {
    bool templated;
    bool tier;
    ErrorClass tool;
    std::int64_t at;
    Degraded degraded;
  };
  using enum Degraded;
  for (const Stood& row : {
           Stood{false, false, ErrorClass::kNone, 100, Degraded::kNone},
           Stood{false, true, ErrorClass::kNone, 100, kTier},
           Stood{true, false, ErrorClass::kNone, 100, kTemplate},
           Stood{true, false, kCircuitOpen, 100, Degraded::kNone},  // bad for another reason
           Stood{false, true, kCircuitOpen, 100, Degraded::kNone},
           Stood{false, true, ErrorClass::kNone, 16'000, Degraded::kNone},
       }) {
    const TurnHandle turn = Begin(Question(7));
    RunTool(turn, "orders/search", row.tool);
    Advance(row.at);
    LlmCallEnd end;
    end.error_class = row.templated ? kAllTargetsFailed : ErrorClass::kNone;
    end.final_answer = !row.templated;
    end.templated = row.templated;
    end.degraded = row.tier;
    tracker_.EndLlmCall(turn, end, now_);
    EXPECT_EQ(OnlyEnded().degraded, row.degraded);
  }
}

TEST_F(TurnEndsTest, ALateReportTakesTheDegradationBack) {
  const TurnHandle turn = Begin(Question(7));
  const std::string id = tracker_.View(turn, now_)->id;
  LlmCallEnd end;
  end.error_class = kAllTargetsFailed;
  end.templated = true;
  tracker_.EndLlmCall(turn, end, now_);
  // Booked as good by an SLO that says so, so the report may change something.
  const auto report = tracker_.Report(id, ReportedResult::kFailure, now_);
  ASSERT_TRUE(report.has_value() && report->has_value());
  EXPECT_EQ((*report)->degraded, Degraded::kTemplate);
  EXPECT_FALSE(tracker_.Report(id, ReportedResult::kFailure, now_)->has_value());
}

}  // namespace
}  // namespace reliability::policy
