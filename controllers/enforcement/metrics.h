#pragma once
// agent_reliability_enforcement_*: what is held, and what was done. Thread-safe.
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "controllers/enforcement/decide.h"
#include "libs/base/mutex.h"
#include "libs/metrics/registry.h"

namespace reliability::controllers::enforcement {

class EnforcementMetrics {
 public:
  // `registry` must outlive it.
  explicit EnforcementMetrics(metrics::Registry& registry);

  // The mode of one workload ("ns/Kind/name") now, and how long it was held since the last call.
  void SetMode(const std::string& workload, api::EnforcementMode mode, Milliseconds held);
  void Forget(const std::string& workload);
  // Counts reasons that stand for a step, e.g. AgentPaused; others are no step.
  void CountAction(api::EventReason reason, bool ok);
  void CountConflict(const std::string& manager);

 private:
  struct Series;
  metrics::Registry& registry_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Series>> series_ GUARDED_BY(mutex_);
};

}  // namespace reliability::controllers::enforcement
