// Two bounds at once, as mode Degraded narrows the policy's budgets of turns.
#include "libs/policy/budget_limit.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

TEST(BudgetLimit, OfTwoTheSmallerHoldsForEachUnit) {
  struct Case {
    const char* name;
    BudgetLimit policy;
    BudgetLimit order;
    BudgetLimit both;
  };
  for (const Case& c : {
           Case{"none", {}, {}, {}},
           Case{"the policy's alone", {.tokens = 9, .usd = 5}, {}, {.tokens = 9, .usd = 5}},
           Case{"the order's alone", {}, {.tokens = 9, .usd = 5}, {.tokens = 9, .usd = 5}},
           Case{"a smaller order", {.tokens = 9}, {.tokens = 4}, {.tokens = 4}},
           Case{"never larger",
                {.tokens = 4, .usd = 1},
                {.tokens = 9, .usd = 5},
                {.tokens = 4, .usd = 1}},
           Case{"each unit by itself",
                {.tokens = 9, .usd = 1},
                {.tokens = 4, .usd = 5},
                {.tokens = 4, .usd = 1}},
           Case{"different units", {.tokens = 9}, {.usd = 5}, {.tokens = 9, .usd = 5}},
           Case{"nothing at all is a limit", {.tokens = 9}, {.tokens = 0}, {.tokens = 0}},
       }) {
    EXPECT_EQ(Narrower(c.policy, c.order), c.both) << c.name;
    EXPECT_EQ(Narrower(c.order, c.policy), c.both) << c.name;
  }
}

}  // namespace
}  // namespace reliability::policy
