// Budgets of tokens and money: data-plane.md 2.12, data-plane rulings 8, 39 and 40.
#include "libs/policy/cost_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "libs/base/rng.h"

namespace reliability::policy {
namespace {

constexpr std::int64_t kDay = 20'000;
const SystemTime kNoon = SystemTime(std::chrono::days{kDay}) + std::chrono::hours{12};
constexpr NanoUsd kCent = 10'000'000;

// One dollar for a million tokens of any kind: 1,000 nano-USD a token.
CostSettings Settings() {
  CostSettings settings;
  const NanoUsd dollar = 1'000'000'000;
  settings.prices = {{"openai", "m", {dollar, dollar, dollar, dollar}},
                     {"openai", "small", {dollar / 10, dollar / 10, dollar / 10, dollar / 10}}};
  return settings;
}

CostAsk Ask(std::int64_t input, std::int64_t output, std::string session = {}) {
  return {.counted = true,
          .session = std::move(session),
          .estimate = {.input = input, .output = output}};
}

AnswerUsage Reported(std::int64_t input, std::int64_t output) {
  return {.kind = UsageKind::kReported,
          .counts = {.input = input, .output = output},
          .output_bytes = 0};
}

class Budgets : public testing::Test {
 protected:
  BudgetScope Reserve(const CostAsk& ask, TurnHandle turn = 1, SystemTime now = kNoon,
                      const char* model = "m", bool force = false) {
    held_ = {};
    verdict_ = budgets_.Reserve(ask, turn, "openai", model, force, now, held_);
    EXPECT_EQ(held_.held, force || verdict_.refused_by == BudgetScope::kNone);
    return verdict_.refused_by;
  }
  CostBudgets::Billed Settle(const AnswerUsage& usage, SystemTime now = kNoon) {
    const auto billed = budgets_.Book(held_, usage, now);
    budgets_.Release(held_, now);
    return billed;
  }

