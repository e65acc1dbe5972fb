#include "controllers/llm_fallback_chain/status.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "controllers/agent_policy/chain.h"
#include "controllers/agent_policy/resolved_refs.h"
#include "libs/api/encode.h"
#include "libs/policy/error_class.h"

namespace reliability::controllers::llm_fallback_chain {
namespace {

using api::Condition;
using api::ConditionStatus;

std::string Count(std::size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

Condition Accepted(const Input& input) {
  std::vector<agent_policy::SkippedTier> skipped = agent_policy::SkippedTiers(*input.chain);
  if (skipped.size() == input.chain->spec.tiers.size()) {
    return {"Accepted", ConditionStatus::kFalse, "NoUsableTier", agent_policy::Describe(skipped)};
  }
  std::string too_long;
  for (const auto& policy : input.policies) {
    for (auto& one : agent_policy::SkippedTiers(*input.chain, *policy)) {
      if (std::find(skipped.begin(), skipped.end(), one) == skipped.end()) {
        skipped.push_back(std::move(one));
      }
    }
    if (const std::string why = agent_policy::WhyTooLong(*input.chain, *policy); !why.empty()) {
      too_long += (too_long.empty() ? "" : "; ") + why;
    }
  }
  // Nothing of this keeps the chain from being used.
  if (!skipped.empty()) {
    return {"Accepted", ConditionStatus::kTrue, "TiersSkipped",
            agent_policy::Describe(skipped) + (too_long.empty() ? "" : "; ") + too_long};
  }
  if (!too_long.empty()) {
    return {"Accepted", ConditionStatus::kTrue, "ScheduleTooLong", too_long};
  }
  return {"Accepted", ConditionStatus::kTrue, "Accepted",
          Count(input.chain->spec.tiers.size(), "tier")};
}

Condition Programmed(const Input& input) {
  std::size_t sidecars = 0;
  std::size_t covered = 0;
  std::vector<std::string> outdated;
  std::string restart;
  for (const Use& use : input.uses) {
    sidecars += use.sidecars.size();
    covered += use.covered;
    for (const SidecarView& sidecar : use.sidecars) {
      if (!sidecar.outdated.empty()) {
        outdated.push_back(sidecar.pod);
        restart = agent_policy::RestartCommand(input.chain->metadata.namespace_, use.target);
      }
    }
  }
  if (input.policies.empty()) {
    return {"Programmed", ConditionStatus::kUnknown, "NotReferenced",
            "no AgentReliabilityPolicy names it in fallbackChainRef"};
  }
  if (sidecars == 0) {
    std::vector<std::string> names;
    names.reserve(input.policies.size());
    for (const auto& policy : input.policies) {
      names.push_back(policy->metadata.name);
    }
    return {"Programmed", ConditionStatus::kUnknown, "NoPods",
            "no pod with a sidecar runs under " + agent_policy::ShortList(names)};
  }
  if (!outdated.empty()) {
    return {
        "Programmed", ConditionStatus::kFalse, "RestartRequired",
        "pods " + agent_policy::ShortList(outdated) +
            " were created before a secretRef or caBundleRef and skip its tier. Next: " + restart};
  }
  if (covered < sidecars) {
    return {"Programmed", ConditionStatus::kFalse, "Reconciling",
            std::to_string(covered) + " of " + std::to_string(sidecars) +
                " sidecars run the newest configuration"};
  }
  return {"Programmed", ConditionStatus::kTrue, "Programmed",
          "in " + Count(sidecars, "sidecar") + " of " + Count(input.uses.size(), "workload")};
}

// What all sidecars say about one tier.
struct TierFacts {
  std::size_t sidecars = 0;  // that run the chain
  std::size_t reached = 0;
  std::size_t failed = 0;
  std::size_t outdated = 0;
  std::set<std::string> skipped;  // reasons
  std::string last_class;         // of one that failed
};

void AddCounts(const sidecar_config::TierCounts& counts, TierFacts& facts) {
  ++facts.sidecars;
  if (!counts.skipped.empty()) {
    facts.skipped.insert(counts.skipped);
  } else if (counts.reachable.has_value() && *counts.reachable) {
    ++facts.reached;
  } else if (counts.reachable.has_value()) {
    ++facts.failed;
    facts.last_class = counts.last_class;
  }
}

void AddSidecar(const SidecarView& sidecar, const std::string& tier, TierFacts& facts) {
  const auto& outdated = sidecar.outdated;
  if (std::find(outdated.begin(), outdated.end(), tier) != outdated.end()) {
    ++facts.outdated;
  } else if (sidecar.counts.has_value()) {
    const auto& all = sidecar.counts->tiers;
    const auto it = std::find_if(all.begin(), all.end(),
                                 [&](const auto& counts) { return counts.name == tier; });
    if (it != all.end()) {
      AddCounts(*it, facts);
    }
  }
}

TierFacts FactsOf(const Input& input, const std::string& tier) {
  TierFacts facts;
  for (const Use& use : input.uses) {
    for (const SidecarView& sidecar : use.sidecars) {
      AddSidecar(sidecar, tier, facts);
    }
  }
  return facts;
}

std::string LastFailure(const TierFacts& facts) {
  return facts.last_class.empty() ? std::string() : ", last failure " + facts.last_class;
}

Condition SkippedBecause(const api::ChainTier& tier, const std::string& reason) {
  if (reason == sidecar_config::kSkippedCredentialMissing && tier.secret_ref.has_value()) {
    return {"Reachable", ConditionStatus::kFalse, "CredentialMissing",
            "Secret " + tier.secret_ref->name + " has no key " + tier.secret_ref->key +
                ". Next: create it; sidecars pick it up without a restart"};
  }
  if (reason == sidecar_config::kSkippedCaMissing && tier.ca_bundle_ref.has_value()) {
    return {"Reachable", ConditionStatus::kFalse, "CaBundleMissing",
            "ConfigMap " + tier.ca_bundle_ref->name + " has no certificates under key " +
                tier.ca_bundle_ref->key};
  }
  if (reason == sidecar_config::kSkippedNoCredential) {
    return {"Reachable", ConditionStatus::kFalse, "NoCredential",
            "the agent's credentials go to no other provider. Next: set secretRef"};
  }
  return {"Reachable", ConditionStatus::kFalse, "Skipped", "sidecars skip it: " + reason};
}

// Why no sidecar can ever call the tier; nullopt: some can.
std::optional<Condition> NeverCalled(const Input& input, const std::string& tier) {
  const auto find = [&tier](const std::vector<agent_policy::SkippedTier>& all) {
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.tier == tier; });
    return it == all.end() ? std::string() : it->why;
  };
  if (std::string why = find(agent_policy::SkippedTiers(*input.chain)); !why.empty()) {
    return Condition{"Reachable", ConditionStatus::kFalse, "NoCredential", std::move(why)};
  }
  std::string unknown;
  for (const Use& use : input.uses) {
    unknown = find(agent_policy::SkippedTiers(*input.chain, *use.policy));
    if (unknown.empty()) {
      return std::nullopt;
    }
  }
  return unknown.empty() ? std::nullopt
                         : std::optional(Condition{"Reachable", ConditionStatus::kFalse,
                                                   "UnknownProvider", std::move(unknown)});
}

Condition NotReached(const api::ChainTier& tier, const TierFacts& facts) {
  const std::string why = "no sidecar that tried it got an answer" + LastFailure(facts);
  if (facts.last_class == policy::ErrorClassName(policy::ErrorClass::kAuth)) {
    return {"Reachable", ConditionStatus::kFalse, "CredentialRefused",
            why + ": the provider refuses the key. Next: " +
                (tier.secret_ref.has_value()
                     ? "correct key " + tier.secret_ref->key + " of Secret " + tier.secret_ref->name
                     : std::string("correct the agent's key, or set secretRef"))};
  }
  if (facts.last_class == policy::ErrorClassName(policy::ErrorClass::kNotFound)) {
    return {"Reachable", ConditionStatus::kFalse, "ModelNotFound",
            why + ": the provider does not know the model or the path. Next: correct model" +
                (tier.model.empty() ? std::string() : " " + tier.model) +
                (tier.endpoint.empty() ? std::string() : " or endpoint " + tier.endpoint)};
  }
  return {"Reachable", ConditionStatus::kFalse, "Unreachable", why};
}

Condition Reachable(const Input& input, const api::ChainTier& tier) {
  if (auto never = NeverCalled(input, tier.name)) {
    return *std::move(never);
  }
  const TierFacts facts = FactsOf(input, tier.name);
  if (facts.reached > 0) {
    return {"Reachable", ConditionStatus::kTrue, "Reachable",
            facts.failed == 0 ? "every sidecar that tried it got an answer"
                              : std::to_string(facts.failed) + " of " +
                                    std::to_string(facts.failed + facts.reached) +
                                    " sidecars that tried it got no answer" + LastFailure(facts)};
  }
  if (facts.failed > 0) {
    return NotReached(tier, facts);
  }
  if (!facts.skipped.empty()) {
    return SkippedBecause(tier, *facts.skipped.begin());
  }
  if (facts.outdated > 0 && facts.sidecars == 0) {
    return {"Reachable", ConditionStatus::kFalse, "RestartRequired",
            "all pods are older than its references and skip it; see condition Programmed"};
  }
  return {"Reachable", ConditionStatus::kUnknown, "NotTried",
          facts.sidecars == 0 ? "no sidecar runs the chain yet" : "no call has needed it yet"};
}

const api::TierStatus* Find(const std::vector<api::TierStatus>& tiers, const std::string& name) {
  const auto it =
      std::find_if(tiers.begin(), tiers.end(), [&](const auto& tier) { return tier.name == name; });
  return it == tiers.end() ? nullptr : &*it;
}

// Whether anything but messages, shares and times differs.
bool StatesDiffer(const api::Conditions& before, const api::Conditions& after) {
  return !std::equal(before.begin(), before.end(), after.begin(), after.end(),
                     [](const Condition& a, const Condition& b) {
                       return a.type == b.type && a.status == b.status && a.reason == b.reason &&
                              a.observed_generation == b.observed_generation;
                     });
}

bool Urgent(const api::LlmFallbackChainStatus& before, const api::LlmFallbackChainStatus& after) {
  return StatesDiffer(before.conditions, after.conditions) || before.active != after.active ||
         before.tier_names != after.tier_names ||
         !std::equal(before.tiers.begin(), before.tiers.end(), after.tiers.begin(),
                     after.tiers.end(), [](const api::TierStatus& a, const api::TierStatus& b) {
                       return a.name == b.name && !StatesDiffer(a.conditions, b.conditions);
                     });
}

// Where a name stands among the tiers; the last resort comes after all.
std::size_t RankOf(const api::LlmFallbackChain& chain, const std::string& active) {
  const auto& tiers = chain.spec.tiers;
  const auto it = std::find_if(tiers.begin(), tiers.end(),
                               [&](const auto& tier) { return tier.name == active; });
  return static_cast<std::size_t>(it - tiers.begin());
}

}  // namespace

