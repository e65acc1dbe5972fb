#include "controllers/agent_policy/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "libs/api/decode.h"
#include "libs/base/hash.h"
#include "tests/controllers/agent_policy/builders.h"
#include "tests/controllers/agent_policy/chain_builders.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_events.h"

namespace reliability::controllers::agent_policy {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
namespace resources = kube::resources;

constexpr const char* kKey = "support/Deployment/refunds-agent";
constexpr const char* kMap = "agent-reliability-deployment-refunds-agent";

json PolicyJson(const std::string& name) {
  return json::parse(R"({"metadata":{"namespace":"support","name":")" + name + R"("},"spec":{
    "targetRefs":[{"group":"apps","kind":"Deployment","name":"refunds-agent"}],
    "enforcement":"Enforce","turn":{"timeout":"15s"},
    "upstreams":{"llms":[{"name":"openai","format":"OpenAI","url":"http://llm:8080/v1"}]}}})");
}

class ReconcilerTest : public testing::Test {
 protected:
  ReconcilerTest()
      : client_(fakes::MakeFakeClient(server_, clock_)),
        caches_(policies_, slos_, chains_, deployments_, stateful_sets_, pods_),
        controller_(
            caches_,
            [this](std::string_view uid) -> std::optional<SidecarReport> {
              const auto it = reports_.find(std::string(uid));
              return it == reports_.end() ? std::nullopt : std::optional(it->second);
            },
            [this](std::string_view uid) { bursts_.emplace_back(uid); }, *client_, events_,
            clock_) {
    api::Deployment deployment;
    deployment.metadata.namespace_ = "support";
    deployment.metadata.name = "refunds-agent";
    deployment.metadata.uid = "uid-workload";
    deployments_.Set("support/refunds-agent", std::make_shared<const api::Deployment>(deployment));
  }

