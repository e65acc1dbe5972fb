// What cannot be counted any more is said where it is seen (ruling 19): the tail of a sidecar that
// was killed, and whatever pods counted that ended while no operator ran.
#include <algorithm>
#include <utility>

#include "controllers/agent_slo/reconciler.h"
#include "controllers/agent_slo/texts.h"
#include "libs/base/duration.h"
#include "libs/base/log.h"

namespace reliability::controllers::agent_slo {
namespace {

constexpr std::size_t kNamesInText = 5;

std::string PodsText(const std::vector<std::string>& pods, const char* label) {
  std::string text =
      std::to_string(pods.size()) + (pods.size() == 1 ? " pod (" : " pods (") + label;
  for (std::size_t i = 0; i < std::min(pods.size(), kNamesInText); ++i) {
    text += (i == 0 ? "" : ", ") + pods[i];
  }
  return text + (pods.size() > kNamesInText ? ", ..." : "") + ")";
}

}  // namespace

bool LostItsTail(const PodReport& report) {
  return report.ledger != nullptr &&
         std::none_of(report.last_words.begin(), report.last_words.end(), [&](const auto& words) {
           return words.epoch == report.ledger->current.epoch;
         });
}

void SloController::TellKilled(const api::AgentSlo& slo, const std::vector<std::string>& pods,
                               SystemTime last_read) {
  if (pods.empty()) {
    return;
  }
  TellLost(slo, "killed", pods,
           PodsText(pods, "") +
               " ended without the sidecar's last words, as after SIGKILL: what was " +
               "counted after the last read at " + ClockText(last_read) +
               " is lost. Next: give pods time to end (terminationGracePeriodSeconds)");
}

void SloController::TellVanished(Entry& entry, const api::AgentSlo& slo) {
  std::set<std::string, std::less<>> live = LivePods(caches_, slo);
  for (const PodReports::Ptr& report : reports_.InNamespace(slo.metadata.namespace_)) {
    live.insert(report->uid);  // theirs is seen, or still to come
  }
  const std::vector<std::string> pods = entry.state->EndVanished(live);
  if (!pods.empty()) {
    TellLost(slo, "vanished", pods,
             PodsText(pods, "UID ") +
                 " ended while no operator ran: what was counted in that time is " +
                 "lost. Everything read before counts. Next: run two replicas of the operator");
  }
}

void SloController::TellLeftOut(Entry& entry, const api::AgentSlo& slo, std::size_t left_out) {
  const bool begins = entry.left_out == 0 && left_out > 0;
  entry.left_out = left_out;
  if (left_out == 0) {
    return;
  }
  const std::size_t pods = entry.state->counters().pods();
  history_left_out_.Add(static_cast<double>(left_out));
  log::Warn("slo_history_full", {{"slo", kube::MakeKey(slo.metadata.namespace_, slo.metadata.name)},
                                 {"pods", pods},
                                 {"left_out", left_out}});
  if (begins) {
    const EventDraft event{true, api::reasons::kHistoryFull, "Save",
                           "the counters of " + std::to_string(left_out) + " of " +
                               std::to_string(pods) + " pods do not fit into the saved history. " +
                               "If the operator restarts, what these pods counted counts twice. " +
                               "Next: split the workload"};
    applier_.Emit(slo, event, {});
  }
}

void SloController::TellLost(const api::AgentSlo& slo, const char* cause,
                             const std::vector<std::string>& pods, std::string note) {
  registry_
      .GetCounter("agent_reliability_slo_lost_tails_total",
                  "Pods whose last outcomes could not be counted.", {{"cause", cause}})
      .Add(static_cast<double>(pods.size()));
  log::Warn("slo_outcomes_lost",
            {{"slo", kube::MakeKey(slo.metadata.namespace_, slo.metadata.name)},
             {"cause", cause},
             {"pods", pods.size()}});
  EventDraft event{true, api::reasons::kOutcomesLost, "Scrape", std::move(note)};
  event.repeats = true;
  applier_.Emit(slo, event, caches_.WorkloadUid(slo.metadata.namespace_, slo.spec.target_ref));
}

}  // namespace reliability::controllers::agent_slo
