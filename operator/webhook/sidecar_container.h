#pragma once
// The sidecar's container and its volumes as they stand in a pod. Pure.
#include <map>
#include <string>

#include "operator/webhook/inject_sidecar.h"

namespace reliability::webhook {

// What is mounted depends on both.
struct SidecarPolicy {
  const api::AgentReliabilityPolicy& policy;
  const api::LlmFallbackChain* chain = nullptr;  // null: none
};

// `upstreams`: AGENT_RELIABILITY_UPSTREAM_* by entry name. `guaranteed`: requests = limits, so that
// the pod keeps its QoS class (operator ruling 10).
[[nodiscard]] Json SidecarContainer(const SidecarOptions& options, const SidecarPolicy& policy,
                                    const std::map<std::string, std::string>& upstreams,
                                    bool guaranteed);

// The volumes that SidecarContainer mounts.
[[nodiscard]] Json SidecarVolumes(const api::TargetRef& target, const SidecarPolicy& policy);

// True if every container's requests equal its limits, for CPU and memory.
[[nodiscard]] bool IsGuaranteed(const Json& pod_spec);

}  // namespace reliability::webhook
