#include "libs/policy/burn_rate.h"

#include "libs/policy/error_budget.h"

namespace reliability::policy {
namespace {

constexpr double kOutageShare = 0.75;  // of the way from budgeted to "everything fails"
constexpr std::uint64_t kOutageEvents = 8;
constexpr std::uint64_t kOutageRecentEvents = 5;
constexpr Milliseconds kOutageRecent = std::chrono::minutes{1};

}  // namespace

std::string_view Name(EvidenceLevel level) {
  switch (level) {
    case EvidenceLevel::kAlert:
      return "Alert";
    case EvidenceLevel::kAct:
      return "Act";
    case EvidenceLevel::kNone:
      break;
  }
  return "None";
}

EvidenceLevel LevelOf(double evidence, const EvidenceLevels& levels) {
  if (evidence >= levels.act) {
    return EvidenceLevel::kAct;
  }
  return evidence >= levels.alert ? EvidenceLevel::kAlert : EvidenceLevel::kNone;
}

std::string_view Name(Firing firing) {
  switch (firing) {
    case Firing::kNo:
      return "No";
    case Firing::kAlert:
      return "Alert";
    case Firing::kAct:
      return "Act";
    case Firing::kUnknown:
      break;
  }
  return "Unknown";
}

TierReading ReadTier(const BurnTier& tier, Objective objective, const LowTraffic& low_traffic,
                     const SloRings& rings, EvidenceLevel level) {
  TierReading reading{.tier = tier,
                      .threshold = ThresholdOf(tier, objective.budget()),
                      .long_counts = rings.Sum(tier.long_window),
                      .short_counts = rings.Sum(tier.short_window)};
  reading.burn_rate = BurnRate(objective, reading.long_counts);
  if (reading.long_counts.events < low_traffic.min_events) {
    return reading;
  }
  const bool long_above = reading.long_counts.BadRatio() > reading.threshold.bad_ratio;
  const bool short_above = reading.short_counts.BadRatio() > reading.threshold.bad_ratio;
  reading.recovering = long_above && !short_above;
  reading.firing = Firing::kNo;
  if (long_above && short_above && reading.long_counts.bad >= low_traffic.min_bad) {
    if (level == EvidenceLevel::kAct) {
      reading.firing = Firing::kAct;
    } else if (level == EvidenceLevel::kAlert) {
      reading.firing = Firing::kAlert;
    }
  }
  return reading;
}

std::vector<TierReading> ReadTiers(SloWindow window, Objective objective,
                                   const LowTraffic& low_traffic, const SloRings& rings,
                                   EvidenceLevel level) {
  std::vector<TierReading> readings;
  readings.reserve(BurnTiers(window).size());
  for (const BurnTier& tier : BurnTiers(window)) {
    readings.push_back(ReadTier(tier, objective, low_traffic, rings, level));
  }
  return readings;
}

bool IsOutage(double budget, EvidenceLevel level, const std::optional<Incident>& incident,
              const SloRings& rings) {
  if (level != EvidenceLevel::kAct || !incident || incident->counts.events < kOutageEvents) {
    return false;
  }
  const double share = budget + kOutageShare * (1 - budget);
  return incident->counts.BadRatio() >= share &&
         rings.Newest(kOutageRecentEvents, kOutageRecent).BadRatio() >= share;
}

}  // namespace reliability::policy
