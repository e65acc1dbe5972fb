// Replicas: who owns them, what is written, and what is left alone (rulings 26 to 28).
#include <gmock/gmock.h>

#include "tests/controllers/enforcement/enforcement_world.h"

namespace reliability::controllers::enforcement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Mode = api::EnforcementMode;

TEST(Scale, AContinuousReconcilerKeepsItsReplicas) {
  World world;
  world.in.workload.owned_by = "Argo CD (annotation argocd.argoproj.io/tracking-id)";
  world.Burn();
  EXPECT_EQ(world.in.status.ledger->actuator, api::Actuator::kSidecarGate);
  EXPECT_THAT(world.in.status.ledger->actuator_reason, HasSubstr("Argo CD"));
  EXPECT_THAT(world.Note("AgentPaused"), HasSubstr("Replicas stay, they are owned by Argo CD"));
  world.After(minutes{4});
  EXPECT_EQ(world.Mode(), Mode::kPaused);
  world.After(minutes{1});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);  // the open time counts from the pause
  world.ProbeTurns(22, 0);
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_THAT(world.writes, IsEmpty());
}

TEST(Scale, AnAutoscalerStandsStillAtZeroAndGoesOnFromItsMinimum) {
  World world;
  world.in.workload.autoscaler = api::AutoscalerRef{"HorizontalPodAutoscaler", "h", 2, 5};
  world.in.workload.replicas = 4;
  world.Burn();
  world.in.workload.replicas = 2;  // it follows the idle pods
  world.in.workload.replicas_manager = "kube-controller-manager";
  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kScaledDown);
  EXPECT_EQ(world.in.status.ledger->original_replicas, 4);
  world.After(minutes{5});
  EXPECT_THAT(world.writes, ElementsAre(0, 2));
  world.in.workload.replicas = 3;  // the autoscaler again
  world.in.workload.replicas_manager = "kube-controller-manager";
  world.ProbeTurns(22, 0);
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_THAT(world.writes, ElementsAre(0, 2, 4));
  EXPECT_EQ(world.CountEvents("HumanOverride"), 0);
}

TEST(Scale, RestoresWithinTheAutoscalersLimits) {
  World world;
  world.in.workload.autoscaler = api::AutoscalerRef{"HorizontalPodAutoscaler", "h", 1, 5};
  world.in.workload.replicas = 5;
  world.Burn();
  world.After(minutes{5});
  world.in.workload.autoscaler->max_replicas = 2;
  world.in.release = ReleaseFacts{"now", "we need it back", world.in.now + hours{1}};
  world.Settle();
  EXPECT_EQ(world.in.workload.replicas, 2);
}

TEST(Scale, AnotherCountThanZeroIsNotForAnAutoscaler) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.guards.min_replicas = 1;
  world.SetReaction(policy);
  world.in.workload.autoscaler = api::AutoscalerRef{"HorizontalPodAutoscaler", "h", 1, 5};
  world.Burn();
  EXPECT_EQ(world.in.status.ledger->actuator, api::Actuator::kSidecarGate);
  EXPECT_THAT(world.in.status.ledger->actuator_reason, HasSubstr("would undo any count but 0"));
}

TEST(Scale, ScalesToTheGuardsMinimum) {
  World world;
  api::ErrorBudgetPolicy policy = TourPolicy();
  policy.spec.guards.min_replicas = 2;
  world.SetReaction(policy);
  world.Burn();
  world.After(minutes{5});
  EXPECT_THAT(world.writes, ElementsAre(2));
  world.After(minutes{5});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  EXPECT_THAT(world.writes, ElementsAre(2));  // enough to probe
  world.ProbeTurns(22, 0);
  EXPECT_THAT(world.writes, ElementsAre(2, 3));
}

TEST(Scale, NothingToScaleMeansNoScaleDown) {
  World world;
  world.in.workload.replicas = 0;
  world.AddPods(0);
  world.Burn();
  EXPECT_EQ(world.in.status.until, "HalfOpen 08:06:00Z");
  world.After(minutes{6});
  EXPECT_THAT(world.writes, IsEmpty());
}

TEST(Scale, ACountSetDuringThePauseIsTheOneToRestore) {
  World world;
  world.Burn();
  world.in.workload.replicas = 5;
  world.After(minutes{5});
  EXPECT_EQ(world.in.status.ledger->original_replicas, 5);
  world.in.release = ReleaseFacts{"now", "we need it back", world.in.now + hours{1}};
  world.Settle();
  EXPECT_EQ(world.in.workload.replicas, 5);
}

