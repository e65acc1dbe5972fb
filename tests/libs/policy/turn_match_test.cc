// Which turn a request belongs to.
#include "tests/libs/policy/turn_test_support.h"

namespace reliability::policy {
namespace {

using TurnMatchTest = TurnTest;

TEST_F(TurnMatchTest, ToolLoopStaysInOneTurnByToolCallIds) {
  const TurnHandle turn = Begin(Question(7));
  AskForTools(turn, {{"call_a", "search", 1}, {"call_b", "search", 2}});
  const TurnMatch match = tracker_.Match(Continuation({"call_a", "call_b"}, 7), now_);
  EXPECT_EQ(match.kind, MatchKind::kRunning);
  EXPECT_EQ(match.turn, turn);
  EXPECT_EQ(match.source, IdentitySource::kToolCallId);
}

TEST_F(TurnMatchTest, SamePromptAgainIsANewTurnEvenWhileTheFirstRuns) {
  const TurnHandle first = Begin(Question(7));
  const TurnHandle second = Begin(Question(7));
  EXPECT_NE(first, second);
  EXPECT_EQ(tracker_.running(), 2U);
}

TEST_F(TurnMatchTest, TwoUsersWithTheSamePromptAreNeverMerged) {
  const TurnHandle first = Begin(Question(7));
  const TurnHandle second = Begin(Question(7));
  AskForTools(first, {{"call_a", "search", 1}});
  AskForTools(second, {{"call_b", "search", 1}});
  EXPECT_EQ(tracker_.Match(Continuation({"call_b"}, 7), now_).turn, second);
  EXPECT_EQ(tracker_.Match(Continuation({"call_a"}, 7), now_).turn, first);
  // Unknown ids and two candidates by prefix: neither.
  const TurnMatch unknown = tracker_.Match(Continuation({"call_x"}, 7), now_);
  EXPECT_EQ(unknown.kind, MatchKind::kNew);
  EXPECT_TRUE(unknown.resumed);
}

TEST_F(TurnMatchTest, PrefixDecidesOnlyIfOneLiveTurnHasIt) {
  const TurnHandle turn = Begin(Question(7));
  AskForTools(turn, {{"", "search", 1}});  // a provider without ids
  const TurnMatch match = tracker_.Match(Continuation({}, 7), now_);
  EXPECT_EQ(match.turn, turn);
  EXPECT_EQ(match.source, IdentitySource::kPrefix);
  EXPECT_EQ(tracker_.Match(Continuation({}, 8), now_).kind, MatchKind::kNew);
}

TEST_F(TurnMatchTest, EqualIdsOfTwoTurnsAreToldApartByPrefixOrNotAtAll) {
  const TurnHandle first = Begin(Question(7));
  const TurnHandle second = Begin(Question(8));
  AskForTools(first, {{"call_1", "search", 1}});
  AskForTools(second, {{"call_1", "search", 1}});
  EXPECT_EQ(tracker_.Match(Continuation({"call_1"}, 8), now_).turn, second);
  const TurnHandle third = Begin(Question(8));
  AskForTools(third, {{"call_1", "search", 1}});
  EXPECT_EQ(tracker_.Match(Continuation({"call_1"}, 8), now_).kind, MatchKind::kNew);
}

TEST_F(TurnMatchTest, SdkRetryRejoinsItsTurn) {
  const TurnHandle turn = Begin(Question(7));
  FailLlm(turn, ErrorClass::kServerError);
  Advance(500);
  EXPECT_EQ(tracker_.Match(Retry(Question(7)), now_).turn, turn);
}

TEST_F(TurnMatchTest, RetryAmongEqualPromptsJoinsTheOnlyOneThatFailed) {
  const TurnHandle healthy = Begin(Question(7));
  const TurnHandle failed = Begin(Question(7));
  FailLlm(failed, ErrorClass::kServerError);
  EXPECT_EQ(tracker_.Match(Retry(Question(7)), now_).turn, failed);
  FailLlm(healthy, ErrorClass::kServerError);  // now both wait for a retry
  EXPECT_EQ(tracker_.Match(Retry(Question(7)), now_).kind, MatchKind::kNew);
}

TEST_F(TurnMatchTest, HeaderComesFirstThenBaggage) {
  LlmClues clues = Question(7);
  clues.explicit_id = "turn-1";
  clues.baggage_turn = "other";
  const TurnHandle turn = Begin(clues);
  EXPECT_EQ(tracker_.View(turn, now_)->id, "turn-1");
  LlmClues next = Continuation({"unknown"}, 99);
  next.explicit_id = "turn-1";
  EXPECT_EQ(tracker_.Match(next, now_).turn, turn);
  LlmClues by_baggage;
  by_baggage.baggage_turn = "turn-2";
  const TurnHandle second = Begin(by_baggage);
  const TurnMatch match = tracker_.Match(by_baggage, now_);
  EXPECT_EQ(match.turn, second);
  EXPECT_EQ(match.source, IdentitySource::kBaggage);
}

TEST_F(TurnMatchTest, ATraceNamesATurnIfThePolicySaysSo) {
  LlmClues clues = Question(7);
  clues.trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const TurnHandle turn = Begin(clues);
  EXPECT_EQ(tracker_.View(turn, now_)->id, clues.trace);
  AskForTools(turn, {{"call_a", "search", 1}});
  LlmClues other = Continuation({"call_a"}, 7);  // another trace with these ids is another turn
  other.trace = "00000000000000000000000000000001";
  EXPECT_EQ(tracker_.Match(other, now_).kind, MatchKind::kNew);
  const TurnMatch same = tracker_.Match(clues, now_);
  EXPECT_EQ(same.turn, turn);
  EXPECT_EQ(same.source, IdentitySource::kTrace);
  ToolClues tool = ToolCall("other", 5);
  tool.trace = clues.trace;
  EXPECT_EQ(tracker_.MatchToolCall(tool, now_).turn, turn);
  clues.baggage_turn = "b";  // comes before it
  EXPECT_EQ(tracker_.Match(clues, now_).source, IdentitySource::kBaggage);
}

TEST_F(TurnMatchTest, UnusableIdsAreNoIdentity) {
  LlmClues clues = Question(7);
  const std::string too_long(TurnTracker::kMaxIdBytes + 1, 'x');
  for (const std::string& bad : {std::string("two words"), std::string("a\nb"), too_long}) {
    clues.explicit_id = bad;
    EXPECT_EQ(tracker_.Match(clues, now_).source, IdentitySource::kNone) << bad;
  }
}

TEST_F(TurnMatchTest, OurOwnIdComesBackAsHeader) {
  const TurnHandle turn = Begin(Question(7));
  AskForTools(turn, {{"a", "search", 1}});
  const std::string id = tracker_.View(turn, now_)->id;
  EXPECT_EQ(id.size(), 15U);
  ToolClues tool;
  tool.explicit_id = id;
  EXPECT_EQ(tracker_.MatchToolCall(tool, now_).turn, turn);
}

TEST_F(TurnMatchTest, ContinuationAfterTheDeadlineIsToldSoUntilTwiceTheTurn) {
  const TurnHandle turn = Begin(Question(7));
  AskForTools(turn, {{"call_a", "search", 1}});
  Advance(15'001);
  const TurnMatch late = tracker_.Match(Continuation({"call_a"}, 7), now_);
  EXPECT_EQ(late.kind, MatchKind::kEnded);
  EXPECT_EQ(late.turn, turn);
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("search", 1), now_).kind, MatchKind::kEnded);
  Advance(15'000);
  const TurnMatch resumed = tracker_.Match(Continuation({"call_a"}, 7), now_);
  EXPECT_EQ(resumed.kind, MatchKind::kNew);
  EXPECT_TRUE(resumed.resumed);
  EXPECT_EQ(tracker_.NextWake(), std::nullopt);
}

TEST_F(TurnMatchTest, NamedTurnAfterItsDeadline) {
  LlmClues clues = Question(7);
  clues.explicit_id = "t";
  FailLlm(Begin(clues), ErrorClass::kServerError);
  Advance(15'001);
  EXPECT_EQ(tracker_.Match(clues, now_).kind, MatchKind::kNew);  // a new question
  clues.tool_call_after_user = true;
  EXPECT_EQ(tracker_.Match(clues, now_).kind, MatchKind::kEnded);
}

TEST_F(TurnMatchTest, ToolCallsJoinByNameAndArguments) {
  const TurnHandle first = Begin(Question(1));
  const TurnHandle second = Begin(Question(2));
  AskForTools(first, {{"a", "search", 11}});
  AskForTools(second, {{"b", "search", 22}});
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("search", 22), now_).turn, second);
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("search", 11), now_).turn, first);
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("search", 33), now_).kind, MatchKind::kNew);
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("refund", 11), now_).kind, MatchKind::kNew);
}

