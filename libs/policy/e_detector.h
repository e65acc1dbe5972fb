#pragma once
// Evidence that an objective is being missed, valid however often it is looked at: an e-detector
// (betting CUSUM; Shin, Ramdas, Rinaldo 2022). While the true bad share is at most the budgeted
// one, the expected time between false crossings of ln(m N) is at least m months of N updates each.
//
// For each update with n new events, k of them bad, and bets lambda_j = s_j / b:
//   S_j <- max(S_j, 0) + k ln(1 + lambda_j (1-b)) + (n-k) ln(1 - lambda_j b)
//   E = ln(1/5 sum exp S_j)
// Where S_j was <= 0 before the update, a new run of bet j begins there: its onset. Not
// thread-safe.
#include <array>
#include <optional>

#include "libs/policy/slo_bytes.h"
#include "libs/policy/slo_types.h"

namespace reliability::policy {

// Since when, and what happened since then.
struct Incident {
  SystemTime onset{};
  EventCounts counts;
};

class EDetector {
 public:
  // `budget` = 1 - target, in (0, 1).
  explicit EDetector(double budget);

  // No-op without events. Each S_j is capped at `cap` (ruling 22), which bounds forgetting.
  void Update(EventCounts delta, SystemTime now, double cap);
  [[nodiscard]] double Evidence() const;  // E; 0 before the first update
  // The run of the strongest bet; nothing while no bet is ahead.
  [[nodiscard]] std::optional<Incident> Current() const;
  void Reset();

  void Save(ByteWriter& out) const;
  void Load(ByteReader& in);

 private:
  struct Bet {
    double gain_bad = 0;   // ln(1 + lambda (1-b))
    double gain_good = 0;  // ln(1 - lambda b)
    double s = 0;
    Incident run;
  };
  std::array<Bet, 5> bets_;
};

// N: how many updates with traffic 30 days have, extrapolated while younger, at least 100.
class UpdateRate {
 public:
  explicit UpdateRate(SystemTime start) : since_(start) {}
  void Count(SystemTime now);  // one update with traffic
  [[nodiscard]] double PerMonth(SystemTime now) const;

  void Save(ByteWriter& out) const;
  void Load(ByteReader& in);

 private:
  SystemTime since_;
  double updates_ = 0;  // since `since_`, which is at most 30 days ago
};

// E from which an alert, or an act, is justified; and the cap for each S_j.
struct EvidenceLevels {
  double alert = 0;
  double act = 0;
  double cap = 0;
};
[[nodiscard]] EvidenceLevels LevelsFor(Confidence confidence, double updates_per_month);

}  // namespace reliability::policy
