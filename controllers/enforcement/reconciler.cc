#include "controllers/enforcement/reconciler.h"

#include <algorithm>

#include "libs/base/log.h"
#include "libs/sidecar_config/encode.h"

namespace reliability::controllers::enforcement {
namespace {

// Hold, order, target, scale, result, and a few conflicts in between.
constexpr int kMaxPasses = 12;

// A sidecar that obeys another order than the one we know of read another file.
bool ObeysAnother(const std::vector<PodFacts>& pods, const ModeFile& file) {
  const auto ours =
      file.published() ? file.published()->order : std::pair<std::int64_t, std::int64_t>{};
  return std::any_of(pods.begin(), pods.end(), [&](const PodFacts& pod) {
    return pod.covered && !pod.terminating && pod.generation != 0 &&
           std::pair(pod.leader_epoch, pod.generation) != ours;
  });
}

}  // namespace

EnforcementController::EnforcementController(Caches& caches, PodReports& reports,
                                             EvidenceBoard& board, Burst burst,
                                             kube::ApiClient& client, kube::EventSink& events,
                                             metrics::Registry& registry, Clock& clock,
                                             Options options)
    : caches_(caches),
      reports_(reports),
      board_(board),
      burst_(std::move(burst)),
      clock_(clock),
      options_(options),
      applier_(client, events),
      metrics_(registry),
      rng_(MakeRng(options.seed)),
      controller_(clock,
                  kube::ControllerOptions{.name = "enforcement",
                                          .workers = options.workers,
                                          .slow = Milliseconds{5'000},
                                          .queue = {}},
                  [this](const std::string& key) { return Reconcile(key); }) {
  Watch();
}

void EnforcementController::Start(std::int64_t leader_epoch) {
  leader_epoch_ = leader_epoch;
  controller_.Start();
}

void EnforcementController::Stop() { controller_.Stop(); }

std::shared_ptr<EnforcementController::Memory> EnforcementController::MemoryOf(
    const std::string& key) {
  const MutexLock lock(mutex_);
  std::shared_ptr<Memory>& memory = memories_[key];
  if (!memory) {
    memory = std::make_shared<Memory>();
  }
  return memory;
}

void EnforcementController::Forget(const std::string& key) {
  {
    const MutexLock lock(mutex_);
    memories_.erase(key);
    std::erase_if(held_pods_, [&](const auto& entry) { return entry.second == key; });
  }
  metrics_.Forget(key);
}

kube::Outcome EnforcementController::Reconcile(const std::string& key) {
  const std::optional<api::Workload> workload = api::ParseWorkloadKey(key);
  if (!workload) {
    return kube::Done{};
  }
  if (!caches_.HasSynced()) {
    return kube::RequeueAfter{Milliseconds{500}};  // half a view would release what is held
  }
  const std::shared_ptr<Memory> memory = MemoryOf(key);
  for (int i = 0; i < kMaxPasses; ++i) {
    const Result<Pass> pass = RunOnce(key, *workload, *memory);
    if (!pass) {
      if (pass.error().code != Code::kConflict) {
        memory->mode_file.Forget();  // a lost answer may hide a write
        return kube::Retry{pass.error()};
      }
      Refresh(*workload, *memory);  // somebody was faster: look again
      continue;
    }
    if (pass->gone) {
      Forget(key);
      return kube::Done{};
    }
    if (!pass->again) {
      return pass->wake ? kube::Outcome(kube::RequeueAfter{*pass->wake}) : kube::Done{};
    }
  }
  return kube::RequeueAfter{Milliseconds{500}};
}

void EnforcementController::Remember(Memory& memory, api::AgentEnforcement object) const {
  memory.superseded.insert(memory.object ? memory.object->metadata.resource_version : "");
  memory.superseded.erase(object.metadata.resource_version);
  memory.object = std::move(object);
}

void EnforcementController::Refresh(const api::Workload& workload, Memory& memory) const {
  auto live = applier_.ReadObject(workload);
  if (live) {
    Remember(memory, *std::move(live));
  } else if (live.error().code == Code::kNotFound && memory.object) {
    memory.superseded.insert(memory.object->metadata.resource_version);
    memory.object.reset();
  }
}

Result<EnforcementController::Pass> EnforcementController::RunOnce(const std::string& key,
                                                                   const api::Workload& workload,
                                                                   Memory& memory) {
  const auto cached =
      caches_.enforcements.Get(workload.ns + "/" + api::EnforcementName(workload.target));
  const std::string shown = cached ? cached->metadata.resource_version : "";
  if (!memory.superseded.contains(shown)) {
    memory.object = cached ? std::optional(*cached) : std::nullopt;
    memory.superseded.clear();
  }
  const api::AgentEnforcement* object = memory.object ? &*memory.object : nullptr;
  Input input = Gather(caches_, reports_, board_, workload, object, clock_.SystemNow());
  input.leader_epoch = leader_epoch_;
  {
    const MutexLock lock(mutex_);
    input.jitter = rng_->Uniform();
  }
  if (object == nullptr) {
    if (!input.workload.exists || !input.policy) {
      return Pass{.again = false, .gone = true, .wake = std::nullopt};
    }
    RELIABILITY_ASSIGN_OR_RETURN(api::AgentEnforcement created,
                                 applier_.WriteObject(workload, input.workload.uid, "", false));
    Remember(memory, std::move(created));
    return Pass{.again = true, .gone = false, .wake = std::nullopt};
  }
  std::string version;
  RELIABILITY_TRY(FillLive(workload, memory, input, version));
  const Decision decision = Decide(input);
  Result<Pass> pass = Carry(key, workload, memory, input, decision, version);
  if (!pass && pass.error().code != Code::kConflict) {
    const std::string why = ToString(pass.error());
    log::Warn("enforcement_failed", {{"workload", key}, {"error", why}});
    metrics_.CountAction(api::reasons::kEnforcementFailed, false);
    applier_.Emit(input, {true, api::reasons::kEnforcementFailed, "Enforce",
                          why + ". Next: tried again", "", true});
  }
  return pass;
}

// What caches may show too late: replicas of a held workload, and what the ConfigMap orders.
Status EnforcementController::FillLive(const api::Workload& workload, Memory& memory, Input& input,
                                       std::string& version) const {
  const bool held = IsHeld(input.status);
  if (held && input.workload.exists) {
    const Result<LiveWorkload> live = applier_.ReadWorkload(workload);
    if (live) {
      input.workload.replicas = live->replicas;
      input.workload.replicas_manager = live->replicas_manager;
      version = live->resource_version;
    } else if (live.error().code == Code::kNotFound) {
      input.workload.exists = false;
    } else {
      return Fail(live.error());
    }
  }
  if (!input.workload.exists) {
    return {};
  }
  const MonotonicTime now = clock_.MonotonicNow();
  ModeFile& file = memory.mode_file;
  const Milliseconds again =
      !held && ObeysAnother(input.pods, file) ? options_.held_interval : options_.drift_interval;
  if (!file.known() || now - file.checked_at() >= again) {
    RELIABILITY_ASSIGN_OR_RETURN(std::string json, applier_.ReadMode(workload));
    file.Read(std::move(json), now);
  }
  input.published = file.published();
  input.since_publish = file.SinceWritten(now);
  return {};
}

Status EnforcementController::WriteFinalizer(const api::Workload& workload, Memory& memory,
                                             const Input& input, bool wanted) const {
  RELIABILITY_ASSIGN_OR_RETURN(
      api::AgentEnforcement written,
      applier_.WriteObject(workload, input.workload.uid, memory.object->metadata.uid, wanted));
  Remember(memory, std::move(written));
  return {};
}

Result<EnforcementController::Pass> EnforcementController::Carry(const std::string& key,
                                                                 const api::Workload& workload,
                                                                 Memory& memory, const Input& input,
                                                                 const Decision& decision,
                                                                 const std::string& version) {
  Pass pass;
  const bool has_finalizer = memory.object->metadata.HasFinalizer(kFinalizer);
  const bool deleting = memory.object->metadata.deletion_timestamp.has_value();
  if (decision.finalizer && !has_finalizer && !deleting) {
    RELIABILITY_TRY(WriteFinalizer(workload, memory, input, true));
    pass.again = true;
    return pass;  // nothing is held before the object cannot vanish
  }
  if (!(decision.status == input.status)) {
    RELIABILITY_ASSIGN_OR_RETURN(api::AgentEnforcement written,
                                 applier_.WriteStatus(*memory.object, decision.status));
    Remember(memory, std::move(written));
    pass.again = true;
  }
  Tell(input, decision);
  if (decision.publish) {
    RELIABILITY_TRY(Publish(workload, memory, *decision.publish));
    pass.again = true;
  }
  AskToClose(workload, memory, decision);
  if (decision.scale_to) {
    RELIABILITY_TRY(applier_.Scale(workload, *decision.scale_to, version));
    pass.again = true;
  }
  return Settle(key, workload, memory, input, decision, pass);
}

Status EnforcementController::Publish(const api::Workload& workload, Memory& memory,
                                      const sidecar_config::ModeDocument& document) const {
  std::string json = sidecar_config::EncodeMode(document);
  memory.mode_file.Forget();  // until the answer is here
  RELIABILITY_TRY(applier_.WriteMode(workload, json));
  memory.mode_file.Wrote(std::move(json), document, clock_.MonotonicNow());
  return {};
}

// The steps are done: lets go of what nothing holds any more, and says when to look again.
Result<EnforcementController::Pass> EnforcementController::Settle(
    const std::string& key, const api::Workload& workload, Memory& memory, const Input& input,
    const Decision& decision, Pass pass) {
  const bool deleting = memory.object->metadata.deletion_timestamp.has_value();
  if (!decision.finalizer && memory.object->metadata.HasFinalizer(kFinalizer)) {
    RELIABILITY_TRY(WriteFinalizer(workload, memory, input, false));
    if (deleting) {  // that was the last thing that kept it
      memory.superseded.insert(memory.object->metadata.resource_version);
      memory.object.reset();
    }
    pass.again = true;
    return pass;
  }
  if (decision.remove_object && !deleting) {
    RELIABILITY_TRY(applier_.DeleteObject(*memory.object));
    pass.gone = true;
    return pass;
  }
  RELIABILITY_ASSIGN_OR_RETURN(const auto nudge_again, NudgePods(workload, memory, input));
  Measure(key, memory, decision.status);
  pass.wake = Rest(key, input, decision, nudge_again);
  return pass;
}

// The answer comes as news, which brings us here again: asks at leisure, or we would spin.
void EnforcementController::AskToClose(const api::Workload& workload, Memory& memory,
                                       const Decision& decision) {
  const MonotonicTime now = clock_.MonotonicNow();
  if (decision.close_incidents.empty() ||
      (memory.close_asked_at && now - *memory.close_asked_at < options_.held_interval)) {
    return;
  }
  memory.close_asked_at = now;
  for (const std::string& slo : decision.close_incidents) {
    board_.RequestClose(workload.ns + "/" + slo);
  }
}

Milliseconds EnforcementController::Rest(const std::string& key, const Input& input,
                                         const Decision& decision,
                                         std::optional<Milliseconds> nudge_again) {
  const bool held = IsHeld(decision.status);
  Milliseconds wake = options_.drift_interval;
  const auto earlier = [&](Milliseconds after) {
    wake = std::min(wake, std::max(after, Milliseconds{50}));
  };
  if (nudge_again) {
    earlier(*nudge_again);
  }
  if (decision.wake_at) {
    earlier(*decision.wake_at - input.now);
  }
  if (held) {
    earlier(options_.held_interval);
  }
  const MutexLock lock(mutex_);
  std::erase_if(held_pods_, [&](const auto& entry) { return entry.second == key; });
  if (held || nudge_again || decision.wake_at) {
    for (const PodFacts& pod : input.pods) {
      held_pods_[pod.uid] = key;
    }
  }
  return wake;
}

Result<std::optional<Milliseconds>> EnforcementController::NudgePods(const api::Workload& workload,
                                                                     Memory& memory,
                                                                     const Input& input) {
  const std::optional<PublishedMode>& published = memory.mode_file.published();
  if (!published) {
    return std::optional<Milliseconds>{};
  }
  const Nudger::Plan plan = memory.nudger.Next(input.pods, published->order, clock_.MonotonicNow());
  for (const Nudger::Nudge& nudge : plan.nudges) {
    RELIABILITY_TRY(applier_.Annotate(workload.ns, nudge.pod, nudge.annotation));
    burst_(nudge.uid);
  }
  return plan.again;
}

void EnforcementController::Tell(const Input& input, const Decision& decision) {
  for (const EventDraft& draft : decision.events) {
    applier_.Emit(input, draft);
    metrics_.CountAction(draft.reason, true);
    if (draft.reason == api::reasons::kScaleConflict && decision.status.ledger) {
      metrics_.CountConflict(decision.status.ledger->last_revert_by);
    }
    log::Info("enforcement", {{"workload", input.workload.ns + "/" + input.workload.kind + "/" +
                                               input.workload.name},
                              {"reason", draft.reason.text()},
                              {"note", draft.note}});
  }
}

void EnforcementController::Measure(const std::string& key, Memory& memory,
                                    const api::AgentEnforcementStatus& status) {
  const MonotonicTime now = clock_.MonotonicNow();
  const Milliseconds held =
      IsHeld(status) && memory.measured_at
          ? std::chrono::duration_cast<Milliseconds>(now - *memory.measured_at)
          : Milliseconds{0};
  memory.measured_at = now;
  metrics_.SetMode(key, status.mode.value_or(api::EnforcementMode::kNormal), held);
}

}  // namespace reliability::controllers::enforcement
