#include "libs/api/conditions.h"

#include <gtest/gtest.h>

#include "libs/api/encode.h"
#include "libs/base/duration.h"

namespace reliability::api {
namespace {

SystemTime At(const char* text) { return *ParseRfc3339(text); }

Condition Accepted(ConditionStatus status, std::string message) {
  Condition condition;
  condition.type = "Accepted";
  condition.status = status;
  condition.reason = status == ConditionStatus::kTrue ? "Accepted" : "TargetNotFound";
  condition.message = std::move(message);
  condition.observed_generation = 3;
  return condition;
}

TEST(Conditions, FirstSetTakesNowInWholeSeconds) {
  Conditions conditions;
  EXPECT_TRUE(SetCondition(conditions, Accepted(ConditionStatus::kTrue, "ok"),
                           At("2026-01-02T03:04:05.678Z")));
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].last_transition_time, At("2026-01-02T03:04:05Z"));
  EXPECT_TRUE(IsTrue(conditions, "Accepted"));
  EXPECT_FALSE(IsTrue(conditions, "Programmed"));
}

TEST(Conditions, SameAgainIsNoChange) {
  Conditions conditions;
  SetCondition(conditions, Accepted(ConditionStatus::kTrue, "ok"), At("2026-01-02T03:04:05Z"));
  EXPECT_FALSE(
      SetCondition(conditions, Accepted(ConditionStatus::kTrue, "ok"), At("2026-01-02T04:00:00Z")));
  EXPECT_EQ(conditions[0].last_transition_time, At("2026-01-02T03:04:05Z"));
}

TEST(Conditions, NewMessageKeepsTheTransitionTime) {
  Conditions conditions;
  SetCondition(conditions, Accepted(ConditionStatus::kTrue, "ok"), At("2026-01-02T03:04:05Z"));
  EXPECT_TRUE(SetCondition(conditions, Accepted(ConditionStatus::kTrue, "still ok"),
                           At("2026-01-02T04:00:00Z")));
  EXPECT_EQ(conditions[0].message, "still ok");
  EXPECT_EQ(conditions[0].last_transition_time, At("2026-01-02T03:04:05Z"));
}

TEST(Conditions, NewStatusMovesTheTransitionTime) {
  Conditions conditions;
  SetCondition(conditions, Accepted(ConditionStatus::kTrue, "ok"), At("2026-01-02T03:04:05Z"));
  EXPECT_TRUE(SetCondition(conditions, Accepted(ConditionStatus::kFalse, "gone"),
                           At("2026-01-02T04:00:00Z")));
  EXPECT_EQ(conditions[0].last_transition_time, At("2026-01-02T04:00:00Z"));
  EXPECT_FALSE(IsTrue(conditions, "Accepted"));
}

TEST(Conditions, LongMessagesAreCutBetweenCharacters) {
  Conditions conditions;
  std::string message(32767, 'a');
  message += "\xc3\xa4";  // two bytes, of which one would fit
  SetCondition(conditions, Accepted(ConditionStatus::kTrue, message), At("2026-01-02T03:04:05Z"));
  EXPECT_EQ(conditions[0].message, std::string(32767, 'a'));
}

TEST(Conditions, Remove) {
  Conditions conditions;
  SetCondition(conditions, Accepted(ConditionStatus::kTrue, "ok"), At("2026-01-02T03:04:05Z"));
  EXPECT_TRUE(RemoveCondition(conditions, "Accepted"));
  EXPECT_FALSE(RemoveCondition(conditions, "Accepted"));
  EXPECT_EQ(FindCondition(conditions, "Accepted"), nullptr);
}

TEST(Conditions, JsonHasEveryRequiredFieldEvenIfEmpty) {
  Condition condition;
  condition.type = "Accepted";
  EXPECT_EQ(ToJson(condition).dump(),
            R"({"lastTransitionTime":"1970-01-01T00:00:00Z","message":"","observedGeneration":0,)"
            R"("reason":"","status":"Unknown","type":"Accepted"})");
}

}  // namespace
}  // namespace reliability::api
