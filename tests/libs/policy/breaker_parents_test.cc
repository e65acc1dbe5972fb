// The parent of a server's tools (data-plane ruling 21), the breaker of the whole agent, and what a
// person sets for a rule.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/policy/breaker_table.h"

namespace reliability::policy {
namespace {

BreakerRule Rule(BreakerScope scope, std::string name = "default") {
  BreakerRule rule;
  rule.name = std::move(name);
  rule.scope = scope;
  return rule;
}

CallTarget Tool(std::string name, std::string server = "orders") {
  return {TargetKind::kMcpTool, std::move(server), std::move(name)};
}

const CallTarget kAgent{TargetKind::kAgent, "", ""};

class BreakerParents : public testing::Test {
 protected:
  BreakerParents() {
    config_.rules = {Rule(BreakerScope::kTool)};
    table_.Configure(config_);
    table_.ObserveTools("orders", {"a", "b", "c", "d", "e"});
  }
  std::vector<KeyedBreakerEvent> Call(const CallTarget& target, ErrorClass error_class,
                                      std::int64_t took_ms = 0) {
    AttemptOutcome outcome;
    outcome.error_class = error_class;
    outcome.took = Milliseconds{took_ms};
    const GuardAdmission guard = table_.Admit(target, now_);
    return table_.Settle(guard.ticket, outcome, now_, 0.5);
  }
  void Break(const char* tool) {
    for (int i = 0; i < 3; ++i) {
      Call(Tool(tool), ErrorClass::kServerError);
    }
  }
  std::string RefusedBy(const CallTarget& target) { return table_.Admit(target, now_).refused_by; }