TEST_F(TurnMatchTest, ArgumentsThatTheAgentChangedJoinByNameIfOneTurnFits) {
  const TurnHandle turn = Begin(Question(1));
  AskForTools(turn, {{"a", "search", 11}});
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("search", 99), now_).turn, turn);
}

TEST_F(TurnMatchTest, FrameworkPrefixesOfToolNames) {
  const TurnHandle turn = Begin(Question(1));
  AskForTools(turn, {{"a", "mcp__orders__search_all", 1}});
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("search.all", 1), now_).turn, turn);
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("all", 1), now_).turn, turn);
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("ch_all", 1), now_).kind, MatchKind::kNew);
}

TEST_F(TurnMatchTest, EqualCallsOfTwoTurnsAreTakenOldestFirst) {
  const TurnHandle first = Begin(Question(1));
  const TurnHandle second = Begin(Question(2));
  AskForTools(first, {{"a", "search", 11}});
  AskForTools(second, {{"b", "search", 11}});
  const ToolClues call = ToolCall("search", 11);
  EXPECT_EQ(tracker_.MatchToolCall(call, now_).turn, first);
  tracker_.BeginToolCall(first, call);
  EXPECT_EQ(tracker_.MatchToolCall(call, now_).turn, second);
  tracker_.BeginToolCall(second, call);
  // Both made their call: a third one could be anybody's repetition.
  EXPECT_EQ(tracker_.MatchToolCall(call, now_).kind, MatchKind::kNew);
}

