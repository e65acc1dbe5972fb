#include "libs/api/workload_keys.h"

#include "libs/api/names.h"

namespace reliability::api {

std::vector<std::string> PolicyWorkloadKeys(const AgentReliabilityPolicy& policy) {
  std::vector<std::string> keys;
  keys.reserve(policy.spec.target_refs.size());
  for (const TargetRef& target : policy.spec.target_refs) {
    keys.push_back(WorkloadKey(policy.metadata.namespace_, target));
  }
  return keys;
}

std::vector<std::string> SloWorkloadKeys(const AgentSlo& slo) {
  return {WorkloadKey(slo.metadata.namespace_, slo.spec.target_ref)};
}

std::vector<std::string> OverrideWorkloadKeys(const ReliabilityOverride& order) {
  return {WorkloadKey(order.metadata.namespace_, order.spec.target_ref)};
}

std::vector<std::string> AutoscalerWorkloadKeys(const HorizontalPodAutoscaler& autoscaler) {
  const ScaleTargetRef& ref = autoscaler.scale_target_ref;
  return {WorkloadKey(autoscaler.metadata.namespace_,
                      TargetRef{.group = "apps", .kind = ref.kind, .name = ref.name})};
}

std::vector<std::string> PodWorkloadKeys(const Pod& pod) {
  const auto target = WorkloadOf(pod.metadata);
  if (!target) {
    return {};
  }
  return {WorkloadKey(pod.metadata.namespace_, *target)};
}

}  // namespace reliability::api
