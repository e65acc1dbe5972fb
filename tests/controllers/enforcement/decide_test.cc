#include "controllers/enforcement/decide.h"

#include <gmock/gmock.h>

#include "tests/controllers/enforcement/enforcement_world.h"

namespace reliability::controllers::enforcement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Mode = api::EnforcementMode;

TEST(Enforcement, NothingHappensWhileAllIsWell) {
  World world;
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_FALSE(world.finalizer);
  EXPECT_FALSE(world.in.status.order.has_value());
  EXPECT_THAT(world.events, IsEmpty());
  EXPECT_FALSE(world.wake_at.has_value());
  const api::AgentEnforcementStatus before = world.in.status;
  world.After(hours{5});
  EXPECT_EQ(world.in.status, before);
}

TEST(Enforcement, TheStoryOfTheTour) {
  World world;
  world.Settle();
  world.SetEvidence(EvidenceMaker{});
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kNormal);  // `for: 1m` runs
  EXPECT_THAT(world.Note("ErrorBudgetNotice"), HasSubstr("-20% of the error budget left"));
  ASSERT_TRUE(world.wake_at.has_value());
  EXPECT_EQ(*world.wake_at, kStart + minutes{1});

  world.After(minutes{1});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  EXPECT_TRUE(world.finalizer);
  EXPECT_EQ(world.in.status.cause, "refunds-completed/stop");
  EXPECT_EQ(world.mode_document.mode, sidecar_config::Mode::kPaused);
  EXPECT_EQ(world.mode_document.cause, "refunds-completed/stop");
  EXPECT_EQ(world.mode_document.valid_until, kStart + minutes{16});
  EXPECT_EQ(world.in.status.ledger->original_replicas, 3);
  EXPECT_EQ(world.in.status.evidence->n, 58);
  EXPECT_EQ(world.in.status.evidence->k, 43);
  EXPECT_EQ(world.Reason("Enforced"), "Acknowledged");
  EXPECT_THAT(world.Note("AgentPaused"),
              HasSubstr("new turns answered 503 by 3 of 3 sidecars within 0.8s; running turns "
                        "finish. Cause refunds-completed/stop: 60 of 1000 failed, 50 allowed"));
  EXPECT_EQ(world.in.status.until, "ScaledDown 08:06:00Z");
  EXPECT_THAT(world.writes, IsEmpty());

  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kScaledDown);
  EXPECT_THAT(world.writes, ElementsAre(0));
  EXPECT_EQ(world.in.status.until, "HalfOpen 08:11:00Z");  // openFor 5 m, no jitter at 0.5
  EXPECT_THAT(world.Note("AgentScaledDown"),
              HasSubstr("3 → 0 replicas (saved: 3) by scale subresource. Returns by HalfOpen at "
                        "08:11:00Z, or at once: kubectl apply an override of type Release"));

  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  EXPECT_THAT(world.writes, ElementsAre(0, 1));
  EXPECT_EQ(world.mode_document.mode, sidecar_config::Mode::kHalfOpen);
  EXPECT_EQ(world.mode_document.half_open->pod_uids, world.in.status.half_open->pod_uids);
  EXPECT_EQ(world.mode_document.half_open->max_probes, 2);
  EXPECT_THAT(world.Note("RecoveryProbeStarted"),
              HasSubstr("1 replica, 2 turns at a time in pod pod-4; needs 22 clean turns"));

  world.ProbeTurns(21, 0);
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  EXPECT_EQ(world.in.status.half_open->clean, 21);
  world.ProbeTurns(1, 0);
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_THAT(world.writes, ElementsAre(0, 1, 3));
  EXPECT_EQ(world.mode_document.mode, sidecar_config::Mode::kNormal);
  EXPECT_FALSE(world.mode_document.valid_until.has_value());
  EXPECT_EQ(world.Note("AgentRestored"),
            "22 of 22 probe turns clean; 3 replicas as before; trip 1 of 3 today");
  EXPECT_FALSE(world.finalizer);
  EXPECT_TRUE(world.in.status.cause.empty());
  EXPECT_FALSE(world.in.status.ledger->since.has_value());
  EXPECT_EQ(world.in.status.ledger->trips, 1);

  // The budget is still spent, but without new evidence nothing is held again.
  world.After(hours{3});
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  // With new evidence it is, after `for`.
  world.SetEvidence(EvidenceMaker{});
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  world.After(minutes{1});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  EXPECT_EQ(world.in.status.ledger->trips, 2);
  EXPECT_EQ(world.in.status.ledger->open_for, minutes{10});
}

