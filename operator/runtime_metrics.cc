#include "operator/runtime_metrics.h"

#include <array>
#include <string>

namespace reliability::op {
namespace {

// A counter that follows a number kept elsewhere.
void Follow(const metrics::Counter& counter, std::uint64_t value) {
  counter.Add(static_cast<double>(value) - counter.Value());
}

void ExportController(metrics::Registry& registry, const kube::Controller& controller) {
  const std::string& name = controller.name();
  std::array<metrics::Counter, kube::kOutcomeNames.size()> outcomes;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i] = registry.GetCounter(
        "agent_reliability_reconciles_total", "Reconciles by controller and outcome.",
        {{"controller", name}, {"outcome", std::string(kube::kOutcomeNames[i])}});
  }
  const auto busy = registry.GetCounter("agent_reliability_reconcile_busy_seconds_total",
                                        "Time spent in reconciles.", {{"controller", name}});
  const auto depth = registry.GetGauge("agent_reliability_queue_depth",
                                       "Keys ready to be worked on.", {{"controller", name}});
  const auto delayed = registry.GetGauge("agent_reliability_queue_delayed",
                                         "Keys that wait for their time.", {{"controller", name}});
  registry.OnCollect([=, &controller] {
    const kube::ControllerStats stats = controller.Stats();
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      Follow(outcomes[i], stats.outcomes[i]);
    }
    busy.Add(static_cast<double>(stats.busy_ms) / 1000.0 - busy.Value());
    depth.Set(static_cast<double>(stats.depth));
    delayed.Set(static_cast<double>(stats.delayed));
  });
}

}  // namespace

void ExportRuntime(metrics::Registry& registry,
                   const std::vector<const kube::Controller*>& controllers,
                   const kube::EventRecorder& events) {
  for (const kube::Controller* controller : controllers) {
    ExportController(registry, *controller);
  }
  const auto counter = [&](const char* result) {
    return registry.GetCounter("agent_reliability_events_total", "Kubernetes events by result.",
                               {{"result", result}});
  };
  const auto written = counter("Written");
  const auto aggregated = counter("Aggregated");
  const auto patched = counter("Patched");
  const auto dropped = counter("Dropped");
  registry.OnCollect([=, &events] {
    const kube::EventRecorderStats stats = events.Stats();
    Follow(written, stats.written);
    Follow(aggregated, stats.aggregated);
    Follow(patched, stats.patched);
    Follow(dropped, stats.dropped);
  });
}

}  // namespace reliability::op
