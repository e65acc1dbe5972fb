#pragma once
// The policy controller: from policies, SLOs and workloads to policy.json in every pod, and the
// policies' status. Two queues:
//
//   workload "ns/Kind/name"  policy.json into the ConfigMap, pod annotations until every sidecar
//                            runs it (operator rulings 4 to 6)
//   policy "ns/name"         status and events, from what the workloads' queue did
//
// Runs on the leader only. Construct before the reflectors start, so that no change is missed.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "controllers/agent_policy/apply.h"
#include "controllers/agent_policy/gather.h"
#include "libs/base/clock.h"
#include "libs/base/mutex.h"
#include "libs/kube/runtime/controller.h"

namespace reliability::controllers::agent_policy {

struct Options {
  int workers = 2;
  Milliseconds bump_interval{1000};  // a pod that has not acknowledged is annotated again
  int max_bumps = 5;
  Milliseconds overdue_after{60000};    // then SidecarStale
  Milliseconds first_report{5000};      // a new pod may take this long to say what it runs
  Milliseconds drift_interval{300000};  // the ConfigMap is read again
  Milliseconds status_delay{100};       // changes within it become one status write
};

class PolicyController {
 public:
  // Reads a pod's ledger soon, and often for a while.
  using Burst = std::function<void(std::string_view pod_uid)>;

  // References must outlive the controller.
  PolicyController(Caches& caches, ReportOf report_of, Burst burst, kube::ApiClient& client,
                   kube::EventSink& events, Clock& clock, Options options = {});

  void Start();
  void Stop();

  // A sidecar said something: its pod's workload is looked at again if that is news.
  void OnReport(const std::string& ns, const std::string& pod, const std::string& uid);

  [[nodiscard]] const kube::Controller& workloads() const { return workloads_; }
  [[nodiscard]] const kube::Controller& policies() const { return policies_; }

  // What the queues run. Public for tests.
  [[nodiscard]] kube::Outcome ReconcileWorkload(const std::string& key);
  [[nodiscard]] kube::Outcome ReconcilePolicy(const std::string& key);

 private:
  // What this process did to one workload.
  struct Memory {
    std::string hash;            // of the policy.json known to be in the ConfigMap
    SystemTime written_at{};     // first known to be there
    MonotonicTime checked_at{};  // last read or written
    std::string error;           // of the last write
    bool overdue = false;
  };
  struct Bump {
    std::string hash;
    int count = 0;
    MonotonicTime at{};
  };
  // The end of one pass over the pods.
  struct PodsResult {
    std::optional<Milliseconds> again;
    bool overdue = false;
    std::optional<Error> error;
  };

  void Watch();
  void EnqueueTargets(const api::AgentReliabilityPolicy& policy);
  // The policy.json that is there (empty: none), if it is needed: at first sight, and if no policy
  // is in charge. nullopt: it was not read.
  [[nodiscard]] Result<std::optional<std::string>> ReadIfNeeded(const Input& input,
                                                                const Memory& memory) const;
  [[nodiscard]] Status WriteIfDifferent(const Input& input, const Plan& plan,
                                        const std::optional<std::string>& current, Memory& memory);
  [[nodiscard]] PodsResult NudgePods(const Input& input, const Plan& plan, const Memory& memory);
  // Annotates one pod if it is time to. How long to wait for the next time; nullopt: never again.
  [[nodiscard]] Result<std::optional<Milliseconds>> NudgePod(const Input& input, const Plan& plan,
                                                             const PodView& pod,
                                                             const Memory& memory);
  void Finish(const std::string& key, const Memory& memory);

  Caches& caches_;
  const ReportOf report_of_;
  const Burst burst_;
  Clock& clock_;
  const Options options_;
  Applier applier_;
  Mutex mutex_;
  std::map<std::string, Memory> memories_ GUARDED_BY(mutex_);       // by workload
  std::map<std::string, Bump> bumps_ GUARDED_BY(mutex_);            // by pod UID
  std::map<std::string, std::string> reported_ GUARDED_BY(mutex_);  // by pod UID
  // The version of a policy that our last status write replaced: a cache that still shows it is
  // behind, and deciding on it would repeat write and events.
  std::map<std::string, std::string> replaced_ GUARDED_BY(mutex_);
  kube::Controller workloads_;
  kube::Controller policies_;
};

}  // namespace reliability::controllers::agent_policy
