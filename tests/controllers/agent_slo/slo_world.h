#pragma once
// One agent with its SLO on a fake API server, fake sidecars that count, and an operator process
// that can be killed at any moment. Not thread-safe.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controllers/agent_slo/reconciler.h"
#include "libs/api/decode.h"
#include "libs/api/names.h"
#include "libs/api/workload_keys.h"
#include "libs/kube/core/resource.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_events.h"

namespace reliability::controllers::agent_slo {

namespace resources = kube::resources;
using nlohmann::json;

inline constexpr const char* kSlo = "support/refunds-completed";
inline constexpr const char* kHistory = "agentslo-refunds-completed-history";

// A sidecar: its process may restart, its pod may end.
struct FakeSidecar {
  std::string uid;
  std::string name;
  sidecar_config::LedgerEpoch current;
  std::vector<sidecar_config::LedgerEpoch> closed;
  bool ended = false;
};

// What dies with the operator.
struct Process {
  kube::Store<api::AgentSlo> slos;
  kube::Store<api::ErrorBudgetPolicy> reactions;
  kube::Store<api::AgentReliabilityPolicy> policies;
  kube::Store<api::Deployment> deployments;
  kube::Store<api::StatefulSet> stateful_sets;
  kube::Store<api::Pod> pods;
  kube::Index<api::AgentSlo> slos_of{slos, api::SloWorkloadKeys};
  kube::Index<api::AgentReliabilityPolicy> policies_of{policies, api::PolicyWorkloadKeys};
  kube::Index<api::Pod> pods_of{pods, api::PodWorkloadKeys};
  PodReports reports;
  EvidenceBoard board;
  metrics::Registry registry;
  fakes::MemoryEvents events;
  std::vector<std::string> stepped_down;
  std::unique_ptr<SloController> controller;
};

class World {
 public:
  explicit World(const char* window = "30d") : client(fakes::MakeFakeClient(server, clock)) {
    server.Put(resources::kDeployments,
               {{"metadata", {{"name", "refunds-agent"}, {"namespace", "support"}}},
                {"spec", {{"replicas", 2}}}});
    PutPolicy(true);
    server.Put(resources::kErrorBudgetPolicies, json::parse(R"({
      "metadata": {"name": "careful", "namespace": "support"},
      "spec": {"rules": [{"name": "stop", "when": {"budgetAtMost": "0", "tier": "PageFast",
        "for": "1m"}, "action": {"type": "Pause"}}], "recovery": {"holdFor": "15m"}}})"));
    json slo = json::parse(R"({
      "metadata": {"name": "refunds-completed", "namespace": "support"},
      "spec": {"targetRef": {"group": "apps", "kind": "Deployment", "name": "refunds-agent"},
        "objective": "95", "sli": {"type": "TaskSuccess"},
        "errorBudgetPolicyRef": {"name": "careful"}}})");
    slo["spec"]["window"] = window;
    server.Put(resources::kAgentSlos, slo);
    StartOperator();
  }

