// The saved history of an SLO: read when leadership begins, written while it lasts (ruling 20).
#include <utility>

#include "controllers/agent_slo/reconciler.h"
#include "libs/api/names.h"
#include "libs/base/log.h"
#include "libs/policy/slo_checkpoint.h"

namespace reliability::controllers::agent_slo {
namespace {

std::string NameOf(const api::AgentSlo& slo) {
  return kube::MakeKey(slo.metadata.namespace_, slo.metadata.name);
}

// Somebody else's write, or ours that got no answer.
bool NotAsExpected(const Error& error) {
  return error.code == Code::kConflict || error.code == Code::kAlreadyExists ||
         error.code == Code::kNotFound;
}

}  // namespace

Status SloController::Restore(Entry& entry, const api::AgentSlo& slo,
                              const policy::SloSettings& settings, SystemTime now) {
  RELIABILITY_ASSIGN_OR_RETURN(const SavedHistory saved, applier_.ReadHistory(slo));
  TakeOver(entry, slo, settings, saved, now);
  return {};
}

void SloController::TakeOver(Entry& entry, const api::AgentSlo& slo,
                             const policy::SloSettings& settings, const SavedHistory& saved,
                             SystemTime now) {
  entry.version = saved.version;
  const auto fresh = [&] {
    entry.state.emplace(settings, now);
    entry.state->ClearDirty();  // nothing that is worth saving yet
  };
  if (saved.version.empty() || (saved.bytes.empty() && !saved.unreadable)) {
    return fresh();
  }
  if (saved.unreadable) {
    fresh();
    return SetAside(entry, slo, saved, "not base64");
  }
  const auto header = policy::DecodeCheckpointHeader(saved.bytes);
  if (!header.has_value()) {
    fresh();
    return SetAside(entry, slo, saved, header.error().message);
  }
  if (header->leader_epoch > leader_epoch_.load()) {
    return StepDown(slo, header->leader_epoch);
  }
  if (header->slo_key != entry.key) {
    // Of an SLO that had this name before, or of another SLI: counting starts at 0.
    log::Info("slo_history_of_another", {{"slo", NameOf(slo)}, {"key", header->slo_key}});
    return fresh();
  }
  policy::SloState state(settings, now);
  if (const Status restored = policy::RestoreCheckpoint(saved.bytes, state);
      !restored.has_value()) {
    fresh();
    return SetAside(entry, slo, saved, restored.error().message);
  }
  entry.state.emplace(std::move(state));
  entry.saved_at = header->written;
  TellVanished(entry, slo);
  log::Info("slo_history_restored", {{"slo", NameOf(slo)},
                                     {"leader_epoch", header->leader_epoch},
                                     {"pods", entry.state->counters().pods()},
                                     {"age_ms", (now - header->written).count()}});
}

void SloController::SetAside(Entry& entry, const api::AgentSlo& slo, const SavedHistory& saved,
                             const std::string& why) {
  log::Error("slo_history_damaged", {{"slo", NameOf(slo)}, {"error", why}});
  entry.damaged = saved.bytes;
  entry.save_now = true;
  const EventDraft event{true, api::reasons::kHistoryDamaged, "Restore",
                         "the saved counts cannot be used (" + why +
                             ") and were set aside under key \"damaged\" of ConfigMap " +
                             api::CheckpointName(slo.metadata.name) +
                             ". The budget starts anew from what the sidecars still report"};
  applier_.Emit(slo, event, {});
}

void SloController::SaveIfDue(Entry& entry, const api::AgentSlo& slo, SystemTime now) {
  if (stepped_down_.load() || !entry.state) {
    return;
  }
  if (!entry.state->dirty() && entry.damaged.empty()) {
    entry.save_now = false;
    return;
  }
  // A time in the future (the clock was set back) does not stop saving.
  const bool recent = entry.saved_at <= now && now - entry.saved_at < options_.save_every;
  if (recent && !entry.save_now) {
    return;
  }
  const Status saved = Save(entry, slo, now);
  if (saved.has_value()) {
    saves_.Add();
    return;
  }
  if (!stepped_down_.load()) {
    save_failures_.Add();
    log::Warn("slo_history_not_saved", {{"slo", NameOf(slo)}, {"error", ToString(saved.error())}});
  }
}

Status SloController::Save(Entry& entry, const api::AgentSlo& slo, SystemTime now) {
  const auto [bytes, left_out] =
      policy::EncodeCheckpoint({leader_epoch_.load(), entry.key, now}, *entry.state);
  auto version = applier_.WriteHistory(slo, entry.version, bytes, entry.damaged);
  if (!version.has_value() && NotAsExpected(version.error())) {
    RELIABILITY_ASSIGN_OR_RETURN(const SavedHistory there, applier_.ReadHistory(slo));
    const auto header = policy::DecodeCheckpointHeader(there.bytes);
    if (header.has_value() && header->leader_epoch > leader_epoch_.load()) {
      StepDown(slo, header->leader_epoch);
      return Fail(Code::kCancelled, "a later leader is at work");
    }
    // An earlier leader that does not know yet, a person, or our own write without an answer. What
    // we hold is newer: it was restored before, and everything since was read by us.
    entry.version = there.version;
    version = applier_.WriteHistory(slo, entry.version, bytes, entry.damaged);
  }
  RELIABILITY_TRY(version);
  entry.version = *version;
  entry.saved_at = now;
  entry.save_now = false;
  entry.damaged.clear();
  TellLeftOut(entry, slo, left_out);
  entry.state->ClearDirty();
  return {};
}

void SloController::StepDown(const api::AgentSlo& slo, std::int64_t epoch) {
  if (stepped_down_.exchange(true)) {
    return;
  }
  const std::string why = "the history of AgentSLO " + NameOf(slo) +
                          " was written by the leader of epoch " + std::to_string(epoch) +
                          ", ours is " + std::to_string(leader_epoch_.load());
  log::Error("leader_stepped_down", {{"reason", why}});
  on_step_down_(why);
}

void SloController::Stop() {
  slos_.Stop();
  reactions_.Stop();
  std::map<std::string, std::shared_ptr<Entry>> entries;
  {
    const MutexLock lock(mutex_);
    entries = entries_;
  }
  const MonotonicTime end = clock_.MonotonicNow() + options_.stop_deadline;
  std::size_t unsaved = 0;
  for (const auto& [key, entry] : entries) {
    const SloPtr slo = caches_.slos.Get(key);
    if (slo == nullptr || !entry->state || slo->metadata.uid != entry->uid) {
      continue;
    }
    if (clock_.MonotonicNow() >= end) {
      ++unsaved;
      continue;
    }
    const SystemTime now = clock_.SystemNow();
    MergeReports(*entry, *slo, now);
    entry->save_now = true;
    SaveIfDue(*entry, *slo, now);
  }
  if (unsaved > 0) {
    log::Warn("slo_histories_left", {{"count", unsaved}});
  }
}

}  // namespace reliability::controllers::agent_slo