  // As the reflector would after a change on the server.
  void SyncPolicy(const std::string& name) {
    const json object = server_.Get(resources::kAgentReliabilityPolicies, "support", name);
    if (object.is_null()) {
      policies_.Erase("support/" + name);
      return;
    }
    auto policy = api::Decode<api::AgentReliabilityPolicy>(object.dump());
    ASSERT_TRUE(policy.has_value());
    policies_.Set("support/" + name,
                  std::make_shared<const api::AgentReliabilityPolicy>(*std::move(policy)));
  }
  void MakePolicyNamed(const std::string& name) {
    server_.Put(resources::kAgentReliabilityPolicies, PolicyJson(name));
    SyncPolicy(name);
  }
  void MakePod(const std::string& name, bool injected) {
    json object{{"metadata", {{"namespace", "support"}, {"name", name}, {"uid", "uid-" + name}}}};
    server_.Put(resources::kPods, object);
    api::Pod pod;
    pod.metadata.namespace_ = "support";
    pod.metadata.name = name;
    pod.metadata.uid = "uid-" + name;
    pod.metadata.creation_timestamp = clock_.SystemNow() - std::chrono::minutes{10};
    pod.metadata.labels.Set("pod-template-hash", "1");
    pod.metadata.owner_references = {{"apps/v1", "ReplicaSet", "refunds-agent-1", "rs", true}};
    if (injected) {
      pod.init_containers = {std::string(api::kSidecarContainer)};
    }
    pods_.Set("support/" + name, std::make_shared<const api::Pod>(pod));
  }
  std::string PolicyFile() const {
    const json map = server_.Get(resources::kConfigMaps, "support", kMap);
    return map.is_null() ? "" : map["data"].value("policy.json", "");
  }
  std::string Annotation(const std::string& pod) const {
    const json object = server_.Get(resources::kPods, "support", pod);
    return object["metadata"]
        .value("annotations", json::object())
        .value(std::string(api::kConfigHashAnnotation), "");
  }
  Milliseconds Requeue(const kube::Outcome& outcome) {
    const auto* again = std::get_if<kube::RequeueAfter>(&outcome);
    return again == nullptr ? Milliseconds{-1} : again->after;
  }
  std::string ConditionReason(const std::string& policy, const std::string& type) const {
    const json object = server_.Get(resources::kAgentReliabilityPolicies, "support", policy);
    for (const json& one : object["status"]["conditions"]) {
      if (one["type"] == type) {
        return one["reason"];
      }
    }
    return "none";
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
  std::map<std::string, SidecarReport> reports_;
  std::vector<std::string> bursts_;
  Caches caches_;
  PolicyController controller_;
};

TEST_F(ReconcilerTest, WritesTheMapOwnedByTheWorkloadOnce) {
  MakePolicyNamed("refunds");
  EXPECT_EQ(Requeue(controller_.ReconcileWorkload(kKey)), std::chrono::minutes{5});
  const json map = server_.Get(resources::kConfigMaps, "support", kMap);
  EXPECT_EQ(map["metadata"]["ownerReferences"][0]["uid"], "uid-workload");
  EXPECT_THAT(PolicyFile(), HasSubstr(R"("workload":"support/Deployment/refunds-agent")"));
  const std::size_t writes = server_.Writes();
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_EQ(server_.Writes(), writes);
}

TEST_F(ReconcilerTest, ANewLeaderDoesNotWriteWhatIsThere) {
  MakePolicyNamed("refunds");
  (void)controller_.ReconcileWorkload(kKey);
  const std::size_t writes = server_.Writes();
  PolicyController next(
      caches_, [](std::string_view) { return std::nullopt; }, [](std::string_view) {}, *client_,
      events_, clock_);
  (void)next.ReconcileWorkload(kKey);
  EXPECT_EQ(server_.Writes(), writes);
}

TEST_F(ReconcilerTest, DriftIsRepairedAfterFiveMinutes) {
  MakePolicyNamed("refunds");
  (void)controller_.ReconcileWorkload(kKey);
  const std::string good = PolicyFile();
  server_.Merge(resources::kConfigMaps, "support", kMap, {{"data", {{"policy.json", "{}"}}}});
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_EQ(PolicyFile(), "{}");
  clock_.Advance(std::chrono::minutes{5});
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_EQ(PolicyFile(), good);
}

TEST_F(ReconcilerTest, PodsAreAnnotatedAgainUntilTheyAcknowledgeAtMostFiveTimes) {
  MakePod("a", true);
  MakePolicyNamed("refunds");
  EXPECT_EQ(Requeue(controller_.ReconcileWorkload(kKey)), std::chrono::seconds{1});
  const std::string hash = Sha256Hex(PolicyFile());
  EXPECT_EQ(Annotation("a"), hash);
  EXPECT_THAT(bursts_, ElementsAre("uid-a"));
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_EQ(Annotation("a"), hash) << "not before a second has passed";
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(std::chrono::seconds{1});
    (void)controller_.ReconcileWorkload(kKey);
  }
  EXPECT_EQ(Annotation("a"), hash + "#5");
  reports_["uid-a"] = {hash, ""};
  EXPECT_EQ(Requeue(controller_.ReconcileWorkload(kKey)), std::chrono::minutes{5});
}

TEST_F(ReconcilerTest, APodThatRunsTheNewestPolicyIsNotTouched) {
  MakePolicyNamed("refunds");
  (void)controller_.ReconcileWorkload(kKey);
  MakePod("a", true);
  reports_["uid-a"] = {Sha256Hex(PolicyFile()), ""};
  const std::size_t writes = server_.Writes();
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_EQ(server_.Writes(), writes);
}

TEST_F(ReconcilerTest, StatusAndEventsOnceThoughTheCacheIsBehind) {
  MakePod("a", false);
  MakePolicyNamed("refunds");
  (void)controller_.ReconcileWorkload(kKey);
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_THAT(events_.Reasons("AgentReliabilityPolicy"),
              ElementsAre("PolicyAccepted", "SidecarMissing"));
  EXPECT_EQ(Requeue(controller_.ReconcilePolicy("support/refunds")), Milliseconds{50});
  EXPECT_EQ(events_.Reasons("AgentReliabilityPolicy").size(), 2U);
  SyncPolicy("refunds");
  const std::size_t writes = server_.Writes();
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(server_.Writes(), writes);
}