StatusUpdate BuildStatus(const Input& input, const PercentOf& percent_of, SystemTime now) {
  const api::LlmFallbackChain& chain = *input.chain;
  StatusUpdate out;
  api::LlmFallbackChainStatus& status = out.status;
  status.observed_generation = chain.metadata.generation;
  const std::string terminal(ToString(chain.spec.terminal.type));
  std::string why;  // the first tiers cannot be reached
  for (const api::ChainTier& tier : chain.spec.tiers) {
    status.tier_names += tier.name + ",";
    api::TierStatus one;
    if (const api::TierStatus* before = Find(chain.status.tiers, tier.name)) {
      one = *before;
    }
    one.name = tier.name;
    if (const auto percent = percent_of(tier.name)) {
      one.served_percent = percent;
    }
    Condition reachable = Reachable(input, tier);
    reachable.observed_generation = chain.metadata.generation;
    if (status.active.empty() && reachable.status != ConditionStatus::kFalse) {
      status.active = tier.name;
    } else if (status.active.empty()) {
      why += (why.empty() ? "" : "; ") + tier.name + ": " + reachable.message;
    }
    api::SetCondition(one.conditions, std::move(reachable), now);
    status.tiers.push_back(std::move(one));
  }
  status.tier_names += terminal;
  if (status.active.empty()) {
    status.active = terminal;
  }
  status.conditions = chain.status.conditions;
  for (Condition condition : {Accepted(input), Programmed(input)}) {
    condition.observed_generation = chain.metadata.generation;
    api::SetCondition(status.conditions, std::move(condition), now);
  }
  out.changed = api::ToJson(status) != api::ToJson(chain.status);
  out.urgent = Urgent(chain.status, status);
  const std::string& before = chain.status.active;
  if (!before.empty() && before != status.active && !input.uses.empty()) {
    out.active_is_worse = RankOf(chain, status.active) > RankOf(chain, before);
    out.active_note = status.active + " answers instead of " + before +
                      (why.empty() ? std::string() : ". Not reachable: " + why);
  }
  return out;
}

}  // namespace reliability::controllers::llm_fallback_chain
