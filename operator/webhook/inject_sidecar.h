#pragma once
// Pod + policy -> JSON Patch that adds the sidecar, or the reason why not. Pure. Works on raw JSON,
// so that fields that we do not know survive.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/llm_fallback_chain.h"
#include "libs/api/names.h"
#include "operator/webhook/json_access.h"

namespace reliability::webhook {

struct SidecarOptions {
  std::string image;
  std::string pull_policy = "IfNotPresent";
};

// Why a pod was left alone; also the values of a metric label.
enum class Skip {
  kNone,         // it was not
  kNotAPod,      // no object, or not a pod's shape
  kOptedOut,     // label agentreliability.dev/inject=disabled
  kNoWorkload,   // no Deployment or StatefulSet runs it
  kNotTargeted,  // no policy names its workload
  kHostNetwork,
  kWindows,
  kPortInUse,
  kDifferentUpstreams,  // two containers, two originals, one upstream without url
  kLookUpFailed,        // the API server did not say in time who owns or targets it
};
inline constexpr std::array<std::string_view, 10> kSkipNames{
    "None",        "NotAPod", "OptedOut",  "NoWorkload",         "NotTargeted",
    "HostNetwork", "Windows", "PortInUse", "DifferentUpstreams", "LookUpFailed"};

struct Injection {
  Skip skip = Skip::kNone;
  std::string skip_note;           // for an event: what is in the way and what to do
  Json patch = Json::array();      // empty also if the pod has everything already
  std::vector<std::string> notes;  // for events
};

// `pod` is an object. `chain`: the one that the policy names, null if there is none; the Secrets
// and CA bundles of its tiers are mounted into the sidecar alone. A second pass over the result
// gives an empty patch.
[[nodiscard]] Injection InjectSidecar(const Json& pod, const api::TargetRef& target,
                                      const api::AgentReliabilityPolicy& policy,
                                      const SidecarOptions& options,
                                      const api::LlmFallbackChain* chain = nullptr);

}  // namespace reliability::webhook
