#include "libs/policy/sli_classifier.h"

#include <gtest/gtest.h>

#include <vector>

namespace reliability::policy {
namespace {

SloRule TaskSuccess() { return {"k", "n", SliKind::kTaskSuccess, "", Milliseconds{0}}; }
SloRule Latency(std::int64_t ms) { return {"k", "n", SliKind::kTurnLatency, "", Milliseconds{ms}}; }
SloRule Tool(std::string tool) {
  return {"k", "n", SliKind::kToolCallSuccess, std::move(tool), Milliseconds{0}};
}

TurnRecord Turn(TurnResult result, std::int64_t ms, bool answered = true) {
  TurnRecord turn;
  turn.result = result;
  turn.answered = answered;
  turn.duration = Milliseconds{ms};
  return turn;
}

// Share of good among good and bad; -1 = Unknown.
double Percent(const SloRule& rule, const std::vector<TurnRecord>& turns) {
  int good = 0;
  int events = 0;
  for (const TurnRecord& turn : turns) {
    const SliVerdict verdict = ClassifyTurn(rule, turn);
    good += verdict == SliVerdict::kGood ? 1 : 0;
    events += verdict == SliVerdict::kNone ? 0 : 1;
  }
  return events == 0 ? -1.0 : 100.0 * good / events;
}

TEST(SliClassifier, Example20ThreeFastTasksAndASlowFourth) {
  std::vector<TurnRecord> turns(3, Turn(TurnResult::kSuccess, 30'000));
  EXPECT_EQ(Percent(Latency(30'000), turns), 100.0);
  turns.push_back(Turn(TurnResult::kSuccess, 30'001));
  EXPECT_EQ(Percent(Latency(30'000), turns), 75.0);
}

TEST(SliClassifier, Example20FiftyGoodThenFiftyBad) {
  std::vector<TurnRecord> turns(50, Turn(TurnResult::kSuccess, 1));
  turns.insert(turns.end(), 50, Turn(TurnResult::kFailure, 1));
  EXPECT_EQ(Percent(TaskSuccess(), turns), 50.0);
}

TEST(SliClassifier, Example20NoDataIsNoEvent) {
  EXPECT_EQ(Percent(TaskSuccess(), {}), -1.0);
  EXPECT_EQ(Percent(TaskSuccess(), {Turn(TurnResult::kNone, 1)}), -1.0);
  EXPECT_EQ(Percent(Latency(1000), {Turn(TurnResult::kNone, 1)}), -1.0);
}

TEST(SliClassifier, AnAnswerOfAFallbackChainIsWhatTheSloSays) {
  struct Row {
    DegradedIs rule;
    Degraded degraded;
    TurnResult result;  // as without the rule
    SliVerdict verdict;
  };
  using enum Degraded;
  constexpr TurnResult kSuccess = TurnResult::kSuccess;
  constexpr TurnResult kFailure = TurnResult::kFailure;
  for (const Row& row : {
           Row{DegradedIs::kDefault, kTier, kSuccess, SliVerdict::kGood},
           Row{DegradedIs::kDefault, kTemplate, kFailure, SliVerdict::kBad},
           Row{DegradedIs::kGood, kTier, kSuccess, SliVerdict::kGood},
           Row{DegradedIs::kGood, kTemplate, kFailure, SliVerdict::kGood},
           Row{DegradedIs::kBad, kTier, kSuccess, SliVerdict::kBad},
           Row{DegradedIs::kBad, kTemplate, kFailure, SliVerdict::kBad},
           Row{DegradedIs::kGood, kNone, kFailure, SliVerdict::kBad},
           Row{DegradedIs::kBad, kNone, kSuccess, SliVerdict::kGood},
           Row{DegradedIs::kBad, kNone, TurnResult::kNone, SliVerdict::kNone},
       }) {
    SloRule rule = TaskSuccess();
    rule.degraded_is = row.rule;
    TurnRecord turn = Turn(row.result, 1);
    turn.degraded = row.degraded;
    EXPECT_EQ(ClassifyTurn(rule, turn), row.verdict);
    // A late report takes back what was booked.
    EXPECT_EQ(BookedVerdict(rule, {"t", row.result, kSuccess, row.degraded}), row.verdict);
  }
}

TEST(SliClassifier, ATurnWithoutAnAnswerIsTooLate) {
  EXPECT_EQ(ClassifyTurn(Latency(30'000), Turn(TurnResult::kFailure, 15'000, false)),
            SliVerdict::kBad);
  // The task failed for another reason, but its answer came in time.
  EXPECT_EQ(ClassifyTurn(Latency(30'000), Turn(TurnResult::kFailure, 2000)), SliVerdict::kGood);
}

TEST(SliClassifier, ToolCallsAsAnsweredToTheAgent) {
  const auto verdict = [](ErrorClass error_class) {
    return ClassifyToolCall(Tool(""), {"orders", "search", error_class});
  };
  EXPECT_EQ(verdict(ErrorClass::kNone), SliVerdict::kGood);
  EXPECT_EQ(verdict(ErrorClass::kCircuitOpen), SliVerdict::kBad);
  EXPECT_EQ(verdict(ErrorClass::kToolErrorPermanent), SliVerdict::kBad);
  EXPECT_EQ(verdict(ErrorClass::kDeadlineExceeded), SliVerdict::kBad);
  EXPECT_EQ(verdict(ErrorClass::kPaused), SliVerdict::kNone);
  EXPECT_EQ(verdict(ErrorClass::kClientCancelled), SliVerdict::kNone);
}

TEST(SliClassifier, OneToolByNameOrByUpstreamAndName) {
  const ToolCallRecord search{"orders", "search", ErrorClass::kNone};
  EXPECT_EQ(ClassifyToolCall(Tool("search"), search), SliVerdict::kGood);
  EXPECT_EQ(ClassifyToolCall(Tool("orders/search"), search), SliVerdict::kGood);
  EXPECT_EQ(ClassifyToolCall(Tool("billing/search"), search), SliVerdict::kNone);
  EXPECT_EQ(ClassifyToolCall(Tool("orders"), search), SliVerdict::kNone);
  EXPECT_EQ(ClassifyToolCall(Tool("weather"), {"weather", "", ErrorClass::kConnect}),
            SliVerdict::kBad);  // plain HTTP: the upstream is the tool
}

TEST(SliClassifier, EachSliReadsItsOwnRecords) {
  EXPECT_EQ(ClassifyTurn(Tool(""), Turn(TurnResult::kSuccess, 1)), SliVerdict::kNone);
  EXPECT_EQ(ClassifyToolCall(TaskSuccess(), {"a", "b", ErrorClass::kNone}), SliVerdict::kNone);
}

}  // namespace
}  // namespace reliability::policy
