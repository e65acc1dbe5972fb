// How long a turn has, how it ends, and what is said about it.
#include "libs/policy/turn_tracker.h"

#include "tests/libs/policy/turn_test_support.h"

namespace reliability::policy {
namespace {

using TurnTrackerTest = TurnTest;

TEST_F(TurnTrackerTest, AnswerWithoutToolCallsEndsTheTurnWell) {
  const TurnHandle turn = Begin(Question(7));
  Advance(1000);
  AskForTools(turn, {{"a", "search", 1}});
  RunTool(turn, "orders/search", ErrorClass::kNone);
  Advance(1000);
  EXPECT_EQ(Begin(Continuation({"a"}, 7)), turn);
  Advance(500);
  Answer(turn);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.end, TurnEnd::kAnswered);
  EXPECT_EQ(record.result, TurnResult::kSuccess);
  EXPECT_TRUE(record.answered);
  EXPECT_EQ(record.duration, Milliseconds{2500});
  EXPECT_EQ(record.llm_calls, 2);
  EXPECT_EQ(record.tool_calls, 1);
  EXPECT_EQ(record.source, IdentitySource::kPrefix);
  EXPECT_EQ(tracker_.running(), 0U);
  EXPECT_EQ(tracker_.NextWake(), std::nullopt);
}

TEST_F(TurnTrackerTest, AnswerWrittenWithoutAToolIsBad) {
  using enum ErrorClass;
  for (const ErrorClass lost : {kConnect, kTimeoutTotal, kToolErrorTransient, kCircuitOpen,
                                kDeadlineExceeded, kOverloaded, kRateLimited}) {
    const TurnHandle turn = Begin(Question(7));
    RunTool(turn, "orders/search", lost);
    RunTool(turn, "orders/other", kNone);
    Answer(turn);
    const TurnRecord record = OnlyEnded();
    EXPECT_EQ(record.result, TurnResult::kFailure) << ErrorClassName(lost);
    EXPECT_EQ(record.error_class, lost);
    EXPECT_EQ(record.failed_tool, "orders/search");
  }
}

TEST_F(TurnTrackerTest, ATemplateEndsTheTurnAndIsBad) {
  const TurnHandle turn = Begin(Question(7));
  LlmCallEnd end;
  end.error_class = ErrorClass::kServerError;
  end.templated = true;
  tracker_.EndLlmCall(turn, end, now_);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.end, TurnEnd::kTemplate);
  EXPECT_EQ(record.result, TurnResult::kFailure);
  EXPECT_EQ(record.error_class, ErrorClass::kServerError);
}

TEST_F(TurnTrackerTest, OnlyTheLastCallOfAToolCounts) {
  const TurnHandle turn = Begin(Question(7));
  RunTool(turn, "orders/search", ErrorClass::kTimeoutTotal);
  RunTool(turn, "orders/search", ErrorClass::kNone);
  Answer(turn);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kSuccess);
}

TEST_F(TurnTrackerTest, LastMeansStartedLast) {
  const TurnHandle turn = Begin(Question(7));
  const std::uint64_t slow = tracker_.BeginToolCall(turn, ToolCall("search", 1));
  const std::uint64_t fast = tracker_.BeginToolCall(turn, ToolCall("search", 2));
  tracker_.EndToolCall(turn, fast, "search", ErrorClass::kNone, now_);
  tracker_.EndToolCall(turn, slow, "search", ErrorClass::kTimeoutTotal, now_);
  Answer(turn);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kSuccess);
}

TEST_F(TurnTrackerTest, PermanentToolErrorsAndCancelledCallsDoNotSpoilATurn) {
  const TurnHandle turn = Begin(Question(7));
  RunTool(turn, "a", ErrorClass::kToolErrorPermanent);
  RunTool(turn, "b", ErrorClass::kClientCancelled);
  RunTool(turn, "c", ErrorClass::kPaused);
  Answer(turn);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kSuccess);
}

