#pragma once
// Which tiers fire: both ratio tests, enough events, and evidence that it is not chance
// (slo-and-enforcement 1.2 to 1.4). Pure.
#include <optional>
#include <vector>

#include "libs/policy/burn_tiers.h"
#include "libs/policy/e_detector.h"
#include "libs/policy/slo_window.h"

namespace reliability::policy {

enum class EvidenceLevel { kNone, kAlert, kAct };
[[nodiscard]] std::string_view Name(EvidenceLevel level);  // "None", "Alert", "Act"
[[nodiscard]] EvidenceLevel LevelOf(double evidence, const EvidenceLevels& levels);

// kUnknown: too few events in the long window; never Healthy, never Breached.
enum class Firing { kNo, kUnknown, kAlert, kAct };
[[nodiscard]] std::string_view Name(Firing firing);  // "No", "Unknown", "Alert", "Act"

// How much evidence is needed.
struct LowTraffic {
  std::uint32_t min_events = 10;
  std::uint32_t min_bad = 3;
  Confidence confidence = Confidence::kStandard;
  friend bool operator==(const LowTraffic&, const LowTraffic&) = default;
};

struct TierReading {
  BurnTier tier;
  TierThreshold threshold;
  EventCounts long_counts;
  EventCounts short_counts;
  double burn_rate = 0;  // of the long window
  Firing firing = Firing::kUnknown;
  // The long window is above the threshold, the short one no longer.
  bool recovering = false;
};

[[nodiscard]] TierReading ReadTier(const BurnTier& tier, Objective objective,
                                   const LowTraffic& low_traffic, const SloRings& rings,
                                   EvidenceLevel level);
// One reading per tier of the window, highest first.
[[nodiscard]] std::vector<TierReading> ReadTiers(SloWindow window, Objective objective,
                                                 const LowTraffic& low_traffic,
                                                 const SloRings& rings, EvidenceLevel level);

// Not about budget but about users: nearly everything fails, for certain, and still does.
[[nodiscard]] bool IsOutage(double budget, EvidenceLevel level,
                            const std::optional<Incident>& incident, const SloRings& rings);

}  // namespace reliability::policy
