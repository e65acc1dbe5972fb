#pragma once
// What the SLO controller last found, for the enforcement controller of the same process.
//
// The numbers behind a decision (which tiers fire, E, n and k since onset) are too fine and change
// too often for the API; AgentSLO.status has the coarse view for humans. Thread-safe; snapshots are
// immutable.
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/policy/slo_state.h"

namespace reliability::controllers {

struct SloEvidence {
  std::string slo;  // "<namespace>/<name>"
  std::string uid;
  std::string key;       // in ledgers: "<uid>/<hash of sli>"
  std::string workload;  // "<namespace>/<Kind>/<name>"
  policy::SloSettings settings;
  policy::SloAssessment assessment;
  // False while pods exist but none was read for two intervals: hold, neither escalate nor release.
  bool telemetry_healthy = false;
};

class EvidenceBoard {
 public:
  using Ptr = std::shared_ptr<const SloEvidence>;
  using Handler = std::function<void(const SloEvidence& evidence)>;

  // Register before the first Publish. Called on the publisher's thread, without locks.
  void OnPublish(Handler handler) { handlers_.push_back(std::move(handler)); }

  // Likewise, for RequestClose.
  void OnCloseRequest(std::function<void(const std::string& slo)> handler) {
    close_handlers_.push_back(std::move(handler));
  }

  void Publish(Ptr evidence);
  void Remove(std::string_view slo);
  // Null if this SLO was not measured yet.
  [[nodiscard]] Ptr Get(std::string_view slo) const;

  // The agent was restored: the SLO controller shall close the incident and save that. Done when a
  // later snapshot says incident_open = false.
  void RequestClose(std::string_view slo);
  // True once per request.
  [[nodiscard]] bool TakeCloseRequest(std::string_view slo);

 private:
  mutable Mutex mutex_;
  std::map<std::string, Ptr, std::less<>> evidence_ GUARDED_BY(mutex_);
  std::set<std::string, std::less<>> close_requests_ GUARDED_BY(mutex_);
  std::vector<Handler> handlers_;                                        // constant after start
  std::vector<std::function<void(const std::string&)>> close_handlers_;  // constant after start
};

}  // namespace reliability::controllers
