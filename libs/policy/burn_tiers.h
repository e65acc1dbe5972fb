#pragma once
// The burn-rate tiers of each budget window (slo-and-enforcement 1.2) and their reachable
// thresholds (1.3). Pure tables.
#include <span>
#include <string_view>

#include "libs/policy/slo_types.h"

namespace reliability::policy {

// Ascending: a rule for a tier holds for that tier and every higher one.
enum class Tier { kTicketSlow, kTicketFast, kPageSlow, kPageFast, kOutage };

[[nodiscard]] std::string_view Name(Tier tier);  // "PageFast"
[[nodiscard]] Result<Tier> ParseTier(std::string_view text);
[[nodiscard]] constexpr bool IsPage(Tier tier) { return tier >= Tier::kPageSlow; }

struct BurnTier {
  Tier tier = Tier::kPageFast;
  Milliseconds long_window{0};
  Milliseconds short_window{0};
  double factor = 0;  // burn rate at which the tier's share of the budget goes in one long window
};

// Highest tier first; 3 or 4 entries. The four tiers of a window are one set: never mix windows.
[[nodiscard]] std::span<const BurnTier> BurnTiers(SloWindow window);

struct TierThreshold {
  double bad_ratio = 0;  // both windows must exceed it
  double classic = 0;    // factor * budget; can exceed 1, that is, never be reached
  [[nodiscard]] bool capped() const { return bad_ratio < classic; }
};

// min(F b, b + kappa (1 - b)): a threshold that a real outage can reach at any objective.
[[nodiscard]] TierThreshold ThresholdOf(const BurnTier& tier, double budget);

}  // namespace reliability::policy