  CostBudgets budgets_;
  Reservation held_;
  CostBudgets::Verdict verdict_;
};

TEST(BudgetScope, Names) {
  EXPECT_EQ(BudgetScopeName(BudgetScope::kNone), "none");
  EXPECT_EQ(BudgetScopeName(BudgetScope::kTurn), "perTurn");
  EXPECT_EQ(BudgetScopeName(BudgetScope::kSession), "perSession");
  EXPECT_EQ(BudgetScopeName(BudgetScope::kDay), "perDay");
  EXPECT_EQ(BudgetScopeName(BudgetScope::kPrice), "onUnknownCost");
}

TEST(CostSettings, AreActiveWithAnyBudgetOrPrice) {
  EXPECT_FALSE(CostSettings{}.active());
  for (BudgetLimit CostSettings::* scope :
       {&CostSettings::per_turn, &CostSettings::per_session, &CostSettings::per_day}) {
    CostSettings tokens;
    (tokens.*scope).tokens = 1;
    EXPECT_TRUE(tokens.active());
    EXPECT_FALSE(tokens.money());
    CostSettings usd;
    (usd.*scope).usd = 1;
    EXPECT_TRUE(usd.active());
    EXPECT_TRUE(usd.money());
  }
  EXPECT_TRUE(Settings().active());
  CostSettings strict;
  strict.reject_unknown = true;
  EXPECT_TRUE(strict.money());
}

TEST(Estimate, FollowsRuling40) {
  struct Case {
    RequestSize size;
    std::int64_t input;
    std::int64_t output;
  };
  for (const Case& c : {
           Case{{}, 0, 1024},                                      // assumedOutputTokens
           Case{{.text_bytes = 7}, 2, 1024},                       // 3.5 bytes a token
           Case{{.text_bytes = 8}, 3, 1024},                       // rounded up
           Case{{.text_bytes = 7, .media_parts = 2}, 3002, 1024},  // 1,500 a media part
           Case{{.max_output = 50}, 0, 50},                        // max_tokens
           Case{{.max_output = 50, .answers = 3}, 0, 150},         // n
           Case{{.max_output = 5'000'000'000}, 0, kMaxTokens},     // absurd, bounded
           Case{{.text_bytes = std::int64_t{1} << 40U}, kMaxTokens, 1024},
       }) {
    const TokenCounts tokens = EstimateTokens(c.size, 1024);
    EXPECT_EQ(tokens.input, c.input);
    EXPECT_EQ(tokens.output, c.output);
  }
}

TEST_F(Budgets, ACallThatDoesNotFitIsRefusedByTheNarrowestBudget) {
  struct Case {
    const char* name;
    BudgetLimit turn;
    BudgetLimit session;
    BudgetLimit day;
    BudgetScope refused_by;
  };
  const BudgetLimit few{.tokens = 99, .usd = {}};
  const BudgetLimit enough{.tokens = 100, .usd = 100'000};
  const BudgetLimit poor{.tokens = {}, .usd = 99'999};
  for (const Case& c : {Case{"no budgets", {}, {}, {}, BudgetScope::kNone},
                        Case{"fits exactly", enough, enough, enough, BudgetScope::kNone},
                        Case{"tokens of a turn", few, enough, enough, BudgetScope::kTurn},
                        Case{"money of a turn", poor, enough, enough, BudgetScope::kTurn},
                        Case{"tokens of a session", enough, few, enough, BudgetScope::kSession},
                        Case{"money of a session", enough, poor, enough, BudgetScope::kSession},
                        Case{"tokens of a day", enough, enough, few, BudgetScope::kDay},
                        Case{"money of a day", enough, enough, poor, BudgetScope::kDay}}) {
    budgets_ = CostBudgets();
    CostSettings settings = Settings();
    settings.per_turn = c.turn;
    settings.per_session = c.session;
    settings.per_day = c.day;
    budgets_.Configure(settings);
    EXPECT_EQ(Reserve(Ask(60, 40, "s")), c.refused_by) << c.name;
    EXPECT_EQ(verdict_.retry_after.has_value(), c.refused_by == BudgetScope::kDay) << c.name;
  }
}

TEST_F(Budgets, WithoutATurnOrASessionTheirBudgetsDoNotApply) {
  CostSettings settings = Settings();
  settings.per_turn.tokens = 10;
  settings.per_session.tokens = 10;
  budgets_.Configure(settings);
  EXPECT_EQ(Reserve(Ask(60, 40), 0), BudgetScope::kNone);
  EXPECT_EQ(Reserve(Ask(60, 40), 1), BudgetScope::kTurn);
  EXPECT_EQ(Reserve(Ask(60, 40, "s"), 0), BudgetScope::kSession);
}

TEST_F(Budgets, CallsThatRunTogetherCannotOverdraw) {
  CostSettings settings = Settings();
  settings.per_day.tokens = 250;
  budgets_.Configure(settings);
  Reservation first;
  Reservation second;
  EXPECT_EQ(budgets_.Reserve(Ask(60, 40), 1, "openai", "m", false, kNoon, first).refused_by,
            BudgetScope::kNone);
  EXPECT_EQ(budgets_.Reserve(Ask(60, 40), 2, "openai", "m", false, kNoon, second).refused_by,
            BudgetScope::kNone);
  EXPECT_EQ(budgets_.Day(kNoon).reserved, (Amount{200, 200'000}));
  EXPECT_EQ(Reserve(Ask(60, 40), 3), BudgetScope::kDay);
  // The first one needed less than it held.
  (void)budgets_.Book(first, Reported(30, 5), kNoon);
  budgets_.Release(first, kNoon);
  EXPECT_EQ(budgets_.Day(kNoon).spend.spent, (Amount{35, 35'000}));
  EXPECT_EQ(Reserve(Ask(60, 40), 3), BudgetScope::kNone);
}

TEST_F(Budgets, EachAttemptThatWasBilledCountsAndTheOthersDoNot) {
  CostSettings settings = Settings();
  settings.per_turn.tokens = 1'000;
  budgets_.Configure(settings);
  ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
  EXPECT_FALSE(budgets_.Book(held_, {}, kNoon).any);              // refused with a 503
  EXPECT_TRUE(budgets_.Book(held_, Reported(60, 3), kNoon).any);  // failed, but told its tokens
  const auto billed = Settle(Reported(60, 7));
  EXPECT_EQ(billed.tokens, (TokenCounts{.input = 60, .output = 7}));
  EXPECT_EQ(billed.usd, 67'000);
  EXPECT_FALSE(billed.estimated);
  EXPECT_EQ(budgets_.Day(kNoon).spend.spent.tokens, 130);
  EXPECT_EQ(budgets_.Day(kNoon).reserved, Amount{});
}

TEST_F(Budgets, WhatNobodyToldIsEstimatedAndFlagged) {
  struct Case {
    const char* name;
    AnswerUsage usage;
    TokenCounts tokens;
  };
  for (const Case& c : {Case{"a cut stream: the prompt as reserved, the answer by its bytes",
                             {.kind = UsageKind::kPartial, .counts = {}, .output_bytes = 35},
                             {.input = 60, .output = 10}},
                        Case{"a cut stream that told its prompt",
                             {.kind = UsageKind::kPartial,
                              .counts = {.input = 5, .cached_input = 50, .output = 1},
                              .output_bytes = 35},
                             {.input = 5, .cached_input = 50, .output = 10}},
                        Case{"an answer that cannot be read: all that was reserved",
                             {.kind = UsageKind::kUnread, .counts = {}, .output_bytes = 0},
                             {.input = 60, .output = 40}}}) {
    budgets_ = CostBudgets();
    budgets_.Configure(Settings());
    ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
    const auto billed = Settle(c.usage);
    EXPECT_EQ(billed.tokens, c.tokens) << c.name;
    EXPECT_TRUE(billed.estimated) << c.name;
  }
}

TEST_F(Budgets, AnUnknownPriceIsAdmittedAndFlaggedNeverZero) {
  CostSettings settings = Settings();
  settings.per_turn.usd = 1;
  settings.per_turn.tokens = 150;
  budgets_.Configure(settings);
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "m"), BudgetScope::kTurn);
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "other"), BudgetScope::kNone);
  EXPECT_TRUE(verdict_.unknown_price);
  const auto billed = Settle(Reported(60, 40));
  EXPECT_TRUE(billed.unknown_price);
  EXPECT_EQ(billed.usd, 0);
  // Its tokens are known.
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "other"), BudgetScope::kTurn);
}

TEST_F(Budgets, AnUnknownPriceIsRefusedIfThePolicySaysSo) {
  CostSettings settings = Settings();
  settings.reject_unknown = true;
  budgets_.Configure(settings);
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "m"), BudgetScope::kNone);
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "other"), BudgetScope::kPrice);
}

TEST_F(Budgets, WithBudgetsOfTokensAloneNoPriceIsMissing) {
  CostSettings settings;
  settings.per_turn.tokens = 1'000;
  budgets_.Configure(settings);
  ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
  EXPECT_FALSE(Settle(Reported(60, 40)).unknown_price);
}

TEST_F(Budgets, ACheaperModelMayStillFit) {
  CostSettings settings = Settings();
  settings.per_turn.usd = 50'000;
  budgets_.Configure(settings);
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "m"), BudgetScope::kTurn);
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "small"), BudgetScope::kNone);
}

