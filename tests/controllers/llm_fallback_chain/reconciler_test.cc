#include "controllers/llm_fallback_chain/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "libs/api/decode.h"
#include "libs/base/hash.h"
#include "tests/controllers/llm_fallback_chain/chain_facts.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_events.h"

namespace reliability::controllers::llm_fallback_chain {
namespace {

using nlohmann::json;
using testing::ElementsAre;
namespace resources = kube::resources;

constexpr const char* kKey = "support/ladder";

class ChainReconcilerTest : public testing::Test {
 protected:
  ChainReconcilerTest()
      : client_(fakes::MakeFakeClient(server_, clock_)),
        caches_(policies_, slos_, chains_, deployments_, stateful_sets_, pods_),
        controller_(caches_, reports_, *client_, events_, clock_) {
    api::Deployment deployment;
    deployment.metadata.namespace_ = "support";
    deployment.metadata.name = "refunds-agent";
    deployment.metadata.uid = "uid-workload";
    deployments_.Set("support/refunds-agent", std::make_shared<const api::Deployment>(deployment));
    auto policy = agent_policy::MakePolicy();
    policy.spec.fallback_chain_ref = api::NameRef{"ladder"};
    policies_.Set("support/refunds", agent_policy::Share(policy));
    server_.Put(resources::kLlmFallbackChains, json::parse(R"({"metadata":{"namespace":"support",
      "name":"ladder"},"spec":{"tiers":[{"name":"primary","provider":"openai"},
      {"name":"claude","provider":"openai","model":"small","timeout":"2s"}]}})"));
    SyncChain();
  }

  // As the reflector would after a change on the server.
  void SyncChain() {
    const json object = server_.Get(resources::kLlmFallbackChains, "support", "ladder");
    auto chain = api::Decode<api::LlmFallbackChain>(object.dump());
    ASSERT_TRUE(chain.has_value()) << chain.error().message;
    chains_.Set(kKey, agent_policy::Share(*std::move(chain)));
  }
  void MakePod(const std::string& name) {
    api::Pod pod;
    pod.metadata.namespace_ = "support";
    pod.metadata.name = name;
    pod.metadata.uid = "uid-" + name;
    pod.metadata.labels.Set("pod-template-hash", "1");
    pod.metadata.owner_references = {{"apps/v1", "ReplicaSet", "refunds-agent-1", "rs", true}};
    pod.init_containers = {std::string(api::kSidecarContainer)};
    pods_.Set("support/" + name, std::make_shared<const api::Pod>(pod));
    reports_.Register(pod);
  }
  void Report(const std::string& pod, sidecar_config::ChainCounts counts, bool primary) {
    counts.tiers[0].reachable = primary;
    counts.tiers[0].last_class = primary ? "" : "connect";
    sidecar_config::LedgerDocument ledger;
    ledger.pod_uid = "uid-" + pod;
    ledger.current.epoch =
        std::to_string(clock_.SystemNow().time_since_epoch().count() + 1) + "-ab";
    if (const auto before = reports_.Get("uid-" + pod); before && before->ledger) {
      ledger.current.epoch = before->ledger->current.epoch;
    }
    ledger.fallback_chain = std::move(counts);
    reports_.RecordLedger("uid-" + pod, ledger, clock_.SystemNow());
  }
  json Status() const {
    return server_.Get(resources::kLlmFallbackChains, "support", "ladder")
        .value("status", json::object());
  }
  Milliseconds Requeue(const kube::Outcome& outcome) {
    const auto* again = std::get_if<kube::RequeueAfter>(&outcome);
    return again == nullptr ? Milliseconds{-1} : again->after;
  }
  // One pass over an up-to-date cache.
  kube::Outcome Pass() {
    SyncChain();
    return controller_.Reconcile(kKey);
  }

