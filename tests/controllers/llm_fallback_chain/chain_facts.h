#pragma once
// What sidecars say about the chain of chain_builders.h, for tests.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controllers/llm_fallback_chain/input.h"
#include "tests/controllers/agent_policy/builders.h"
#include "tests/controllers/agent_policy/chain_builders.h"

namespace reliability::controllers::llm_fallback_chain {

// Counters of `primary` and `claude`.
inline sidecar_config::ChainCounts Counts(std::uint64_t primary, std::uint64_t claude,
                                          std::uint64_t terminal = 0) {
  sidecar_config::ChainCounts counts;
  counts.name = "ladder";
  counts.tiers = {{"primary", std::nullopt, "", primary, 0, ""},
                  {"claude", std::nullopt, "", claude, 0, ""}};
  counts.terminal_served = terminal;
  return counts;
}

inline SidecarView Sidecar(const std::string& pod,
                           std::optional<sidecar_config::ChainCounts> counts,
                           const std::string& epoch = "1800000000000-ab") {
  SidecarView view;
  view.pod = pod;
  view.uid = "uid-" + pod;
  view.heard = true;
  view.epoch = epoch;
  view.counts = std::move(counts);
  return view;
}

inline Input InputOf(std::vector<SidecarView> sidecars) {
  Input input;
  input.chain = agent_policy::Share(agent_policy::MakeChain());
  auto policy = agent_policy::MakePolicy();
  policy.spec.fallback_chain_ref = api::NameRef{"ladder"};
  input.policies = {agent_policy::Share(policy)};
  Use use;
  use.policy = input.policies[0];
  use.target = agent_policy::kTarget;
  use.covered = sidecars.size();
  use.sidecars = std::move(sidecars);
  input.uses = {use};
  return input;
}

}  // namespace reliability::controllers::llm_fallback_chain