  BreakerConfig config_;
  BreakerTable table_;
  MonotonicTime now_{Milliseconds{10'000'000}};
};

TEST_F(BreakerParents, OpensAtTwoOpenToolsThatAreHalfOfThoseCalled) {
  for (const char* tool : {"c", "d", "e"}) {
    Call(Tool(tool), ErrorClass::kNone);
  }
  Break("a");
  EXPECT_EQ(RefusedBy(Tool("c")), "");  // one of four
  Break("b");
  EXPECT_EQ(RefusedBy(Tool("c")), "");  // two of five: 40 %
  Break("c");
  EXPECT_EQ(RefusedBy(Tool("d")), "mcp:orders");  // three of five
  EXPECT_EQ(RefusedBy(Tool("a", "billing")), "");
}

TEST_F(BreakerParents, ToolsThatWereNotCalledInTheWindowDoNotCount) {
  for (const char* tool : {"c", "d", "e"}) {
    Call(Tool(tool), ErrorClass::kNone);
  }
  now_ += Milliseconds{60'000};
  Break("a");
  Break("b");
  const auto refused = table_.Admit(Tool("c"), now_);
  EXPECT_EQ(refused.refused_by, "mcp:orders");
  EXPECT_EQ(refused.cause, BreakerCause::kToolsOpen);
  EXPECT_EQ(refused.retry_after, Milliseconds{60'000});
}

TEST_F(BreakerParents, OneOpenToolIsNeverEnough) {
  Break("a");
  EXPECT_EQ(RefusedBy(Tool("b")), "");
}

TEST_F(BreakerParents, OpensAtTransportFailuresOverAnyTools) {
  Call(Tool("a"), ErrorClass::kConnect);
  Call(Tool("b"), ErrorClass::kResetBeforeHeaders);
  const auto events = Call(Tool("c"), ErrorClass::kTimeoutConnect);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].key, "mcp:orders");
  EXPECT_EQ(events[0].event.cause, BreakerCause::kConsecutiveFailures);
  EXPECT_EQ(RefusedBy(Tool("d")), "mcp:orders");
}

TEST_F(BreakerParents, AnyAnswerOfTheServerEndsTheRun) {
  for (const ErrorClass answer :
       {ErrorClass::kNone, ErrorClass::kServerError, ErrorClass::kToolErrorTransient,
        ErrorClass::kTimeoutTotal, ErrorClass::kRateLimited}) {
    table_ = BreakerTable();
    table_.Configure(config_);
    table_.ObserveTools("orders", {"a", "b", "c", "d", "e"});
    Call(Tool("a"), ErrorClass::kConnect);
    Call(Tool("b"), ErrorClass::kConnect);
    Call(Tool("c"), answer);
    Call(Tool("d"), ErrorClass::kConnect);
    EXPECT_EQ(RefusedBy(Tool("e")), "") << ErrorClassName(answer);
  }
  // What says nothing about the server does not: with the failure of tool d there are three.
  Call(Tool("a"), ErrorClass::kClientCancelled);
  Call(Tool("a"), ErrorClass::kConnect);
  Call(Tool("b"), ErrorClass::kLocalOutage);
  Call(Tool("b"), ErrorClass::kConnect);
  EXPECT_EQ(RefusedBy(Tool("e")), "mcp:orders");
}

TEST_F(BreakerParents, ARateLimitOfOneToolHoldsOnlyThatTool) {
  AttemptOutcome limited;
  limited.error_class = ErrorClass::kRateLimited;
  limited.retry_after = Milliseconds{7000};
  const GuardAdmission guard = table_.Admit(Tool("a"), now_);
  table_.Settle(guard.ticket, limited, now_, 0.5);
  EXPECT_EQ(RefusedBy(Tool("a")), "mcp:orders/a");
  EXPECT_EQ(RefusedBy(Tool("b")), "");
}

TEST_F(BreakerParents, AProbeThroughTheParentClosesIt) {
  for (int i = 0; i < 3; ++i) {
    Call(Tool("_other"), ErrorClass::kConnect);
  }
  now_ += Milliseconds{60'000};
  Call(Tool("a"), ErrorClass::kNone);
  const auto events = Call(Tool("b"), ErrorClass::kNone);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].key, "mcp:orders");
  EXPECT_EQ(events[0].event.kind, BreakerEventKind::kClosed);
}

TEST_F(BreakerParents, AFailedProbeOfAnyKindOpensItAgain) {
  for (int i = 0; i < 3; ++i) {
    Call(Tool("a"), ErrorClass::kConnect);
  }
  now_ += Milliseconds{60'000};
  const auto events = Call(Tool("b"), ErrorClass::kServerError);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event.kind, BreakerEventKind::kReopened);
}

TEST_F(BreakerParents, ARuleForSomeToolsIsNoneForTheServer) {
  config_.rules[0].tools = {"a", "b"};
  table_.Configure(config_);
  Break("a");
  Break("b");
  EXPECT_EQ(RefusedBy(Tool("c")), "");
  EXPECT_EQ(table_.size(), 2U);
}

TEST_F(BreakerParents, PlainHttpToolsHaveNone) {
  Call({TargetKind::kHttpTool, "shop", ""}, ErrorClass::kNone);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(BreakerParents, TheAgentHasNoBreakerUnlessARuleSaysSo) {
  EXPECT_TRUE(table_.Admit(kAgent, now_).ticket.empty());
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(BreakerParents, TheAgentOpensAtFivePercentOfTwentyTurnsAndRefusesByItsOwnClass) {
  BreakerRule rule = Rule(BreakerScope::kAgent, "whole");
  rule.parameters.failure_percent = 5;
  rule.parameters.min_calls = 20;
  rule.parameters.open_for = Milliseconds{300'000};
  config_.rules.push_back(rule);
  table_.Configure(config_);
  EXPECT_TRUE(Call(kAgent, ErrorClass::kServerError).empty());  // 1 of 1 is no rate
  for (int i = 1; i < 19; ++i) {
    EXPECT_TRUE(Call(kAgent, ErrorClass::kNone).empty());
  }
  const auto events = Call(kAgent, ErrorClass::kNone);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].key, "agent");
  EXPECT_EQ(events[0].rule, "whole");
  const GuardAdmission refused = table_.Admit(kAgent, now_);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.refusal, ErrorClass::kAgentUnavailable);
  EXPECT_EQ(refused.retry_after, Milliseconds{300'000});
  EXPECT_EQ(RefusedBy(Tool("a")), "");  // it guards turns, not calls
}

TEST_F(BreakerParents, OperationOfARuleIsToldOnceForEachKey) {
  config_.rules[0].operation = BreakerOperation::kForcedOpen;
  config_.rules[0].tools = {"a"};
  config_.rules.push_back(Rule(BreakerScope::kTool, "rest"));
  EXPECT_TRUE(table_.Configure(config_).empty());  // no key yet
  const GuardAdmission first = table_.Admit(Tool("a"), now_);
  ASSERT_EQ(first.events.size(), 1U);
  EXPECT_EQ(first.events[0].event.kind, BreakerEventKind::kForcedOpen);
  EXPECT_EQ(first.refused_by, "mcp:orders/a");
  EXPECT_EQ(first.retry_after, Milliseconds{0});
  EXPECT_TRUE(table_.Refuses(Tool("a"), now_));
  EXPECT_TRUE(table_.Admit(Tool("a"), now_).events.empty());
  EXPECT_EQ(RefusedBy(Tool("b")), "");
  config_.rules[0].operation = BreakerOperation::kAutomatic;
  const auto events = table_.Configure(config_);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event.kind, BreakerEventKind::kAutomatic);
  EXPECT_EQ(RefusedBy(Tool("a")), "");
}

TEST_F(BreakerParents, MetricsOnlySaysWhatItWouldHaveDone) {
  config_.rules[0].operation = BreakerOperation::kMetricsOnly;
  table_.Configure(config_);
  Break("a");
  const GuardAdmission guard = table_.Admit(Tool("a"), now_);
  EXPECT_TRUE(guard.admitted);
  EXPECT_EQ(guard.would_refuse, ErrorClass::kCircuitOpen);
  EXPECT_FALSE(table_.Refuses(Tool("a"), now_));
  for (const BreakerTable::View& view : table_.List(now_)) {
    EXPECT_EQ(view.operation, BreakerOperation::kMetricsOnly);
  }
  // It tries the tool again like any other, but the call is not treated as the only one.
  const GuardAdmission half_open = table_.Admit(Tool("a"), now_ + Milliseconds{60'000});
  ASSERT_EQ(half_open.events.size(), 1U);
  EXPECT_EQ(half_open.events[0].event.kind, BreakerEventKind::kHalfOpened);
  EXPECT_FALSE(half_open.probe);
}

}  // namespace
}  // namespace reliability::policy