  fakes::FakeClock clock_;
  fakes::FakeApiServer server_;
  std::unique_ptr<kube::ApiClient> client_;
  fakes::MemoryEvents events_;
  kube::Store<api::AgentReliabilityPolicy> policies_;
  kube::Store<api::AgentSlo> slos_;
  kube::Store<api::LlmFallbackChain> chains_;
  kube::Store<api::Deployment> deployments_;
  kube::Store<api::StatefulSet> stateful_sets_;
  kube::Store<api::Pod> pods_;
  PodReports reports_;
  agent_policy::Caches caches_;
  ChainController controller_;
};

TEST_F(ChainReconcilerTest, WritesOnceAndNothingWhileIdle) {
  MakePod("a");
  Report("a", Counts(0, 0), true);
  (void)Pass();
  EXPECT_EQ(Status()["active"], "primary");
  EXPECT_EQ(Status()["tierNames"], "primary,claude,Reject");
  const std::size_t writes = server_.Writes();
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(std::chrono::minutes{1});
    (void)Pass();
  }
  EXPECT_EQ(server_.Writes(), writes);
  EXPECT_TRUE(events_.Reasons().empty());
}

TEST_F(ChainReconcilerTest, SharesWaitAMinuteConditionsDoNot) {
  MakePod("a");
  Report("a", Counts(0, 0), true);
  (void)Pass();
  const std::size_t writes = server_.Writes();
  Report("a", Counts(3, 1), true);
  EXPECT_EQ(Requeue(Pass()), std::chrono::minutes{1});
  EXPECT_EQ(server_.Writes(), writes);
  Report("a", Counts(3, 2), false);
  (void)Pass();
  EXPECT_EQ(server_.Writes(), writes + 1);
  EXPECT_EQ(Status()["active"], "claude");
  EXPECT_EQ(Status()["tiers"][1]["servedPercent"], 40);
  EXPECT_THAT(events_.Reasons(), ElementsAre("FallbackTierChanged"));
  Report("a", Counts(3, 9), false);
  (void)Pass();
  EXPECT_EQ(server_.Writes(), writes + 1);
  clock_.Advance(std::chrono::minutes{1});
  (void)Pass();
  EXPECT_EQ(Status()["tiers"][1]["servedPercent"], 75);
}

TEST_F(ChainReconcilerTest, ANewLeaderWaitsForTheFirstReportsAndWritesNothingNew) {
  MakePod("a");
  Report("a", Counts(4, 0), true);
  (void)Pass();
  const std::size_t writes = server_.Writes();
  PodReports empty;
  ChainController next(caches_, empty, *client_, events_, clock_);
  SyncChain();
  EXPECT_EQ(Requeue(next.Reconcile(kKey)), std::chrono::seconds{1});
  EXPECT_EQ(server_.Writes(), writes);
  ChainController heard(caches_, reports_, *client_, events_, clock_);
  (void)heard.Reconcile(kKey);
  EXPECT_EQ(server_.Writes(), writes);
}

TEST_F(ChainReconcilerTest, ACacheThatIsBehindIsNotWrittenOverAgain) {
  MakePod("a");
  Report("a", Counts(0, 0), true);
  (void)Pass();
  EXPECT_EQ(Requeue(controller_.Reconcile(kKey)), Milliseconds{50});
}

TEST_F(ChainReconcilerTest, OnlyNewsReachTheQueue) {
  MakePod("a");
  Report("a", Counts(0, 0), true);
  const std::size_t delayed = controller_.queue().Stats().delayed;
  EXPECT_EQ(delayed, 1U) << "chain and pod are one key";
  EXPECT_TRUE(std::holds_alternative<kube::Done>(controller_.Reconcile("support/other")));
}

TEST_F(ChainReconcilerTest, AForbiddenWriteIsRetried) {
  server_.AddFault(fakes::Forbidden("PATCH", "llmfallbackchains"));
  EXPECT_TRUE(std::holds_alternative<kube::Retry>(Pass()));
  (void)Pass();
  EXPECT_EQ(Status()["conditions"][0]["reason"], "Accepted");
}

}  // namespace
}  // namespace reliability::controllers::llm_fallback_chain
