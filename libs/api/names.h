#pragma once
// Names that several parts of the operator must spell alike: labels, annotations, ports, the
// sidecar container, the objects that the operator writes. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/api/agent_slo.h"
#include "libs/api/object_meta.h"

namespace reliability::api {

// On namespaces and pods: "enabled" or "disabled".
inline constexpr std::string_view kInjectLabel = "agentreliability.dev/inject";
// On pods; a change makes the kubelet refresh the mounted ConfigMap at once. The value is the hash
// or generation, followed by "#n" for the n-th time it was written again (operator ruling 4).
inline constexpr std::string_view kConfigHashAnnotation = "agentreliability.dev/config-hash";
inline constexpr std::string_view kModeGenerationAnnotation =
    "agentreliability.dev/mode-generation";

// Field managers of server-side apply, one per controller (operator ruling 3).
inline constexpr std::string_view kPolicyManager = "agent-reliability-policy";
inline constexpr std::string_view kSloManager = "agent-reliability-slo";
inline constexpr std::string_view kEnforcementManager = "agent-reliability-operator";
inline constexpr std::string_view kChainManager = "agent-reliability-chain";
// status.ancestors[].controllerName
inline constexpr std::string_view kControllerName = "agentreliability.dev/operator";

inline constexpr std::string_view kSidecarContainer = "agent-reliability-sidecar";
inline constexpr std::uint16_t kProxyPort = 15100;  // loopback only
inline constexpr std::uint16_t kAdminPort = 15190;

// Keys of the workload's ConfigMap.
inline constexpr std::string_view kPolicyKey = "policy.json";
inline constexpr std::string_view kModeKey = "mode.json";
// Where the sidecar finds it, the CA ConfigMaps of its upstreams and tiers, and the Secrets of its
// tiers (one folder for each ConfigMap and Secret).
inline constexpr std::string_view kConfigFolder = "/etc/agent-reliability/config";
inline constexpr std::string_view kCaFolder = "/etc/agent-reliability/ca";
inline constexpr std::string_view kSecretsFolder = "/etc/agent-reliability/secrets";
// The volumes that bring them, followed by a number.
inline constexpr std::string_view kCaVolumePrefix = "agent-reliability-ca-";
inline constexpr std::string_view kSecretVolumePrefix = "agent-reliability-secret-";

// What a pod must have mounted, as in Pod::mounted: "secret/<name>/<key>", "ca/<name>".
[[nodiscard]] std::string SecretMount(std::string_view name, std::string_view key);
[[nodiscard]] std::string CaMount(std::string_view name);

// "agent-reliability-deployment-refunds-agent". Names over 253 characters keep their first 242 and
// end in '-' and ten hex digits of the SHA-256 of the whole (operator ruling 5).
[[nodiscard]] std::string ConfigMapName(const TargetRef& target);
// "deployment-refunds-agent", bounded likewise.
[[nodiscard]] std::string EnforcementName(const TargetRef& target);
// "agentslo-refunds-completed-history", bounded likewise.
[[nodiscard]] std::string CheckpointName(std::string_view slo_name);

// "support/Deployment/refunds-agent": policy.json's `workload`, and the key of queues and indexes.
[[nodiscard]] std::string WorkloadKey(std::string_view ns, const TargetRef& target);
struct Workload {
  std::string ns;
  TargetRef target;
};
// The inverse; nullopt if it is none.
[[nodiscard]] std::optional<Workload> ParseWorkloadKey(std::string_view key);
// The Deployment or StatefulSet that runs a pod, by its controller reference. A ReplicaSet's name
// without "-<pod-template-hash>" is its Deployment's (operator ruling 8).
[[nodiscard]] std::optional<TargetRef> WorkloadOf(const ObjectMeta& pod);

// The key of an SLO in policy.json and in ledgers: "<uid>/<8 hex of the SLI's hash>". A recreated
// SLO, or one with another SLI, starts at 0.
[[nodiscard]] std::string SloKey(const AgentSlo& slo);

}  // namespace reliability::api
