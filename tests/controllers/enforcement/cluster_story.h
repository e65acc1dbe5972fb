#pragma once
// A workload on an API server, with pods that obey mode.json and report it, and an operator process
// that can be killed at any write and started again. On the fake server in component tests, on a
// real one in tests/cluster/enforcement_kills.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controllers/enforcement/reconciler.h"
#include "libs/api/decode.h"
#include "libs/http/transport.h"
#include "libs/sidecar_config/decode.h"
#include "tests/controllers/enforcement/enforcement_world.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_events.h"

namespace reliability::controllers::enforcement {

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

// The API server of a story, with the controllers and kubelets around it.
class Backend {
 public:
  using json = nlohmann::json;
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string ns() const = 0;
  [[nodiscard]] virtual SystemTime start() const = 0;  // where the story's clock begins
  // Under the operator's client; the other calls here are those of users and of the cluster.
  [[nodiscard]] virtual http::Transport& transport() = 0;
  [[nodiscard]] virtual std::unique_ptr<kube::ApiClient> MakeClient(http::Transport& transport,
                                                                    Clock& clock) = 0;
  virtual void Put(const kube::Resource& resource, json object) = 0;
  // Null if there is none.
  [[nodiscard]] virtual json Get(const kube::Resource& resource, const std::string& name) = 0;
  [[nodiscard]] virtual std::vector<json> List(const kube::Resource& resource) = 0;
  // So many pods of the Deployment run and are ready.
  virtual void RunPods(std::size_t wanted) = 0;
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
  explicit ClusterStory(std::unique_ptr<Backend> backend, const std::string& held_for = "1m",
                        const std::string& scale_after = "5m", const std::string& open_for = "5m");
  virtual ~ClusterStory() = default;
  ClusterStory(const ClusterStory&) = delete;
  ClusterStory& operator=(const ClusterStory&) = delete;

  // A new process: caches from the server, memory empty, the next leader epoch.
  void StartOperator();
  // The operator looks at the workload once.
  kube::Outcome Reconcile() { return process->controller->Reconcile(key()); }
  // The cluster goes on, then the operator looks once. After a kill, another operator looks.
  void Tick();
  void Ticks(Milliseconds duration, Milliseconds step = seconds{5});
  // Ticks until the AgentEnforcement is in this mode; false after `limit`.
  [[nodiscard]] bool Until(std::string_view mode, Milliseconds limit);
  // The whole tour: burn, pause, scale down, probe, restore, and then some rest.
  void PlayTour(Milliseconds rest = minutes{2});

  void Put(const kube::Resource& resource, json object) {
    backend->Put(resource, std::move(object));
  }
  [[nodiscard]] std::string key() const { return backend->ns() + "/Deployment/refunds-agent"; }
  [[nodiscard]] json Enforcement() const;
  [[nodiscard]] std::string Mode() const { return Enforcement()["status"].value("mode", ""); }
  [[nodiscard]] int Replicas() const;
  [[nodiscard]] std::string SidecarMode() const;  // that mode.json orders; "" without it
  // Everything was given back and nothing is remembered but the trips.
  void ExpectRestored() const;

  std::unique_ptr<Backend> backend;
  fakes::FakeClock clock;
  KillTransport transport;
  fakes::MemoryEvents events;
  EvidenceMaker evidence = EvidenceMaker::Calm();
  bool pods_work = true;  // probe turns are clean
  bool strays = false;    // somebody else writes mode.json, too
  std::vector<int> replicas_seen;
  int restarts = 0;
  std::unique_ptr<kube::ApiClient> client;
  std::unique_ptr<OperatorProcess> process;

 private:
  // What a sidecar knows and counted.
  struct Sidecar {
    std::pair<std::int64_t, std::int64_t> order{0, 0};
    std::uint64_t good = 0;
    std::uint64_t bad = 0;
  };
  void MovePods();
  void Sync();
  void Report();
  [[nodiscard]] std::string ModeJson() const;

  std::map<std::string, Sidecar> sidecars_;  // by pod UID
};

// The tour dies before and after each of its writes; the next operator must reach the same end, and
// replicas must never be lost. `make` gives a fresh story with quick durations.
void DieAtEveryWrite(const std::function<std::unique_ptr<ClusterStory>()>& make);

}  // namespace reliability::controllers::enforcement