TEST_F(TurnTrackerTest, DeadlineWithoutAnAnswerIsBad) {
  const TurnHandle turn = Begin(Question(7));
  AskForTools(turn, {{"a", "search", 1}});
  EXPECT_EQ(tracker_.NextWake(), now_ + Milliseconds{15'001});
  Advance(15'000);
  tracker_.Expire(now_);
  EXPECT_TRUE(tracker_.TakeEnded().empty());  // its own tick still counts
  Advance(1);
  tracker_.Expire(now_);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.end, TurnEnd::kDeadline);
  EXPECT_EQ(record.result, TurnResult::kFailure);
  EXPECT_EQ(record.error_class, ErrorClass::kDeadlineExceeded);
  EXPECT_FALSE(record.answered);
  EXPECT_EQ(record.duration, Milliseconds{15'000});
  EXPECT_TRUE(tracker_.View(turn, now_)->ended);
  EXPECT_EQ(tracker_.Budget(turn, now_), std::nullopt);
}

TEST_F(TurnTrackerTest, AnswerInTheTickOfTheDeadlineCounts) {
  const TurnHandle turn = Begin(Question(7));
  Advance(15'000);
  Answer(turn);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kSuccess);
}

TEST_F(TurnTrackerTest, FailedLlmCallAloneDoesNotEndATurn) {
  const TurnHandle turn = Begin(Question(7));
  FailLlm(turn, ErrorClass::kServerError);
  EXPECT_EQ(tracker_.running(), 1U);
  Advance(1000);
  EXPECT_EQ(Begin(Retry(Question(7))), turn);
  Answer(turn);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kSuccess);
}

TEST_F(TurnTrackerTest, FailedLastLlmCallMakesTheTurnBad) {
  const TurnHandle turn = Begin(Question(7));
  FailLlm(turn, ErrorClass::kOverloaded);
  Advance(15'001);
  tracker_.Expire(now_);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.result, TurnResult::kFailure);
  EXPECT_EQ(record.error_class, ErrorClass::kOverloaded);
}

TEST_F(TurnTrackerTest, CancelledByTheClientIsNoEvent) {
  const TurnHandle turn = Begin(Question(7));
  FailLlm(turn, ErrorClass::kClientCancelled);
  Advance(15'001);
  tracker_.Expire(now_);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.end, TurnEnd::kCancelled);
  EXPECT_EQ(record.result, TurnResult::kNone);
}

TEST_F(TurnTrackerTest, RetryAfterTheClientsOwnTimeoutTakesTheCancellationBack) {
  const TurnHandle turn = Begin(Question(7));
  FailLlm(turn, ErrorClass::kClientCancelled);
  EXPECT_EQ(Begin(Retry(Question(7))), turn);
  FailLlm(turn, ErrorClass::kServerError);
  Advance(15'001);
  tracker_.Expire(now_);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kFailure);
}

TEST_F(TurnTrackerTest, NamedTurnEndsTwoSecondsAfterItsAnswerIfNothingFollows) {
  LlmClues clues;
  clues.explicit_id = "t";
  const TurnHandle turn = Begin(clues);
  Advance(1000);
  Answer(turn);
  EXPECT_EQ(tracker_.running(), 1U);
  Advance(1500);
  EXPECT_EQ(Begin(clues), turn);  // a call follows
  Advance(1000);
  Answer(turn);
  Advance(2001);
  tracker_.Expire(now_);
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.end, TurnEnd::kAnswered);
  EXPECT_EQ(record.source, IdentitySource::kHeader);
  EXPECT_EQ(record.duration, Milliseconds{3500});  // to the last answer byte
}

TEST_F(TurnTrackerTest, NamedAnswerJustBeforeTheDeadlineIsGood) {
  LlmClues clues;
  clues.explicit_id = "t";
  const TurnHandle turn = Begin(clues);
  Advance(14'500);
  Answer(turn);
  Advance(501);
  tracker_.Expire(now_);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kSuccess);
}

TEST_F(TurnTrackerTest, ToolCallAfterANamedAnswerKeepsTheTurnOpenUntilItEnds) {
  LlmClues clues;
  clues.explicit_id = "t";
  const TurnHandle turn = Begin(clues);
  Answer(turn);
  const std::uint64_t call = tracker_.BeginToolCall(turn, ToolCall("save", 1));
  Advance(3000);
  tracker_.Expire(now_);
  EXPECT_EQ(tracker_.running(), 1U);
  tracker_.EndToolCall(turn, call, "save", ErrorClass::kNone, now_);
  Advance(2001);
  tracker_.Expire(now_);
  EXPECT_EQ(OnlyEnded().end, TurnEnd::kAnswered);
}

TEST_F(TurnTrackerTest, ReportEndsARunningTurn) {
  const TurnHandle turn = Begin(Question(7));
  const std::string id = tracker_.View(turn, now_)->id;
  Advance(400);
  const auto report = tracker_.Report(id, ReportedResult::kFailure, now_);
  ASSERT_TRUE(report.has_value());
  EXPECT_FALSE(report->has_value());
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.end, TurnEnd::kReported);
  EXPECT_EQ(record.result, TurnResult::kFailure);
  EXPECT_TRUE(record.reported);
  Answer(turn);  // what is still in flight changes nothing
  EXPECT_TRUE(tracker_.TakeEnded().empty());
}

TEST_F(TurnTrackerTest, ReportOverridesASpoiledTurn) {
  const TurnHandle turn = Begin(Question(7));
  const std::string id = tracker_.View(turn, now_)->id;
  RunTool(turn, "search", ErrorClass::kCircuitOpen);
  ASSERT_TRUE(tracker_.Report(id, ReportedResult::kSuccess, now_).has_value());
  const TurnRecord record = OnlyEnded();
  EXPECT_EQ(record.result, TurnResult::kSuccess);
  EXPECT_TRUE(record.answered);
}

TEST_F(TurnTrackerTest, LateReportCorrectsOnceForADay) {
  const TurnHandle turn = Begin(Question(7));
  const std::string id = tracker_.View(turn, now_)->id;
  Answer(turn);
  Advance(3'600'000);
  const auto first = tracker_.Report(id, ReportedResult::kFailure, now_);
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ((*first)->from, TurnResult::kSuccess);
  EXPECT_EQ((*first)->to, TurnResult::kFailure);
  EXPECT_FALSE(tracker_.Report(id, ReportedResult::kFailure, now_)->has_value());
  Advance(86'400'000);
  EXPECT_EQ(tracker_.Report(id, ReportedResult::kSuccess, now_).error().code, Code::kNotFound);
}

TEST_F(TurnTrackerTest, ReportForAnUnknownTurn) {
  EXPECT_EQ(tracker_.Report("nobody", ReportedResult::kSuccess, now_).error().code,
            Code::kNotFound);
}

TEST_F(TurnTrackerTest, ReportAfterTheDeadline) {
  const TurnHandle turn = Begin(Question(7));
  const std::string id = tracker_.View(turn, now_)->id;
  FailLlm(turn, ErrorClass::kServerError);
  Advance(16'000);
  const auto report = tracker_.Report(id, ReportedResult::kSuccess, now_);
  ASSERT_TRUE(report.has_value() && report->has_value());
  EXPECT_EQ((*report)->from, TurnResult::kFailure);
}

TEST_F(TurnTrackerTest, BudgetIsWhatTheTurnHasLeft) {
  const TurnHandle turn = Begin(Question(7));
  Advance(12'000);
  const auto budget = tracker_.Budget(turn, now_);
  ASSERT_TRUE(budget.has_value());
  EXPECT_EQ(budget->remaining, Milliseconds{3000});
  EXPECT_EQ(budget->reserve, Milliseconds{3000});
  EXPECT_FALSE(ResolveToolLimit(Milliseconds{5000}, budget, std::nullopt).allowed);  // example 6
  EXPECT_EQ(tracker_.Budget(0, now_), std::nullopt);
}

TEST_F(TurnTrackerTest, NewLimitsHoldForNewTurns) {
  const TurnHandle before = Begin(Question(7));
  tracker_.SetLimits({Milliseconds{60'000}, Milliseconds{5000}});
  const TurnHandle after = Begin(Question(8));
  EXPECT_EQ(tracker_.View(before, now_)->deadline, now_ + Milliseconds{15'000});
  EXPECT_EQ(tracker_.View(after, now_)->deadline, now_ + Milliseconds{60'000});
}

TEST_F(TurnTrackerTest, TerminationIsNoEvent) {
  Begin(Question(7));
  LlmClues named;
  named.explicit_id = "t";
  Answer(Begin(named));  // answered, waiting for its two seconds
  tracker_.Terminate(now_);
  const auto ended = tracker_.TakeEnded();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].end, TurnEnd::kTerminated);
  EXPECT_EQ(ended[0].result, TurnResult::kNone);
  EXPECT_EQ(ended[1].result, TurnResult::kSuccess);
  EXPECT_EQ(tracker_.running(), 0U);
}

TEST_F(TurnTrackerTest, MemoryIsBounded) {
  for (std::size_t i = 0; i < TurnTracker::kMaxTurns + 10; ++i) {
    Begin(Question(i));
  }
  EXPECT_EQ(tracker_.running(), TurnTracker::kMaxTurns);
  const auto evicted = tracker_.TakeEnded();
  ASSERT_EQ(evicted.size(), 10U);
  EXPECT_EQ(evicted[0].end, TurnEnd::kEvicted);
  EXPECT_EQ(evicted[0].result, TurnResult::kNone);
}

TEST_F(TurnTrackerTest, ManyToolCallsOfOneTurnAreBounded) {
  const TurnHandle turn = Begin(Question(7));
  std::vector<RequestedTool> tools;
  for (std::size_t i = 0; i < 2 * TurnTracker::kMaxToolCallsPerTurn; ++i) {
    tools.push_back({"id" + std::to_string(i), "tool" + std::to_string(i), i});
  }
  AskForTools(turn, tools);
  EXPECT_EQ(tracker_.Match(Continuation({"id0"}, 9), now_).turn, turn);
  EXPECT_EQ(tracker_.Match(Continuation({"id400"}, 9), now_).kind, MatchKind::kNew);
  for (std::size_t i = 0; i < 2 * TurnTracker::kMaxToolCallsPerTurn; ++i) {
    RunTool(turn, "tool" + std::to_string(i), ErrorClass::kNone, i);
  }
  Answer(turn);
  EXPECT_EQ(OnlyEnded().result, TurnResult::kSuccess);
}

TEST_F(TurnTrackerTest, RememberedTurnsAreBounded) {
  std::string first;
  for (std::size_t i = 0; i < TurnTracker::kMaxRemembered + 1; ++i) {
    const TurnHandle turn = Begin(Question(7));
    if (first.empty()) {
      first = tracker_.View(turn, now_)->id;
    }
    Answer(turn);
  }
  EXPECT_FALSE(tracker_.TakeEnded().empty());
  EXPECT_FALSE(tracker_.Report(first, ReportedResult::kFailure, now_).has_value());
}

TEST_F(TurnTrackerTest, UnknownHandlesAreIgnored) {
  tracker_.BeginLlmCall(99);
  Answer(99);
  EXPECT_EQ(tracker_.BeginToolCall(99, ToolCall("x", 1)), 0U);
  tracker_.EndToolCall(99, 0, "x", ErrorClass::kNone, now_);
  EXPECT_EQ(tracker_.View(99, now_), std::nullopt);
  EXPECT_TRUE(tracker_.TakeEnded().empty());
}

TEST_F(TurnTrackerTest, NamedTurnOpenedAgainReplacesItsPredecessor) {
  LlmClues clues;
  clues.explicit_id = "t";
  const TurnHandle first = Begin(clues);
  FailLlm(first, ErrorClass::kServerError);
  Advance(15'001);
  const TurnHandle second = Begin(clues);
  EXPECT_NE(first, second);
  EXPECT_EQ(tracker_.View(first, now_), std::nullopt);
  EXPECT_EQ(tracker_.running(), 1U);
}

}  // namespace
}  // namespace reliability::policy
