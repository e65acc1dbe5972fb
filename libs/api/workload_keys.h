#pragma once
// The workloads that an object is about, as keys (api::WorkloadKey): what indexes file it under.
// Pure.
#include <string>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/agent_slo.h"
#include "libs/api/pod.h"
#include "libs/api/reliability_override.h"
#include "libs/api/workloads.h"

namespace reliability::api {

[[nodiscard]] std::vector<std::string> PolicyWorkloadKeys(const AgentReliabilityPolicy& policy);
[[nodiscard]] std::vector<std::string> SloWorkloadKeys(const AgentSlo& slo);
[[nodiscard]] std::vector<std::string> OverrideWorkloadKeys(const ReliabilityOverride& order);
[[nodiscard]] std::vector<std::string> AutoscalerWorkloadKeys(
    const HorizontalPodAutoscaler& autoscaler);
// None for a pod that neither a Deployment nor a StatefulSet runs.
[[nodiscard]] std::vector<std::string> PodWorkloadKeys(const Pod& pod);

}  // namespace reliability::api
