#include "libs/policy/retry_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>

namespace reliability::policy {
namespace {

using std::chrono::seconds;

MonotonicTime At(std::int64_t ms) { return MonotonicTime{Milliseconds{1'000'000 + ms}}; }

int TakeAll(RetryBudget& budget, MonotonicTime now) {
  int taken = 0;
  while (budget.Take({}, now)) {
    ++taken;
  }
  return taken;
}

TEST(RetryBudget, AFewAreAlwaysAllowed) {
  RetryBudget budget;
  EXPECT_EQ(TakeAll(budget, At(0)), 3);
  EXPECT_EQ(TakeAll(budget, At(9'900)), 0);
  EXPECT_EQ(TakeAll(budget, At(11'100)), 3);
}

TEST(RetryBudget, AFifthOfTheFirstAttempts) {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) {
    budget.CountFirst({}, At(i * 50));
  }
  EXPECT_EQ(TakeAll(budget, At(5'000)), 20);
  // The first attempts leave the window before the retries do.
  EXPECT_EQ(TakeAll(budget, At(14'900)), 0);
}

TEST(RetryBudget, SettingsSayHowMuch) {
  RetryBudget budget;
  const RetryBudgetSettings none{.percent = 0, .interval = seconds{10}, .min_retries = 0};
  budget.CountFirst(none, At(0));
  EXPECT_FALSE(budget.Take(none, At(0)));
  const RetryBudgetSettings half{.percent = 50, .interval = seconds{10}, .min_retries = 0};
  budget.CountFirst(half, At(0));
  EXPECT_TRUE(budget.Take(half, At(0)));
  EXPECT_FALSE(budget.Take(half, At(0)));
}

// The bound of the reference: 1.2 attempts a call, and 3 per 10 s.
TEST(RetryBudget, InNoIntervalMoreThanTheRuleAllows) {
  RetryBudget budget;
  std::deque<std::int64_t> firsts;
  std::deque<std::int64_t> retries;
  for (std::int64_t ms = 0; ms < 120'000; ms += 37) {
    if (ms % 5 != 0 || ms % 30'000 < 7'000) {
      budget.CountFirst({}, At(ms));
      firsts.push_back(ms);
    }
    const bool taken = budget.Take({}, At(ms));
    if (taken) {
      retries.push_back(ms);
    }
    while (!firsts.empty() && firsts.front() <= ms - 10'000) {
      firsts.pop_front();
    }
    while (!retries.empty() && retries.front() <= ms - 10'000) {
      retries.pop_front();
    }
    if (taken) {
      ASSERT_LE(retries.size(), std::max<std::size_t>(3, firsts.size() / 5)) << ms;
    }
  }
}

TEST(RetryBudgets, EachTargetHasItsOwn) {
  RetryBudgets budgets;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(budgets.Take("llm:openai/a", At(0)));
  }
  EXPECT_FALSE(budgets.Take("llm:openai/a", At(0)));
  EXPECT_TRUE(budgets.Take("llm:openai/b", At(0)));
}

TEST(RetryBudgets, EqualSettingsKeepTheCounts) {
  RetryBudgets budgets;
  budgets.Configure({.percent = 0, .interval = seconds{10}, .min_retries = 1});
  EXPECT_TRUE(budgets.Take("a", At(0)));
  budgets.Configure({.percent = 0, .interval = seconds{10}, .min_retries = 1});
  EXPECT_FALSE(budgets.Take("a", At(0)));
  budgets.Configure({.percent = 0, .interval = seconds{10}, .min_retries = 2});
  EXPECT_TRUE(budgets.Take("a", At(0)));
}

TEST(RetryBudgets, MemoryIsBounded) {
  RetryBudgets budgets;
  for (int i = 0; i < 1000; ++i) {
    budgets.CountFirst("target-" + std::to_string(i), At(i));
  }
  EXPECT_LE(budgets.size(), RetryBudgets::kMaxTargets);
}

}  // namespace
}  // namespace reliability::policy
