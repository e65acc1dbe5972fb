#include "controllers/agent_slo/reconciler.h"

#include <algorithm>
#include <utility>

#include "controllers/agent_slo/reaction_status.h"
#include "libs/api/names.h"
#include "libs/base/log.h"

namespace reliability::controllers::agent_slo {
namespace {

constexpr Milliseconds kPruneEvery = std::chrono::minutes{1};

}  // namespace

bool MergeReport(policy::SloState& state, std::string_view key, const PodReport& report,
                 SystemTime created, SystemTime now) {
  // Last words have no time of their own.
  const bool read = report.ledger != nullptr && !report.final_at;
  const SystemTime to = read ? std::min(report.read_at, now) : now;
  bool found = false;
  for (const sidecar_config::LedgerEpoch& epoch : report.Epochs()) {
    const auto it = epoch.slos.find(std::string(key));
    if (it == epoch.slos.end()) {
      continue;
    }
    found = true;
    const SystemTime start = std::max(EpochStart(epoch.epoch).value_or(to), created);
    const policy::CountedDelta delta =
        state.counters().Merge(report.uid, epoch.epoch, it->second.good, it->second.bad, start, to);
    state.Record(delta, to);
  }
  if (found) {
    state.counters().Seen(report.uid, to);
  }
  return found;
}

SloController::SloController(const Caches& caches, PodReports& reports, EvidenceBoard& board,
                             kube::ApiClient& client, kube::EventSink& events,
                             metrics::Registry& registry, Clock& clock, OnStepDown on_step_down,
                             Options options)
    : caches_(caches),
      reports_(reports),
      board_(board),
      registry_(registry),
      clock_(clock),
      on_step_down_(std::move(on_step_down)),
      options_(std::move(options)),
      applier_(client, events),
      saves_(registry.GetCounter("agent_reliability_slo_history_writes_total",
                                 "Writes of SLO histories.", {{"outcome", "written"}})),
      save_failures_(registry.GetCounter("agent_reliability_slo_history_writes_total",
                                         "Writes of SLO histories.", {{"outcome", "failed"}})),
      history_left_out_(registry.GetCounter(
          "agent_reliability_slo_history_pods_left_out_total",
          "Pods left out of a written SLO history, as it was full; once for each write.")),
      slos_(clock, {.name = "agent_slo", .workers = options_.workers, .queue = {}},
            [this](const std::string& key) { return ReconcileSlo(key); }),
      reactions_(clock, {.name = "error_budget_policy", .queue = {}},
                 [this](const std::string& key) { return ReconcileReaction(key); }) {
  Watch();
}

SloController::~SloController() = default;

void SloController::Start(std::int64_t leader_epoch) {
  Lead(leader_epoch);
  for (const auto& [key, slo] : caches_.slos.Entries()) {
    slos_.Enqueue(key);
  }
  for (const auto& [key, reaction] : caches_.reactions.Entries()) {
    reactions_.Enqueue(key);
  }
  slos_.Start();
  reactions_.Start();
}

std::shared_ptr<SloController::Entry> SloController::Obtain(const std::string& key,
                                                            const api::AgentSlo& slo) {
  const std::string ledger_key = api::SloKey(slo);
  std::shared_ptr<Entry> fresh;
  {
    const MutexLock lock(mutex_);
    std::shared_ptr<Entry>& entry = entries_[key];
    if (entry != nullptr && entry->key == ledger_key) {
      return entry;
    }
    fresh = std::make_shared<Entry>();
    fresh->key = ledger_key;
    fresh->uid = slo.metadata.uid;
    fresh->written = slo.status;
    fresh->watching_since = clock_.SystemNow();
    if (entry != nullptr) {
      inboxes_.erase(entry->key);
      if (entry->uid == fresh->uid) {
        fresh->written = entry->written;  // another SLI: the cache may be behind our last write
      }
    }
    entry = fresh;
    inboxes_[ledger_key].slo = key;
  }
  // What was reported before anybody listened.
  for (const PodReports::Ptr& report : reports_.InNamespace(slo.metadata.namespace_)) {
    OnReport(*report);
  }
  return fresh;
}

void SloController::Forget(const std::string& key) {
  {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(key);
    if (it != entries_.end()) {
      inboxes_.erase(it->second->key);
      entries_.erase(it);
    }
    looks_.erase(key);
  }
  board_.Remove(key);
}

void SloController::MergeReports(Entry& entry, const api::AgentSlo& slo, SystemTime now) {
  std::set<std::string> pods;
  bool final_ledger = false;
  {
    const MutexLock lock(mutex_);
    const auto it = inboxes_.find(entry.key);
    if (it == inboxes_.end()) {
      return;
    }
    pods.swap(it->second.pods);
    final_ledger = std::exchange(it->second.final_ledger, false);
  }
  for (const std::string& uid : pods) {
    const PodReports::Ptr report = reports_.Get(uid);
    // A key names its SLO for ever, but only pods of its own namespace may count for it.
    if (report != nullptr && report->ns == slo.metadata.namespace_) {
      MergeReport(*entry.state, entry.key, *report, slo.metadata.creation_timestamp, now);
    }
  }
  // Before the ends are noted: that a pod ended can wait for the next minute, its counts cannot.
  entry.save_now = entry.save_now || (final_ledger && entry.state->dirty());
  std::vector<std::string> killed;
  SystemTime last_read{};
  for (const std::string& uid : pods) {
    const PodReports::Ptr report = reports_.Get(uid);
    if (report != nullptr && report->final_at && entry.state->EndPod(uid) && LostItsTail(*report)) {
      killed.push_back(report->name);
      last_read = std::max(last_read, report->read_at);
    }
  }
  TellKilled(slo, killed, last_read);
}

kube::Outcome SloController::ReconcileSlo(const std::string& key) {
  const SloPtr slo = caches_.slos.Get(key);
  if (slo == nullptr || slo->metadata.deletion_timestamp.has_value()) {
    Forget(key);
    return kube::Done{};
  }
  const SystemTime now = clock_.SystemNow();
  const MonotonicTime mono = clock_.MonotonicNow();
  const std::shared_ptr<Entry> entry = Obtain(key, *slo);
  bool due = mono >= entry->next_tick;
  {
    const MutexLock lock(mutex_);
    due = looks_.erase(key) > 0 || due;
  }
  Input in = Gather(caches_, reports_, slo, now);
  const auto settings = SettingsOf(slo->spec, in.reaction.HoldFor());
  if (settings.has_value()) {
    if (entry->state && entry->state->settings().window != settings->window) {
      entry->state.reset();
      entry->metrics.reset();
    }
    if (!entry->state) {
      if (const Status restored = Restore(*entry, *slo, *settings, now); !restored.has_value()) {
        in.history_error = ToString(restored.error());
      }
    }
    if (entry->state) {
      entry->state->Configure(*settings);
      MergeReports(*entry, *slo, now);
    }
  }
  if (due && !stepped_down_.load()) {
    entry->next_tick = mono + in.interval;
    Evaluate(*entry, in, key, settings.has_value() ? &*settings : nullptr);
  }
  SaveIfDue(*entry, *slo, now);
  if (stepped_down_.load()) {
    return kube::Stalled{"SteppedDown", "a later leader is at work"};
  }
  const Milliseconds next = std::max(Milliseconds{1}, entry->next_tick - mono);
  return kube::RequeueAfter{entry->save_now ? std::min(next, options_.save_retry) : next};
}

void SloController::Evaluate(Entry& entry, Input& in, const std::string& key,
                             const policy::SloSettings* settings) {
  in.operator_namespace = options_.operator_namespace;
  if (entry.state && settings != nullptr) {
    policy::SloState& state = *entry.state;
    static_cast<void>(state.Tick(in.now));
    if (board_.TakeCloseRequest(key)) {
      state.CloseIncident();
      static_cast<void>(state.Tick(in.now));
      // Saved before it is told: an incident that came back after a crash would hold the agent
      // anew.
      entry.save_now = true;
      SaveIfDue(entry, *in.slo, in.now);
      log::Info("incident_closed", {{"slo", key}});
    }
    if (in.now - entry.pruned_at >= kPruneEvery) {
      state.counters().Prune(LivePods(caches_, *in.slo), in.now);
      entry.pruned_at = in.now;
    }
    in.assessment = &state.assessment();
  }
  if (in.pods.ready == 0) {
    entry.watching_since = in.now;
  }
  const SystemTime answered =
      std::max(entry.watching_since, in.pods.last_read.value_or(entry.watching_since));
  in.silent_for = std::max(Milliseconds{0}, in.now - answered);
  in.previous = entry.written;
  Decision decision = Decide(in);

  if (in.assessment != nullptr) {
    auto evidence = std::make_shared<SloEvidence>();
    evidence->slo = key;
    evidence->uid = entry.uid;
    evidence->key = entry.key;
    evidence->workload = api::WorkloadKey(in.slo->metadata.namespace_, in.slo->spec.target_ref);
    evidence->settings = *settings;
    evidence->assessment = *in.assessment;
    evidence->telemetry_healthy = decision.telemetry_healthy;
    board_.Publish(std::move(evidence));
    if (!entry.metrics) {
      entry.metrics.emplace(registry_, *in.slo, settings->window);
    }
    entry.metrics->Set(*settings, *in.assessment);
  } else {
    board_.Remove(key);
  }
  if (decision.write) {
    WriteStatus(entry, *in.slo, std::move(decision));
  }
}

void SloController::WriteStatus(Entry& entry, const api::AgentSlo& slo, Decision decision) {
  const Status written = applier_.WriteStatus(slo, entry.written, decision.status);
  if (!written.has_value()) {
    // Decided anew at the next tick, from the status that is still there.
    log::Warn("slo_status_not_written",
              {{"slo", kube::MakeKey(slo.metadata.namespace_, slo.metadata.name)},
               {"error", ToString(written.error())}});
    return;
  }
  entry.written = std::move(decision.status);
  const std::string target_uid = caches_.WorkloadUid(slo.metadata.namespace_, slo.spec.target_ref);
  for (const EventDraft& event : decision.events) {
    applier_.Emit(slo, event, target_uid);
  }
}

kube::Outcome SloController::ReconcileReaction(const std::string& key) {
  const auto policy = caches_.reactions.Get(key);
  if (policy == nullptr || policy->metadata.deletion_timestamp.has_value()) {
    return kube::Done{};
  }
  std::size_t attached = 0;
  for (const SloPtr& slo : caches_.slos.List()) {
    const bool here = slo->metadata.namespace_ == policy->metadata.namespace_ &&
                      !slo->metadata.deletion_timestamp.has_value();
    if (here && caches_.ReactionNameOf(*slo) == policy->metadata.name) {
      ++attached;
    }
  }
  const ReactionUpdate update = BuildReactionStatus(*policy, attached, clock_.SystemNow());
  if (!update.changed) {
    return kube::Done{};
  }
  const Status written = applier_.WriteStatus(*policy, update.status);
  if (!written.has_value() && written.error().code != Code::kNotFound) {
    return kube::Retry{written.error()};
  }
  return kube::Done{};
}

}  // namespace reliability::controllers::agent_slo
