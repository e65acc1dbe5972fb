// What is saved when, and what a new leader makes of it (operator ruling 20).
#include "libs/base/base64.h"
#include "libs/policy/slo_checkpoint.h"
#include "tests/controllers/agent_slo/slo_world.h"

namespace reliability::controllers::agent_slo {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Strings = std::vector<std::string>;

std::size_t Saves(const World& world) {
  return world.server.Count("POST", "configmaps") + world.server.Count("PATCH", kHistory);
}

std::string SavedBytes(const World& world) {
  return *Base64Decode(world.HistoryJson()["binaryData"]["checkpoint"].get<std::string>());
}

// As the leader of another epoch would write it.
void WriteAs(World& world, std::int64_t epoch, const std::string& key) {
  policy::SloState state(policy::SloSettings{}, world.clock.SystemNow());
  const std::string bytes =
      policy::EncodeCheckpoint({epoch, key, world.clock.SystemNow()}, state).bytes;
  world.server.Put(resources::kConfigMaps,
                   {{"metadata", {{"name", kHistory}, {"namespace", "support"}}},
                    {"binaryData", {{"checkpoint", Base64Encode(bytes)}}}});
}

TEST(SloHistory, IsOwnedByTheSloAndSaysWhoWroteIt) {
  World world;
  world.AddPod("a");
  world.Turns("a", 10, 0);
  world.Tick();
  const json map = world.HistoryJson();
  const json slo = world.server.Get(resources::kAgentSlos, "support", "refunds-completed");
  EXPECT_EQ(map["metadata"]["ownerReferences"][0]["uid"], slo["metadata"]["uid"]);
  EXPECT_EQ(map["metadata"]["ownerReferences"][0]["kind"], "AgentSLO");
  EXPECT_EQ(map["metadata"]["managedFields"][0]["manager"], "agent-reliability-slo");
  const auto header = policy::DecodeCheckpointHeader(SavedBytes(world));
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->leader_epoch, 1);
  EXPECT_EQ(header->slo_key, world.Key());
}

TEST(SloHistory, IsSavedAtMostOnceAMinuteAndNeverUnchanged) {
  World world;
  world.AddPod("a");
  world.Ticks(10);
  EXPECT_EQ(Saves(world), 0U);  // nothing was counted
  for (int i = 0; i < 20; ++i) {
    world.Turns("a", 1, 0);
    world.Tick();
  }
  EXPECT_EQ(Saves(world), 5U);
  world.Ticks(8);
  const std::size_t before = Saves(world);
  world.Ticks(20);
  EXPECT_EQ(Saves(world), before);
}

TEST(SloHistory, AFinalLedgerIsSavedWithinTwoSeconds) {
  World world;
  world.AddPod("a");
  world.AddPod("b");
  world.Turns("a", 10, 0);
  world.Tick();
  ASSERT_EQ(Saves(world), 1U);
  world.Turns("a", 3, 1);
  world.EndPod("a");
  world.clock.Advance(seconds{1});  // what the controller asks its queue for
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(Saves(world), 2U);
  world.VanishPod("a");
  world.Kill();
  world.Tick();
  EXPECT_EQ(world.Assessment().total, world.truth);
}

TEST(SloHistory, AFinalLedgerWithoutNewCountsCanWait) {
  World world;
  world.AddPod("a");
  world.Turns("a", 10, 0);
  world.Tick();
  world.Tick();
  const std::size_t before = Saves(world);
  world.EndPod("a");
  world.clock.Advance(seconds{1});
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(Saves(world), before);
  world.Ticks(8);
  EXPECT_EQ(Saves(world), before + 1);  // that its end was seen
}

TEST(SloHistory, AFailedSaveOfAFinalLedgerIsTriedAgainSoon) {
  World world;
  world.AddPod("a");
  world.Turns("a", 10, 0);
  world.Tick();
  world.Turns("a", 3, 1);
  world.EndPod("a");
  fakes::Fault fault;
  fault.kind = fakes::Fault::Kind::kUnreachable;
  fault.target = kHistory;
  world.server.AddFault(fault);
  world.clock.Advance(seconds{1});
  const kube::Outcome outcome = world.Reconcile();
  const auto* again = std::get_if<kube::RequeueAfter>(&outcome);
  ASSERT_NE(again, nullptr);
  EXPECT_LE(again->after, seconds{2});
  world.clock.Advance(again->after);
  static_cast<void>(world.Reconcile());
  world.VanishPod("a");
  world.Kill();
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(world.Assessment().total, world.truth);
}