TEST_F(ReconcilerTest, TheOlderPolicyGovernsAndItsDeletionHandsOver) {
  MakePolicyNamed("older");
  MakePolicyNamed("younger");  // same second on the fake: the name decides
  (void)controller_.ReconcileWorkload(kKey);
  (void)controller_.ReconcilePolicy("support/younger");
  EXPECT_EQ(ConditionReason("younger", "Accepted"), "Conflicted");
  server_.Remove(resources::kAgentReliabilityPolicies, "support", "older");
  SyncPolicy("older");
  SyncPolicy("younger");
  (void)controller_.ReconcileWorkload(kKey);
  (void)controller_.ReconcilePolicy("support/younger");
  EXPECT_EQ(ConditionReason("younger", "Accepted"), "Accepted");
}

TEST_F(ReconcilerTest, DeletionLeavesRoutesUntilTheLastInjectedPodIsGone) {
  MakePod("a", true);
  MakePolicyNamed("refunds");
  (void)controller_.ReconcileWorkload(kKey);
  server_.Remove(resources::kAgentReliabilityPolicies, "support", "refunds");
  SyncPolicy("refunds");
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_THAT(PolicyFile(), HasSubstr(R"("enforcement":"Observe")"));
  EXPECT_THAT(PolicyFile(), HasSubstr("http://llm:8080/v1"));
  pods_.Erase("support/a");
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_TRUE(server_.Get(resources::kConfigMaps, "support", kMap).is_null());
}

TEST_F(ReconcilerTest, AnInjectedPodWithoutPolicyAndMapIsTold) {
  MakePod("a", true);
  EXPECT_TRUE(std::holds_alternative<kube::Done>(controller_.ReconcileWorkload(kKey)));
  EXPECT_THAT(events_.Reasons(), ElementsAre("SidecarOrphaned"));
  EXPECT_EQ(server_.Writes(), 0U);
}

TEST_F(ReconcilerTest, AChainThatAppearsLaterIsRendered) {
  json object = PolicyJson("refunds");
  object["spec"]["fallbackChainRef"] = {{"name", "ladder"}};
  server_.Put(resources::kAgentReliabilityPolicies, object);
  SyncPolicy("refunds");
  (void)controller_.ReconcileWorkload(kKey);
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(ConditionReason("refunds", "ResolvedRefs"), "ChainNotFound");
  EXPECT_THAT(events_.Reasons("AgentReliabilityPolicy"),
              ElementsAre("PolicyAccepted", "FallbackChainMissing"));
  SyncPolicy("refunds");
  chains_.Set("support/ladder", Share(MakeChain()));
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_THAT(PolicyFile(), HasSubstr(R"("fallbackChain":{"advanceOn":)"));
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(ConditionReason("refunds", "ResolvedRefs"), "ResolvedRefs");
  chains_.Erase("support/ladder");
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_EQ(PolicyFile().find("fallbackChain"), std::string::npos);
}

TEST_F(ReconcilerTest, TheFileIsWrittenForTheOldestSidecarUntilItIsGone) {
  json object = PolicyJson("refunds");
  object["spec"]["tls"] = {{"systemCAs", false}};
  server_.Put(resources::kAgentReliabilityPolicies, object);
  SyncPolicy("refunds");
  MakePod("old", true);
  MakePod("new", true);
  reports_["uid-old"] = {"", "", 3};
  reports_["uid-new"] = {"", "", 4};
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_THAT(PolicyFile(), HasSubstr(R"("schema":"1.3")"));
  EXPECT_EQ(PolicyFile().find("systemCAs"), std::string::npos);
  for (const char* pod : {"uid-old", "uid-new"}) {
    reports_[pod].config_hash = Sha256Hex(PolicyFile());
  }
  (void)controller_.ReconcileWorkload(kKey);
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(ConditionReason("refunds", "SidecarsCovered"), "SidecarsOutdated");
  EXPECT_THAT(events_.Reasons("AgentReliabilityPolicy"),
              ElementsAre("PolicyAccepted", "SidecarOutdated"));
  pods_.Erase("support/old");
  (void)controller_.ReconcileWorkload(kKey);
  EXPECT_THAT(PolicyFile(), HasSubstr(R"("schema":"1.4")"));
  EXPECT_THAT(PolicyFile(), HasSubstr(R"("systemCAs":false)"));
}

