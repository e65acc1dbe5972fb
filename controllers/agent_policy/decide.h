#pragma once
// What one workload should have: which policy is in charge, its policy.json, and how far the pods
// are. Pure.
#include <optional>
#include <string>
#include <vector>

#include "controllers/agent_policy/chain.h"
#include "controllers/agent_policy/input.h"
#include "controllers/agent_policy/skew.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::controllers::agent_policy {

struct Coverage {
  std::vector<std::string> covered;  // pod names: the sidecar runs the newest policy.json
  std::vector<std::string> stale;    // another one, none yet, or it cannot be read
  std::vector<std::string> missing;  // no sidecar
  bool missing_is_new = false;       // one of them is younger than the policy
  std::string first_error;           // "pod x: ..." of a sidecar that refused the newest one
  [[nodiscard]] std::size_t total() const { return covered.size() + stale.size() + missing.size(); }
};

// How the governing policy's fallbackChainRef resolves.
struct ChainPlan {
  std::string name;                    // empty: the policy names none
  ChainPtr chain;                      // null: there is no such chain
  std::vector<SkippedTier> skipped;    // in every pod
  std::vector<std::string> outdated;   // pods created before a reference of a tier...
  std::vector<std::string> unmounted;  // ...and those tiers
};

struct Plan {
  PolicyPtr policy;     // in charge; null: nobody
  std::string invalid;  // why its document must not be written; empty: it may
  std::string json;     // policy.json; empty: nothing to write
  std::string hash;     // SHA-256 of json
  Coverage coverage;
  ChainPlan chain;
  Skew skew;  // which sidecars json is written for
};

// `current_json`: the policy.json that is there, needed only if no policy is in charge (its routes
// stay); empty: there is none.
[[nodiscard]] Plan Decide(const Input& input, const std::string& current_json);

// "<hash>#3" -> 3; "<hash>" -> 0; another hash -> nullopt.
[[nodiscard]] std::optional<int> BumpOf(std::string_view annotation, std::string_view hash);

}  // namespace reliability::controllers::agent_policy
