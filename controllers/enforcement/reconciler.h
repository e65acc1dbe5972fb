#pragma once
// The enforcement controller: one key per workload ("ns/Kind/name").
//
// A pass gathers, decides, stores the status, then carries out what the status says; it repeats
// until nothing changes. Runs on the leader only. Construct before the reflectors start, so that no
// change is missed.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/enforcement/apply.h"
#include "controllers/enforcement/gather.h"
#include "controllers/enforcement/metrics.h"
#include "controllers/enforcement/mode_file.h"
#include "controllers/enforcement/nudger.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/kube/runtime/controller.h"

namespace reliability::controllers::enforcement {

struct Options {
  int workers = 2;
  Milliseconds held_interval{5'000};     // a held workload is looked at at least so often
  Milliseconds drift_interval{300'000};  // mode.json is read again: somebody may have written it
  std::uint64_t seed = 0;                // of the jitter; 0: random
};

class EnforcementController {
 public:
  // Reads a pod's ledger soon, and often for a while.
  using Burst = std::function<void(std::string_view pod_uid)>;

  // References must outlive the controller.
  EnforcementController(Caches& caches, PodReports& reports, EvidenceBoard& board, Burst burst,
                        kube::ApiClient& client, kube::EventSink& events,
                        metrics::Registry& registry, Clock& clock, Options options = {});

  // `leader_epoch`: leaseTransitions of our Lease; orders of an older leader never win.
  void Start(std::int64_t leader_epoch);
  void Stop();
  void SetLeaderEpoch(std::int64_t leader_epoch) { leader_epoch_ = leader_epoch; }

  [[nodiscard]] const kube::Controller& queue() const { return controller_; }
  // What the queue runs. Public for tests and release-all.
  [[nodiscard]] kube::Outcome Reconcile(const std::string& key);

 private:
  // What this process knows of one workload.
  struct Memory {
    std::optional<api::AgentEnforcement> object;  // the newest version
    // Versions that `object` replaced ("" = absent): a cache that shows one is behind.
    std::set<std::string> superseded;
    ModeFile mode_file;
    Nudger nudger;
    std::optional<MonotonicTime> close_asked_at;
    std::optional<MonotonicTime> measured_at;  // for held_seconds
  };
  struct Pass {
    bool again = false;  // something was written: look at the result
    bool gone = false;   // nothing to enforce here
    std::optional<Milliseconds> wake;
  };

  // watch.cc
  void Watch();
  void WatchWorkloads();
  void EnqueueAll(const std::vector<std::string>& keys);
  void OnReport(const PodReport& report);
  [[nodiscard]] std::shared_ptr<Memory> MemoryOf(const std::string& key);
  void Forget(const std::string& key);

  [[nodiscard]] Result<Pass> RunOnce(const std::string& key, const api::Workload& workload,
                                     Memory& memory);
  void Refresh(const api::Workload& workload, Memory& memory) const;
  void Remember(Memory& memory, api::AgentEnforcement object) const;
  [[nodiscard]] Status FillLive(const api::Workload& workload, Memory& memory, Input& input,
                                std::string& version) const;
  [[nodiscard]] Result<Pass> Carry(const std::string& key, const api::Workload& workload,
                                   Memory& memory, const Input& input, const Decision& decision,
                                   const std::string& version);
  [[nodiscard]] Status WriteFinalizer(const api::Workload& workload, Memory& memory,
                                      const Input& input, bool wanted) const;
  [[nodiscard]] Status Publish(const api::Workload& workload, Memory& memory,
                               const sidecar_config::ModeDocument& document) const;
  [[nodiscard]] Result<Pass> Settle(const std::string& key, const api::Workload& workload,
                                    Memory& memory, const Input& input, const Decision& decision,
                                    Pass pass);
  void AskToClose(const api::Workload& workload, Memory& memory, const Decision& decision);
  // Nothing is left to write: when to look again.
  [[nodiscard]] Milliseconds Rest(const std::string& key, const Input& input,
                                  const Decision& decision,
                                  std::optional<Milliseconds> nudge_again);
  [[nodiscard]] Result<std::optional<Milliseconds>> NudgePods(const api::Workload& workload,
                                                              Memory& memory, const Input& input);
  void Tell(const Input& input, const Decision& decision);
  void Measure(const std::string& key, Memory& memory, const api::AgentEnforcementStatus& status);

  Caches& caches_;
  PodReports& reports_;
  EvidenceBoard& board_;
  const Burst burst_;
  Clock& clock_;
  const Options options_;
  Applier applier_;
  EnforcementMetrics metrics_;
  std::atomic<std::int64_t> leader_epoch_{0};
  Mutex mutex_;
  std::unique_ptr<Rng> rng_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<Memory>> memories_ GUARDED_BY(mutex_);
  std::map<std::string, std::string, std::less<>> held_pods_ GUARDED_BY(mutex_);  // UID -> key
  kube::Controller controller_;
};

}  // namespace reliability::controllers::enforcement