TEST(Enforcement, ABreakInTheConditionStartsForAnew) {
  World world;
  world.SetEvidence(EvidenceMaker{});
  world.Settle();
  world.After(seconds{50});
  world.SetEvidence(EvidenceMaker::Calm());
  world.Settle();
  world.SetEvidence(EvidenceMaker{});
  world.After(seconds{50});
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  world.After(seconds{60});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
}

TEST(Enforcement, MissingTelemetryNeitherEscalatesNorReleases) {
  World world;
  EvidenceMaker blind;
  blind.healthy = false;
  world.SetEvidence(blind);
  world.After(hours{1});
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  world.Burn();
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  world.SetEvidence(blind);
  world.After(minutes{9});  // the scale-down is due since 4 minutes
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  EXPECT_THAT(world.writes, IsEmpty());
}

TEST(Enforcement, WhileWarmingUpOnlyAnOutageActs) {
  World world;
  EvidenceMaker young;
  young.evaluable = false;
  young.events = 12;
  young.bad = 12;
  world.SetEvidence(young);
  world.After(minutes{10});
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  young.firing = policy::Tier::kOutage;
  world.SetEvidence(young);
  world.Settle();
  world.After(minutes{1});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
}

TEST(Enforcement, AlertEvidenceNotifiesButDoesNotAct) {
  World world;
  EvidenceMaker alert;
  alert.level = policy::EvidenceLevel::kAlert;
  world.SetEvidence(alert);
  world.After(minutes{10});
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_EQ(world.CountEvents("ErrorBudgetNotice"), 1);
}

TEST(Enforcement, ThrottleAndBackAfterHoldFor) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.rules[1].action = {api::ActionType::kThrottle, 60, std::nullopt};
  policy.spec.rules[1].when.held_for.reset();
  policy.spec.rules[1].when.burn_at_least = api::Ratio::FromDouble(2);
  world.SetReaction(policy);
  world.SetEvidence(EvidenceMaker{});
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kThrottled);
  ASSERT_TRUE(world.mode_document.throttle.has_value());
  EXPECT_EQ(world.mode_document.throttle->max_reject_percent, 60);
  EXPECT_DOUBLE_EQ(world.mode_document.throttle->objective, 0.95);
  EXPECT_THAT(world.Note("AgentThrottled"), HasSubstr("at most 60% of new turns answered 503"));
  EXPECT_EQ(world.in.status.until, "Normal after 15m of calm");
  EXPECT_TRUE(world.finalizer);
  world.SetEvidence(EvidenceMaker::Calm());
  world.After(minutes{14});
  EXPECT_EQ(world.Mode(), Mode::kThrottled);
  world.After(minutes{15});
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_EQ(world.mode_document.mode, sidecar_config::Mode::kNormal);
  EXPECT_THAT(world.Note("AgentRestored"), HasSubstr("calm for 15m"));
  EXPECT_FALSE(world.finalizer);
}

TEST(Enforcement, TheSecondBadProbeTurnHoldsAgainForTwiceAsLong) {
  World world;
  world.Burn();
  world.After(minutes{5});
  world.After(minutes{5});
  ASSERT_EQ(world.Mode(), Mode::kHalfOpen);
  world.ProbeTurns(5, 1);
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  EXPECT_EQ(world.in.status.half_open->needed, 37);
  world.ProbeTurns(0, 1);
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  EXPECT_EQ(world.in.status.ledger->trips, 2);
  EXPECT_EQ(world.in.status.ledger->open_for, minutes{10});
  EXPECT_EQ(world.in.status.ledger->original_replicas, 3);
  EXPECT_THAT(
      world.Note("RecoveryProbeFailed"),
      HasSubstr("5 of 7 probe turns clean: held again, trip 2 of 3 today. Next: HalfOpen at"));
  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kScaledDown);
  EXPECT_EQ(world.in.workload.replicas, 0);
  world.After(minutes{10});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  world.ProbeTurns(22, 0);
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_EQ(world.in.workload.replicas, 3);  // never the reduced count
}

