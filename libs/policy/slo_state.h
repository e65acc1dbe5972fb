#pragma once
// Everything the operator knows about one SLO: rings, evidence, counters, hysteresis. It takes
// counted outcomes and time, and gives an assessment. Survives restarts through slo_checkpoint.
// Not thread-safe. Pure.
#include <optional>
#include <vector>

#include "libs/policy/burn_rate.h"
#include "libs/policy/slo_bands.h"
#include "libs/policy/slo_counters.h"

namespace reliability::policy {

struct SloSettings {
  Objective objective = Objective::FromPpm(950'000);
  SloWindow window = SloWindow::k30d;
  LowTraffic low_traffic;
  Milliseconds hold_for = std::chrono::minutes{15};  // of the ErrorBudgetPolicy
};

struct Evidence {
  double e = 0;
  EvidenceLevels levels;
  EvidenceLevel level = EvidenceLevel::kNone;
  std::optional<Incident> incident;  // the strongest run so far; certain only from level alert on
  double budget_spent = 0;           // by the incident, as a share of the window's budget
};

struct SloAssessment {
  SystemTime at{};
  ErrorBudget budget{Objective::FromPpm(950'000), {}};  // of the whole window
  std::vector<TierReading> tiers;                       // highest first
  std::optional<Tier> firing_alert;                     // highest that fires at level alert or act
  std::optional<Tier> firing_act;                       // highest that fires at level act
  bool drift = false;  // overspending for certain, but below every tier
  Evidence evidence;
  bool warming_up = false;
  bool evaluable = false;
  BudgetState budget_state = BudgetState::kUnknown;
  BurnState burn_state = BurnState::kUnknown;
  // Long window of the highest firing tier, else of PageFast; an outage reads PageFast's too.
  double burn_rate = 0;
  std::optional<Milliseconds> exhausts_in;
  EventCounts total;  // since the SLO began to be measured
  // Evidence was once enough to alert, and the incident was not closed yet.
  bool incident_open = false;

  [[nodiscard]] const TierReading* Reading(Tier tier) const;
};

class SloState {
 public:
  // Measured from `start` on.
  SloState(const SloSettings& settings, SystemTime start);

  // Counters of all pods; feed what Merge returns to Record.
  [[nodiscard]] SloCounters& counters() { return counters_; }
  [[nodiscard]] const SloCounters& counters() const { return counters_; }
  void Record(const CountedDelta& delta, SystemTime now);
  // As SloCounters' End and EndVanished; what they find is to be saved.
  bool EndPod(std::string_view pod_uid);
  [[nodiscard]] std::vector<std::string> EndVanished(
      const std::set<std::string, std::less<>>& live);

  // Once per tick, after all pods were recorded: one update of the evidence, then the assessment.
  // Closes the incident by itself once E is below alert and nothing fired for hold_for.
  [[nodiscard]] const SloAssessment& Tick(SystemTime now);
  // The last assessment.
  [[nodiscard]] const SloAssessment& assessment() const { return assessment_; }

  // The agent was restored: what happened before is settled (ruling 22).
  void CloseIncident();
  // New settings: a new objective starts its evidence anew; the counts stay. The window cannot
  // change (another window needs another state).
  void Configure(const SloSettings& settings);

  // True once counts, evidence, bands or ends of pods changed since the last ClearDirty.
  [[nodiscard]] bool dirty() const { return dirty_; }
  void ClearDirty() { dirty_ = false; }
  [[nodiscard]] const SloSettings& settings() const { return settings_; }

  void Save(ByteWriter& out, std::size_t max_pods) const;
  void Load(ByteReader& in, std::uint64_t version);

 private:
  void Assess(SystemTime now);
  [[nodiscard]] BurnSignals Signals() const;
  void CloseStaleIncident(SystemTime now);

  SloSettings settings_;
  SystemTime start_;
  SloRings rings_;
  EDetector detector_;
  UpdateRate updates_;
  SloCounters counters_;
  EventCounts total_;
  EventCounts pending_;  // recorded since the last tick
  BudgetBand budget_band_;
  BurnBand burn_band_;
  std::uint64_t events_at_firing_ = 0;     // total when something last fired
  bool incident_open_ = false;             // E reached alert since the last closing
  std::optional<SystemTime> quiet_since_;  // open, but nothing fires and E is below alert
  bool dirty_ = false;
  SloAssessment assessment_;
};

}  // namespace reliability::policy
