// Long histories with the bad share exactly at the objective, and outages: how often do we cry
// wolf, and how soon do we act? Seeds are printed; the same seed gives the same histories.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <vector>

#include "libs/policy/slo_state.h"

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};
constexpr Milliseconds kMonth = hours{720};
constexpr Milliseconds kTick = seconds{15};  // how often a 30 d SLO is evaluated

// A small fast generator: the simulation draws tens of millions of numbers.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  double Uniform() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  }

 private:
  std::uint64_t state_;
};

struct Tally {
  double months = 0;
  int alerts = 0;  // incidents that began
  int acts = 0;    // incidents that would have been acted on
};

// Poisson arrivals at `per_hour`, each bad with probability b, as the evidence sees them.
Tally AtTheObjective(double budget, double per_hour, int months, std::uint64_t seed) {
  SplitMix random(seed);
  EDetector detector(budget);
  UpdateRate updates(kStart);
  Tally tally{.months = static_cast<double>(months)};
  bool open = false;
  bool acted = false;
  const double mean_gap_ms = 3'600'000.0 / per_hour;
  double next = 0;
  const auto end = static_cast<double>(kMonth.count()) * months;
  while (next < end) {
    const std::int64_t tick = static_cast<std::int64_t>(next) / kTick.count() + 1;
    EventCounts counts;
    while (next < static_cast<double>(tick * kTick.count())) {
      counts += {1, random.Uniform() < budget ? 1U : 0U};
      next += -std::log1p(-random.Uniform()) * mean_gap_ms;
    }
    const SystemTime now = kStart + tick * kTick;
    updates.Count(now);
    const EvidenceLevels levels = LevelsFor(Confidence::kStandard, updates.PerMonth(now));
    detector.Update(counts, now, levels.cap);
    const double evidence = detector.Evidence();
    if (evidence < levels.alert) {
      open = acted = false;
      continue;
    }
    tally.alerts += open ? 0 : 1;
    open = true;
    if (evidence >= levels.act && !acted) {
      ++tally.acts;
      acted = true;
    }
  }
  return tally;
}

TEST(SloSimulation, FalseAlertsStayWithinTheBound) {
  constexpr std::uint64_t kSeed = 4711;
  Tally all;
  std::uint64_t seed = kSeed;
  std::printf("objective turns/h months alerts acts (seed %llu)\n",
              static_cast<unsigned long long>(kSeed));
  for (const double budget : {0.15, 0.08, 0.05, 0.01, 0.001}) {
    for (const auto& [rate, months] : {std::pair{2.0, 30}, {10.0, 20}, {60.0, 6}, {600.0, 1}}) {
      const Tally tally = AtTheObjective(budget, rate, months, ++seed);
      std::printf("%8.1f%% %7.0f %6.0f %6d %4d\n", 100 * (1 - budget), rate, tally.months,
                  tally.alerts, tally.acts);
      all.months += tally.months;
      all.alerts += tally.alerts;
      all.acts += tally.acts;
    }
  }
  EXPECT_GE(all.months, 200);
  // At most one false alert in 10 SLO-months, and one false act in 1,000.
  EXPECT_LE(all.alerts, all.months / 10) << "seed " << kSeed;
  EXPECT_LE(all.acts, 1) << "seed " << kSeed;
}

// The whole state, ring by ring, at the objective: no tier, drift or outage cries wolf.
TEST(SloSimulation, TheWholeStateStaysCalmAtTheObjective) {
  constexpr std::uint64_t kSeed = 815;
  std::mt19937_64 random(kSeed);
  SloSettings settings;
  settings.objective = Objective::FromPpm(950'000);
  SloState state(settings, kStart);
  int alerts = 0;
  bool alerting = false;
  SystemTime now = kStart;
  for (const SystemTime end = kStart + hours{24 * 10}; now < end;) {
    const SystemTime before = now;
    now += seconds{60};
    state.Record({{1, random() % 20 == 0 ? 1U : 0U}, before}, now);
    const SloAssessment& got = state.Tick(now);
    const bool fires = got.firing_alert.has_value() || got.drift;
    alerts += fires && !alerting ? 1 : 0;
    alerting = fires;
  }
  EXPECT_LE(alerts, 1) << "seed " << kSeed;
  EXPECT_EQ(state.assessment().total.events, 24U * 60 * 10);
}

// 60 turns an hour, then everything fails: acted on within 15 turns, at every objective and window.
TEST(SloSimulation, ATotalOutageIsActedOnWithin15Turns) {
  std::uint64_t seed = 100;
  for (const auto& [ppm, window] : {std::pair{950'000U, SloWindow::k30d},
                                    {990'000U, SloWindow::k30d},
                                    {999'000U, SloWindow::k30d},
                                    {950'000U, SloWindow::k7d},
                                    {920'000U, SloWindow::k30d},
                                    {950'000U, SloWindow::k1d}}) {
    for (int run = 0; run < 5; ++run) {
      std::mt19937_64 random(++seed);
      SloSettings settings;
      settings.objective = Objective::FromPpm(ppm);
      settings.window = window;
      SloState state(settings, kStart);
      std::bernoulli_distribution bad(settings.objective.budget() / 2);
      std::exponential_distribution<double> gap(1.0 / 60.0);  // seconds
      SystemTime now = kStart;
      double next = gap(random);
      int outage_turns = 0;
      const SystemTime breaks = kStart + hours{12};
      while (!state.assessment().firing_act && outage_turns <= 15) {
        now += kTick;
        EventCounts counts;
        while (kStart + Milliseconds{static_cast<std::int64_t>(next * 1000)} <= now) {
          const bool broken = now > breaks;
          counts += {1, broken || bad(random) ? 1U : 0U};
          outage_turns += broken ? 1 : 0;
          next += gap(random);
        }
        state.Record({counts, now - kTick}, now);
        (void)state.Tick(now);
      }
      EXPECT_GT(now, breaks) << "acted before anything broke, seed " << seed;
      EXPECT_LE(outage_turns, 15) << "objective ppm " << ppm << ", seed " << seed;
    }
  }
}

}  // namespace
}  // namespace reliability::policy