TEST(Enforcement, OneBadOf38Passes) {
  World world;
  world.Burn();
  world.After(minutes{10});
  world.After(minutes{5});
  ASSERT_EQ(world.Mode(), Mode::kHalfOpen);
  world.ProbeTurns(10, 1);
  world.ProbeTurns(26, 0);
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  world.ProbeTurns(1, 0);
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_THAT(world.Note("AgentRestored"), HasSubstr("37 of 38 probe turns clean"));
}

TEST(Enforcement, AfterTheLastTripOfTheDayAHumanIsNeeded) {
  World world;
  world.Burn();
  for (int trip = 2; trip <= 3; ++trip) {
    world.After(minutes{5});
    world.After(minutes{30});
    ASSERT_EQ(world.Mode(), Mode::kHalfOpen) << trip;
    world.ProbeTurns(0, 2);
  }
  EXPECT_EQ(world.in.status.ledger->trips, 3);
  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kScaledDown);
  EXPECT_EQ(world.in.status.until, "Release by hand");
  EXPECT_THAT(world.in.status.next_step, HasSubstr("trip 3 of 3 today: the limit"));
  EXPECT_THAT(world.Note("AgentScaledDown"), HasSubstr("A human brings it back"));
  world.After(hours{48});
  EXPECT_EQ(world.Mode(), Mode::kScaledDown);

  world.in.release = ReleaseFacts{"now", "fixed the tool by hand", world.in.now + hours{1}};
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_EQ(world.in.workload.replicas, 3);
  EXPECT_THAT(world.Note("AgentRestored"), HasSubstr("override now: fixed the tool by hand"));
  EXPECT_EQ(world.Reason("HumanOverride"), "Released");
  // Nothing is held again while the override stands, however it burns.
  world.SetEvidence(EvidenceMaker{});
  world.After(minutes{30});
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  world.in.release.reset();
  world.Settle();
  EXPECT_EQ(world.Reason("HumanOverride"), "NoOverride");
  world.After(minutes{1});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
}

TEST(Enforcement, ManualRecoveryWaits) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.recovery.mode = api::RecoveryMode::kManual;
  policy.spec.rules[1].action.then_scale_down_after.reset();
  world.SetReaction(policy);
  world.Burn();
  EXPECT_THAT(world.Note("AgentPaused"), HasSubstr("Next: a human brings it back"));
  world.After(hours{2});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  EXPECT_EQ(world.in.status.ledger->actuator, api::Actuator::kSidecarGate);
  EXPECT_THAT(world.in.status.next_step, HasSubstr("recovery is Manual"));
}

TEST(Enforcement, ObserveOnlySaysWhatItWouldDo) {
  World world;
  world.in.policy->enforce = false;
  world.Burn();
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_FALSE(world.in.published.has_value());
  ASSERT_TRUE(world.in.status.would_be.has_value());
  EXPECT_EQ(world.in.status.would_be->mode, Mode::kPaused);
  EXPECT_EQ(world.in.status.would_be->cause, "refunds-completed/stop");
  EXPECT_EQ(world.CountEvents("WouldPause"), 1);
  EXPECT_EQ(world.Reason("Enforced"), "Observe");
  world.After(minutes{5});
  EXPECT_EQ(world.in.status.would_be->mode, Mode::kScaledDown);
  EXPECT_THAT(world.writes, IsEmpty());
  world.SetEvidence(EvidenceMaker::Calm());
  world.Settle();
  world.After(minutes{15});
  EXPECT_FALSE(world.in.status.would_be.has_value());
  EXPECT_EQ(world.CountEvents("WouldPause"), 1);
}

TEST(Enforcement, ObserveShowsThrottleToo) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.rules[1].action = {api::ActionType::kThrottle, std::nullopt, std::nullopt};
  world.SetReaction(policy);
  world.in.policy->enforce = false;
  world.Burn();
  EXPECT_EQ(world.in.status.would_be->mode, Mode::kThrottled);
  EXPECT_EQ(world.CountEvents("WouldThrottle"), 1);
}