TEST_F(Budgets, ObserveReservesWhatDoesNotFit) {
  CostSettings settings = Settings();
  settings.per_day.tokens = 10;
  budgets_.Configure(settings);
  EXPECT_EQ(Reserve(Ask(60, 40), 1, kNoon, "m", true), BudgetScope::kDay);
  EXPECT_EQ(Settle(Reported(60, 40)).tokens.total(), 100);
  EXPECT_EQ(budgets_.Day(kNoon).spend.spent.tokens, 100);
}

TEST_F(Budgets, TheDayEndsAtMidnightUtcAndAReservationSettlesIntoItsOwn) {
  CostSettings settings = Settings();
  settings.per_day.tokens = 100;
  budgets_.Configure(settings);
  const SystemTime late = SystemTime(std::chrono::days{kDay + 1}) - std::chrono::seconds{2};
  const SystemTime early = SystemTime(std::chrono::days{kDay + 1});
  ASSERT_EQ(Reserve(Ask(60, 40), 1, late), BudgetScope::kNone);
  const Reservation yesterday = held_;
  EXPECT_EQ(Reserve(Ask(1, 0), 2, late), BudgetScope::kDay);
  EXPECT_EQ(verdict_.retry_after, Milliseconds{2000});
  EXPECT_EQ(Reserve(Ask(60, 40), 2, early), BudgetScope::kNone);
  (void)budgets_.Book(yesterday, Reported(60, 40), early);
  budgets_.Release(yesterday, early);
  EXPECT_EQ(budgets_.Day(early).spend, (DaySpend{kDay + 1, {}}));
  EXPECT_EQ(budgets_.Day(early).reserved.tokens, 100);
}

