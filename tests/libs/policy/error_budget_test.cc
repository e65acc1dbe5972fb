#include "libs/policy/error_budget.h"

#include <gtest/gtest.h>

#include "libs/policy/slo_bands.h"

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr SystemTime kNow{Milliseconds{1'800'000'000'000}};

Objective Percent(const char* text) { return *Objective::ParsePercent(text); }
BudgetState StateOf(const ErrorBudget& budget) {
  BudgetBand band;
  return band.Update(budget, kNow, minutes{15});
}

// requirements.md section 19, by number.
TEST(WorkedExample1, SixtyOfAThousandAt95) {
  const ErrorBudget budget(Percent("95"), {1000, 60});
  EXPECT_EQ(budget.allowed(), 50);
  EXPECT_EQ(budget.remaining(), -0.2);
  EXPECT_EQ(budget.burn_rate(), 1.2);
  EXPECT_EQ(StateOf(budget), BudgetState::kExhausted);
  EXPECT_EQ(Name(Advise(budget, Pace(budget.consumed(), hours{24}, hours{24}))), "throttle");
}

TEST(WorkedExample2, SignedBudgets) {
  const ErrorBudget missed(Percent("95"), {100, 8});  // 92 % seen
  EXPECT_EQ(missed.remaining(), -0.6);
  EXPECT_EQ(missed.burn_rate(), 1.6);
  const ErrorBudget one(Percent("95"), {1000, 1});
  EXPECT_EQ(one.remaining(), 0.98);
  EXPECT_EQ(one.burn_rate(), 0.02);
  EXPECT_EQ(StateOf(one), BudgetState::kHealthy);
  const ErrorBudget spent(Percent("95"), {1000, 50});
  EXPECT_EQ(spent.remaining(), 0);
  EXPECT_EQ(StateOf(spent), BudgetState::kExhausted);
}

TEST(WorkedExample3, PaceRule) {
  const ErrorBudget budget(Percent("92"), {1000, 64});  // 1,000 expected in the 30 days
  EXPECT_EQ(budget.allowed(), 80);
  EXPECT_EQ(budget.consumed(), 0.8);
  EXPECT_EQ(budget.remaining(), 0.2);
  const double pace = Pace(budget.consumed(), hours{24 * 15}, hours{24 * 30});
  EXPECT_DOUBLE_EQ(pace, 1.6);
  EXPECT_EQ(Name(Advise(budget, pace)), "freeze");
  EXPECT_EQ(BudgetSeverity(budget), Severity::kWarning);
}

TEST(WorkedExample4, TimeBudgets) {
  EXPECT_EQ(TimeBudget(Percent("99.9"), hours{24 * 30}), std::chrono::seconds{2592});  // 43.2 min
  EXPECT_EQ(TimeBudget(Percent("99"), hours{24 * 30}), minutes{432});                  // 7.2 h
}

TEST(WorkedExample14, BudgetBands) {
  const auto left = [](std::uint64_t percent_times_10) {
    return ErrorBudget(Percent("95"), {20'000, 1000 - percent_times_10});
  };
  EXPECT_EQ(BudgetSeverity(left(250)), Severity::kNone);
  EXPECT_EQ(BudgetSeverity(left(249)), Severity::kWarning);
  EXPECT_EQ(BudgetSeverity(left(100)), Severity::kWarning);
  EXPECT_EQ(BudgetSeverity(left(99)), Severity::kCritical);
  EXPECT_EQ(StateOf(left(250)), BudgetState::kHealthy);
  EXPECT_EQ(StateOf(left(249)), BudgetState::kAtRisk);
  EXPECT_EQ(StateOf(left(99)), BudgetState::kCritical);
}

TEST(WorkedExample20, HalfBadAndNoData) {
  EXPECT_EQ((EventCounts{100, 50}).BadRatio(), 0.5);
  const ErrorBudget none(Percent("95"), {});
  EXPECT_FALSE(none.known());
  EXPECT_FALSE(none.exhausted());
  EXPECT_EQ(none.burn_rate(), 0);
  EXPECT_EQ(none.consumed(), 0);
  EXPECT_EQ(BudgetSeverity(none), Severity::kNone);
  EXPECT_EQ(StateOf(none), BudgetState::kUnknown);
}

TEST(ErrorBudget, OneFailureMustNotBeTheWholeBudget) {
  EXPECT_FALSE(ErrorBudget(Percent("95"), {19, 0}).evaluable());
  EXPECT_TRUE(ErrorBudget(Percent("95"), {20, 0}).evaluable());
}

TEST(ErrorBudget, TimeToExhaustion) {
  EXPECT_EQ(TimeToExhaustion(1, 14.4, hours{720}), hours{50});
  EXPECT_EQ(TimeToExhaustion(0.5, 14.4, hours{720}), hours{25});
  EXPECT_FALSE(TimeToExhaustion(0.5, 1, hours{720}).has_value());
  EXPECT_FALSE(TimeToExhaustion(-0.1, 5, hours{720}).has_value());
}

TEST(ErrorBudget, AdviceNamesThemselves) {
  const ErrorBudget healthy(Percent("95"), {1000, 1});
  EXPECT_EQ(Advise(healthy, 9), Advice::kNone);
  EXPECT_EQ(Name(Advice::kNone), "none");
}

}  // namespace
}  // namespace reliability::policy
