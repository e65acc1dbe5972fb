#include "controllers/enforcement/metrics.h"

#include <array>
#include <utility>

#include "libs/api/names.h"

namespace reliability::controllers::enforcement {
namespace {

constexpr const char* kActions = "agent_reliability_enforcement_actions_total";
constexpr const char* kActionsHelp = "Steps of enforcement, by action and outcome.";

// Event reasons that stand for a step -> label.
constexpr std::array<std::pair<api::EventReason, std::string_view>, 7> kSteps = {{
    {api::reasons::kAgentThrottled, "throttle"},
    {api::reasons::kAgentPaused, "pause"},
    {api::reasons::kAgentScaledDown, "scale_down"},
    {api::reasons::kRecoveryProbeStarted, "probe"},
    {api::reasons::kRecoveryProbeFailed, "hold_again"},
    {api::reasons::kAgentRestored, "restore"},
    {api::reasons::kEnforcementFailed, "write"},
}};

}  // namespace

struct EnforcementMetrics::Series {
  explicit Series(metrics::Registry& registry) : scope(registry) {}
  metrics::Scope scope;
  std::array<metrics::Gauge, api::EnumNames<api::EnforcementMode>::kNames.size()> modes;
  metrics::Counter held_seconds;
};

EnforcementMetrics::EnforcementMetrics(metrics::Registry& registry) : registry_(registry) {
  for (const auto& [step, action] : kSteps) {  // every series starts at 0
    for (const char* outcome : {"ok", "failed"}) {
      registry_
          .GetCounter(kActions, kActionsHelp,
                      {{"action", std::string(action)}, {"outcome", outcome}})
          .Add(0);
    }
  }
}

void EnforcementMetrics::SetMode(const std::string& workload, api::EnforcementMode mode,
                                 Milliseconds held) {
  const auto parsed = api::ParseWorkloadKey(workload);
  if (!parsed) {
    return;
  }
  const MutexLock lock(mutex_);
  std::shared_ptr<Series>& series = series_[workload];
  if (!series) {
    series = std::make_shared<Series>(registry_);
    metrics::Labels labels{{"namespace", parsed->ns}, {"target", api::ToString(parsed->target)}};
    series->held_seconds =
        series->scope.GetCounter("agent_reliability_enforcement_held_seconds_total",
                                 "Seconds in which the workload was throttled or held.", labels);
    for (std::size_t i = 0; i < series->modes.size(); ++i) {
      labels["mode"] = std::string(api::EnumNames<api::EnforcementMode>::kNames[i]);
      series->modes[i] = series->scope.GetGauge("agent_reliability_enforcement_mode",
                                                "1 for the mode that the workload is in.", labels);
    }
  }
  for (std::size_t i = 0; i < series->modes.size(); ++i) {
    series->modes[i].Set(i == static_cast<std::size_t>(mode) ? 1 : 0);
  }
  series->held_seconds.Add(static_cast<double>(held.count()) / 1000);
}

void EnforcementMetrics::Forget(const std::string& workload) {
  const MutexLock lock(mutex_);
  series_.erase(workload);
}

void EnforcementMetrics::CountAction(api::EventReason reason, bool ok) {
  for (const auto& [step, label] : kSteps) {
    if (step == reason) {
      registry_
          .GetCounter(kActions, kActionsHelp,
                      {{"action", std::string(label)}, {"outcome", ok ? "ok" : "failed"}})
          .Add();
    }
  }
}

void EnforcementMetrics::CountConflict(const std::string& manager) {
  registry_
      .GetCounter("agent_reliability_enforcement_scale_conflicts_total",
                  "Times that another manager undid our scaling twice.", {{"manager", manager}})
      .Add();
}

}  // namespace reliability::controllers::enforcement
