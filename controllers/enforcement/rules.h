#pragma once
// Which rules of the error budget policies hold, since when, and which one wins (ruling 24). Pure.
#include <optional>
#include <string>
#include <vector>

#include "controllers/enforcement/input.h"

namespace reliability::controllers::enforcement {

enum class Verdict { kUnknown, kCalm, kHolds };

// Does `rule.when` hold now, apart from `for`?
[[nodiscard]] Verdict Judge(const SloFacts& slo, const api::BudgetRule& rule);

struct RuleMatch {
  const SloFacts* slo = nullptr;
  const api::BudgetRule* rule = nullptr;

  [[nodiscard]] std::string Cause() const;  // "<slo>/<rule>"
};

struct RuleOutcome {
  std::vector<api::RuleTimer> timers;     // at most 64
  std::vector<RuleMatch> newly_fired;     // in order; Notify rules are among them
  std::optional<RuleMatch> hold;          // the strongest Pause or ScaleDown that fires now
  std::optional<RuleMatch> throttle;      // the first Throttle in force
  std::optional<SystemTime> next_change;  // when a running `for` or `holdFor` ends
};

enum class HoldPhase {
  kFree,     // a rule may begin a hold
  kHeld,     // one is in force: rules that would begin another wait for its end
  kWatched,  // nothing will be held (Observe, Release): rules fire once and end when calm
};

[[nodiscard]] RuleOutcome EvaluateRules(const std::vector<SloFacts>& slos,
                                        const std::vector<api::RuleTimer>& before, SystemTime now,
                                        HoldPhase phase);

// The rule that a cause names; nothing if SLO, policy or rule are gone.
[[nodiscard]] std::optional<RuleMatch> FindCause(const std::vector<SloFacts>& slos,
                                                 std::string_view cause);

// When the workload is scaled down after a pause; nothing: never.
[[nodiscard]] std::optional<Milliseconds> ScaleDownDelay(const api::BudgetRule& rule);

[[nodiscard]] policy::Tier ToPolicy(api::Tier tier);
[[nodiscard]] api::Tier ToApi(policy::Tier tier);

}  // namespace reliability::controllers::enforcement