TEST_F(Budgets, TheDayNeverMovesBack) {
  CostSettings settings = Settings();
  settings.per_day.tokens = 100;
  budgets_.Configure(settings);
  ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
  (void)Settle(Reported(60, 40));
  EXPECT_EQ(Reserve(Ask(1, 0), 2, kNoon - std::chrono::days{3}), BudgetScope::kDay);
  EXPECT_EQ(budgets_.Day(kNoon - std::chrono::days{3}).spend, (DaySpend{kDay, {100, 100'000}}));
}

TEST_F(Budgets, TheDaySurvivesARestart) {
  CostSettings settings = Settings();
  settings.per_day.tokens = 100;
  budgets_.Configure(settings);
  budgets_.Restore({kDay, {.tokens = 70, .usd = kCent}});
  EXPECT_EQ(Reserve(Ask(20, 11)), BudgetScope::kDay);
  EXPECT_EQ(Reserve(Ask(20, 10)), BudgetScope::kNone);
  // What was spent yesterday is no matter.
  budgets_ = CostBudgets();
  budgets_.Configure(settings);
  budgets_.Restore({kDay - 1, {.tokens = 70, .usd = kCent}});
  EXPECT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
}

TEST_F(Budgets, ATurnIsForgottenAndASessionIsNot) {
  CostSettings settings = Settings();
  settings.per_turn.tokens = 100;
  settings.per_session.tokens = 150;
  budgets_.Configure(settings);
  ASSERT_EQ(Reserve(Ask(60, 40, "s"), 1), BudgetScope::kNone);
  budgets_.TurnEnded(1);
  (void)Settle(Reported(60, 40));
  EXPECT_EQ(Reserve(Ask(60, 40, "s"), 2), BudgetScope::kSession);
  EXPECT_EQ(Reserve(Ask(60, 40, "t"), 2), BudgetScope::kNone);
}

TEST_F(Budgets, AnotherPolicyKeepsWhatIsSpentAndReserved) {
  CostSettings settings = Settings();
  settings.per_day.tokens = 250;
  budgets_.Configure(settings);
  ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
  (void)Settle(Reported(60, 40));
  ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
  settings.per_day.tokens = 200;
  budgets_.Configure(settings);
  EXPECT_EQ(budgets_.Day(kNoon).spend.spent.tokens, 100);
  EXPECT_EQ(budgets_.Day(kNoon).reserved.tokens, 100);
  EXPECT_EQ(Reserve(Ask(1, 0), 2), BudgetScope::kDay);
}

TEST_F(Budgets, AnOrderNarrowsTurnsAndNeverWidensThem) {
  struct Case {
    const char* name;
    BudgetLimit policy;
    BudgetLimit order;
    BudgetScope refused_by;
    bool by_order;
  };
  const BudgetLimit wide{.tokens = 1'000, .usd = kCent};
  const BudgetLimit few{.tokens = 99, .usd = {}};
  const BudgetLimit poor{.tokens = {}, .usd = 99'999};
  for (const Case& c : {
           Case{"no order", wide, {}, BudgetScope::kNone, false},
           Case{"fewer tokens", wide, few, BudgetScope::kTurn, true},
           Case{"less money", wide, poor, BudgetScope::kTurn, true},
           Case{"without a budget of the policy", {}, few, BudgetScope::kTurn, true},
           Case{"enough for this call",
                {},
                {.tokens = 100, .usd = 100'000},
                BudgetScope::kNone,
                false},
           Case{"a wider order", few, wide, BudgetScope::kTurn, false},
           Case{"both too narrow", few, poor, BudgetScope::kTurn, false},
       }) {
    budgets_ = CostBudgets();
    CostSettings settings = Settings();
    settings.per_turn = c.policy;
    // In any sequence: a policy may be loaded while the order is in force.
    budgets_.LimitTurns(c.order);
    budgets_.Configure(settings);
    EXPECT_EQ(Reserve(Ask(60, 40)), c.refused_by) << c.name;
    EXPECT_EQ(verdict_.by_order, c.by_order) << c.name;
    budgets_.LimitTurns({});
    budgets_.LimitTurns(c.order);
    EXPECT_EQ(Reserve(Ask(60, 40), 2), c.refused_by) << c.name;
    // What belongs to no turn has no turn's budget.
    EXPECT_EQ(Reserve(Ask(60, 40), 0), BudgetScope::kNone) << c.name;
  }
}

TEST_F(Budgets, AnOrderCountsWhatARunningTurnUsedBeforeAndTakesNothingBack) {
  CostSettings settings = Settings();
  settings.per_day.tokens = 100'000;  // and none of turns
  budgets_.Configure(settings);
  ASSERT_EQ(Reserve(Ask(60, 40), 1), BudgetScope::kNone);
  (void)Settle(Reported(60, 40));
  ASSERT_EQ(Reserve(Ask(60, 40), 1), BudgetScope::kNone);
  const Reservation running = held_;
  budgets_.LimitTurns({.tokens = 150});
  EXPECT_EQ(Reserve(Ask(1, 0), 1), BudgetScope::kTurn);
  EXPECT_EQ(Reserve(Ask(60, 40), 2), BudgetScope::kNone);  // a turn of its own
  budgets_.Release(held_, kNoon);
  // The call that runs keeps its reservation, and is booked though the turn is over its limit.
  EXPECT_EQ(budgets_.Day(kNoon).reserved.tokens, 100);
  EXPECT_EQ(budgets_.Book(running, Reported(60, 40), kNoon).tokens.total(), 100);
  budgets_.Release(running, kNoon);
  EXPECT_EQ(Reserve(Ask(1, 0), 1), BudgetScope::kTurn);
  budgets_.LimitTurns({});
  EXPECT_EQ(Reserve(Ask(60, 40), 1), BudgetScope::kNone);
}

TEST_F(Budgets, AnOrderOfMoneyFlagsCallsWithoutAPrice) {
  budgets_.Configure({});
  ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
  EXPECT_FALSE(Settle(Reported(60, 40)).unknown_price);
  budgets_.LimitTurns({.usd = 1});
  ASSERT_EQ(Reserve(Ask(60, 40)), BudgetScope::kNone);
  EXPECT_TRUE(Settle(Reported(60, 40)).unknown_price);
}

// Whatever the order of reserving, billing, releasing, midnights and ends of turns.
TEST_F(Budgets, NoBudgetIsEverOverdrawnByCallsThatKeepToTheirEstimates) {
  const std::unique_ptr<Rng> rng = MakeRng(20261125);
  CostSettings settings = Settings();
  settings.per_turn.tokens = 400;
  settings.per_session.tokens = 700;
  settings.per_day = {.tokens = 1'500, .usd = 1'400'000};
  budgets_.Configure(settings);
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(rng->Next() % bound);
  };
  SystemTime now = kNoon;
  std::vector<Reservation> running;
  int refused = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += Milliseconds{below(30'000)};
    if (below(2) == 0 || running.empty()) {
      Reservation held;
      const CostAsk ask = Ask(below(60), below(60), "s" + std::to_string(step / 400));
      const auto turn = static_cast<TurnHandle>(below(8));
      const auto verdict = budgets_.Reserve(ask, turn, "openai", "m", false, now, held);
      ASSERT_EQ(held.held, verdict.refused_by == BudgetScope::kNone);
      refused += held.held ? 0 : 1;
      if (held.held) {
        running.push_back(held);
      }
    } else {
      const auto at = static_cast<std::size_t>(below(running.size()));
      const Reservation held = running[at];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
      if (below(4) != 0) {
        (void)budgets_.Book(held, Reported(held.estimate.input, held.estimate.output), now);
      }
      budgets_.Release(held, now);
    }
    if (below(50) == 0) {
      budgets_.TurnEnded(static_cast<TurnHandle>(below(8)));
    }
    const auto day = budgets_.Day(now);
    ASSERT_GE(day.reserved.tokens, 0);
    ASSERT_LE(day.spend.spent.tokens + day.reserved.tokens, 1'500);
    ASSERT_LE(day.spend.spent.usd + day.reserved.usd, 1'400'000);
  }
  EXPECT_GT(refused, 1'000);
  for (const Reservation& held : running) {
    budgets_.Release(held, now);
  }
  EXPECT_EQ(budgets_.Day(now).reserved, Amount{});
}

TEST_F(Budgets, SessionsAreBoundedTheLeastRecentGoesFirst) {
  CostSettings settings = Settings();
  settings.per_session.tokens = 100;
  budgets_.Configure(settings);
  for (std::size_t i = 0; i < CostBudgets::kMaxSessions + 50; ++i) {
    ASSERT_EQ(Reserve(Ask(60, 40, "s" + std::to_string(i)), 0), BudgetScope::kNone);
  }
  EXPECT_EQ(budgets_.sessions(), CostBudgets::kMaxSessions);
  EXPECT_EQ(Reserve(Ask(1, 0, "s1073"), 0), BudgetScope::kSession);
  EXPECT_EQ(Reserve(Ask(1, 0, "s0"), 0), BudgetScope::kNone);
}

}  // namespace
}  // namespace reliability::policy