TEST(SloHistory, ANewLeaderGoesOnWithEvidenceAndIncident) {
  World world;
  world.AddPod("a");
  world.Turns("a", 1000, 0);
  world.Ticks(4);
  for (int i = 0; i < 8; ++i) {
    world.Turns("a", 0, 10);
    world.Tick();
  }
  const policy::SloAssessment before = world.Assessment();
  ASSERT_TRUE(before.incident_open);
  const Strings events = world.process->events.Reasons("AgentSLO");
  world.process->controller->Stop();  // an orderly end saves
  world.Kill();
  world.Sync();
  static_cast<void>(world.Reconcile());
  const policy::SloAssessment after = world.Assessment();
  EXPECT_EQ(after.total, world.truth);
  EXPECT_DOUBLE_EQ(after.evidence.e, before.evidence.e);
  EXPECT_EQ(after.evidence.incident->onset, before.evidence.incident->onset);
  EXPECT_TRUE(after.incident_open);
  EXPECT_EQ(after.budget_state, before.budget_state);
  // It tells nothing twice.
  EXPECT_TRUE(world.process->events.Reasons("AgentSLO").empty());
}

TEST(SloHistory, StopWithoutNewsWritesNothing) {
  World world;
  world.AddPod("a");
  world.Turns("a", 10, 0);
  world.Tick();
  world.Ticks(8);
  const std::size_t before = Saves(world);
  world.process->controller->Stop();
  EXPECT_EQ(Saves(world), before);
}

TEST(SloHistory, AnEarlierLeadersWriteIsReplaced) {
  World world;
  world.Kill();  // epoch 2
  world.AddPod("a");
  world.Turns("a", 10, 0);
  world.Tick();
  WriteAs(world, 1, world.Key());  // it was paused and does not know yet
  world.Turns("a", 10, 1);
  world.Tick(minutes{1});
  EXPECT_TRUE(world.process->stepped_down.empty());
  EXPECT_EQ(policy::DecodeCheckpointHeader(SavedBytes(world))->leader_epoch, 2);
  world.Kill();
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(world.Assessment().total, world.truth);
}

TEST(SloHistory, ALaterLeadersWriteMeansStepDown) {
  World world;
  world.AddPod("a");
  world.Turns("a", 10, 0);
  world.Tick();
  WriteAs(world, 5, world.Key());
  const std::string theirs = SavedBytes(world);
  world.Turns("a", 10, 1);
  world.Tick(minutes{1});
  ASSERT_EQ(world.process->stepped_down.size(), 1U);
  EXPECT_NE(world.process->stepped_down[0].find("epoch 5, ours is 1"), std::string::npos);
  EXPECT_TRUE(world.process->controller->stepped_down());
  world.server.ForgetRequests();
  world.Turns("a", 0, 100);
  world.clock.Advance(minutes{2});
  world.ScrapeAll();
  EXPECT_TRUE(std::holds_alternative<kube::Stalled>(world.Reconcile()));
  world.process->controller->Stop();
  EXPECT_EQ(world.server.Writes(), 0U);
  EXPECT_EQ(SavedBytes(world), theirs);
}

TEST(SloHistory, ALaterLeadersHistoryAtTheStartMeansStepDown) {
  World world;
  WriteAs(world, 5, world.Key());
  world.AddPod("a");
  world.Tick();
  EXPECT_EQ(world.process->stepped_down.size(), 1U);
  EXPECT_EQ(world.server.Count("PATCH", "/status"), 0U);
}

