#include "libs/policy/turn_record.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

TEST(TurnRecord, Names) {
  EXPECT_EQ(IdentitySourceName(IdentitySource::kToolCallId), "tool_call_id");
  EXPECT_EQ(IdentitySourceName(IdentitySource::kNone), "none");
  EXPECT_EQ(IdentitySourceName(IdentitySource::kHeader), "header");
  EXPECT_EQ(IdentitySourceName(IdentitySource::kBaggage), "baggage");
  EXPECT_EQ(IdentitySourceName(IdentitySource::kTrace), "trace");
  EXPECT_EQ(IdentitySourceName(IdentitySource::kPrefix), "prefix");
  EXPECT_EQ(IdentitySourceName(IdentitySource::kToolName), "tool_name");
  EXPECT_EQ(TurnEndName(TurnEnd::kAnswered), "answered");
  EXPECT_EQ(TurnEndName(TurnEnd::kTemplate), "template");
  EXPECT_EQ(TurnEndName(TurnEnd::kCut), "cut");
  EXPECT_EQ(TurnEndName(TurnEnd::kAbandoned), "abandoned");
  EXPECT_EQ(TurnEndName(TurnEnd::kReported), "reported");
  EXPECT_EQ(TurnEndName(TurnEnd::kDeadline), "deadline");
  EXPECT_EQ(TurnEndName(TurnEnd::kCancelled), "cancelled");
  EXPECT_EQ(TurnEndName(TurnEnd::kTerminated), "terminated");
  EXPECT_EQ(TurnEndName(TurnEnd::kEvicted), "evicted");
  EXPECT_EQ(TurnEndName(TurnEnd::kRefused), "refused");
  EXPECT_EQ(TurnResultName(TurnResult::kNone), "none");
  EXPECT_EQ(TurnResultName(TurnResult::kSuccess), "success");
  EXPECT_EQ(TurnResultName(TurnResult::kFailure), "failure");
}

}  // namespace
}  // namespace reliability::policy
