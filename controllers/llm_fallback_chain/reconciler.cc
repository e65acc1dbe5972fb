#include "controllers/llm_fallback_chain/reconciler.h"

#include <algorithm>
#include <utility>

#include "controllers/llm_fallback_chain/gather.h"
#include "libs/api/names.h"

namespace reliability::controllers::llm_fallback_chain {
namespace {

constexpr Milliseconds kCacheBehind{50};

bool AllHeard(const Input& input) {
  return std::all_of(input.uses.begin(), input.uses.end(), [](const Use& use) {
    return std::all_of(use.sidecars.begin(), use.sidecars.end(),
                       [](const SidecarView& sidecar) { return sidecar.heard; });
  });
}

}  // namespace

ChainController::ChainController(agent_policy::Caches& caches, const PodReports& reports,
                                 kube::ApiClient& client, kube::EventSink& events, Clock& clock,
                                 Options options)
    : caches_(caches),
      reports_(reports),
      clock_(clock),
      options_(options),
      applier_(client, events),
      started_at_(clock.MonotonicNow()),
      since_(clock.SystemNow()),
      queue_(clock, {.name = "llm_fallback_chain", .queue = {}},
             [this](const std::string& key) { return Reconcile(key); }) {
  Watch();
}

void ChainController::Start() {
  {
    const MutexLock lock(mutex_);
    started_at_ = clock_.MonotonicNow();
    since_ = clock_.SystemNow();
  }
  queue_.Start();
}

void ChainController::Stop() { queue_.Stop(); }

void ChainController::Watch() {
  caches_.chains.OnChange([this](const kube::Change<api::LlmFallbackChain>& change) {
    if (kube::SpecChanged(change)) {
      queue_.EnqueueAfter(change.key, options_.delay);
    }
  });
  caches_.policies.OnChange([this](const kube::Change<api::AgentReliabilityPolicy>& change) {
    if (!kube::SpecChanged(change)) {
      return;
    }
    for (const auto& policy : {change.before, change.after}) {
      if (policy != nullptr && policy->spec.fallback_chain_ref.has_value()) {
        queue_.EnqueueAfter(
            policy->metadata.namespace_ + "/" + policy->spec.fallback_chain_ref->name,
            options_.delay);
      }
    }
  });
  caches_.pods.OnChange([this](const kube::Change<api::Pod>& change) {
    if (change.before != nullptr && change.after != nullptr &&
        change.before->Terminating() == change.after->Terminating() &&
        change.before->Finished() == change.after->Finished()) {
      return;
    }
    const auto& pod = change.after != nullptr ? change.after : change.before;
    if (change.after == nullptr) {
      const MutexLock lock(mutex_);
      heard_.erase(pod->metadata.uid);
    }
    EnqueueChainsOf(*pod);
  });
}

void ChainController::EnqueueChainsOf(const api::Pod& pod) {
  const auto target = api::WorkloadOf(pod.metadata);
  if (!target.has_value()) {
    return;
  }
  const std::string& ns = pod.metadata.namespace_;
  for (const auto& policy : caches_.policies_of.Find(api::WorkloadKey(ns, *target))) {
    if (policy->spec.fallback_chain_ref.has_value()) {
      queue_.EnqueueAfter(ns + "/" + policy->spec.fallback_chain_ref->name, options_.delay);
    }
  }
}

void ChainController::OnReport(const PodReport& report) {
  if (report.ledger == nullptr) {
    return;
  }
  {
    Heard heard{report.ledger->config_hash, report.ledger->fallback_chain};
    const MutexLock lock(mutex_);
    const auto it = heard_.find(report.uid);
    if (it != heard_.end() && it->second == heard) {
      return;
    }
    heard_.insert_or_assign(report.uid, std::move(heard));
  }
  if (const auto pod = caches_.pods.Get(report.ns + "/" + report.name)) {
    EnqueueChainsOf(*pod);
  }
}

kube::Outcome ChainController::Reconcile(const std::string& key) {
  const auto chain = caches_.chains.Get(key);
  if (chain == nullptr || chain->metadata.deletion_timestamp.has_value()) {
    const MutexLock lock(mutex_);
    memories_.erase(key);
    return kube::Done{};
  }
  const Input input = Gather(caches_, reports_, chain);
  StatusUpdate update;
  Milliseconds wait{0};
  {
    const MutexLock lock(mutex_);
    Memory& memory =
        memories_.try_emplace(key, Memory{ServedShare(since_), {}, false, {}}).first->second;
    if (memory.replaced == chain->metadata.resource_version && !memory.replaced.empty()) {
      return kube::RequeueAfter{kCacheBehind};
    }
    const MonotonicTime now = clock_.MonotonicNow();
    // Judging before the first reports would write "not tried" over what is known.
    if (now - started_at_ < options_.first_reports && !AllHeard(input)) {
      return kube::RequeueAfter{options_.delay};
    }
    memory.share.Update(input, now);
    update = BuildStatus(
        input, [&](const std::string& tier) { return memory.share.Percent(tier); },
        clock_.SystemNow());
    if (memory.written && !update.urgent) {
      wait = options_.min_interval - (now - memory.written_at);
    }
  }
  if (!update.changed) {
    return kube::Done{};
  }
  if (wait.count() > 0) {
    return kube::RequeueAfter{wait};
  }
  return Write(key, chain, update);
}

kube::Outcome ChainController::Write(const std::string& key, const agent_policy::ChainPtr& chain,
                                     const StatusUpdate& update) {
  const auto version = applier_.WriteStatus(*chain, update.status);
  if (!version.has_value()) {
    return version.error().code == Code::kNotFound ? kube::Outcome(kube::Done{})
                                                   : kube::Outcome(kube::Retry{version.error()});
  }
  {
    const MutexLock lock(mutex_);
    if (const auto it = memories_.find(key); it != memories_.end()) {
      it->second.written = true;
      it->second.written_at = clock_.MonotonicNow();
      it->second.replaced =
          *version == chain->metadata.resource_version ? "" : chain->metadata.resource_version;
    }
  }
  if (!update.active_note.empty()) {
    applier_.EmitActive(*chain, update);
  }
  return kube::Done{};
}

}  // namespace reliability::controllers::llm_fallback_chain
