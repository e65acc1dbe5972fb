#include "operator/webhook/owner.h"

#include <utility>
#include <vector>

#include "libs/api/decode.h"
#include "libs/api/governing_policy.h"
#include "libs/api/names.h"
#include "libs/kube/core/list_page.h"

namespace reliability::webhook {
namespace {

namespace agent_policy = controllers::agent_policy;

constexpr Milliseconds kMissRemembered{1000};
constexpr std::size_t kMaxMisses = 1024;

// The part of the metadata that decides about the owner.
api::ObjectMeta OwnersOf(const Json& pod) {
  api::ObjectMeta meta;
  const Json& metadata = Member(pod, "metadata");
  meta.labels.Set("pod-template-hash",
                  std::string(Text(Member(metadata, "labels"), "pod-template-hash")));
  for (const Json& owner : List(metadata, "ownerReferences")) {
    meta.owner_references.push_back({std::string(Text(owner, "apiVersion")),
                                     std::string(Text(owner, "kind")),
                                     std::string(Text(owner, "name")),
                                     std::string(Text(owner, "uid")), True(owner, "controller")});
  }
  return meta;
}

}  // namespace

Result<std::optional<OwnerLookup::Workload>> OwnerLookup::WorkloadOf(const Json& pod,
                                                                     const std::string& ns) {
  const api::ObjectMeta meta = OwnersOf(pod);
  if (const auto target = api::WorkloadOf(meta)) {
    std::string uid = caches_.WorkloadUid(ns, *target);
    if (!uid.empty() || target->kind == "StatefulSet") {
      return std::optional(Workload{*target, std::move(uid)});
    }
  }
  const api::OwnerReference* owner = meta.Controller();
  if (owner == nullptr || owner->api_version != "apps/v1" || owner->kind != "ReplicaSet") {
    return std::optional<Workload>();
  }
  // The Deployment is younger than the cache, or the name only looks like one of its ReplicaSets.
  const auto body = client_.Get({kube::resources::kReplicaSets, ns, owner->name});
  if (!body.has_value()) {
    if (body.error().code == Code::kNotFound) {
      return std::optional<Workload>();
    }
    return Fail(body.error());
  }
  RELIABILITY_ASSIGN_OR_RETURN(const auto set, api::Decode<api::ReplicaSet>(*body));
  const api::OwnerReference* deployment = set.metadata.Controller();
  if (deployment == nullptr || deployment->kind != "Deployment" ||
      deployment->api_version != "apps/v1") {
    return std::optional<Workload>();
  }
  return std::optional(Workload{{"apps", "Deployment", deployment->name}, deployment->uid});
}

Result<agent_policy::PolicyPtr> OwnerLookup::PolicyOf(const std::string& ns,
                                                      const api::TargetRef& target) {
  const std::string key = api::WorkloadKey(ns, target);
  std::vector<agent_policy::PolicyPtr> policies;
  for (auto& policy : caches_.policies_of.Find(key)) {
    if (api::Targets(*policy, target)) {
      policies.push_back(std::move(policy));
    }
  }
  if (!policies.empty()) {
    return api::GoverningPolicy(policies);
  }
  if (Missed(key)) {
    return agent_policy::PolicyPtr();
  }
  RELIABILITY_ASSIGN_OR_RETURN(std::string body,
                               client_.List(kube::resources::kAgentReliabilityPolicies, ns));
  const auto page = kube::DecodeListPage(body, [&](std::string_view raw) {
    auto policy = api::Decode<api::AgentReliabilityPolicy>(raw);
    if (policy.has_value() && api::Targets(*policy, target)) {
      policies.push_back(std::make_shared<const api::AgentReliabilityPolicy>(*std::move(policy)));
    }
  });
  if (!page.has_value()) {
    return Fail(page.error());
  }
  if (policies.empty()) {
    RememberMiss(key);
  }
  return api::GoverningPolicy(policies);
}

Result<agent_policy::ChainPtr> OwnerLookup::ChainOf(const std::string& ns,
                                                    const api::AgentReliabilityPolicy& policy) {
  const auto& ref = policy.spec.fallback_chain_ref;
  if (!ref.has_value()) {
    return agent_policy::ChainPtr();
  }
  if (auto chain = KnownChain(ns, ref->name)) {
    return chain;
  }
  const std::string key = "chain " + ns + "/" + ref->name;
  if (Missed(key)) {
    return agent_policy::ChainPtr();
  }
  const auto body = client_.Get({kube::resources::kLlmFallbackChains, ns, ref->name});
  if (!body.has_value()) {
    if (body.error().code != Code::kNotFound) {
      return Fail(body.error());
    }
    RememberMiss(key);
    return agent_policy::ChainPtr();
  }
  RELIABILITY_ASSIGN_OR_RETURN(auto chain, api::Decode<api::LlmFallbackChain>(*body));
  return std::make_shared<const api::LlmFallbackChain>(std::move(chain));
}

agent_policy::ChainPtr OwnerLookup::KnownChain(const std::string& ns,
                                               const std::string& name) const {
  return caches_.chains.Get(ns + "/" + name);
}

std::vector<agent_policy::PolicyPtr> OwnerLookup::KnownPoliciesWith(
    const std::string& ns, const std::string& chain) const {
  return caches_.policies_with_chain.Find(ns + "/" + chain);
}

bool OwnerLookup::Missed(const std::string& key) {
  const MutexLock lock(mutex_);
  const auto it = missed_.find(key);
  return it != missed_.end() && clock_.MonotonicNow() - it->second < kMissRemembered;
}

void OwnerLookup::RememberMiss(const std::string& key) {
  const MutexLock lock(mutex_);
  if (missed_.size() >= kMaxMisses) {
    missed_.clear();
  }
  missed_[key] = clock_.MonotonicNow();
}

}  // namespace reliability::webhook
