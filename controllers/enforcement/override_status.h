#pragma once
// What a ReliabilityOverride shows: Active, Expired, and the events of both. What it does is
// decided in decide.h. Runs on the leader only; construct before the reflectors start.
#include <optional>
#include <string>
#include <vector>

#include "controllers/enforcement/apply.h"
#include "controllers/enforcement/gather.h"
#include "libs/kube/runtime/controller.h"

namespace reliability::controllers::enforcement {

struct OverrideDecision {
  api::ReliabilityOverrideStatus status;
  std::vector<EventDraft> events;
  std::optional<SystemTime> wake_at;
};

// `target_exists`: the workload is there. Pure.
[[nodiscard]] OverrideDecision DecideOverride(const api::ReliabilityOverride& order,
                                              bool target_exists, SystemTime now);

class OverrideController {
 public:
  // References must outlive the controller.
  OverrideController(Caches& caches, kube::ApiClient& client, kube::EventSink& events,
                     Clock& clock);
  void Start() { controller_.Start(); }
  void Stop() { controller_.Stop(); }

  [[nodiscard]] const kube::Controller& queue() const { return controller_; }
  // What the queue runs, for "ns/name". Public for tests.
  [[nodiscard]] kube::Outcome Reconcile(const std::string& key);

 private:
  Caches& caches_;
  kube::ApiClient& client_;
  Clock& clock_;
  Applier applier_;
  kube::Controller controller_;
};

}  // namespace reliability::controllers::enforcement
