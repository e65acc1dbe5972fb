#pragma once
// The chain controller: keeps the status of every LLMFallbackChain. One queue, by chain
// "ns/name". Changes of chains, policies and pods come through the caches, counters through
// OnReport.
//
// Writes at once when a condition changes, else at most once a minute, and nothing while nothing
// happens. Runs on the leader only. Construct before the reflectors start.
#include <map>
#include <optional>
#include <string>

#include "controllers/agent_policy/gather.h"
#include "controllers/llm_fallback_chain/apply.h"
#include "controllers/llm_fallback_chain/served_share.h"
#include "controllers/pod_reports/pod_reports.h"
#include "libs/base/clock.h"
#include "libs/base/mutex.h"
#include "libs/kube/runtime/controller.h"

namespace reliability::controllers::llm_fallback_chain {

struct Options {
  Milliseconds delay{1000};            // changes within it become one pass
  Milliseconds min_interval{60000};    // between writes of shares and counts alone
  Milliseconds first_reports{10'000};  // after a start, until every sidecar was heard
};

class ChainController {
 public:
  // References must outlive the controller.
  ChainController(agent_policy::Caches& caches, const PodReports& reports, kube::ApiClient& client,
                  kube::EventSink& events, Clock& clock, Options options = {});

  void Start();
  void Stop();

  // A sidecar said something: its chain is looked at again if that is news.
  void OnReport(const PodReport& report);

  [[nodiscard]] const kube::Controller& queue() const { return queue_; }

  // What the queue runs. Public for tests.
  [[nodiscard]] kube::Outcome Reconcile(const std::string& key);

 private:
  // What this process knows about one chain.
  struct Memory {
    ServedShare share;
    MonotonicTime written_at{};
    bool written = false;
    // The version that our last write replaced: a cache that still shows it is behind.
    std::string replaced;
  };

  // What decides here about one pod's ledger.
  struct Heard {
    std::string config_hash;
    std::optional<sidecar_config::ChainCounts> counts;
    friend bool operator==(const Heard&, const Heard&) = default;
  };

  void Watch();
  void EnqueueChainsOf(const api::Pod& pod);
  [[nodiscard]] kube::Outcome Write(const std::string& key, const agent_policy::ChainPtr& chain,
                                    const StatusUpdate& update);

  agent_policy::Caches& caches_;
  const PodReports& reports_;
  Clock& clock_;
  const Options options_;
  Applier applier_;
  Mutex mutex_;
  MonotonicTime started_at_ GUARDED_BY(mutex_){};
  SystemTime since_ GUARDED_BY(mutex_){};
  std::map<std::string, Memory> memories_ GUARDED_BY(mutex_);  // by key
  std::map<std::string, Heard> heard_ GUARDED_BY(mutex_);      // by pod UID
  kube::Controller queue_;
};

}  // namespace reliability::controllers::llm_fallback_chain
