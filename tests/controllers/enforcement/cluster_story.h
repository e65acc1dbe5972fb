#pragma once
// A workload on the fake API server, with pods that obey mode.json and report it, and an operator
// process that can be killed at any write and started again.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controllers/enforcement/reconciler.h"
#include "libs/api/decode.h"
#include "libs/sidecar_config/decode.h"
#include "tests/controllers/enforcement/enforcement_world.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::controllers::enforcement {

// Soon after the fake API server's creationTimestamps: an override counts from its creation.
inline constexpr SystemTime kClusterStart{Milliseconds{1'767'254'400'000}};  // 2026-01-01T08:00:00Z
inline constexpr const char* kKey = "support/Deployment/refunds-agent";

// Passes requests on, and dies before or after the n-th write: then nothing gets through until
// Revive, as for a killed process.
class KillTransport final : public http::Transport {
 public:
  explicit KillTransport(http::Transport& next) : next_(next) {}

  void KillAtWrite(int number, bool after) {
    kill_at_ = number;
    after_ = after;
  }
  void Revive() { dead_ = false; }
  [[nodiscard]] bool dead() const { return dead_; }
  [[nodiscard]] int writes() const { return writes_; }

  Result<http::Response> Send(const http::Request& request, Milliseconds deadline) override {
    const bool write = request.method != "GET";
    if (!dead_ && write && ++writes_ == kill_at_) {
      dead_ = true;
      if (after_) {
        (void)next_.Send(request, deadline);
      }
    }
    if (dead_) {
      return Fail(Code::kUnavailable, "killed");
    }
    return next_.Send(request, deadline);
  }
  Result<http::Response> Stream(const http::Request& request, const http::StreamLimits& limits,
                                const http::ChunkCallback& on_chunk,
                                const std::stop_token& stop) override {
    return next_.Stream(request, limits, on_chunk, stop);
  }

 private:
  http::Transport& next_;
  int kill_at_ = 0;
  bool after_ = false;
  bool dead_ = false;
  int writes_ = 0;
};

class EventLog final : public kube::EventSink {
 public:
  using EventSink::Record;
  void Record(kube::Event event) override { events.push_back(std::move(event)); }
  [[nodiscard]] int Count(std::string_view reason, std::string_view kind = "Deployment") const {
    int count = 0;
    for (const kube::Event& event : events) {
      count += event.reason == reason && event.regarding.kind == kind ? 1 : 0;
    }
    return count;
  }
  std::vector<kube::Event> events;
};

// What dies with the process.
struct OperatorProcess {
  kube::Store<api::AgentReliabilityPolicy> policies;
  kube::Store<api::AgentSlo> slos;
  kube::Store<api::ErrorBudgetPolicy> reactions;
  kube::Store<api::AgentEnforcement> enforcements;
  kube::Store<api::ReliabilityOverride> overrides;
  kube::Store<api::Deployment> deployments;
  kube::Store<api::StatefulSet> stateful_sets;
  kube::Store<api::HorizontalPodAutoscaler> autoscalers;
  kube::Store<api::Pod> pods;
  Caches caches{policies,    slos,          reactions,   enforcements, overrides,
                deployments, stateful_sets, autoscalers, pods};
  PodReports reports;
  EvidenceBoard board;
  metrics::Registry registry;
  std::unique_ptr<EnforcementController> controller;
};

class ClusterStory {
 public:
  using json = nlohmann::json;

  // Durations of the rule `stop` and of the hold, as in the tour or quicker.
  explicit ClusterStory(const std::string& held_for = "1m", const std::string& scale_after = "5m",
                        const std::string& open_for = "5m");

  // A new process: caches from the server, memory empty, the next leader epoch.
  void StartOperator();
  // The cluster goes on, then the operator looks once. After a kill, another operator looks.
  void Tick();
  void Ticks(Milliseconds duration, Milliseconds step = seconds{5});
  // Ticks until the AgentEnforcement is in this mode and nothing is pending; false after `limit`.
  [[nodiscard]] bool Until(std::string_view mode, Milliseconds limit);

  void Put(const kube::Resource& resource, json object) { server.Put(resource, std::move(object)); }
  [[nodiscard]] json Enforcement() const;
  [[nodiscard]] std::string Mode() const { return Enforcement()["status"].value("mode", ""); }
  [[nodiscard]] int Replicas() const;
  [[nodiscard]] std::string SidecarMode() const;  // that mode.json orders; "" without it
  // The whole tour: burn, pause, scale down, probe, restore.
  void PlayTour();

  fakes::FakeClock clock;
  fakes::FakeApiServer server;
  KillTransport transport{server};
  EventLog events;
  EvidenceMaker evidence = EvidenceMaker::Calm();
  bool pods_work = true;  // probe turns are clean
  std::vector<int> replicas_seen;
  int restarts = 0;
  std::unique_ptr<kube::ApiClient> client;
  std::unique_ptr<OperatorProcess> process;

 private:
  struct SimPod {
    std::string name;
    std::string uid;
    std::int64_t epoch = 0;
    std::int64_t generation = 0;
    std::uint64_t good = 0;
    std::uint64_t bad = 0;
    bool probes = false;
  };
  void MovePods();
  void Sync();
  void Report();

