#pragma once
// What only the leader runs: the scraper and the controllers. Made on every replica before the
// caches fill, so that no change is missed; started when the replica leads and its caches are
// synced.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/agent_policy/reconciler.h"
#include "controllers/agent_slo/reconciler.h"
#include "controllers/enforcement/override_status.h"
#include "controllers/enforcement/reconciler.h"
#include "controllers/llm_fallback_chain/reconciler.h"
#include "controllers/pod_reports/pod_reports.h"
#include "controllers/pod_reports/scraper.h"
#include "controllers/slo_evidence/evidence_board.h"
#include "libs/http/transport.h"
#include "operator/caches.h"

namespace reliability::op {

class LeaderControllers {
 public:
  // What the controllers use; all must outlive them.
  struct Needs {
    Stores& stores;
    controllers::agent_policy::Caches& caches;
    http::Transport& scrape_transport;
    kube::ApiClient& client;
    kube::EventSink& events;
    metrics::Registry& registry;
    Clock& clock;
    std::string ns;  // of the operator
    // A later leader was found at work: end the process.
    std::function<void(const std::string& why)> on_step_down;
  };
  explicit LeaderControllers(const Needs& needs);

  // `epoch`: leaseTransitions of our Lease.
  void Start(std::int64_t epoch);
  // Ends all work; the SLO controller saves what it counted. Idempotent.
  void Stop();

  [[nodiscard]] std::vector<const kube::Controller*> queues() const;

 private:
  [[nodiscard]] std::optional<controllers::agent_policy::SidecarReport> ReportOf(
      std::string_view uid) const;

  controllers::PodReports reports_;
  controllers::EvidenceBoard evidence_;
  controllers::Scraper scraper_;
  controllers::agent_policy::PolicyController policies_;
  controllers::llm_fallback_chain::ChainController chains_;
  controllers::agent_slo::SloController slos_;
  controllers::enforcement::Caches enforcement_caches_;
  controllers::enforcement::EnforcementController enforcement_;
  controllers::enforcement::OverrideController overrides_;
  bool started_ = false;
};

}  // namespace reliability::op