TEST_F(TurnMatchTest, RepeatedToolCallOfOneTurnStaysInIt) {
  const TurnHandle turn = Begin(Question(1));
  AskForTools(turn, {{"a", "search", 11}});
  tracker_.BeginToolCall(turn, ToolCall("search", 11));
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("search", 11), now_).turn, turn);
}

TEST_F(TurnMatchTest, PlainHttpCallJoinsTheOnlyTurnThatWaitsForATool) {
  const ToolClues http;
  EXPECT_EQ(tracker_.MatchToolCall(http, now_).kind, MatchKind::kNew);
  const TurnHandle first = Begin(Question(1));
  AskForTools(first, {{"a", "get_weather", 11}});
  EXPECT_EQ(tracker_.MatchToolCall(http, now_).turn, first);
  const TurnHandle second = Begin(Question(2));
  AskForTools(second, {{"b", "get_weather", 22}});
  EXPECT_EQ(tracker_.MatchToolCall(http, now_).kind, MatchKind::kNew);
  EXPECT_EQ(tracker_.MatchToolCall(ToolCall("", 22), now_).turn, second);  // equal body
}

TEST_F(TurnMatchTest, UnknownHeaderOfAToolCallFallsBackToNameAndArguments) {
  const TurnHandle turn = Begin(Question(1));
  AskForTools(turn, {{"a", "search", 11}});
  ToolClues call = ToolCall("search", 11);
  call.explicit_id = "unknown";
  EXPECT_EQ(tracker_.MatchToolCall(call, now_).turn, turn);
}

}  // namespace
}  // namespace reliability::policy
