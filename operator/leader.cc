#include "operator/leader.h"

#include <utility>

namespace reliability::op {
namespace {

controllers::agent_slo::Options SloOptions(const std::string& ns) {
  controllers::agent_slo::Options options;
  options.operator_namespace = ns;
  return options;
}

}  // namespace

LeaderControllers::LeaderControllers(const Needs& needs)
    : scraper_(needs.scrape_transport, needs.stores.pods, reports_, needs.clock),
      policies_(
          needs.caches, [this](std::string_view uid) { return ReportOf(uid); },
          [this](std::string_view uid) { scraper_.Burst(uid); }, needs.client, needs.events,
          needs.clock),
      slos_({needs.stores.slos, needs.stores.budget_policies, needs.stores.policies,
             needs.stores.deployments, needs.stores.stateful_sets, needs.caches.slos_of,
             needs.caches.policies_of, needs.caches.pods_of},
            reports_, evidence_, needs.client, needs.events, needs.registry, needs.clock,
            needs.on_step_down, SloOptions(needs.ns)) {
  reports_.OnReport([this](const controllers::PodReport& report) {
    policies_.OnReport(report.ns, report.name, report.uid);
  });
}

std::optional<controllers::agent_policy::SidecarReport> LeaderControllers::ReportOf(
    std::string_view uid) const {
  const auto report = reports_.Get(uid);
  if (report == nullptr || report->ledger == nullptr) {
    return std::nullopt;
  }
  return controllers::agent_policy::SidecarReport{report->ledger->config_hash,
                                                  report->ledger->config_error};
}

void LeaderControllers::Start(std::int64_t epoch) {
  started_ = true;
  policies_.Start();
  slos_.Start(epoch);
  scraper_.Start();
}

void LeaderControllers::Stop() {
  if (!std::exchange(started_, false)) {
    return;
  }
  policies_.Stop();
  scraper_.Stop();
  slos_.Stop();  // last: it saves all that was read
}

std::vector<const kube::Controller*> LeaderControllers::queues() const {
  return {&policies_.workloads(), &policies_.policies(), &slos_.slos(), &slos_.reactions()};
}

}  // namespace reliability::op
