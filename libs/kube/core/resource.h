#pragma once
// Kinds of the Kubernetes API and the identity of one object. Pure values.
#include <string>
#include <string_view>

namespace reliability::kube {

// One served resource. The texts are string literals, so copies are cheap and never dangle.
struct Resource {
  std::string_view group;  // empty for the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  // "apps/v1", "v1".
  [[nodiscard]] std::string ApiVersion() const;
  friend bool operator==(const Resource&, const Resource&) = default;
};

namespace resources {
inline constexpr Resource kPods{"", "v1", "pods", "Pod"};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline constexpr Resource kSecrets{"", "v1", "secrets", "Secret"};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
inline constexpr Resource kStatefulSets{"apps", "v1", "statefulsets", "StatefulSet"};
inline constexpr Resource kReplicaSets{"apps", "v1", "replicasets", "ReplicaSet"};
inline constexpr Resource kHpas{"autoscaling", "v2", "horizontalpodautoscalers",
                                "HorizontalPodAutoscaler"};
inline constexpr Resource kNetworkPolicies{"networking.k8s.io", "v1", "networkpolicies",
                                           "NetworkPolicy"};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events", "Event"};
inline constexpr Resource kMutatingWebhooks{"admissionregistration.k8s.io", "v1",
                                            "mutatingwebhookconfigurations",
                                            "MutatingWebhookConfiguration", false};
inline constexpr Resource kValidatingWebhooks{"admissionregistration.k8s.io", "v1",
                                              "validatingwebhookconfigurations",
                                              "ValidatingWebhookConfiguration", false};
inline constexpr Resource kCrds{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                "CustomResourceDefinition", false};

inline constexpr std::string_view kOwnGroup = "agentreliability.dev";
inline constexpr Resource kAgentReliabilityPolicies{
    kOwnGroup, "v1alpha1", "agentreliabilitypolicies", "AgentReliabilityPolicy"};
inline constexpr Resource kAgentSlos{kOwnGroup, "v1alpha1", "agentslos", "AgentSLO"};
inline constexpr Resource kErrorBudgetPolicies{kOwnGroup, "v1alpha1", "errorbudgetpolicies",
                                               "ErrorBudgetPolicy"};
inline constexpr Resource kLlmFallbackChains{kOwnGroup, "v1alpha1", "llmfallbackchains",
                                             "LLMFallbackChain"};
inline constexpr Resource kAgentEnforcements{kOwnGroup, "v1alpha1", "agentenforcements",
                                             "AgentEnforcement"};
inline constexpr Resource kReliabilityOverrides{kOwnGroup, "v1alpha1", "reliabilityoverrides",
                                                "ReliabilityOverride"};
}  // namespace resources

// One object of one resource. `ns` is empty for cluster-scoped kinds.
struct ObjectRef {
  Resource resource;
  std::string ns;
  std::string name;

  // "Pod default/web-0", for logs and messages.
  [[nodiscard]] std::string ToString() const;
  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

// The key of an object in stores and queues: "ns/name", or "name" if cluster-scoped.
[[nodiscard]] std::string MakeKey(std::string_view ns, std::string_view name);

struct NamespacedName {
  std::string ns;
  std::string name;
};
[[nodiscard]] NamespacedName SplitKey(std::string_view key);

}  // namespace reliability::kube
