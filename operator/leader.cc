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
      chains_(needs.caches, reports_, needs.client, needs.events, needs.clock),
      slos_({needs.stores.slos, needs.stores.budget_policies, needs.stores.policies,
             needs.stores.deployments, needs.stores.stateful_sets, needs.caches.slos_of,
             needs.caches.policies_of, needs.caches.pods_of},
            reports_, evidence_, needs.client, needs.events, needs.registry, needs.clock,
            needs.on_step_down, SloOptions(needs.ns)),
      enforcement_caches_(needs.stores.policies, needs.stores.slos, needs.stores.budget_policies,
                          needs.stores.enforcements, needs.stores.overrides,
                          needs.stores.deployments, needs.stores.stateful_sets,
                          needs.stores.autoscalers, needs.stores.pods),
      enforcement_(
          enforcement_caches_, reports_, evidence_,
          [this](std::string_view uid) { scraper_.Burst(uid); }, needs.client, needs.events,
          needs.registry, needs.clock),
      overrides_(enforcement_caches_, needs.client, needs.events, needs.clock) {
  reports_.OnReport([this](const controllers::PodReport& report) {
    policies_.OnReport(report.ns, report.name, report.uid);
    chains_.OnReport(report);
  });
}

std::optional<controllers::agent_policy::SidecarReport> LeaderControllers::ReportOf(
    std::string_view uid) const {
  const auto report = reports_.Get(uid);
  if (report == nullptr || report->ledger == nullptr) {
    return std::nullopt;
  }
  return controllers::agent_policy::SidecarReport{
      report->ledger->config_hash, report->ledger->config_error, report->ledger->schema_minor};
}

void LeaderControllers::Start(std::int64_t epoch) {
  started_ = true;
  policies_.Start();
  chains_.Start();
  slos_.Start(epoch);
  enforcement_.Start(epoch);
  overrides_.Start();
  scraper_.Start();
}

void LeaderControllers::Stop() {
  if (!std::exchange(started_, false)) {
    return;
  }
  overrides_.Stop();
  enforcement_.Stop();
  chains_.Stop();
  policies_.Stop();
  scraper_.Stop();
  slos_.Stop();  // last: it saves all that was read
}

std::vector<const kube::Controller*> LeaderControllers::queues() const {
  return {&policies_.workloads(), &policies_.policies(), &chains_.queue(),   &slos_.slos(),
          &slos_.reactions(),     &enforcement_.queue(), &overrides_.queue()};
}

}  // namespace reliability::op
