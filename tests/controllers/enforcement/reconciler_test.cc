#include "controllers/enforcement/reconciler.h"

#include <gmock/gmock.h>

#include "libs/base/duration.h"
#include "libs/sidecar_config/encode.h"
#include "tests/controllers/enforcement/fake_story.h"

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

TEST(EnforcementController, CreatesItsObjectAndThenWritesNothing) {
  FakeStory story;
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
  FakeStory story;
  story.PlayTour();
  story.ExpectRestored();
  EXPECT_THAT(story.replicas_seen, ElementsAre(3, 0, 1, 3));
  for (const char* reason :
       {"AgentPaused", "AgentScaledDown", "RecoveryProbeStarted", "AgentRestored"}) {
    EXPECT_EQ(story.events.Count(reason, "Deployment"), 1) << reason;
    EXPECT_EQ(story.events.Count(reason, "AgentSLO"), 1) << reason;
  }
  EXPECT_EQ(story.events.Count("EnforcementFailed", "Deployment"), 0);
  EXPECT_THAT(story.process->registry.Text(),
              HasSubstr("agent_reliability_enforcement_actions_total{action=\"pause\",outcome="
                        "\"ok\"} 1"));
  story.Ticks(minutes{20});  // the rules' timers end after holdFor of calm
  const int writes = story.transport.writes();
  story.Ticks(minutes{30});
  EXPECT_EQ(story.transport.writes(), writes);  // at rest
}

TEST(EnforcementController, AFailedProbeHoldsAgainAndThenComesBack) {
  FakeStory story;
  story.pods_work = false;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("HalfOpen", minutes{30}));
  ASSERT_TRUE(story.Until("Paused", minutes{5}));
  EXPECT_EQ(story.Enforcement()["status"]["ledger"]["trips"], 2);
  story.pods_work = true;
  ASSERT_TRUE(story.Until("Normal", minutes{60}));
  story.Ticks(minutes{1});
  story.ExpectRestored();
}

TEST(EnforcementController, AReleaseGivesBackAtOnceAndKeepsFree) {
  FakeStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("ScaledDown", minutes{30}));
  story.Put(res::kReliabilityOverrides, Release(story.clock.SystemNow() + hours{1}));
  story.Tick();
  story.Tick();
  story.Tick();
  story.ExpectRestored();
  story.evidence = EvidenceMaker{};
  story.Ticks(minutes{20});
  EXPECT_EQ(story.Mode(), "Normal");
}

TEST(EnforcementController, DeletingTheObjectRestoresAndItComesAnew) {
  FakeStory story;
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
  // The new object knows no orders, but the sidecars do: they obey only a higher one.
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("Paused", minutes{30}));
  story.Ticks(seconds{10});
  EXPECT_EQ(story.events.Count("AgentPaused", "Deployment"), 2);
}

// What a former leader wrote late, or somebody by hand, while nothing is held.
nlohmann::json ModeMap(const std::string& mode_json) {
  return {{"metadata",
           {{"name", "agent-reliability-deployment-refunds-agent"}, {"namespace", "support"}}},
          {"data", {{"mode.json", mode_json}}}};
}
std::string PausedOrder(std::int64_t leader_epoch, std::int64_t generation) {
  sidecar_config::ModeDocument order;
  order.leader_epoch = leader_epoch;
  order.generation = generation;
  order.mode = sidecar_config::Mode::kPaused;
  order.cause = "refunds-completed/stop";
  order.valid_until = kClusterStart + hours{24};
  return sidecar_config::EncodeMode(order);
}

TEST(EnforcementController, AStrayOrderIsTakenBackWhileNothingIsHeld) {
  struct Case {
    bool held_before;
    std::string json;
  };
  for (const Case& given : {Case{true, PausedOrder(1, 1)}, Case{true, PausedOrder(7, 99)},
                            Case{true, "{"}, Case{false, PausedOrder(1, 1)}}) {
    SCOPED_TRACE(given.json);
    FakeStory story("5s", "20s", "20s");
    if (given.held_before) {
      story.PlayTour();
      story.ExpectRestored();
    } else {
      story.Tick();
    }
    story.strays = true;
    story.Put(res::kConfigMaps, ModeMap(given.json));
    story.Ticks(minutes{6}, seconds{15});
    EXPECT_EQ(story.SidecarMode(), "Normal");
    EXPECT_EQ(story.Mode(), "Normal");
    story.Ticks(minutes{20}, seconds{15});  // the rules' timers end
    const int writes = story.transport.writes();
    story.Ticks(minutes{30}, seconds{15});
    EXPECT_EQ(story.transport.writes(), writes);  // at rest again
  }
}

TEST(EnforcementController, ANewPodThatObeysAStrayOrderIsNoticedAtOnce) {
  FakeStory story("5s", "20s", "20s");
  story.PlayTour();
  story.Ticks(minutes{20});
  story.Put(res::kConfigMaps, ModeMap(PausedOrder(7, 99)));  // every sidecar obeys
  story.Ticks(seconds{15});
  EXPECT_EQ(story.SidecarMode(), "Normal");
}

TEST(EnforcementController, WithoutAPolicyTheObjectGoesAfterTheRestore) {
  FakeStory story;
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
  FakeStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("Paused", minutes{30}));
  const nlohmann::json deployment = story.server.Get(res::kDeployments, "support", "refunds-agent");
  story.server.Remove(res::kDeployments, "support", "refunds-agent");
  story.process->deployments.Erase("support/refunds-agent");
  (void)story.Reconcile();
  EXPECT_TRUE(story.Enforcement()["metadata"].value("finalizers", nlohmann::json::array()).empty());
}

TEST(EnforcementController, AnAutoscalerIsLeftToGoOn) {
  FakeStory story;
  story.Put(res::kHpas,
            {{"metadata", {{"name", "h"}, {"namespace", "support"}}},
             {"spec",
              {{"scaleTargetRef",
                {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "refunds-agent"}}},
               {"minReplicas", 2},
               {"maxReplicas", 5}}}});
  story.PlayTour();
  story.ExpectRestored();
  EXPECT_THAT(story.replicas_seen, ElementsAre(3, 0, 2, 3));
}

TEST(EnforcementController, GitOpsKeepsItsReplicas) {
  FakeStory story;
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
  FakeStory story;
  story.Tick();
  story.evidence = EvidenceMaker{};
  ASSERT_TRUE(story.Until("ScaledDown", minutes{30}));
  story.server.Merge(res::kDeployments, "support", "refunds-agent", {{"spec", {{"replicas", 2}}}},
                     "kubectl-scale");
  ASSERT_TRUE(story.Until("Normal", minutes{60}));
  story.Ticks(minutes{1});
  EXPECT_EQ(story.Replicas(), 2);
  EXPECT_EQ(story.events.Count("HumanOverride", "Deployment"), 1);
}

TEST(EnforcementController, ObserveWritesNoModeAndNoScale) {
  FakeStory story;
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
  FakeStory story;
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
    FakeStory story("5s", "20s", "20s");
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
    story.ExpectRestored();
    EXPECT_THAT(story.replicas_seen, ElementsAre(3, 0, 1, 3));
  }
}

// The operator dies before and after every write of pause -> scale-down -> restore; the next one
// reaches the same end, and replicas are never lost.
TEST(EnforcementCrash, AtEveryWriteTheNextOperatorConverges) {
  DieAtEveryWrite([] { return std::make_unique<FakeStory>("5s", "20s", "20s"); });
}

}  // namespace
}  // namespace reliability::controllers::enforcement
