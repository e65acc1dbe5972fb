#include "controllers/agent_policy/reconciler.h"

#include <algorithm>
#include <utility>

#include "libs/base/log.h"

namespace reliability::controllers::agent_policy {
namespace {

constexpr Milliseconds kCacheBehind{50};

void Sooner(std::optional<Milliseconds>& again, Milliseconds delay) {
  again = again.has_value() ? std::min(*again, delay) : delay;
}

bool IsInjected(const std::shared_ptr<const api::Pod>& pod) {
  return pod != nullptr && pod->HasContainer(api::kSidecarContainer);
}

// What decides about coverage; the many other changes of a pod are no news.
bool PodChanged(const kube::Change<api::Pod>& change) {
  return change.before == nullptr || change.after == nullptr ||
         change.before->Terminating() != change.after->Terminating() ||
         change.before->Finished() != change.after->Finished() ||
         change.before->Ready() != change.after->Ready();
}

}  // namespace

PolicyController::PolicyController(Caches& caches, ReportOf report_of, Burst burst,
                                   kube::ApiClient& client, kube::EventSink& events, Clock& clock,
                                   Options options)
    : caches_(caches),
      report_of_(std::move(report_of)),
      burst_(std::move(burst)),
      clock_(clock),
      options_(options),
      applier_(client, events),
      workloads_(clock, {.name = "agent_policy", .workers = options.workers, .queue = {}},
                 [this](const std::string& key) { return ReconcileWorkload(key); }),
      policies_(clock, {.name = "agent_policy_status", .queue = {}},
                [this](const std::string& key) { return ReconcilePolicy(key); }) {
  Watch();
}

void PolicyController::Start() {
  workloads_.Start();
  policies_.Start();
}

void PolicyController::Stop() {
  workloads_.Stop();
  policies_.Stop();
}

void PolicyController::EnqueueTargets(const api::AgentReliabilityPolicy& policy) {
  for (const api::TargetRef& target : policy.spec.target_refs) {
    workloads_.Enqueue(api::WorkloadKey(policy.metadata.namespace_, target));
  }
}

void PolicyController::Watch() {
  caches_.policies.OnChange([this](const kube::Change<api::AgentReliabilityPolicy>& change) {
    if (!kube::SpecChanged(change)) {
      return;
    }
    for (const auto& policy : {change.before, change.after}) {
      if (policy != nullptr) {
        EnqueueTargets(*policy);
      }
    }
    policies_.EnqueueAfter(change.key, options_.status_delay);
  });
  caches_.slos.OnChange([this](const kube::Change<api::AgentSlo>& change) {
    if (!kube::SpecChanged(change)) {
      return;
    }
    for (const auto& slo : {change.before, change.after}) {
      if (slo != nullptr) {
        workloads_.Enqueue(api::WorkloadKey(slo->metadata.namespace_, slo->spec.target_ref));
      }
    }
  });
  caches_.chains.OnChange([this](const kube::Change<api::LlmFallbackChain>& change) {
    if (!kube::SpecChanged(change)) {
      return;
    }
    for (const PolicyPtr& policy : caches_.policies_with_chain.Find(change.key)) {
      EnqueueTargets(*policy);
      policies_.EnqueueAfter(policy->metadata.namespace_ + "/" + policy->metadata.name,
                             options_.status_delay);
    }
  });
  const auto workload_changed = [this](const auto& change, const char* kind) {
    if (change.before != nullptr && change.after != nullptr &&
        change.before->metadata.uid == change.after->metadata.uid) {
      return;
    }
    const auto& object = change.after != nullptr ? change.after : change.before;
    const std::string key =
        api::WorkloadKey(object->metadata.namespace_, {"apps", kind, object->metadata.name});
    if (caches_.policies_of.Has(key)) {
      workloads_.Enqueue(key);
    }
  };
  caches_.deployments.OnChange(
      [workload_changed](const auto& change) { workload_changed(change, "Deployment"); });
  caches_.stateful_sets.OnChange(
      [workload_changed](const auto& change) { workload_changed(change, "StatefulSet"); });
  caches_.pods.OnChange([this](const kube::Change<api::Pod>& change) {
    const auto& pod = change.after != nullptr ? change.after : change.before;
    const auto target = api::WorkloadOf(pod->metadata);
    if (!target.has_value() || !PodChanged(change)) {
      return;
    }
    if (change.after == nullptr) {
      const MutexLock lock(mutex_);
      bumps_.erase(pod->metadata.uid);
      reported_.erase(pod->metadata.uid);
    }
    const std::string key = api::WorkloadKey(pod->metadata.namespace_, *target);
    if (IsInjected(pod) || caches_.policies_of.Has(key)) {
      workloads_.Enqueue(key);
    }
  });
}

void PolicyController::OnReport(const std::string& ns, const std::string& pod,
                                const std::string& uid) {
  const auto report = report_of_(uid);
  if (!report.has_value()) {
    return;
  }
  {
    const std::string text = report->config_hash + " " + std::to_string(report->schema_minor) +
                             " " + report->config_error;
    const MutexLock lock(mutex_);
    if (std::exchange(reported_[uid], text) == text) {
      return;
    }
  }
  const auto object = caches_.pods.Get(ns + "/" + pod);
  const auto target = object == nullptr ? std::nullopt : api::WorkloadOf(object->metadata);
  if (target.has_value()) {
    workloads_.Enqueue(api::WorkloadKey(ns, *target));
  }
}

Result<std::optional<std::string>> PolicyController::ReadIfNeeded(const Input& input,
                                                                  const Memory& memory) const {
  if (!input.policies.empty() && !memory.hash.empty()) {
    return std::nullopt;
  }
  RELIABILITY_ASSIGN_OR_RETURN(std::string text, applier_.ReadPolicy(input.ns, input.target));
  return std::optional(std::move(text));
}

kube::Outcome PolicyController::ReconcileWorkload(const std::string& key) {
  const auto workload = api::ParseWorkloadKey(key);
  if (!workload.has_value()) {
    return kube::Done{};
  }
  Input input = Gather(caches_, report_of_, workload->ns, workload->target);
  if (input.target_uid.empty()) {
    Finish(key, {});
    return kube::Done{};
  }
  Memory memory;
  {
    const MutexLock lock(mutex_);
    memory = memories_[key];
  }
  const auto read = ReadIfNeeded(input, memory);
  if (!read.has_value()) {
    memory.error = ToString(read.error());
    Finish(key, memory);
    return kube::Retry{read.error()};
  }
  const std::optional<std::string>& current = *read;
  if (!input.written_minor.has_value() && current.has_value()) {
    input.written_minor = sidecar_config::MinorOf(*current);
  }
  const bool nobody = input.policies.empty();
  const bool injected = std::any_of(input.pods.begin(), input.pods.end(),
                                    [](const PodView& pod) { return pod.injected; });
  if (nobody && !injected) {
    // Nothing of ours is left in this workload.
    if (current.has_value() && !current->empty()) {
      if (const Status deleted = applier_.DeleteMap(input.ns, input.target); !deleted.has_value()) {
        return kube::Retry{deleted.error()};
      }
      log::Info("policy_map_deleted", {{"workload", key}});
    }
    Finish(key, {});
    return kube::Done{};
  }
  const Plan plan = Decide(input, current.value_or(std::string()));
  if (plan.json.empty()) {
    if (!plan.invalid.empty()) {
      log::Warn("policy_invalid", {{"workload", key}, {"error", plan.invalid}});
    } else {
      // Nobody is in charge and there is no map: the policy went while the pod was created.
      const auto orphan = std::find_if(input.pods.begin(), input.pods.end(),
                                       [](const PodView& pod) { return pod.injected; });
      applier_.EmitOrphan(input, orphan->name);
    }
    Finish(key, memory);
    return kube::Done{};
  }
  const Status written = WriteIfDifferent(input, plan, current, memory);
  if (!written.has_value()) {
    memory.error = ToString(written.error());
    Finish(key, memory);
    return kube::Retry{written.error()};
  }
  memory.error.clear();
  const PodsResult pods = NudgePods(input, plan, memory);
  memory.overdue = pods.overdue;
  Finish(key, memory);
  if (pods.error.has_value()) {
    return kube::Retry{*pods.error};
  }
  return kube::RequeueAfter{pods.again.value_or(options_.drift_interval)};
}

Status PolicyController::WriteIfDifferent(const Input& input, const Plan& plan,
                                          const std::optional<std::string>& current,
                                          Memory& memory) {
  const MonotonicTime now = clock_.MonotonicNow();
  const bool known = !memory.hash.empty();
  if (known && memory.hash == plan.hash && now - memory.checked_at < options_.drift_interval) {
    return {};
  }
  bool same = false;
  if (!known || memory.hash == plan.hash) {
    // First sight or drift check. Otherwise it is surely different: no need to ask.
    std::string there;
    if (current.has_value()) {
      there = *current;
    } else {
      RELIABILITY_ASSIGN_OR_RETURN(there, applier_.ReadPolicy(input.ns, input.target));
    }
    same = there == plan.json;
  }
  if (!same) {
    RELIABILITY_TRY(applier_.WritePolicy(input, plan));
    log::Info("policy_written", {{"workload", api::WorkloadKey(input.ns, input.target)},
                                 {"hash", plan.hash},
                                 {"schema_minor", plan.skew.minor},
                                 {"pods", input.pods.size()}});
  }
  if (!same || memory.hash != plan.hash) {
    memory.written_at = clock_.SystemNow();
  }
  caches_.written.Set(api::WorkloadKey(input.ns, input.target), plan.skew.minor);
  memory.hash = plan.hash;
  memory.checked_at = now;
  return {};
}

PolicyController::PodsResult PolicyController::NudgePods(const Input& input, const Plan& plan,
                                                         const Memory& memory) {
  PodsResult result;
  const SystemTime now = clock_.SystemNow();
  for (const PodView& pod : input.pods) {
    if (!pod.injected || (pod.report.has_value() && pod.report->config_hash == plan.hash)) {
      continue;
    }
    const auto next = NudgePod(input, plan, pod, memory);
    if (!next.has_value()) {
      result.error = next.error();
      continue;
    }
    if (next->has_value()) {
      Sooner(result.again, **next);
    }
    const SystemTime due = std::max(memory.written_at, pod.created) + options_.overdue_after;
    if (now >= due) {
      result.overdue = true;
    } else {
      Sooner(result.again, due - now);
    }
  }
  return result;
}

Result<std::optional<Milliseconds>> PolicyController::NudgePod(const Input& input, const Plan& plan,
                                                               const PodView& pod,
                                                               const Memory& memory) {
  const MonotonicTime now = clock_.MonotonicNow();
  Bump bump;
  {
    const MutexLock lock(mutex_);
    bump = bumps_[pod.uid];
  }
  if (bump.hash != plan.hash) {
    // After a restart the annotation itself says how often it was written.
    bump = {plan.hash, BumpOf(pod.annotation, plan.hash).value_or(-1), MonotonicTime{}};
  }
  if (bump.count < 0 && !pod.report.has_value() && pod.created >= memory.written_at) {
    // It started with this configuration and has not been asked yet.
    const Milliseconds age = clock_.SystemNow() - pod.created;
    if (age < options_.first_report) {
      return std::optional(options_.first_report - age);
    }
  }
  if (bump.count >= options_.max_bumps) {
    return std::optional<Milliseconds>();
  }
  if (bump.count >= 0 && now - bump.at < options_.bump_interval) {
    return std::optional(options_.bump_interval - (now - bump.at));
  }
  ++bump.count;
  const std::string value =
      bump.count == 0 ? plan.hash : plan.hash + "#" + std::to_string(bump.count);
  RELIABILITY_TRY(applier_.Annotate(input.ns, pod.name, value));
  bump.at = clock_.MonotonicNow();
  burst_(pod.uid);
  const MutexLock lock(mutex_);
  bumps_[pod.uid] = bump;
  return std::optional(options_.bump_interval);
}

void PolicyController::Finish(const std::string& key, const Memory& memory) {
  {
    const MutexLock lock(mutex_);
    if (memory.hash.empty() && memory.error.empty()) {
      memories_.erase(key);
      caches_.written.Erase(key);
    } else {
      memories_[key] = memory;
    }
  }
  for (const std::string& policy : caches_.policies_of.Keys(key)) {
    policies_.EnqueueAfter(policy, options_.status_delay);
  }
}

kube::Outcome PolicyController::ReconcilePolicy(const std::string& key) {
  const PolicyPtr policy = caches_.policies.Get(key);
  {
    const MutexLock lock(mutex_);
    const auto it = replaced_.find(key);
    if (policy == nullptr) {
      replaced_.erase(key);
    } else if (it != replaced_.end() && it->second == policy->metadata.resource_version) {
      return kube::RequeueAfter{kCacheBehind};
    }
  }
  if (policy == nullptr || policy->metadata.deletion_timestamp.has_value()) {
    return kube::Done{};
  }
  std::vector<TargetState> states;
  std::map<std::string, std::string> uids;
  for (const api::TargetRef& target : policy->spec.target_refs) {
    const Input input = Gather(caches_, report_of_, policy->metadata.namespace_, target);
    TargetState state;
    state.target = target;
    state.exists = !input.target_uid.empty();
    state.plan = Decide(input, {});
    const std::string workload = api::WorkloadKey(input.ns, target);
    {
      const MutexLock lock(mutex_);
      if (const auto it = memories_.find(workload); it != memories_.end()) {
        state.written = it->second.hash == state.plan.hash;
        state.write_error = it->second.error;
        state.pods_overdue = it->second.overdue;
      }
    }
    uids[ToString(target)] = input.target_uid;
    states.push_back(std::move(state));
  }
  const StatusUpdate update = BuildStatus(*policy, states, clock_.SystemNow());
  if (!update.changed) {
    return kube::Done{};
  }
  const auto version = applier_.WriteStatus(*policy, update.status);
  if (!version.has_value()) {
    return version.error().code == Code::kNotFound ? kube::Outcome(kube::Done{})
                                                   : kube::Outcome(kube::Retry{version.error()});
  }
  if (*version != policy->metadata.resource_version) {
    const MutexLock lock(mutex_);
    replaced_[key] = policy->metadata.resource_version;
  }
  for (const PolicyEvent& event : update.events) {
    applier_.Emit(*policy, event, uids[ToString(event.target)]);
  }
  return kube::Done{};
}

}  // namespace reliability::controllers::agent_policy