TEST_F(ReconcilerTest, ANewLeaderKeepsTheMinorUntilAllSidecarsHaveAnswered) {
  MakePolicyNamed("refunds");
  MakePod("a", true);
  MakePod("b", true);
  reports_["uid-a"] = {"", "", 3};
  reports_["uid-b"] = {"", "", 3};
  (void)controller_.ReconcileWorkload(kKey);
  const std::string there = PolicyFile();
  EXPECT_THAT(there, HasSubstr(R"("schema":"1.3")"));
  reports_.clear();
  caches_.written.Erase(kKey);
  PolicyController next(
      caches_,
      [this](std::string_view uid) -> std::optional<SidecarReport> {
        const auto it = reports_.find(std::string(uid));
        return it == reports_.end() ? std::nullopt : std::optional(it->second);
      },
      [](std::string_view) {}, *client_, events_, clock_);
  for (int i = 0; i < 2; ++i) {
    (void)next.ReconcileWorkload(kKey);
    EXPECT_EQ(PolicyFile(), there);
  }
  reports_["uid-a"] = {"", "", sidecar_config::kSchemaMinor};
  (void)next.ReconcileWorkload(kKey);
  EXPECT_EQ(PolicyFile(), there);
  reports_["uid-b"] = {"", "", sidecar_config::kSchemaMinor};
  (void)next.ReconcileWorkload(kKey);
  EXPECT_THAT(PolicyFile(),
              HasSubstr(R"("schema":"1.)" + std::to_string(sidecar_config::kSchemaMinor)));
}

TEST_F(ReconcilerTest, AForbiddenReadIsACondition) {
  MakePolicyNamed("refunds");
  server_.AddFault(fakes::Forbidden("GET", "configmaps"));
  EXPECT_TRUE(std::holds_alternative<kube::Retry>(controller_.ReconcileWorkload(kKey)));
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(ConditionReason("refunds", "Programmed"), "Reconciling");
}

TEST_F(ReconcilerTest, AForbiddenWriteIsACondition) {
  MakePolicyNamed("refunds");
  server_.AddFault(fakes::Forbidden("PATCH", "configmaps"));
  EXPECT_TRUE(std::holds_alternative<kube::Retry>(controller_.ReconcileWorkload(kKey)));
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(ConditionReason("refunds", "Programmed"), "Reconciling");
  (void)controller_.ReconcileWorkload(kKey);
  SyncPolicy("refunds");
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(ConditionReason("refunds", "Programmed"), "Programmed");
}

TEST_F(ReconcilerTest, WithoutWorkloadNothingIsWritten) {
  deployments_.Erase("support/refunds-agent");
  MakePolicyNamed("refunds");
  EXPECT_TRUE(std::holds_alternative<kube::Done>(controller_.ReconcileWorkload(kKey)));
  EXPECT_EQ(server_.Writes(), 0U);
  (void)controller_.ReconcilePolicy("support/refunds");
  EXPECT_EQ(ConditionReason("refunds", "Accepted"), "TargetNotFound");
}

TEST_F(ReconcilerTest, AChangeOfAChainThatNobodyNamesIsNoNews) {
  chains_.Set("support/ladder", Share(MakeChain()));
  EXPECT_EQ(controller_.workloads().Stats().depth, 0U);
  json object = PolicyJson("refunds");
  object["spec"]["fallbackChainRef"] = {{"name", "other"}};
  server_.Put(resources::kAgentReliabilityPolicies, object);
  SyncPolicy("refunds");
  deployments_.Erase("support/refunds-agent");
  EXPECT_EQ(controller_.workloads().Stats().depth, 1U) << "the policy itself";
}

TEST_F(ReconcilerTest, ChangesReachTheQueueOfTheirWorkload) {
  MakePolicyNamed("refunds");
  EXPECT_EQ(controller_.workloads().Stats().depth, 1U);
  MakePod("a", true);
  EXPECT_EQ(controller_.workloads().Stats().depth, 1U) << "one key, however many changes";
  reports_["uid-a"] = {"hash", ""};
  controller_.OnReport("support", "a", "uid-a");
  controller_.OnReport("support", "gone", "uid-gone");
  EXPECT_EQ(controller_.workloads().Stats().depth, 1U);
}

}  // namespace
}  // namespace reliability::controllers::agent_policy
