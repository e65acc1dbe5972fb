#include "controllers/enforcement/reconciler.h"

#include <gmock/gmock.h>

#include "libs/base/duration.h"
#include "tests/controllers/enforcement/cluster_story.h"

namespace reliability::controllers::enforcement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace res = kube::resources;

nlohmann::json Release(SystemTime expires) {
  return {{"metadata", {{"name", "now"}, {"namespace", "support"}}},
          {"spec",
           {{"targetRef", {{"group", "apps"}, {"kind", "Deployment"}, {"name", "refunds-agent"}}},
            {"type", "Release"},
            {"reason", "fixed the tool by hand"},
            {"expiresAt", FormatRfc3339(expires)}}}};
}

void ExpectRestored(const ClusterStory& story) {
  EXPECT_EQ(story.Mode(), "Normal");
  EXPECT_EQ(story.Replicas(), 3);
  EXPECT_EQ(story.SidecarMode(), "Normal");
  const nlohmann::json object = story.Enforcement();
  EXPECT_TRUE(object["metadata"].value("finalizers", nlohmann::json::array()).empty());
  EXPECT_FALSE(object["status"]["ledger"].contains("since")) << object["status"].dump();
  EXPECT_FALSE(object["status"]["ledger"].contains("originalReplicas"));
  EXPECT_FALSE(object["status"].contains("cause"));
}

TEST(EnforcementController, CreatesItsObjectAndThenWritesNothing) {
  ClusterStory story;
  story.Tick();
  EXPECT_EQ(story.Mode(), "Normal");
  EXPECT_EQ(story.Enforcement()["spec"]["targetRef"]["name"], "refunds-agent");
  EXPECT_EQ(story.Enforcement()["metadata"]["ownerReferences"][0]["kind"], "Deployment");
  const int writes = story.transport.writes();
  story.Ticks(minutes{30});
  EXPECT_EQ(story.transport.writes(), writes);
  EXPECT_EQ(story.SidecarMode(), "");
}

TEST(EnforcementController, PlaysTheTour) {
  ClusterStory story;
  story.PlayTour();
  ExpectRestored(story);
  EXPECT_THAT(story.replicas_seen, ElementsAre(3, 0, 1, 3));
  for (const char* reason :
       {"AgentPaused", "AgentScaledDown", "RecoveryProbeStarted", "AgentRestored"}) {
    EXPECT_EQ(story.events.Count(reason), 1) << reason;
    EXPECT_EQ(story.events.Count(reason, "AgentSLO"), 1) << reason;
  }
  EXPECT_EQ(story.events.Count("EnforcementFailed"), 0);
  EXPECT_THAT(story.process->registry.Text(),
              HasSubstr("agent_reliability_enforcement_actions_total{action=\"pause\",outcome="
                        "\"ok\"} 1"));
  story.Ticks(minutes{20});  // the rules' timers end after holdFor of calm
  const int writes = story.transport.writes();
  story.Ticks(minutes{30});
  EXPECT_EQ(story.transport.writes(), writes);  // at rest
}

TEST(EnforcementController, AFailedProbeHoldsAgainAndThenComesBack) {
  ClusterStory story;
  story.pods_work = false;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("HalfOpen", minutes{30}));
  ASSERT_TRUE(story.Until("Paused", minutes{5}));
  EXPECT_EQ(story.Enforcement()["status"]["ledger"]["trips"], 2);
  story.pods_work = true;
  ASSERT_TRUE(story.Until("Normal", minutes{60}));
  story.Ticks(minutes{1});
  ExpectRestored(story);
}

TEST(EnforcementController, AReleaseGivesBackAtOnceAndKeepsFree) {
  ClusterStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("ScaledDown", minutes{30}));
  story.Put(res::kReliabilityOverrides, Release(story.clock.SystemNow() + hours{1}));
  story.Tick();
  story.Tick();
  story.Tick();
  ExpectRestored(story);
  story.evidence = EvidenceMaker{};
  story.Ticks(minutes{20});
  EXPECT_EQ(story.Mode(), "Normal");
}

TEST(EnforcementController, DeletingTheObjectRestoresAndItComesAnew) {
  ClusterStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("ScaledDown", minutes{30}));
  const std::string uid = story.Enforcement()["metadata"]["uid"];
  story.evidence = EvidenceMaker::Calm();
  ASSERT_TRUE(story.client->Delete({res::kAgentEnforcements, "support", "deployment-refunds-agent"})
                  .has_value());
  story.Ticks(seconds{30});
  EXPECT_EQ(story.Replicas(), 3);
  EXPECT_EQ(story.SidecarMode(), "Normal");
  EXPECT_EQ(story.Mode(), "Normal");
  EXPECT_NE(story.Enforcement()["metadata"]["uid"], uid);
}

TEST(EnforcementController, WithoutAPolicyTheObjectGoesAfterTheRestore) {
  ClusterStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("ScaledDown", minutes{30}));
  story.server.Remove(res::kAgentReliabilityPolicies, "support", "refunds");
  story.Ticks(seconds{30});
  EXPECT_EQ(story.Replicas(), 3);
  EXPECT_EQ(story.SidecarMode(), "Normal");
  EXPECT_TRUE(
      story.server.Get(res::kAgentEnforcements, "support", "deployment-refunds-agent").is_null());
}

