#include "controllers/agent_policy/resolved_refs.h"

#include <algorithm>

#include "libs/base/strings.h"

namespace reliability::controllers::agent_policy {
namespace {

using api::ConditionStatus;

constexpr std::size_t kNamesShown = 5;

}  // namespace

std::string RestartCommand(const std::string& ns, const api::TargetRef& target) {
  return "kubectl rollout restart " + ToLower(target.kind) + "/" + target.name + " -n " + ns;
}

std::string ShortList(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    out += (i > 0 ? ", " : "") + names[i];
  }
  return names.size() <= kNamesShown
             ? out
             : out + " and " + std::to_string(names.size() - kNamesShown) + " more";
}

api::Condition ResolvedRefs(const std::string& ns, const api::Condition& accepted,
                            const TargetState& state) {
  const ChainPlan& chain = state.plan.chain;
  if (accepted.status != ConditionStatus::kTrue) {
    return {"ResolvedRefs", ConditionStatus::kUnknown, "NotInCharge",
            "this policy does not program " + ToString(state.target)};
  }
  if (chain.chain == nullptr) {
    return {"ResolvedRefs", ConditionStatus::kFalse, "ChainNotFound",
            "there is no LLMFallbackChain " + chain.name + " in namespace " + ns +
                ": LLM calls have no fallback until it appears"};
  }
  const std::string skipped =
      chain.skipped.empty() ? std::string() : "; skipped: " + Describe(chain.skipped);
  if (!chain.outdated.empty()) {
    return {"ResolvedRefs", ConditionStatus::kFalse, "RestartRequired",
            "pods " + ShortList(chain.outdated) + " were created before the references of tiers " +
                ShortList(chain.unmounted) + " of chain " + chain.name +
                ", and skip these tiers. Next: " + RestartCommand(ns, state.target) + skipped};
  }
  if (!chain.skipped.empty()) {
    return {"ResolvedRefs", ConditionStatus::kFalse, "TiersSkipped",
            "chain " + chain.name + ": " + Describe(chain.skipped)};
  }
  return {"ResolvedRefs", ConditionStatus::kTrue, "ResolvedRefs",
          "LLM calls follow chain " + chain.name};
}

}  // namespace reliability::controllers::agent_policy