TEST(Scale, AHumanWhoScalesWhileHeldWins) {
  World world;
  world.Burn();
  world.After(minutes{5});
  ASSERT_EQ(world.Mode(), Mode::kScaledDown);
  world.in.workload.replicas = 2;
  world.in.workload.replicas_manager = "kubectl-scale";
  world.AddPods(2);
  world.Settle();
  EXPECT_EQ(world.Reason("HumanOverride"), "ScaledByHand");
  EXPECT_THAT(world.Note("HumanOverride"), HasSubstr("replicas set to 2 by kubectl-scale"));
  // The sidecars keep the mode; the probe phase comes, and no replicas are written any more.
  EXPECT_NE(world.mode_document.mode, sidecar_config::Mode::kNormal);
  world.After(minutes{10});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
  world.ProbeTurns(22, 0);
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_THAT(world.writes, ElementsAre(0));
  EXPECT_EQ(world.in.workload.replicas, 2);
  EXPECT_EQ(world.Reason("HumanOverride"), "NoOverride");
  EXPECT_EQ(world.CountEvents("HumanOverride"), 1);
}

TEST(Scale, AHumansZeroWaitsForAPodWithoutEnd) {
  World world;
  world.Burn();
  world.After(minutes{5});
  world.in.workload.replicas = 1;
  world.in.workload.replicas_manager = "";
  world.follow_scale = false;
  world.AddPods(0);
  world.Settle();
  EXPECT_THAT(world.Note("HumanOverride"), HasSubstr("by somebody else"));
  world.After(minutes{30});
  world.After(minutes{30});
  EXPECT_EQ(world.Mode(), Mode::kHalfOpen);
}

TEST(Scale, AReconcilerThatUndoesItTwiceIsLeftAlone) {
  World world;
  world.Burn();
  world.After(minutes{5});
  world.in.workload.replicas = 3;
  world.in.workload.replicas_manager = "helm-controller";
  world.Settle();
  EXPECT_THAT(world.writes, ElementsAre(0, 0));
  EXPECT_EQ(world.in.status.ledger->reverts, 1);
  world.in.workload.replicas = 3;
  world.in.workload.replicas_manager = "helm-controller";
  world.AddPods(3);
  world.After(minutes{1});
  EXPECT_EQ(world.Reason("ScaleConflict"), "Reverted");
  EXPECT_EQ(world.in.status.ledger->actuator, api::Actuator::kSidecarGate);
  EXPECT_THAT(world.Note("ScaleConflict"), HasSubstr("helm-controller undid our scaling twice"));
  EXPECT_NE(world.Mode(), Mode::kScaledDown);
  world.After(minutes{10});
  ASSERT_EQ(world.Mode(), Mode::kHalfOpen);
  world.ProbeTurns(22, 0);
  EXPECT_EQ(world.Mode(), Mode::kNormal);
  EXPECT_THAT(world.writes, ElementsAre(0, 0));
  EXPECT_EQ(world.Reason("ScaleConflict"), "NoConflict");
}

TEST(Scale, OurOwnLostAnswerIsNotAHuman) {
  World world;
  world.Burn();
  world.After(minutes{5});
  // The restore was written, its answer lost, and the target given up.
  world.in.workload.replicas = 1;
  world.in.workload.replicas_manager = "agent-reliability-operator";
  world.Settle();
  EXPECT_EQ(world.in.status.ledger->last_written_replicas, 1);
  EXPECT_NE(world.Reason("HumanOverride"), "ScaledByHand");
}

TEST(Scale, AWriteThatDidNotHappenIsRepeatedAndOneThatDidIsNot) {
  World world;
  world.Burn();
  world.in.now += minutes{5};
  Decision decision = Decide(world.in);
  ASSERT_EQ(decision.scale_to, 0);
  world.in.status = decision.status;  // stored; then the process was killed before /scale
  decision = Decide(world.in);
  EXPECT_EQ(decision.scale_to, 0);
  EXPECT_EQ(decision.status.mode, Mode::kPaused);
  world.in.workload.replicas = 0;  // killed after /scale
  decision = Decide(world.in);
  EXPECT_FALSE(decision.scale_to.has_value());
  EXPECT_EQ(decision.status.mode, Mode::kScaledDown);
  EXPECT_EQ(decision.status.ledger->original_replicas, 3);
}

}  // namespace
}  // namespace reliability::controllers::enforcement
