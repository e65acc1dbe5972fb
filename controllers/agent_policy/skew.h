#pragma once
// For which sidecars policy.json is written: the oldest one of the workload, as far back as the
// operator goes (data-plane ruling 45). Pure.
#include <optional>
#include <string>
#include <vector>

#include "controllers/agent_policy/input.h"
#include "libs/sidecar_config/schema_skew.h"

namespace reliability::controllers::agent_policy {

struct Skew {
  int minor = sidecar_config::kSchemaMinor;       // that policy.json is written in
  std::vector<sidecar_config::NewField> waiting;  // what the policy sets and is left out
  std::vector<std::string> holding;               // pods for which it is left out
  std::vector<std::string> too_old;               // pods whose sidecar knows less than `minor`
  int oldest = sidecar_config::kSchemaMinor;      // of `too_old`
  [[nodiscard]] bool any() const { return !waiting.empty() || !too_old.empty(); }
};

// `written`: the minor of the policy.json that is there. A sidecar that has not answered yet never
// raises it: it may be an old one, and after a start of the operator none has answered.
[[nodiscard]] Skew SkewOf(const std::vector<PodView>& pods, std::optional<int> written);

// Adds what EncodePolicyFor() left out, and the pods that it waits for.
void AddWaiting(Skew& skew, const std::vector<PodView>& pods,
                std::vector<sidecar_config::NewField> left_out);

// For people, with the next step; empty: there is nothing to tell.
[[nodiscard]] std::string Describe(const Skew& skew, const std::string& ns,
                                   const api::TargetRef& target);

}  // namespace reliability::controllers::agent_policy
