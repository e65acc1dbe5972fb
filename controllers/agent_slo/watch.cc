// What makes the SLO controller look at an SLO or a reaction before its time.
#include <algorithm>
#include <vector>

#include "controllers/agent_slo/reconciler.h"
#include "libs/api/names.h"

namespace reliability::controllers::agent_slo {
namespace {

std::vector<bool> Charges(const api::AgentReliabilityPolicy& policy) {
  std::vector<bool> out;
  for (const api::TargetRef& target : policy.spec.target_refs) {
    out.push_back(InCharge(policy, target));
  }
  return out;
}

}  // namespace

void SloController::Watch() {
  caches_.slos.OnChange([this](const kube::Change<api::AgentSlo>& change) {
    if (kube::SpecChanged(change)) {
      Look(change.key);
      EnqueueReactionsOf(kube::SplitKey(change.key).ns);
    }
  });
  caches_.reactions.OnChange([this](const kube::Change<api::ErrorBudgetPolicy>& change) {
    if (!kube::SpecChanged(change)) {
      return;
    }
    if (leader_epoch_.load() == 0) {
      return;
    }
    reactions_.Enqueue(change.key);
    const auto [ns, name] = kube::SplitKey(change.key);
    for (const auto& [key, slo] : caches_.slos.Entries()) {
      if (slo->metadata.namespace_ == ns && caches_.ReactionNameOf(*slo) == name) {
        Look(key);
      }
    }
  });
  caches_.policies.OnChange([this](const kube::Change<api::AgentReliabilityPolicy>& change) {
    if (!kube::SpecChanged(change) && Charges(*change.before) == Charges(*change.after)) {
      return;
    }
    const std::string ns = kube::SplitKey(change.key).ns;
    for (const auto& policy : {change.before, change.after}) {
      if (policy == nullptr) {
        continue;
      }
      for (const api::TargetRef& target : policy->spec.target_refs) {
        for (const std::string& slo : caches_.slos_of.Keys(api::WorkloadKey(ns, target))) {
          Look(slo);
        }
      }
    }
    EnqueueReactionsOf(ns);
  });
  const auto workload_changed = [this](const auto& change, const char* kind) {
    if (change.before != nullptr && change.after != nullptr &&
        change.before->metadata.uid == change.after->metadata.uid) {
      return;
    }
    const auto [ns, name] = kube::SplitKey(change.key);
    for (const std::string& slo :
         caches_.slos_of.Keys(api::WorkloadKey(ns, {"apps", kind, name}))) {
      Look(slo);
    }
  };
  caches_.deployments.OnChange(
      [workload_changed](const auto& change) { workload_changed(change, "Deployment"); });
  caches_.stateful_sets.OnChange(
      [workload_changed](const auto& change) { workload_changed(change, "StatefulSet"); });
  reports_.OnReport([this](const PodReport& report) { OnReport(report); });
  board_.OnCloseRequest([this](const std::string& slo) { Look(slo); });
}

void SloController::Look(const std::string& slo) {
  if (leader_epoch_.load() == 0) {
    return;  // Start looks at everything
  }
  {
    const MutexLock lock(mutex_);
    looks_.insert(slo);
  }
  slos_.Enqueue(slo);
}

void SloController::EnqueueReactionsOf(std::string_view ns) {
  if (leader_epoch_.load() == 0) {
    return;
  }
  for (const auto& [key, reaction] : caches_.reactions.Entries()) {
    if (reaction->metadata.namespace_ == ns) {
      reactions_.Enqueue(key);
    }
  }
}

void SloController::OnReport(const PodReport& report) {
  std::set<std::string> ended;
  {
    const MutexLock lock(mutex_);
    const auto note = [&](const sidecar_config::LedgerEpoch& epoch) {
      for (const auto& [key, counts] : epoch.slos) {
        const auto it = inboxes_.find(key);
        if (it == inboxes_.end()) {
          continue;
        }
        it->second.pods.insert(report.uid);
        if (report.final_at) {
          it->second.final_ledger = true;
          ended.insert(it->second.slo);
        }
      }
    };
    if (report.ledger != nullptr) {
      note(report.ledger->current);
      std::for_each(report.ledger->closed.begin(), report.ledger->closed.end(), note);
    }
    std::for_each(report.last_words.begin(), report.last_words.end(), note);
  }
  for (const std::string& slo : ended) {
    slos_.EnqueueAfter(slo, options_.final_delay);
  }
}

}  // namespace reliability::controllers::agent_slo