TEST(EnforcementController, AVanishedWorkloadIsLetGo) {
  ClusterStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("Paused", minutes{30}));
  const nlohmann::json deployment = story.server.Get(res::kDeployments, "support", "refunds-agent");
  story.server.Remove(res::kDeployments, "support", "refunds-agent");
  story.process->deployments.Erase("support/refunds-agent");
  (void)story.process->controller->Reconcile(kKey);
  EXPECT_TRUE(story.Enforcement()["metadata"].value("finalizers", nlohmann::json::array()).empty());
}

TEST(EnforcementController, AnAutoscalerIsLeftToGoOn) {
  ClusterStory story;
  story.Put(res::kHpas,
            {{"metadata", {{"name", "h"}, {"namespace", "support"}}},
             {"spec",
              {{"scaleTargetRef",
                {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "refunds-agent"}}},
               {"minReplicas", 2},
               {"maxReplicas", 5}}}});
  story.PlayTour();
  ExpectRestored(story);
  EXPECT_THAT(story.replicas_seen, ElementsAre(3, 0, 2, 3));
}

TEST(EnforcementController, GitOpsKeepsItsReplicas) {
  ClusterStory story;
  story.server.Merge(
      res::kDeployments, "support", "refunds-agent",
      {{"metadata", {{"annotations", {{"argocd.argoproj.io/tracking-id", "a:apps/Deployment"}}}}}});
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("HalfOpen", minutes{30}));
  EXPECT_THAT(story.replicas_seen, ElementsAre(3));
  EXPECT_THAT(std::string(story.Enforcement()["status"]["ledger"]["actuatorReason"]),
              HasSubstr("Argo CD"));
}

TEST(EnforcementController, AHumanScalingWhileHeldWins) {
  ClusterStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("ScaledDown", minutes{30}));
  story.server.Merge(res::kDeployments, "support", "refunds-agent", {{"spec", {{"replicas", 2}}}},
                     "kubectl-scale");
  ASSERT_TRUE(story.Until("Normal", minutes{60}));
  story.Ticks(minutes{1});
  EXPECT_EQ(story.Replicas(), 2);
  EXPECT_EQ(story.events.Count("HumanOverride"), 1);
}

TEST(EnforcementController, ObserveWritesNoModeAndNoScale) {
  ClusterStory story;
  story.server.Merge(res::kAgentReliabilityPolicies, "support", "refunds",
                     {{"spec", {{"enforcement", "Observe"}}}});
  story.Tick();
  story.evidence = EvidenceMaker{};
  story.Ticks(minutes{20});
  EXPECT_EQ(story.Mode(), "Normal");
  EXPECT_EQ(story.SidecarMode(), "");
  EXPECT_EQ(story.Enforcement()["status"]["wouldBe"]["mode"], "ScaledDown");
  EXPECT_THAT(story.replicas_seen, ElementsAre(3));
}

TEST(EnforcementController, AForeignModeFileIsWrittenAgain) {
  ClusterStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("Paused", minutes{5}));
  const nlohmann::json before =
      story.server.Get(res::kConfigMaps, "support", "agent-reliability-deployment-refunds-agent");
  story.server.Remove(res::kConfigMaps, "support", "agent-reliability-deployment-refunds-agent");
  story.StartOperator();
  story.Tick();
  EXPECT_EQ(story.SidecarMode(), "Paused");
}

TEST(EnforcementController, ConflictsAndLostAnswersConverge) {
  for (const auto kind : {fakes::Fault::Kind::kStatus, fakes::Fault::Kind::kActedNoAnswer,
                          fakes::Fault::Kind::kUnreachable, fakes::Fault::Kind::kTimeout}) {
    ClusterStory story("5s", "20s", "20s");
    story.Tick();
    for (const char* target : {"agentenforcements", "configmaps", "/scale", "pods"}) {
      fakes::Fault fault;
      fault.kind = kind;
      fault.method = "PATCH";
      fault.target = target;
      fault.times = 2;
      fault.status = 409;
      fault.reason = "Conflict";
      story.server.AddFault(fault);
    }
    story.PlayTour();
    ExpectRestored(story);
    EXPECT_THAT(story.replicas_seen, ElementsAre(3, 0, 1, 3));
  }
}

// The operator dies before and after every write of pause -> scale-down -> restore; the next one
// reaches the same end, and replicas are never lost.
TEST(EnforcementCrash, AtEveryWriteTheNextOperatorConverges) {
  const auto make = [] { return std::make_unique<ClusterStory>("5s", "20s", "20s"); };
  const auto reference_story = make();
  ClusterStory& reference = *reference_story;
  reference.PlayTour();
  const int writes = reference.transport.writes();
  ASSERT_GT(writes, 10);
  for (const bool after : {false, true}) {
    for (int at = 1; at <= writes; ++at) {
      SCOPED_TRACE(std::string(after ? "after" : "before") + " write " + std::to_string(at));
      const auto made = make();
      ClusterStory& story = *made;
      story.transport.KillAtWrite(at, after);
      story.PlayTour();
      EXPECT_EQ(story.restarts, 2);
      ExpectRestored(story);
      EXPECT_THAT(story.replicas_seen, ElementsAre(3, 0, 1, 3));
      EXPECT_EQ(story.Enforcement()["status"]["ledger"]["trips"], 1);
      EXPECT_EQ(story.events.Count("HumanOverride"), 0);
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
}

}  // namespace
}  // namespace reliability::controllers::enforcement
