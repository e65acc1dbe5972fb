#include "controllers/agent_slo/reconciler.h"

#include "libs/base/base64.h"
#include "libs/policy/slo_checkpoint.h"
#include "tests/controllers/agent_slo/slo_world.h"

namespace reliability::controllers::agent_slo {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Strings = std::vector<std::string>;

TEST(SloReconciler, TheFirstTickWritesEveryConditionAndColumn) {
  World world;
  world.AddPod("a");
  world.AddPod("b");
  world.Turns("a", 99, 1);
  world.Tick();
  const json status = world.StatusJson();
  EXPECT_EQ(status["target"], "Deployment/refunds-agent");
  EXPECT_EQ(status["objective"], "95%");
  EXPECT_EQ(status["budget"]["left"], "80%");
  EXPECT_EQ(status["budget"]["events"], 100);
  EXPECT_EQ(status["podsCovered"], 2);
  EXPECT_EQ(status["podsTotal"], 2);
  EXPECT_EQ(status["observedGeneration"], 1);
  EXPECT_EQ(status["burn"].size(), 4U);
  EXPECT_EQ(world.Reason("Accepted"), "True Accepted");
  EXPECT_EQ(world.Reason("TelemetryHealthy"), "True LedgersRead");
  EXPECT_EQ(world.Reason("Evaluable"), "True EnoughTraffic");
  EXPECT_EQ(world.Reason("SLOMet"), "True ObjectiveMet");
  EXPECT_EQ(world.Reason("BudgetExhausted"), "False Healthy");
  EXPECT_EQ(world.Reason("FastBurn"), "False NoTierFires");
}

TEST(SloReconciler, NoTrafficNoWrites) {
  World world;
  world.AddPod("a");
  world.Ticks(22);  // until it is no longer warming up
  world.server.ForgetRequests();
  for (int i = 0; i < 40; ++i) {
    world.Tick();
    world.Sync();
  }
  EXPECT_EQ(world.server.Writes(), 0U);
}

TEST(SloReconciler, SteadyTrafficIsWrittenAtMostOnceAMinute) {
  World world;
  world.AddPod("a");
  world.Turns("a", 1000, 0);
  world.Ticks(5);
  world.server.ForgetRequests();
  for (int i = 0; i < 40; ++i) {  // 10 minutes
    world.Turns("a", 5, i % 8 == 0 ? 1 : 0);
    world.Tick();
  }
  EXPECT_LE(world.server.Count("PATCH", "/status"), 10U);
  EXPECT_LE(world.server.Count("PATCH", kHistory), 10U);
  EXPECT_GE(world.server.Count("PATCH", kHistory), 9U);
}

TEST(SloReconciler, ABurnIsToldOnTheSloAndTheWorkload) {
  World world;
  world.AddPod("a");
  world.Turns("a", 1000, 0);
  world.Ticks(4);
  for (int i = 0; i < 40; ++i) {
    world.Turns("a", 5, 20);
    world.Tick();
  }
  EXPECT_EQ(world.Reason("FastBurn").substr(0, 4), "True");
  EXPECT_EQ(world.Reason("BudgetExhausted"), "True Exhausted");
  EXPECT_EQ(world.StatusJson()["state"], "Exhausted");
  const Strings on_slo = world.process->events.Reasons("AgentSLO");
  EXPECT_EQ(on_slo, world.process->events.Reasons("Deployment"));
  EXPECT_EQ(std::count(on_slo.begin(), on_slo.end(), "BudgetExhausted"), 1);
  EXPECT_GE(std::count(on_slo.begin(), on_slo.end(), "FastBurnDetected"), 1);
  EXPECT_TRUE(world.Assessment().incident_open);
  EXPECT_GT(world.Assessment().evidence.e, world.Assessment().evidence.levels.act);
  for (const kube::Event& event : world.process->events.all()) {
    EXPECT_EQ(event.regarding.ns, "support");
    EXPECT_TRUE(event.related.has_value());
  }
}

TEST(SloReconciler, TicksAreOneUpdateEachHoweverOftenItReconciles) {
  World world;
  world.AddPod("a");
  world.AddPod("b");
  world.Tick();
  world.Turns("a", 0, 1);
  world.Turns("b", 1, 0);
  world.clock.Advance(seconds{15});
  world.ScrapeAll();
  static_cast<void>(world.Reconcile());
  const double e = world.Assessment().evidence.e;
  // One update of two events, one bad; b = 0.05.
  policy::EDetector detector(0.05);
  detector.Update({2, 1}, world.clock.SystemNow(), 1e9);
  EXPECT_DOUBLE_EQ(e, detector.Evidence());
  for (int i = 0; i < 5; ++i) {
    world.clock.Advance(seconds{1});
    world.ScrapeAll();
    static_cast<void>(world.Reconcile());
  }
  EXPECT_DOUBLE_EQ(world.Assessment().evidence.e, e);
}

TEST(SloReconciler, ACloseRequestClosesTheIncidentAndIsSavedFirst) {
  World world;
  world.AddPod("a");
  world.Turns("a", 1000, 0);
  world.Ticks(4);
  for (int i = 0; i < 10; ++i) {
    world.Turns("a", 0, 20);
    world.Tick();
  }
  ASSERT_TRUE(world.Assessment().incident_open);
  world.process->board.RequestClose(kSlo);
  bool seen = false;
  world.process->board.OnPublish([&](const SloEvidence& evidence) {
    // When it is told, a new leader would already read it.
    EXPECT_FALSE(evidence.assessment.incident_open);
    const std::string bytes =
        *Base64Decode(world.HistoryJson()["binaryData"]["checkpoint"].get<std::string>());
    policy::SloState saved(evidence.settings, world.clock.SystemNow());
    ASSERT_TRUE(policy::RestoreCheckpoint(bytes, saved).has_value());
    EXPECT_FALSE(saved.Tick(world.clock.SystemNow()).incident_open);
    seen = true;
  });
  world.Tick();
  EXPECT_TRUE(seen);
  EXPECT_EQ(world.Assessment().total, world.truth);
  // And it stays closed for the next leader.
  world.Kill();
  world.Tick();
  EXPECT_FALSE(world.Assessment().incident_open);
}

TEST(SloReconciler, AFailedStatusWriteIsTriedAgainAndItsEventsAreNotLost) {
  World world;
  world.AddPod("a");
  world.Turns("a", 1000, 0);
  world.Ticks(2);
  fakes::Fault fault;
  fault.method = "PATCH";
  fault.target = "/status";
  fault.status = 503;
  world.server.AddFault(fault);
  world.Turns("a", 0, 100);
  world.Tick();
  EXPECT_TRUE(world.process->events.Reasons("AgentSLO").empty());
  EXPECT_EQ(world.StatusJson()["budget"]["left"], "100%");
  world.Tick();
  EXPECT_EQ(world.StatusJson()["budgetState"], "Exhausted");
  const Strings reasons = world.process->events.Reasons("AgentSLO");
  EXPECT_EQ(std::count(reasons.begin(), reasons.end(), "BudgetExhausted"), 1);
}

TEST(SloReconciler, FieldsThatEndAreRemoved) {
  World world;
  world.AddPod("a");
  world.Turns("a", 1000, 0);
  world.Tick();
  world.Tick(std::chrono::hours{2});
  ASSERT_FALSE(world.StatusJson().contains("exhaustsAt"));
  world.Turns("a", 60, 20);
  world.Tick();
  world.Ticks(5);
  ASSERT_TRUE(world.StatusJson().contains("exhaustsAt"));
  world.Turns("a", 0, 100);
  world.Tick();
  EXPECT_FALSE(world.StatusJson().contains("exhaustsAt"));
  EXPECT_FALSE(world.StatusJson()["burn"][3].contains("cappedFrom"));
}

TEST(SloReconciler, ConvergesWhenThePolicyIsAccepted) {
  World world;
  world.PutPolicy(false);
  world.Sync();
  world.AddPod("a");
  world.Tick();
  EXPECT_EQ(world.Reason("Accepted"), "False NoPolicy");
  EXPECT_EQ(world.Reason("TelemetryHealthy"), "False NoPolicy");
  EXPECT_FALSE(world.process->board.Get(kSlo)->telemetry_healthy);
  world.PutPolicy(true);
  world.Sync();
  // Without waiting for the next tick.
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(world.Reason("Accepted"), "True Accepted");
}

TEST(SloReconciler, SilentSidecarsAreLostTelemetryAfterTwoIntervals) {
  World world;
  world.AddPod("a");
  world.Turns("a", 100, 1);
  world.Ticks(2);
  ASSERT_TRUE(world.process->board.Get(kSlo)->telemetry_healthy);
  const auto silent = [&] {
    world.clock.Advance(seconds{15});
    world.process->reports.RecordError(world.sidecars.at("a").uid, "timeout: no answer",
                                       world.clock.SystemNow());
    static_cast<void>(world.Reconcile());
    return !world.process->board.Get(kSlo)->telemetry_healthy;
  };
  EXPECT_FALSE(silent());
  EXPECT_FALSE(silent());
  EXPECT_TRUE(silent());
  EXPECT_EQ(world.Reason("TelemetryHealthy"), "False Unreachable");
  EXPECT_EQ(world.StatusJson()["budget"]["left"], "80%");
}

TEST(SloReconciler, AReactionKnowsItsSlos) {
  World world;
  static_cast<void>(world.process->controller->ReconcileReaction("support/careful"));
  const auto status = [&] {
    return world.server.Get(resources::kErrorBudgetPolicies, "support", "careful")["status"];
  };
  EXPECT_EQ(status()["rules"], "stop:Pause");
  EXPECT_EQ(status()["attachedSLOs"], 1);
  EXPECT_EQ(status()["conditions"][0]["reason"], "Accepted");
  world.Sync();
  world.server.ForgetRequests();
  static_cast<void>(world.process->controller->ReconcileReaction("support/careful"));
  EXPECT_EQ(world.server.Writes(), 0U);
}

TEST(SloReconciler, TheReactionOfTheWorkloadsPolicyGovernsIfTheSloHasNone) {
  World world;
  world.server.Merge(resources::kAgentSlos, "support", "refunds-completed",
                     {{"spec", {{"errorBudgetPolicyRef", nullptr}}}});
  world.server.Merge(resources::kAgentReliabilityPolicies, "support", "refunds",
                     {{"spec", {{"errorBudgetPolicyRef", {{"name", "careful"}}}}}});
  world.Sync();
  world.Tick();
  static_cast<void>(world.process->controller->ReconcileReaction("support/careful"));
  EXPECT_EQ(world.server.Get(resources::kErrorBudgetPolicies, "support",
                             "careful")["status"]["attachedSLOs"],
            1);
}

TEST(SloReconciler, MetricsAreThereAndGoWithTheSlo) {
  World world;
  world.AddPod("a");
  world.Turns("a", 950, 50);
  world.Tick();
  std::string text = world.process->registry.Text();
  const std::string labels =
      "namespace=\"support\",slo=\"refunds-completed\",target=\"Deployment/refunds-agent\"";
  for (const std::string& line :
       {"agent_reliability_slo_objective_ratio{" + labels + "} 0.95",
        "agent_reliability_slo_evaluable{" + labels + "} 1",
        "agent_reliability_slo_error_budget_remaining_ratio{" + labels + "} 0"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  EXPECT_NE(text.find("slo_events_total{namespace=\"support\",result=\"bad\""), std::string::npos);
  EXPECT_NE(text.find("slo_burn_threshold_ratio"), std::string::npos);
  EXPECT_NE(text.find("tier=\"Outage\""), std::string::npos);
  EXPECT_NE(text.find("window=\"1h\""), std::string::npos);

  world.process->slos.Erase(kSlo);
  static_cast<void>(world.Reconcile());
  text = world.process->registry.Text();
  EXPECT_EQ(text.find("refunds-completed"), std::string::npos);
  EXPECT_EQ(world.process->board.Get(kSlo), nullptr);
}

TEST(SloReconciler, PodsOfAnotherNamespaceDoNotCount) {
  World world;
  world.AddPod("a");
  world.Tick();
  api::Pod stranger;
  stranger.metadata.namespace_ = "elsewhere";
  stranger.metadata.name = "x";
  stranger.metadata.uid = "stranger";
  world.process->reports.Register(stranger);
  sidecar_config::LedgerDocument ledger;
  ledger.pod_uid = "stranger";
  ledger.current.epoch = "1-1";
  ledger.current.slos[world.Key()] = {1000, 1000};
  world.process->reports.RecordLedger("stranger", ledger, world.clock.SystemNow());
  world.Tick();
  EXPECT_EQ(world.Assessment().total, world.truth);
}

TEST(SloReconciler, FastWindowsTickEveryFiveSeconds) {
  World world("1h");
  world.AddPod("a");
  world.Tick();
  const kube::Outcome outcome = world.Reconcile();
  const auto* again = std::get_if<kube::RequeueAfter>(&outcome);
  ASSERT_NE(again, nullptr);
  EXPECT_LE(again->after, seconds{5});
}

TEST(SloReconciler, RunsByItselfAndSavesWhenStopped) {
  World world;
  world.AddPod("a");
  world.Turns("a", 10, 0);
  world.ScrapeAll();
  world.process->controller->Start(7);
  world.server.AwaitRequests(1, "PATCH", "agentslos/refunds-completed/status");
  world.server.AwaitRequests(1, "PATCH", "errorbudgetpolicies/careful/status");
  world.server.AwaitRequests(1, "POST", "configmaps");
  world.Turns("a", 5, 5);
  world.ScrapeAll();
  world.process->controller->Stop();
  world.leader_epoch = 7;
  world.Kill();
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(world.Assessment().total, world.truth);
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