  void PutPolicy(bool accepted) {
    json policy = json::parse(R"({
      "metadata": {"name": "refunds", "namespace": "support"},
      "spec": {"targetRefs": [{"group": "apps", "kind": "Deployment", "name": "refunds-agent"}],
        "enforcement": "Enforce", "upstreams": {}},
      "status": {"ancestors": [{"ancestorRef":
        {"group": "apps", "kind": "Deployment", "name": "refunds-agent"},
        "controllerName": "agentreliability.dev/operator", "conditions": [{"type": "Accepted",
        "reason": "Accepted", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}]}})");
    policy["status"]["ancestors"][0]["conditions"][0]["status"] = accepted ? "True" : "False";
    server.Put(resources::kAgentReliabilityPolicies, policy);
  }

  // The operator.
  void StartOperator() {
    process = std::make_unique<Process>();
    Process& p = *process;
    const Caches caches{p.slos,          p.reactions, p.policies,    p.deployments,
                        p.stateful_sets, p.slos_of,   p.policies_of, p.pods_of};
    p.controller = std::make_unique<SloController>(
        caches, p.reports, p.board, *client, p.events, p.registry, clock,
        [&p](const std::string& why) { p.stepped_down.push_back(why); });
    p.controller->Lead(++leader_epoch);
    Sync();
    for (auto& [name, pod] : sidecars) {
      p.reports.Register(*p.pods.Get("support/" + name));
      if (pod.ended) {
        Finish(pod);
      }
    }
  }
  // SIGKILL: what it knew is gone.
  void Kill() {
    process.reset();
    StartOperator();
  }
  // The caches catch up.
  void Sync() {
    Load(process->deployments, resources::kDeployments);
    Load(process->policies, resources::kAgentReliabilityPolicies);
    Load(process->reactions, resources::kErrorBudgetPolicies);
    Load(process->pods, resources::kPods);
    Load(process->slos, resources::kAgentSlos);
    Load(process->stateful_sets, resources::kStatefulSets);
  }
  kube::Outcome Reconcile() { return process->controller->ReconcileSlo(kSlo); }
  // `later`, with every sidecar read at its end, then one reconcile.
  void Tick(Milliseconds later = Milliseconds{15'000}) {
    clock.Advance(later);
    ScrapeAll();
    static_cast<void>(Reconcile());
  }
  void Ticks(int count) {
    for (int i = 0; i < count; ++i) {
      Tick();
    }
  }

  // The agent.
  FakeSidecar& AddPod(const std::string& name) {
    const json stored = server.Put(
        resources::kPods,
        json{{"metadata",
              {{"name", name},
               {"namespace", "support"},
               {"labels", {{"pod-template-hash", "abc"}}},
               {"ownerReferences", json::array({{{"apiVersion", "apps/v1"},
                                                 {"kind", "ReplicaSet"},
                                                 {"name", "refunds-agent-abc"},
                                                 {"uid", "rs"},
                                                 {"controller", true}}})}}},
             {"spec",
              {{"containers", json::array({{{"name", "agent"}}})},
               {"initContainers", json::array({{{"name", std::string(api::kSidecarContainer)}}})}}},
             {"status",
              {{"phase", "Running"},
               {"podIP", "10.0.0.1"},
               {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}}}});
    FakeSidecar& pod = sidecars[name];
    pod.name = name;
    pod.uid = stored["metadata"]["uid"];
    BeginEpoch(pod);
    Sync();
    process->reports.Register(*process->pods.Get("support/" + name));
    return pod;
  }
  void Turns(const std::string& pod, std::uint64_t good, std::uint64_t bad) {
    sidecar_config::SloCounts& counts = sidecars.at(pod).current.slos[Key()];
    counts.good += good;
    counts.bad += bad;
    truth.events += good + bad;
    truth.bad += bad;
  }
  void RestartSidecar(const std::string& name) {
    FakeSidecar& pod = sidecars.at(name);
    pod.closed.push_back(pod.current);
    if (pod.closed.size() > 8) {
      pod.closed.erase(pod.closed.begin());
    }
    BeginEpoch(pod);
  }
  // The sidecar ends with its last words; the pod object is still there.
  void EndPod(const std::string& name) {
    FakeSidecar& pod = sidecars.at(name);
    pod.ended = true;
    Finish(pod);
  }
  void VanishPod(const std::string& name) {
    server.Remove(resources::kPods, "support", name);
    process->pods.Erase("support/" + name);
    sidecars.erase(name);
  }
  void ScrapeAll() {
    for (auto& [name, pod] : sidecars) {
      if (!pod.ended) {
        process->reports.RecordLedger(pod.uid, Ledger(pod), clock.SystemNow());
      }
    }
  }

  std::string Key() const {
    return api::SloKey(*api::Decode<api::AgentSlo>(
        server.Get(resources::kAgentSlos, "support", "refunds-completed").dump()));
  }
  policy::SloAssessment Assessment() const {
    const EvidenceBoard::Ptr evidence = process->board.Get(kSlo);
    return evidence == nullptr ? policy::SloAssessment{} : evidence->assessment;
  }
  json StatusJson() const {
    return server.Get(resources::kAgentSlos, "support", "refunds-completed")["status"];
  }
  std::string Reason(std::string_view type) const {
    const json conditions = StatusJson().value("conditions", json::array());
    for (const json& condition : conditions) {
      if (condition["type"] == type) {
        return condition["status"].get<std::string>() + " " +
               condition["reason"].get<std::string>();
      }
    }
    return "absent";
  }
  json HistoryJson() const { return server.Get(resources::kConfigMaps, "support", kHistory); }

  fakes::FakeClock clock;
  fakes::FakeApiServer server;
  std::unique_ptr<kube::ApiClient> client;
  std::map<std::string, FakeSidecar> sidecars;
  policy::EventCounts truth;  // what the sidecars counted
  std::int64_t leader_epoch = 0;
  std::unique_ptr<Process> process;

 private:
  template <class T>
  void Load(kube::Store<T>& store, const kube::Resource& resource) {
    for (const json& object : server.List(resource)) {
      auto decoded = api::Decode<T>(object.dump());
      ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
      const std::string key = kube::MakeKey(decoded->metadata.namespace_, decoded->metadata.name);
      store.Set(key, std::make_shared<const T>(*std::move(decoded)));
    }
  }
  void BeginEpoch(FakeSidecar& pod) {
    pod.current = {};
    pod.current.epoch = std::to_string(clock.SystemNow().time_since_epoch().count()) + "-" +
                        std::to_string(++epochs_);
    pod.current.slos[Key()] = {};
  }
  void Finish(const FakeSidecar& pod) {
    for (const auto& epoch : pod.closed) {
      process->reports.RecordLastWords(pod.uid, epoch);
    }
    process->reports.RecordLastWords(pod.uid, pod.current);
    process->reports.MarkFinal(pod.uid, clock.SystemNow());
  }
  sidecar_config::LedgerDocument Ledger(const FakeSidecar& pod) const {
    sidecar_config::LedgerDocument out;
    out.pod_uid = pod.uid;
    out.current = pod.current;
    out.closed = pod.closed;
    return out;
  }

  int epochs_ = 0;
};

}  // namespace reliability::controllers::agent_slo