TEST(SloHistory, ADamagedOneIsSetAsideAndNeverMerged) {
  World world;
  world.AddPod("a");
  world.Turns("a", 100, 7);
  world.Tick();
  std::string bytes = SavedBytes(world);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] + 1);
  world.server.Merge(resources::kConfigMaps, "support", kHistory,
                     {{"binaryData", {{"checkpoint", Base64Encode(bytes)}}}});
  world.Kill();
  world.Tick();
  EXPECT_EQ(world.process->events.Reasons("AgentSLO").at(0), "HistoryDamaged");
  const json data = world.HistoryJson()["binaryData"];
  EXPECT_EQ(data["damaged"], Base64Encode(bytes));
  EXPECT_TRUE(policy::DecodeCheckpointHeader(SavedBytes(world)).has_value());
  // The living sidecars still have all they ever counted.
  EXPECT_EQ(world.Assessment().total, world.truth);
  // Later saves keep what was set aside.
  world.Turns("a", 1, 0);
  world.Tick(minutes{2});
  EXPECT_EQ(world.HistoryJson()["binaryData"]["damaged"], Base64Encode(bytes));
}

TEST(SloHistory, WhatIsNoHistoryAtAllIsSetAside) {
  World world;
  world.server.Put(resources::kConfigMaps,
                   {{"metadata", {{"name", kHistory}, {"namespace", "support"}}},
                    {"binaryData", {{"checkpoint", "!"}}}});
  world.AddPod("a");
  world.Tick();
  EXPECT_EQ(world.process->events.Reasons("AgentSLO").at(0), "HistoryDamaged");
  EXPECT_EQ(world.HistoryJson()["binaryData"]["damaged"], Base64Encode("!"));
}

TEST(SloHistory, AnotherSliStartsAtZero) {
  World world;
  world.AddPod("a");
  world.Turns("a", 100, 7);
  world.Tick();
  world.server.Merge(resources::kAgentSlos, "support", "refunds-completed",
                     {{"spec", {{"sli", {{"type", "ToolCallSuccess"}}}}}});
  world.Sync();
  world.Tick();
  EXPECT_EQ(world.Assessment().total, policy::EventCounts{});
  world.Turns("a", 5, 0);
  world.Tick(minutes{1});
  EXPECT_EQ(world.Assessment().total, (policy::EventCounts{5, 0}));
  world.Kill();
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(world.Assessment().total, (policy::EventCounts{5, 0}));
}

TEST(SloHistory, ARecreatedSloOwnsAndReplacesIt) {
  World world;
  world.AddPod("a");
  world.Turns("a", 100, 7);
  world.Tick();
  json slo = world.server.Get(resources::kAgentSlos, "support", "refunds-completed");
  world.server.Remove(resources::kAgentSlos, "support", "refunds-completed");
  slo.erase("status");
  slo["metadata"] = {{"name", "refunds-completed"}, {"namespace", "support"}};
  const json fresh = world.server.Put(resources::kAgentSlos, slo);
  world.Kill();
  world.Turns("a", 3, 0);
  world.Tick(minutes{1});
  EXPECT_EQ(world.Assessment().total, (policy::EventCounts{3, 0}));
  EXPECT_EQ(world.HistoryJson()["metadata"]["ownerReferences"][0]["uid"], fresh["metadata"]["uid"]);
}

TEST(SloHistory, UnreadableSaysSoAndMeasuringBeginsWhenItCanBeRead) {
  World world;
  world.AddPod("a");
  world.Turns("a", 100, 7);
  world.Tick();
  world.Kill();
  world.server.AddFault(fakes::Forbidden("GET", kHistory));
  world.Turns("a", 10, 0);
  world.Tick();
  EXPECT_EQ(world.Reason("Evaluable"), "Unknown HistoryUnreadable");
  EXPECT_EQ(world.process->board.Get(kSlo), nullptr);
  world.Tick();
  EXPECT_EQ(world.Reason("Evaluable"), "True EnoughTraffic");
  EXPECT_EQ(world.Assessment().total, world.truth);
}

TEST(SloHistory, AWriteWithoutAnswerIsFoundAgain) {
  World world;
  world.AddPod("a");
  world.Turns("a", 10, 0);
  fakes::Fault fault;
  fault.kind = fakes::Fault::Kind::kActedNoAnswer;
  fault.target = "configmaps";
  fault.method = "POST";
  world.server.AddFault(fault);
  world.Tick();
  ASSERT_FALSE(world.HistoryJson().is_null());
  world.Turns("a", 10, 0);
  world.Tick();
  world.Kill();
  world.sidecars.clear();
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(world.Assessment().total, world.truth);
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
