#include "libs/policy/e_detector.h"

#include <algorithm>
#include <cmath>

namespace reliability::policy {
namespace {

constexpr std::array<double, 5> kBets = {0.05, 0.1, 0.2, 0.4, 0.8};
constexpr Milliseconds kMonth = std::chrono::hours{30 * 24};
constexpr Milliseconds kYoungest = std::chrono::hours{1};

}  // namespace

EDetector::EDetector(double budget) {
  for (std::size_t j = 0; j < kBets.size(); ++j) {
    const double lambda = kBets[j] / budget;
    bets_[j].gain_bad = std::log1p(lambda * (1 - budget));
    bets_[j].gain_good = std::log1p(-kBets[j]);  // lambda b = s
  }
}

void EDetector::Update(EventCounts delta, SystemTime now, double cap) {
  if (delta.events == 0) {
    return;
  }
  const auto bad = static_cast<double>(delta.bad);
  const auto good = static_cast<double>(delta.events - delta.bad);
  for (Bet& bet : bets_) {
    if (bet.s <= 0) {
      bet.s = 0;
      bet.run = Incident{now, {}};
    }
    bet.s = std::min(cap, bet.s + bad * bet.gain_bad + good * bet.gain_good);
    bet.run.counts += delta;
  }
}

double EDetector::Evidence() const {
  const double top = std::max_element(bets_.begin(), bets_.end(), [](const Bet& a, const Bet& b) {
                       return a.s < b.s;
                     })->s;
  double sum = 0;
  for (const Bet& bet : bets_) {
    sum += std::exp(bet.s - top);
  }
  return top + std::log(sum / static_cast<double>(bets_.size()));
}

std::optional<Incident> EDetector::Current() const {
  // With equal sums, as when several reached the cap, the longest run is the incident.
  const Bet* best = nullptr;
  for (const Bet& bet : bets_) {
    if (bet.s > 0 && (best == nullptr || bet.s > best->s ||
                      (bet.s == best->s && bet.run.onset < best->run.onset))) {
      best = &bet;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(best->run);
}

void EDetector::Reset() {
  for (Bet& bet : bets_) {
    bet.s = 0;
    bet.run = {};
  }
}

void EDetector::Save(ByteWriter& out) const {
  for (const Bet& bet : bets_) {
    out.Double(bet.s);
    out.Time(bet.run.onset);
    out.Uint(bet.run.counts.events);
    out.Uint(bet.run.counts.bad);
  }
}

void EDetector::Load(ByteReader& in) {
  for (Bet& bet : bets_) {
    bet.s = in.Double();
    bet.run.onset = in.Time();
    bet.run.counts.events = in.Uint();
    bet.run.counts.bad = in.Uint();
    if (!std::isfinite(bet.s)) {
      in.Fail();
    }
  }
}

void UpdateRate::Count(SystemTime now) {
  const Milliseconds age = now - since_;
  if (age > kMonth) {
    // Forget what is older than a month, at the average rate.
    updates_ *= static_cast<double>(kMonth.count()) / static_cast<double>(age.count());
    since_ = now - kMonth;
  }
  updates_ += 1;
}

double UpdateRate::PerMonth(SystemTime now) const {
  const Milliseconds age = std::max(now - since_, kYoungest);
  return std::max(
      100.0, updates_ * static_cast<double>(kMonth.count()) / static_cast<double>(age.count()));
}

void UpdateRate::Save(ByteWriter& out) const {
  out.Time(since_);
  out.Double(updates_);
}

void UpdateRate::Load(ByteReader& in) {
  since_ = in.Time();
  updates_ = in.Double();
  if (!std::isfinite(updates_)) {
    in.Fail();
  }
}

EvidenceLevels LevelsFor(Confidence confidence, double updates_per_month) {
  const double months = confidence == Confidence::kStrict ? 100 : 10;
  const double alert = std::log(months * updates_per_month);
  // An act needs 100 times an alert's months; the cap lies 10 times above that, since one bet alone
  // is a fifth of E.
  return {alert, alert + std::log(100.0), alert + std::log(1000.0)};
}

}  // namespace reliability::policy
