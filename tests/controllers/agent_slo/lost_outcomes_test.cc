// What cannot be counted any more is said where it is seen (operator ruling 19).
#include <gmock/gmock.h>

#include "tests/controllers/agent_slo/slo_world.h"

namespace reliability::controllers::agent_slo {
namespace {

using ::testing::HasSubstr;

std::vector<kube::Event> Lost(const World& world, std::string_view reason = "OutcomesLost") {
  std::vector<kube::Event> found;
  for (const kube::Event& event : world.process->events.all()) {
    if (event.reason == reason && event.regarding.kind == "AgentSLO") {
      found.push_back(event);
    }
  }
  return found;
}

TEST(LostOutcomes, APodThatEndedWhileNoOperatorRanIsSaidOnce) {
  World world;
  for (const char* pod : {"a", "b", "c"}) {
    world.AddPod(pod);
    world.Turns(pod, 10, 0);
  }
  world.Tick();
  world.EndPod("c");  // seen
  world.Ticks(5);
  world.VanishPod("c");
  const std::string uid = world.sidecars.at("a").uid;
  world.process.reset();  // nobody runs
  world.server.Remove(resources::kPods, "support", "a");
  world.sidecars.erase("a");
  world.StartOperator();
  world.Tick();
  ASSERT_EQ(Lost(world).size(), 1U);
  const kube::Event event = Lost(world)[0];
  EXPECT_EQ(event.type, kube::EventType::kWarning);
  EXPECT_FALSE(event.distinct);
  EXPECT_THAT(event.note, HasSubstr("1 pod (UID " + uid + ") ended while no operator ran"));
  EXPECT_THAT(world.process->registry.Text(),
              HasSubstr("agent_reliability_slo_lost_tails_total{cause=\"vanished\"} 1"));
  EXPECT_EQ(world.Assessment().total, world.truth);
  world.Ticks(8);
  world.Kill();
  world.Tick();
  EXPECT_TRUE(Lost(world).empty());
}

TEST(LostOutcomes, ASidecarWithoutLastWordsIsSaidOnce) {
  World world;
  for (const char* pod : {"a", "b"}) {
    world.AddPod(pod);
    world.Turns(pod, 10, 0);
  }
  world.Tick();
  world.EndPod("b");  // with its last words
  world.process->reports.MarkFinal(world.sidecars.at("a").uid, world.clock.SystemNow());
  world.sidecars.at("a").ended = true;
  static_cast<void>(world.Reconcile());
  ASSERT_EQ(Lost(world).size(), 1U);
  EXPECT_THAT(Lost(world)[0].note, HasSubstr("1 pod (a) ended without the sidecar's last words"));
  world.Ticks(8);
  EXPECT_EQ(Lost(world).size(), 1U);
}

TEST(LostOutcomes, AHistoryThatIsFullSaysSo) {
  World world;
  for (int i = 0; i < 900; ++i) {
    const std::string pod = "refunds-agent-" + std::to_string(i);
    api::Pod object;
    object.metadata.name = pod;
    object.metadata.namespace_ = "support";
    object.metadata.uid = "0d9e6d6c-7f1f-4f0e-9f1a-00000000" + std::to_string(1000 + i);
    world.process->reports.Register(object);
    sidecar_config::LedgerDocument ledger;
    ledger.pod_uid = object.metadata.uid;
    ledger.current = {"1800000000000-0123456789abcdef", {{world.Key(), {1000, 1}}}};
    world.process->reports.RecordLedger(ledger.pod_uid, ledger, world.clock.SystemNow());
  }
  world.Ticks(10);
  ASSERT_EQ(Lost(world, "HistoryFull").size(), 1U);
  EXPECT_THAT(Lost(world, "HistoryFull")[0].note, HasSubstr("of 900 pods do not fit"));
  EXPECT_THAT(world.process->registry.Text(),
              HasSubstr("agent_reliability_slo_history_pods_left_out_total"));
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
