#pragma once
// What the chain controller looks at, as plain values: gather fills them, status reads them.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controllers/agent_policy/decide.h"
#include "libs/api/llm_fallback_chain.h"
#include "libs/sidecar_config/chain.h"

namespace reliability::controllers::llm_fallback_chain {

// One pod with a sidecar that should run the chain.
struct SidecarView {
  std::string pod;
  std::string uid;
  std::string epoch;                  // of `counts`
  bool heard = false;                 // its ledger was read at least once
  std::vector<std::string> outdated;  // tiers whose references are newer than the pod
  // What it counted for this chain; nullopt: it does not run it.
  std::optional<sidecar_config::ChainCounts> counts;
};

// One workload whose governing policy names the chain.
struct Use {
  agent_policy::PolicyPtr policy;
  api::TargetRef target;
  std::size_t covered = 0;  // sidecars with the newest policy.json
  std::vector<SidecarView> sidecars;
};

struct Input {
  agent_policy::ChainPtr chain;
  std::vector<agent_policy::PolicyPtr> policies;  // that name it, in charge of something or not
  std::vector<Use> uses;
};

}  // namespace reliability::controllers::llm_fallback_chain
