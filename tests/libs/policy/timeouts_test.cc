#include "libs/policy/timeouts.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

constexpr Milliseconds kTool{5000};
constexpr Milliseconds kLlm{10'000};
constexpr Milliseconds kTurn{15'000};
constexpr Milliseconds kReserve{3000};

TurnBudget After(Milliseconds used) { return {kTurn - used, kReserve}; }

TEST(Timeouts, Example6TwelveOfFifteenSecondsUsedRefusesATool) {
  EXPECT_FALSE(ResolveToolLimit(kTool, After(Milliseconds{12'000}), std::nullopt).allowed);
}

int ToolsThatRun(Milliseconds each) {
  Milliseconds used{0};
  int count = 0;
  while (true) {
    const AttemptLimit limit = ResolveToolLimit(kTool, After(used), std::nullopt);
    if (!limit.allowed || limit.limit < each) {
      return count;
    }
    used += each;
    ++count;
  }
}

TEST(Timeouts, Example7SequentialTools) {
  EXPECT_EQ(ToolsThatRun(Milliseconds{3000}), 4);
  EXPECT_EQ(ToolsThatRun(Milliseconds{4000}), 3);
  EXPECT_FALSE(ResolveToolLimit(kTool, After(Milliseconds{12'000}), std::nullopt).allowed);
}

TEST(Timeouts, Example9NextTierGetsWhatTheTurnHasLeft) {
  const AttemptLimit last = ResolveLlmLimit(kLlm, After(Milliseconds{10'000}), false, std::nullopt);
  EXPECT_TRUE(last.allowed);
  EXPECT_LE(last.limit, Milliseconds{5000});
  EXPECT_EQ(last.limit, Milliseconds{4800});
  EXPECT_EQ(last.source, LimitSource::kTurn);
}

TEST(Timeouts, ATargetWithALaterOneLeavesTheReserve) {
  // data-plane.md 2.5: target 1 silent to 8 s; target 2 gets min(10, 7 - 3) = 4 s.
  EXPECT_EQ(ResolveLlmLimit(kLlm, After(Milliseconds{8000}), true, std::nullopt).limit,
            Milliseconds{4000});
}

TEST(Timeouts, ToolNeedsAWholeSecondBesidesTheReserve) {
  const AttemptLimit just = ResolveToolLimit(kTool, After(Milliseconds{11'000}), std::nullopt);
  EXPECT_TRUE(just.allowed);
  EXPECT_EQ(just.limit, Milliseconds{1000});
  EXPECT_EQ(just.source, LimitSource::kTurn);
  EXPECT_FALSE(ResolveToolLimit(kTool, After(Milliseconds{11'001}), std::nullopt).allowed);
}

TEST(Timeouts, SmallestOfComponentTurnAndClientWins) {
  EXPECT_EQ(ResolveToolLimit(kTool, std::nullopt, std::nullopt).limit, kTool);
  EXPECT_EQ(ResolveToolLimit(kTool, After(Milliseconds{0}), std::nullopt).source,
            LimitSource::kComponent);
  const AttemptLimit client =
      ResolveLlmLimit(kLlm, After(Milliseconds{0}), false, Milliseconds{2000});
  EXPECT_EQ(client.limit, Milliseconds{2000});
  EXPECT_EQ(client.source, LimitSource::kClient);
  EXPECT_EQ(ResolveLlmLimit(kLlm, std::nullopt, false, Milliseconds{0}).limit, kLlm);
}

TEST(Timeouts, NoTimeLeftRefusesTheLlmCallToo) {
  EXPECT_FALSE(ResolveLlmLimit(kLlm, After(Milliseconds{14'800}), false, std::nullopt).allowed);
  EXPECT_TRUE(ResolveLlmLimit(kLlm, After(Milliseconds{14'799}), false, std::nullopt).allowed);
}

TEST(Timeouts, TheUpstreamIsNotBlamedForATurnThatRanOut) {
  EXPECT_EQ(ClassOfExpiry(LimitSource::kComponent), ErrorClass::kTimeoutTotal);
  EXPECT_EQ(ClassOfExpiry(LimitSource::kTurn), ErrorClass::kDeadlineExceeded);
  EXPECT_EQ(ClassOfExpiry(LimitSource::kClient), ErrorClass::kDeadlineExceeded);
}

TEST(Timeouts, AProbeIsOverWhereACallWouldBeSlow) {
  const AttemptLimit own{true, kLlm, LimitSource::kComponent};
  for (const bool later : {false, true}) {
    const AttemptLimit probe = ShortenForProbe(own, kLlm, later);
    EXPECT_TRUE(probe.allowed);
    EXPECT_EQ(probe.limit, SlowShareOf(kLlm));
    EXPECT_EQ(probe.limit, Milliseconds{8000});
    EXPECT_EQ(probe.source, LimitSource::kComponent);
  }
  EXPECT_EQ(ShortenForProbe({true, Milliseconds{1}, LimitSource::kComponent}, Milliseconds{1}, true)
                .limit,
            Milliseconds{1});
}

TEST(Timeouts, WhatTheTurnLeavesAProbeIsCutOnlyForAnotherPlace) {
  // More than a slow call takes: the upstream is to blame.
  const AttemptLimit long_turn{true, Milliseconds{9000}, LimitSource::kTurn};
  EXPECT_EQ(ShortenForProbe(long_turn, kLlm, false).limit, Milliseconds{8000});
  EXPECT_EQ(ShortenForProbe(long_turn, kLlm, false).source, LimitSource::kComponent);
  const AttemptLimit short_turn{true, Milliseconds{5000}, LimitSource::kTurn};
  EXPECT_EQ(ShortenForProbe(short_turn, kLlm, false).limit, Milliseconds{5000});
  EXPECT_EQ(ShortenForProbe(short_turn, kLlm, true).limit, Milliseconds{4000});
  EXPECT_EQ(ShortenForProbe(short_turn, kLlm, true).source, LimitSource::kTurn);
  const AttemptLimit client{true, Milliseconds{1}, LimitSource::kClient};
  EXPECT_EQ(ShortenForProbe(client, kLlm, true).limit, Milliseconds{1});
  EXPECT_EQ(ShortenForProbe(client, kLlm, true).source, LimitSource::kClient);
}

TEST(Timeouts, ALongRunningToolHasToBeginBeforeTheReserveAndIsNotBounded) {
  const TurnBudget turn{Milliseconds{3001}, Milliseconds{3000}};
  const AttemptLimit limit = ResolveLongRunningLimit(Milliseconds{600'000}, turn);
  EXPECT_TRUE(limit.allowed);
  EXPECT_EQ(limit.limit, Milliseconds{600'000});
  EXPECT_EQ(limit.source, LimitSource::kComponent);
  EXPECT_FALSE(ResolveLongRunningLimit(Milliseconds{600'000},
                                       TurnBudget{Milliseconds{3000}, Milliseconds{3000}})
                   .allowed);
  EXPECT_TRUE(ResolveLongRunningLimit(Milliseconds{600'000}, std::nullopt).allowed);
}

}  // namespace
}  // namespace reliability::policy