TEST(Enforcement, SwitchingToObserveReleasesEverythingAndZeroesTrips) {
  World world;
  world.Burn();
  world.After(minutes{5});
  ASSERT_EQ(world.Mode(), Mode::kScaledDown);
  world.in.policy->enforce = false;
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_EQ(world.in.workload.replicas, 3);
  EXPECT_EQ(world.in.status.ledger->trips, 0);
  EXPECT_THAT(world.Note("AgentRestored"), HasSubstr("policy refunds says Observe"));
}

TEST(Enforcement, AThrottledAgentIsReleasedByAnOverride) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.rules[1].action = {api::ActionType::kThrottle, std::nullopt, std::nullopt};
  world.SetReaction(policy);
  world.Burn();
  ASSERT_EQ(world.Mode(), Mode::kThrottled);
  world.in.release = ReleaseFacts{"now", "we need all of it", world.in.now + hours{1}};
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_EQ(world.mode_document.mode, sidecar_config::Mode::kNormal);
}

TEST(Enforcement, WithoutItsRulePolicyOrObjectTheWorkloadComesBack) {
  for (const int what : {0, 1, 2, 3}) {
    World world;
    world.Burn();
    world.After(minutes{5});
    ASSERT_EQ(world.Mode(), Mode::kScaledDown);
    switch (what) {
      case 0:
        world.in.policy.reset();
        break;
      case 1:
        world.in.slos.clear();
        break;
      case 2:
        world.in.slos[0].reaction = nullptr;
        break;
      default:
        world.in.deleting = true;
    }
    world.Settle();
    EXPECT_EQ(world.Mode(), Mode::kNormal) << what;
    EXPECT_EQ(world.in.workload.replicas, 3) << what;
    EXPECT_EQ(world.mode_document.mode, sidecar_config::Mode::kNormal) << what;
    EXPECT_FALSE(world.finalizer) << what;
    EXPECT_EQ(world.remove_object, what == 0) << what;
  }
}

TEST(Enforcement, AVanishedWorkloadIsLetGoAtOnce) {
  World world;
  world.Burn();
  world.in.workload.exists = false;
  const Decision decision = world.Step();
  EXPECT_FALSE(decision.finalizer);
  EXPECT_FALSE(decision.scale_to || decision.publish);
}

TEST(Enforcement, OrdersAreRenewedEveryFiveMinutes) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.recovery.mode = api::RecoveryMode::kManual;
  policy.spec.rules[1].action.then_scale_down_after.reset();
  world.SetReaction(policy);
  world.Burn();
  const std::int64_t first = world.mode_document.generation;
  EXPECT_EQ(*world.wake_at, world.in.now + minutes{5});
  world.After(minutes{4});
  EXPECT_EQ(world.mode_document.generation, first);
  world.in.leader_epoch = 7;
  world.acks = false;
  world.After(minutes{1});
  EXPECT_EQ(world.mode_document.generation, first + 1);
  EXPECT_EQ(world.mode_document.leader_epoch, 7);
  EXPECT_EQ(world.mode_document.valid_until, world.in.now + minutes{15});
  EXPECT_EQ(world.Reason("Enforced"), "Acknowledged");  // the same order, only younger
  EXPECT_EQ(world.CountEvents("AgentPaused"), 1);
}

TEST(Enforcement, TheTrueCountOfAcknowledgementsIsTold) {
  World world;
  world.acks = false;
  world.in.workload.pods_without_sidecar = 1;
  world.Burn();
  EXPECT_EQ(world.Reason("Enforced"), "AwaitingAcks");
  EXPECT_EQ(world.CountEvents("AgentPaused"), 0);
  world.in.pods[0].leader_epoch = 1;
  world.in.pods[0].generation = 1;
  world.in.pods[1].terminating = true;
  world.After(seconds{6});
  EXPECT_EQ(world.Reason("Enforced"), "NotAcknowledged");
  EXPECT_THAT(world.Note("AgentPaused"), HasSubstr("answered 503 by 1 of 2 sidecars;"));
  EXPECT_THAT(world.Note("AgentPaused"), HasSubstr("1 pod without sidecar cannot be held"));
  world.acks = true;
  world.Ack();
  world.Settle();
  EXPECT_EQ(world.Reason("Enforced"), "Acknowledged");
  EXPECT_EQ(world.CountEvents("AgentPaused"), 1);
}

