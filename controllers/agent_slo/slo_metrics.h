#pragma once
// The Prometheus series of one AgentSLO; they vanish with this object. One thread at a time.
#include <string>
#include <vector>

#include "controllers/agent_slo/input.h"
#include "libs/metrics/registry.h"

namespace reliability::controllers::agent_slo {

class SloMetrics {
 public:
  SloMetrics(metrics::Registry& registry, const api::AgentSlo& slo, policy::SloWindow window);

  void Set(const policy::SloSettings& settings, const policy::SloAssessment& got);

 private:
  struct TierSeries {
    metrics::Gauge long_burn;
    metrics::Gauge short_burn;
    metrics::Gauge threshold;
    metrics::Gauge firing;
  };

  metrics::Scope scope_;
  metrics::Gauge objective_;
  metrics::Counter good_;
  metrics::Counter bad_;
  metrics::Gauge remaining_;
  metrics::Gauge evaluable_;
  metrics::Gauge outage_;
  std::vector<TierSeries> tiers_;  // as in policy::BurnTiers
};

}  // namespace reliability::controllers::agent_slo