  std::vector<SimPod> pods_;
  int pods_made_ = 0;
};

// --- implementation ------------------------------------------------------------------------------

inline ClusterStory::ClusterStory(const std::string& held_for, const std::string& scale_after,
                                  const std::string& open_for)
    : clock(kClusterStart), client(fakes::MakeFakeClient(transport, clock)) {
  namespace res = kube::resources;
  Put(res::kDeployments,
      {{"metadata", {{"name", "refunds-agent"}, {"namespace", "support"}, {"generation", 1}}},
       {"spec", {{"replicas", 3}, {"selector", {{"matchLabels", {{"app", "r"}}}}}}}});
  Put(res::kAgentReliabilityPolicies,
      {{"metadata", {{"name", "refunds"}, {"namespace", "support"}}},
       {"spec",
        {{"enforcement", "Enforce"},
         {"upstreams", {{"llms", json::array()}}},
         {"targetRefs",
          {{{"group", "apps"}, {"kind", "Deployment"}, {"name", "refunds-agent"}}}}}}});
  Put(res::kAgentSlos,
      {{"metadata", {{"name", "refunds-completed"}, {"namespace", "support"}}},
       {"spec",
        {{"targetRef", {{"group", "apps"}, {"kind", "Deployment"}, {"name", "refunds-agent"}}},
         {"objective", "95"},
         {"sli", {{"type", "TaskSuccess"}}},
         {"errorBudgetPolicyRef", {{"name", "careful"}}}}}});
  Put(res::kErrorBudgetPolicies,
      {{"metadata", {{"name", "careful"}, {"namespace", "support"}}},
       {"spec",
        {{"rules",
          {{{"name", "tell"},
            {"when", {{"budgetAtMost", "0.25"}}},
            {"action", {{"type", "Notify"}}}},
           {{"name", "stop"},
            {"when", {{"budgetAtMost", "0"}, {"tier", "PageFast"}, {"for", held_for}}},
            {"action", {{"type", "Pause"}, {"thenScaleDownAfter", scale_after}}}}}},
         {"recovery", {{"halfOpen", {{"openFor", open_for}}}}},
         {"guards", {{"minReplicas", 0}}}}}});
  StartOperator();
}

inline void ClusterStory::StartOperator() {
  ++restarts;
  process = std::make_unique<OperatorProcess>();
  Options options;
  options.seed = 7;
  process->controller = std::make_unique<EnforcementController>(
      process->caches, process->reports, process->board, [](std::string_view) {}, *client, events,
      process->registry, clock, options);
  process->controller->SetLeaderEpoch(restarts);
  for (auto* mark : {&process->policies}) {
    mark->MarkSynced();
  }
  process->slos.MarkSynced();
  process->reactions.MarkSynced();
  process->enforcements.MarkSynced();
  process->overrides.MarkSynced();
  process->deployments.MarkSynced();
  process->stateful_sets.MarkSynced();
  process->autoscalers.MarkSynced();
  process->pods.MarkSynced();
}

inline nlohmann::json ClusterStory::Enforcement() const {
  json object =
      server.Get(kube::resources::kAgentEnforcements, "support", "deployment-refunds-agent");
  return object.is_null() ? json{{"status", json::object()}} : object;
}

inline int ClusterStory::Replicas() const {
  return server.Get(kube::resources::kDeployments, "support", "refunds-agent")["spec"].value(
      "replicas", -1);
}

inline std::string ClusterStory::SidecarMode() const {
  const json map = server.Get(kube::resources::kConfigMaps, "support",
                              "agent-reliability-deployment-refunds-agent");
  if (map.is_null() || !map.contains("data") || !map["data"].contains("mode.json")) {
    return "";
  }
  return json::parse(map["data"]["mode.json"].get<std::string>()).value("mode", "");
}

