#pragma once
// The SLO controller: counts each outcome once, judges every AgentSLO each tick, tells enforcement
// (EvidenceBoard), people (status, events, metrics) and its successor (the history ConfigMap).
//
//   slo "ns/name"       every 5 or 15 s: merge ledgers -> tick -> publish -> status -> history
//   reaction "ns/name"  status of an ErrorBudgetPolicy, when it or what refers to it changes
//
// Counts are exact across restarts and changes of leader because the counters of every pod and what
// was made of them are saved together: whatever was merged after the last save is read again from
// the ledgers, which still have it. A pod's last ledger is saved before the pod is forgotten.
//
// Runs on the leader only, once its caches are synced. Construct before the reflectors and the
// scraper start, so that no change is missed.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/agent_slo/apply.h"
#include "controllers/agent_slo/gather.h"
#include "controllers/agent_slo/slo_metrics.h"
#include "controllers/slo_evidence/evidence_board.h"
#include "libs/base/mutex.h"
#include "libs/kube/runtime/controller.h"

namespace reliability::controllers::agent_slo {

struct Options {
  int workers = 2;
  std::string operator_namespace = "agent-reliability-system";
  Milliseconds save_every{60'000};  // of a history that changed
  // Pods that end within it are saved together; a final ledger is to be saved within 2 s.
  Milliseconds final_delay{1'000};
  Milliseconds save_retry{2'000};     // of a save that must not wait for the next minute
  Milliseconds stop_deadline{8'000};  // for the saves of Stop
};

class SloController {
 public:
  // Called once, on a worker's thread, when a later leader's writes were found: end the process.
  using OnStepDown = std::function<void(const std::string& why)>;

  // References must outlive the controller.
  SloController(const Caches& caches, PodReports& reports, EvidenceBoard& board,
                kube::ApiClient& client, kube::EventSink& events, metrics::Registry& registry,
                Clock& clock, OnStepDown on_step_down, Options options = {});
  ~SloController();

  // `leader_epoch`: leaseTransitions of our Lease.
  void Start(std::int64_t leader_epoch);
  // Ends the workers, then saves every history that changed. Also right after leadership was lost:
  // a save that comes after the next leader's is refused by the API server.
  void Stop();
  [[nodiscard]] bool stepped_down() const { return stepped_down_.load(); }

  [[nodiscard]] const kube::Controller& slos() const { return slos_; }
  [[nodiscard]] const kube::Controller& reactions() const { return reactions_; }

  // What the queues run. Public for tests, which call Lead instead of Start.
  [[nodiscard]] kube::Outcome ReconcileSlo(const std::string& key);
  [[nodiscard]] kube::Outcome ReconcileReaction(const std::string& key);
  void Lead(std::int64_t leader_epoch) { leader_epoch_.store(leader_epoch); }

 private:
  // One SLO. Touched by the worker that has its key, and by Stop after the workers have ended.
  struct Entry {
    std::string key;  // in ledgers
    std::string uid;
    // Nothing until the saved counts were read.
    std::optional<policy::SloState> state;
    api::AgentSloStatus written;  // as the API server has it
    MonotonicTime next_tick{};
    SystemTime watching_since{};  // no answer was due before
    SystemTime pruned_at{};
    // History.
    std::string version;  // resourceVersion of our last write; empty: no object
    SystemTime saved_at{};
    bool save_now = false;     // must not wait for the next minute
    std::size_t left_out = 0;  // pods that did not fit into the last save
    std::string damaged;       // found there, to be kept aside with the next write
    std::optional<SloMetrics> metrics;
  };
  // What happened to one SLO since its last reconcile.
  struct Inbox {
    std::string slo;  // "ns/name"
    std::set<std::string> pods;
    bool final_ledger = false;
  };

  void Watch();
  void OnReport(const PodReport& report);
  void Look(const std::string& slo);
  void EnqueueReactionsOf(std::string_view ns);

  [[nodiscard]] std::shared_ptr<Entry> Obtain(const std::string& key, const api::AgentSlo& slo);
  void Forget(const std::string& key);
  // Takes what the inbox has into the state.
  void MergeReports(Entry& entry, const api::AgentSlo& slo, SystemTime now);
  void Evaluate(Entry& entry, Input& in, const std::string& key,
                const policy::SloSettings* settings);
  void WriteStatus(Entry& entry, const api::AgentSlo& slo, Decision decision);

  // history.cc
  [[nodiscard]] Status Restore(Entry& entry, const api::AgentSlo& slo,
                               const policy::SloSettings& settings, SystemTime now);
  void TakeOver(Entry& entry, const api::AgentSlo& slo, const policy::SloSettings& settings,
                const SavedHistory& saved, SystemTime now);
  void SetAside(Entry& entry, const api::AgentSlo& slo, const SavedHistory& saved,
                const std::string& why);
  void SaveIfDue(Entry& entry, const api::AgentSlo& slo, SystemTime now);
  [[nodiscard]] Status Save(Entry& entry, const api::AgentSlo& slo, SystemTime now);
  void StepDown(const api::AgentSlo& slo, std::int64_t epoch);

  // lost_outcomes.cc
  void TellKilled(const api::AgentSlo& slo, const std::vector<std::string>& pods,
                  SystemTime last_read);
  void TellVanished(Entry& entry, const api::AgentSlo& slo);
  void TellLeftOut(Entry& entry, const api::AgentSlo& slo, std::size_t left_out);
  void TellLost(const api::AgentSlo& slo, const char* cause, const std::vector<std::string>& pods,
                std::string note);

  const Caches caches_;
  PodReports& reports_;
  EvidenceBoard& board_;
  metrics::Registry& registry_;
  Clock& clock_;
  const OnStepDown on_step_down_;
  const Options options_;
  Applier applier_;
  metrics::Counter saves_;
  metrics::Counter save_failures_;
  metrics::Counter history_left_out_;
  std::atomic<std::int64_t> leader_epoch_{0};
  std::atomic<bool> stepped_down_{false};
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ GUARDED_BY(mutex_);  // by "ns/name"
  std::map<std::string, Inbox, std::less<>> inboxes_ GUARDED_BY(mutex_);      // by ledger key
  std::set<std::string> looks_ GUARDED_BY(mutex_);  // to be judged before their next tick
  kube::Controller slos_;
  kube::Controller reactions_;
};

// True if the sidecar that was read last left no last words: what it counted since is unknown.
[[nodiscard]] bool LostItsTail(const PodReport& report);

// Adds what the report says beyond what was counted. False if it says nothing about this SLO.
// `created`: of the SLO; nothing of it can be older.
bool MergeReport(policy::SloState& state, std::string_view key, const PodReport& report,
                 SystemTime created, SystemTime now);

}  // namespace reliability::controllers::agent_slo
