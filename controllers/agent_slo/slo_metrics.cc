#include "controllers/agent_slo/slo_metrics.h"

#include <limits>
#include <utility>

#include "libs/base/duration.h"

namespace reliability::controllers::agent_slo {
namespace {

// 0 no or unknown, 1 alert, 2 act.
double Level(policy::Firing firing) {
  switch (firing) {
    case policy::Firing::kAlert:
      return 1;
    case policy::Firing::kAct:
      return 2;
    default:
      return 0;
  }
}

}  // namespace

SloMetrics::SloMetrics(metrics::Registry& registry, const api::AgentSlo& slo,
                       policy::SloWindow window)
    : scope_(registry) {
  const metrics::Labels labels{{"namespace", slo.metadata.namespace_},
                               {"target", ToString(slo.spec.target_ref)},
                               {"slo", slo.metadata.name}};
  const auto with = [&labels](const char* name, std::string value) {
    metrics::Labels out = labels;
    out[name] = std::move(value);
    return out;
  };
  const char* events = "agent_reliability_slo_events_total";
  const char* events_help = "Outcomes counted for the SLO since it began to be measured.";
  objective_ = scope_.GetGauge("agent_reliability_slo_objective_ratio",
                               "Share of events that must be good.", labels);
  good_ = scope_.GetCounter(events, events_help, with("result", "good"));
  bad_ = scope_.GetCounter(events, events_help, with("result", "bad"));
  remaining_ =
      scope_.GetGauge("agent_reliability_slo_error_budget_remaining_ratio",
                      "Error budget left, negative when overspent; NaN without events.", labels);
  evaluable_ = scope_.GetGauge("agent_reliability_slo_evaluable",
                               "1 if there are enough events to judge the budget.", labels);
  const char* firing = "agent_reliability_slo_tier_firing";
  const char* firing_help = "0 no, 1 with evidence enough to alert, 2 enough to act.";
  outage_ = scope_.GetGauge(firing, firing_help, with("tier", "Outage"));
  for (const policy::BurnTier& tier : policy::BurnTiers(window)) {
    const auto burn = [&](Milliseconds length) {
      return scope_.GetGauge("agent_reliability_slo_burn_rate",
                             "Bad share over the budgeted share, in this window.",
                             with("window", FormatDuration(length)));
    };
    const std::string name(Name(tier.tier));
    tiers_.push_back({burn(tier.long_window), burn(tier.short_window),
                      scope_.GetGauge("agent_reliability_slo_burn_threshold_ratio",
                                      "Bad share from which the tier fires.", with("tier", name)),
                      scope_.GetGauge(firing, firing_help, with("tier", name))});
  }
}

void SloMetrics::Set(const policy::SloSettings& settings, const policy::SloAssessment& got) {
  objective_.Set(settings.objective.ratio());
  // Totals survive restarts of the operator, so the counters do.
  const auto catch_up = [](const metrics::Counter& counter, std::uint64_t total) {
    const double missing = static_cast<double>(total) - counter.Value();
    if (missing > 0) {
      counter.Add(missing);
    }
  };
  catch_up(bad_, got.total.bad);
  catch_up(good_, got.total.events - got.total.bad);
  remaining_.Set(got.budget.known() ? got.budget.remaining()
                                    : std::numeric_limits<double>::quiet_NaN());
  evaluable_.Set(got.evaluable && !got.warming_up ? 1 : 0);
  const bool acts = got.firing_act == policy::Tier::kOutage;
  const bool alerts = got.firing_alert == policy::Tier::kOutage;
  outage_.Set(acts ? 2 : alerts ? 1 : 0);
  for (std::size_t i = 0; i < tiers_.size() && i < got.tiers.size(); ++i) {
    const policy::TierReading& reading = got.tiers[i];
    tiers_[i].long_burn.Set(reading.burn_rate);
    tiers_[i].short_burn.Set(policy::BurnRate(settings.objective, reading.short_counts));
    tiers_[i].threshold.Set(reading.threshold.bad_ratio);
    tiers_[i].firing.Set(Level(reading.firing));
  }
}

}  // namespace reliability::controllers::agent_slo