// The Deployment controller, the kubelets and the sidecars.
inline void ClusterStory::MovePods() {
  const auto wanted = static_cast<std::size_t>(Replicas());
  if (replicas_seen.empty() || replicas_seen.back() != Replicas()) {
    replicas_seen.push_back(Replicas());
  }
  while (pods_.size() > wanted) {
    server.Remove(kube::resources::kPods, "support", pods_.back().name);
    pods_.pop_back();
  }
  while (pods_.size() < wanted) {
    SimPod pod;
    pod.name = "refunds-agent-7c9f-p" + std::to_string(++pods_made_);
    Put(kube::resources::kPods, {{"metadata",
                                  {{"name", pod.name},
                                   {"namespace", "support"},
                                   {"labels", {{"app", "r"}, {"pod-template-hash", "7c9f"}}},
                                   {"ownerReferences",
                                    {{{"apiVersion", "apps/v1"},
                                      {"kind", "ReplicaSet"},
                                      {"name", "refunds-agent-7c9f"},
                                      {"uid", "rs"},
                                      {"controller", true}}}}}},
                                 {"spec",
                                  {{"initContainers", {{{"name", "agent-reliability-sidecar"}}}},
                                   {"containers", {{{"name", "agent"}}}}}},
                                 {"status",
                                  {{"phase", "Running"},
                                   {"podIP", "10.0.0.1"},
                                   {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    pod.uid = server.Get(kube::resources::kPods, "support", pod.name)["metadata"]["uid"];
    pods_.push_back(pod);
  }
  const json map = server.Get(kube::resources::kConfigMaps, "support",
                              "agent-reliability-deployment-refunds-agent");
  if (map.is_null() || !map.contains("data") || !map["data"].contains("mode.json")) {
    return;
  }
  const auto mode = sidecar_config::DecodeMode(map["data"]["mode.json"].get<std::string>());
  ASSERT_TRUE(mode.has_value()) << map.dump();
  for (SimPod& pod : pods_) {
    const std::pair order{mode->document.leader_epoch, mode->document.generation};
    EXPECT_GE(order, std::pair(pod.epoch, pod.generation)) << "an order went back";
    pod.epoch = order.first;
    pod.generation = order.second;
    pod.probes = false;
    if (mode->document.half_open) {
      const auto& uids = mode->document.half_open->pod_uids;
      pod.probes = std::find(uids.begin(), uids.end(), pod.uid) != uids.end();
    }
    if (pod.probes) {
      (pods_work ? pod.good : pod.bad) += 2;
    }
  }
}

inline void ClusterStory::Report() {
  const json slo = server.Get(kube::resources::kAgentSlos, "support", "refunds-completed");
  if (slo.is_null()) {
    return;
  }
  const auto typed = api::Decode<api::AgentSlo>(slo.dump());
  for (const SimPod& pod : pods_) {
    sidecar_config::LedgerDocument ledger;
    ledger.pod_uid = pod.uid;
    ledger.mode_leader_epoch = pod.epoch;
    ledger.mode_generation = pod.generation;
    ledger.current = {"1800000000000-a", {{api::SloKey(*typed), {pod.good, pod.bad}}}};
    const auto live = process->pods.Get("support/" + pod.name);
    if (live) {
      process->reports.Register(*live);
      process->reports.RecordLedger(ledger.pod_uid, ledger, clock.SystemNow());
    }
  }
  if (process->board.TakeCloseRequest("support/refunds-completed")) {
    evidence.level = policy::EvidenceLevel::kNone;
  }
  auto made = std::make_shared<SloEvidence>(*evidence.Make());
  made->uid = typed->metadata.uid;
  made->key = api::SloKey(*typed);
  made->workload = kKey;
  process->board.Publish(made);
}

inline void ClusterStory::Sync() {
  namespace res = kube::resources;
  const auto fill = [&]<class T>(kube::Store<T>& store, const kube::Resource& resource) {
    std::set<std::string> present;
    for (const json& object : server.List(resource)) {
      const auto typed = api::Decode<T>(object.dump());
      ASSERT_TRUE(typed.has_value()) << ToString(typed.error());
      const std::string key = object["metadata"]["namespace"].get<std::string>() + "/" +
                              object["metadata"]["name"].get<std::string>();
      present.insert(key);
      store.Set(key, std::make_shared<const T>(*typed));
    }
    for (const auto& [key, object] : store.Entries()) {
      if (!present.contains(key)) {
        store.Erase(key);
      }
    }
  };
  fill(process->policies, res::kAgentReliabilityPolicies);
  fill(process->slos, res::kAgentSlos);
  fill(process->reactions, res::kErrorBudgetPolicies);
  fill(process->enforcements, res::kAgentEnforcements);
  fill(process->overrides, res::kReliabilityOverrides);
  fill(process->deployments, res::kDeployments);
  fill(process->autoscalers, res::kHpas);
  fill(process->pods, res::kPods);
}

inline void ClusterStory::Tick() {
  MovePods();
  Sync();
  Report();
  (void)process->controller->Reconcile(kKey);
  if (transport.dead()) {
    transport.Revive();
    StartOperator();
    MovePods();
    Sync();
    Report();
    (void)process->controller->Reconcile(kKey);
  }
}

inline void ClusterStory::Ticks(Milliseconds duration, Milliseconds step) {
  const SystemTime end = clock.SystemNow() + duration;
  while (clock.SystemNow() < end) {
    clock.Advance(step);
    Tick();
  }
}

inline bool ClusterStory::Until(std::string_view mode, Milliseconds limit) {
  const SystemTime end = clock.SystemNow() + limit;
  while (clock.SystemNow() < end) {
    if (Mode() == mode) {
      return true;
    }
    clock.Advance(seconds{5});
    Tick();
  }
  return Mode() == mode;
}

inline void ClusterStory::PlayTour() {
  Tick();
  evidence = EvidenceMaker{};
  ASSERT_TRUE(Until("Paused", minutes{5}));
  ASSERT_TRUE(Until("ScaledDown", minutes{10}));
  ASSERT_TRUE(Until("HalfOpen", minutes{15}));
  ASSERT_TRUE(Until("Normal", minutes{15}));
  Ticks(minutes{2});
}

}  // namespace reliability::controllers::enforcement