TEST(Enforcement, ALostProbePodIsReplacedAndKeepsWhatWasProven) {
  World world;
  world.Burn();
  world.After(minutes{10});
  world.After(minutes{5});
  world.ProbeTurns(10, 1);
  const std::int64_t generation = world.mode_document.generation;
  world.AddPods(1);
  world.in.pods[0].counts[0] = {"e1", 50, 0};  // earlier turns of this pod prove nothing
  world.Settle();
  EXPECT_EQ(world.mode_document.generation, generation + 1);
  EXPECT_EQ(world.in.status.half_open->clean, 10);
  EXPECT_EQ(world.in.status.half_open->bad, 1);
  world.in.pods[0].counts.push_back({"e2", 3, 0});  // its sidecar restarted: from zero
  world.Settle();
  EXPECT_EQ(world.in.status.half_open->clean, 13);
}

TEST(Enforcement, WithoutAReadyPodTheHoldGoesOnWithoutATrip) {
  World world;
  world.Burn();
  world.After(minutes{5});
  world.follow_scale = false;
  world.AddPods(0);
  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  EXPECT_EQ(world.mode_document.mode, sidecar_config::Mode::kPaused);
  EXPECT_THAT(world.in.status.next_step, HasSubstr("waits for a ready pod"));
  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  EXPECT_EQ(world.in.status.ledger->trips, 1);
  EXPECT_THAT(world.Note("RecoveryProbeFailed"), HasSubstr("no pod with a working sidecar"));
}

TEST(Enforcement, WithoutTrafficItStaysHalfOpenAndSaysSoOnce) {
  World world;
  world.Burn();
  world.After(minutes{10});
  world.After(minutes{5});
  ASSERT_EQ(world.Mode(), Mode::kHalfOpen);
  world.After(minutes{10});
  world.After(minutes{10});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  EXPECT_EQ(world.CountEvents("RecoveryProbeIdle"), 1);
}

TEST(Enforcement, BudgetOnlyRulesNeedNewEvidenceAfterARestore) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.rules[1].when.tier.reset();
  policy.spec.rules[1].when.held_for.reset();
  world.SetReaction(policy);
  world.SetEvidence(EvidenceMaker{});
  world.Settle();
  ASSERT_EQ(world.Mode(), Mode::kPaused);
  world.in.release = ReleaseFacts{"now", "it works again", world.in.now + minutes{1}};
  world.Settle();
  world.in.release.reset();
  world.After(hours{1});
  EXPECT_EQ(world.Mode(), Mode::kNormal);  // -20 % left, but nothing new
  // After the budget had recovered for holdFor, the rule is armed again.
  world.SetEvidence(EvidenceMaker::Calm());
  world.Settle();
  world.After(minutes{15});
  EvidenceMaker spent;
  spent.level = policy::EvidenceLevel::kNone;
  world.SetEvidence(spent);
  world.Settle();
  EXPECT_EQ(world.Mode(), Mode::kPaused);
}

TEST(Enforcement, TheStrongestActionWins) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.rules[1].when.held_for.reset();
  api::BudgetRule down = policy.spec.rules[1];
  down.name = "down";
  down.action = {api::ActionType::kScaleDown, std::nullopt, std::nullopt};
  policy.spec.rules.push_back(down);
  world.SetReaction(policy);
  world.SetEvidence(EvidenceMaker{});
  world.Settle();
  EXPECT_EQ(world.in.status.cause, "refunds-completed/down");
  EXPECT_EQ(world.Mode(), Mode::kPaused);  // a lone ScaleDown pauses first
  world.After(minutes{9});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  world.After(minutes{1});
  EXPECT_EQ(world.Mode(), Mode::kScaledDown);
}

}  // namespace
}  // namespace reliability::controllers::enforcement
