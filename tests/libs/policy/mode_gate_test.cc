#include "libs/policy/mode_gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace reliability::policy {
namespace {

class ModeGateTest : public testing::Test {
 protected:
  GateVerdict Admit(CallIntent intent, double draw = 0.0) {
    return gate_.Admit(intent, wall_, now_, draw);
  }
  ModeOrder Order(GateMode mode, std::int64_t generation = 1) const {
    ModeOrder order;
    order.leader_epoch = 1;
    order.generation = generation;
    order.mode = mode;
    order.valid_until = wall_ + Milliseconds{900'000};
    return order;
  }
  void EndTurn(std::uint64_t handle, TurnResult result) {
    TurnRecord turn;
    turn.handle = handle;
    turn.result = result;
    gate_.TurnEnded(turn, now_);
  }

  ModeGate gate_;
  SystemTime wall_{Milliseconds{1'800'000'000'000}};
  MonotonicTime now_{Milliseconds{5'000'000}};
};

TEST_F(ModeGateTest, WithoutAnOrderEverythingPasses) {
  EXPECT_EQ(gate_.mode(wall_), GateMode::kNormal);
  EXPECT_FALSE(gate_.stale(wall_));
  for (const CallIntent intent : {CallIntent::kNewTurn, CallIntent::kInTurn,
                                  CallIntent::kUnjoinedTool, CallIntent::kControl}) {
    EXPECT_TRUE(Admit(intent).admitted);
  }
}

TEST_F(ModeGateTest, PausedRefusesNewTurnsAndLooseToolsOnly) {
  ModeOrder paused = Order(GateMode::kPaused);
  paused.retry_after = Milliseconds{45'000};
  gate_.Apply(paused, wall_);
  for (const CallIntent intent : {CallIntent::kNewTurn, CallIntent::kUnjoinedTool}) {
    const GateVerdict verdict = Admit(intent);
    EXPECT_FALSE(verdict.admitted);
    EXPECT_EQ(verdict.refusal, ErrorClass::kPaused);
    EXPECT_EQ(verdict.retry_after, Milliseconds{45'000});
  }
  EXPECT_TRUE(Admit(CallIntent::kInTurn).admitted);   // running turns finish
  EXPECT_TRUE(Admit(CallIntent::kControl).admitted);  // agents start
}

TEST_F(ModeGateTest, OlderOrdersAreIgnored) {
  ModeOrder order = Order(GateMode::kPaused, 7);
  order.leader_epoch = 3;
  EXPECT_EQ(gate_.Apply(order, wall_), ModeGate::Applied::kChanged);
  ModeOrder older = Order(GateMode::kNormal, 6);
  older.leader_epoch = 3;
  EXPECT_EQ(gate_.Apply(older, wall_), ModeGate::Applied::kIgnoredOlder);
  older.leader_epoch = 2;
  older.generation = 99;  // a former leader's numbers do not count
  EXPECT_EQ(gate_.Apply(older, wall_), ModeGate::Applied::kIgnoredOlder);
  EXPECT_EQ(gate_.mode(wall_), GateMode::kPaused);
  ModeOrder newer = Order(GateMode::kNormal, 1);
  newer.leader_epoch = 4;
  EXPECT_EQ(gate_.Apply(newer, wall_), ModeGate::Applied::kChanged);
  EXPECT_EQ(gate_.mode(wall_), GateMode::kNormal);
}

TEST_F(ModeGateTest, MissingFileIsNormalAndKeepsTheOrderOfOrders) {
  gate_.Apply(Order(GateMode::kPaused, 5), wall_);
  gate_.Clear();
  EXPECT_TRUE(Admit(CallIntent::kNewTurn).admitted);
  EXPECT_EQ(gate_.Apply(Order(GateMode::kPaused, 4), wall_), ModeGate::Applied::kIgnoredOlder);
  EXPECT_EQ(gate_.Apply(Order(GateMode::kPaused, 5), wall_), ModeGate::Applied::kChanged);
}

TEST_F(ModeGateTest, ExpiredPauseProbesOneTurnAtATimeAndNeverGoesNormal) {
  gate_.Apply(Order(GateMode::kPaused), wall_);
  wall_ += Milliseconds{900'001};
  EXPECT_EQ(gate_.mode(wall_), GateMode::kHalfOpen);
  EXPECT_TRUE(gate_.stale(wall_));
  const GateVerdict probe = Admit(CallIntent::kNewTurn);
  EXPECT_TRUE(probe.admitted && probe.probe);
  gate_.TurnOpened(1, probe);
  EXPECT_FALSE(Admit(CallIntent::kNewTurn).admitted);
  EndTurn(1, TurnResult::kSuccess);
  EXPECT_TRUE(Admit(CallIntent::kNewTurn).admitted);
  wall_ += Milliseconds{86'400'000};
  EXPECT_EQ(gate_.mode(wall_), GateMode::kHalfOpen);
}

TEST_F(ModeGateTest, AfterExpiryOnlyANewerGenerationPausesAgain) {
  gate_.Apply(Order(GateMode::kPaused, 3), wall_);
  wall_ += Milliseconds{900'001};
  EXPECT_EQ(gate_.Apply(Order(GateMode::kPaused, 3), wall_), ModeGate::Applied::kRenewed);
  EXPECT_EQ(gate_.mode(wall_), GateMode::kHalfOpen);
  gate_.Apply(Order(GateMode::kPaused, 4), wall_);
  EXPECT_EQ(gate_.mode(wall_), GateMode::kPaused);
}

TEST_F(ModeGateTest, RenewalInTimeKeepsThePause) {
  gate_.Apply(Order(GateMode::kPaused, 3), wall_);
  wall_ += Milliseconds{300'000};
  EXPECT_EQ(gate_.Apply(Order(GateMode::kPaused, 3), wall_), ModeGate::Applied::kRenewed);
  wall_ += Milliseconds{800'000};
  EXPECT_EQ(gate_.mode(wall_), GateMode::kPaused);
}

TEST_F(ModeGateTest, HalfOpenOnANamedPodNeverRunsMoreThanMaxProbes) {
  for (int max_probes = 1; max_probes <= 4; ++max_probes) {
    gate_ = ModeGate();
    ModeOrder order = Order(GateMode::kHalfOpen);
    order.max_probes = max_probes;
    order.this_pod_probes = true;
    gate_.Apply(order, wall_);
    std::mt19937 rng(static_cast<unsigned>(max_probes));
    std::vector<std::uint64_t> running;
    for (std::uint64_t turn = 1; turn < 500; ++turn) {
      const GateVerdict verdict = Admit(CallIntent::kNewTurn);
      if (verdict.admitted) {
        gate_.TurnOpened(turn, verdict);
        running.push_back(turn);
      }
      ASSERT_LE(std::ssize(running), max_probes);
      ASSERT_EQ(gate_.probes_running(), running.size());
      if (!running.empty() && rng() % 2 == 0) {
        EndTurn(running.back(), TurnResult::kSuccess);
        running.pop_back();
      }
    }
  }
}

TEST_F(ModeGateTest, HalfOpenOnOtherPodsActsPaused) {
  gate_.Apply(Order(GateMode::kHalfOpen), wall_);
  EXPECT_EQ(gate_.mode(wall_), GateMode::kHalfOpen);
  EXPECT_EQ(Admit(CallIntent::kNewTurn).refusal, ErrorClass::kPaused);
  EXPECT_TRUE(Admit(CallIntent::kInTurn).admitted);
  wall_ += Milliseconds{900'001};  // the operator is gone: probe here too
  EXPECT_TRUE(Admit(CallIntent::kNewTurn).admitted);
}

TEST_F(ModeGateTest, LooseToolsPassInHalfOpenWhileATurnProbes) {
  ModeOrder order = Order(GateMode::kHalfOpen);
  order.this_pod_probes = true;
  gate_.Apply(order, wall_);
  EXPECT_FALSE(Admit(CallIntent::kUnjoinedTool).admitted);
  gate_.TurnOpened(1, Admit(CallIntent::kNewTurn));
  EXPECT_TRUE(Admit(CallIntent::kUnjoinedTool).admitted);
}

TEST_F(ModeGateTest, ThrottleRefusesByTheFormula) {
  ModeOrder order = Order(GateMode::kThrottled);
  order.throttle = {0.95, 80, 10};
  gate_.Apply(order, wall_);
  for (int i = 0; i < 9; ++i) {
    EndTurn(static_cast<std::uint64_t>(i), TurnResult::kFailure);
  }
  EXPECT_EQ(gate_.RejectProbability(now_), 0.0);  // fewer than minEvents
  EndTurn(10, TurnResult::kSuccess);
  // n = 10, s = 1: ((10 - 1/0.95) / 11)^(2/3) = 0.8713…, capped at 0.8.
  EXPECT_EQ(gate_.RejectProbability(now_), 0.8);
  for (std::uint64_t i = 11; i < 41; ++i) {
    EndTurn(i, TurnResult::kSuccess);
  }
  // n = 40, s = 31: ((40 - 31/0.95) / 41)^(2/3)
  EXPECT_NEAR(gate_.RejectProbability(now_), 0.3185, 0.0001);
  EXPECT_EQ(Admit(CallIntent::kNewTurn, 0.31).refusal, ErrorClass::kThrottled);
  EXPECT_TRUE(Admit(CallIntent::kNewTurn, 0.32).admitted);
  EXPECT_TRUE(Admit(CallIntent::kInTurn, 0.0).admitted);
  EXPECT_TRUE(Admit(CallIntent::kUnjoinedTool, 0.0).admitted);  // turn admission only
}

TEST_F(ModeGateTest, ThrottleForgetsAfterTwoMinutesAndIgnoresCancelledTurns) {
  ModeOrder order = Order(GateMode::kThrottled);
  order.throttle = {0.95, 80, 10};
  gate_.Apply(order, wall_);
  for (std::uint64_t i = 0; i < 20; ++i) {
    EndTurn(i, TurnResult::kNone);
  }
  EXPECT_EQ(gate_.RejectProbability(now_), 0.0);
  for (std::uint64_t i = 0; i < 20; ++i) {
    EndTurn(i, TurnResult::kFailure);
  }
  EXPECT_EQ(gate_.RejectProbability(now_), 0.8);
  now_ += Milliseconds{120'000};
  EXPECT_EQ(gate_.RejectProbability(now_), 0.0);
}

TEST_F(ModeGateTest, ThrottleOutlivesItsValidityAndSaysSo) {
  ModeOrder order = Order(GateMode::kThrottled);
  order.throttle = {0.95, 80, 1};
  gate_.Apply(order, wall_);
  wall_ += Milliseconds{900'001};
  EXPECT_EQ(gate_.mode(wall_), GateMode::kThrottled);
  EXPECT_TRUE(gate_.stale(wall_));
}

TEST_F(ModeGateTest, HealthyTrafficIsNotThrottled) {
  ModeOrder order = Order(GateMode::kThrottled);
  order.throttle = {0.95, 80, 1};
  gate_.Apply(order, wall_);
  for (std::uint64_t i = 0; i < 100; ++i) {
    EndTurn(i, i < 96 ? TurnResult::kSuccess : TurnResult::kFailure);
  }
  EXPECT_EQ(gate_.RejectProbability(now_), 0.0);
}

TEST_F(ModeGateTest, EachModeAgainstEachCall) {
  struct Row {
    GateMode mode;
    CallIntent intent;
    bool admitted;
  };
  const Row rows[] = {
      {GateMode::kDegraded, CallIntent::kNewTurn, true},
      {GateMode::kDegraded, CallIntent::kInTurn, true},
      {GateMode::kDegraded, CallIntent::kUnjoinedTool, true},
      {GateMode::kRamping, CallIntent::kNewTurn, false},  // at 0 %
      {GateMode::kRamping, CallIntent::kInTurn, true},
      {GateMode::kRamping, CallIntent::kUnjoinedTool, true},
      {GateMode::kRamping, CallIntent::kControl, true},
      {GateMode::kPaused, CallIntent::kNewTurn, false},
      {GateMode::kPaused, CallIntent::kInTurn, true},  // drains
      {GateMode::kPaused, CallIntent::kUnjoinedTool, false},
      {GateMode::kPaused, CallIntent::kControl, true},
  };
  for (const Row& row : rows) {
    gate_ = ModeGate();
    ModeOrder order = Order(row.mode);
    order.ramp = {"r", 0};
    gate_.Apply(order, wall_);
    const GateVerdict verdict = Admit(row.intent);
    EXPECT_EQ(verdict.admitted, row.admitted)
        << GateModeName(row.mode) << " " << static_cast<int>(row.intent);
    if (!row.admitted) {
      EXPECT_EQ(verdict.refusal, ErrorClass::kPaused);
    }
  }
}

TEST_F(ModeGateTest, RampStepsAreNestedAndHaveTheirSize) {
  std::vector<std::string> admitted;
  for (const int percent : {5, 25, 50, 100}) {
    ModeOrder order = Order(GateMode::kRamping, percent);
    order.ramp = {"incident-7", percent};
    gate_.Apply(order, wall_);
    std::vector<std::string> now;
    for (int i = 0; i < 2000; ++i) {
      const std::string conversation = "user-" + std::to_string(i);
      if (gate_.Admit(CallIntent::kNewTurn, wall_, now_, 0.0, conversation).admitted) {
        now.push_back(conversation);
      }
      // A second turn of it is decided alike.
      EXPECT_EQ(gate_.Admit(CallIntent::kNewTurn, wall_, now_, 0.9, conversation).admitted,
                !now.empty() && now.back() == conversation);
    }
    EXPECT_TRUE(std::all_of(admitted.begin(), admitted.end(), [&](const std::string& one) {
      return std::find(now.begin(), now.end(), one) != now.end();
    })) << percent;
    EXPECT_NEAR(static_cast<double>(now.size()) / 20.0, percent, 3.0);
    admitted = now;
  }
  EXPECT_EQ(admitted.size(), 2000U);
}

TEST_F(ModeGateTest, AnotherRampAdmitsOtherConversations) {
  int both = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string one = std::to_string(i);
    both += RampPlace("a", one) < 0.5 && RampPlace("b", one) < 0.5 ? 1 : 0;
  }
  EXPECT_NEAR(both, 250, 60);
}

TEST_F(ModeGateTest, WithoutAConversationTheDrawDecides) {
  ModeOrder order = Order(GateMode::kRamping);
  order.ramp = {"r", 25};
  gate_.Apply(order, wall_);
  EXPECT_TRUE(Admit(CallIntent::kNewTurn, 0.24).admitted);
  EXPECT_FALSE(Admit(CallIntent::kNewTurn, 0.25).admitted);
}

TEST_F(ModeGateTest, StaleOrdersNeitherEscalateNorEnd) {
  for (const GateMode mode : {GateMode::kThrottled, GateMode::kDegraded, GateMode::kRamping}) {
    gate_ = ModeGate();
    gate_.Apply(Order(mode, 3), wall_);
    EXPECT_FALSE(gate_.stale(wall_));
    const SystemTime later = wall_ + Milliseconds{900'001};
    EXPECT_EQ(gate_.mode(later), mode);
    EXPECT_TRUE(gate_.stale(later));
    // A renewal makes it good again.
    ModeOrder renewed = Order(mode, 3);
    renewed.valid_until = later + Milliseconds{900'000};
    EXPECT_EQ(gate_.Apply(renewed, later), ModeGate::Applied::kRenewed);
    EXPECT_FALSE(gate_.stale(later));
  }
}

TEST_F(ModeGateTest, OnlyDegradedHasARuleForTurns) {
  ModeOrder order = Order(GateMode::kDegraded);
  order.degrade = {"small", Milliseconds{5000}, {.tokens = 900}};
  gate_.Apply(order, wall_);
  ASSERT_NE(gate_.degraded(), nullptr);
  EXPECT_EQ(gate_.degraded()->fallback_tier, "small");
  EXPECT_EQ(gate_.degraded()->turn_budget.tokens, 900);
  gate_.Apply(Order(GateMode::kNormal, 2), wall_);
  EXPECT_EQ(gate_.degraded(), nullptr);
}

TEST(ModeGate, Names) {
  EXPECT_EQ(GateModeName(GateMode::kDegraded), "Degraded");
  EXPECT_EQ(GateModeName(GateMode::kRamping), "Ramping");
  EXPECT_EQ(GateModeName(GateMode::kNormal), "Normal");
  EXPECT_EQ(GateModeName(GateMode::kThrottled), "Throttled");
  EXPECT_EQ(GateModeName(GateMode::kPaused), "Paused");
  EXPECT_EQ(GateModeName(GateMode::kHalfOpen), "HalfOpen");
}

}  // namespace
}  // namespace reliability::policy
