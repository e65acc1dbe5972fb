#include "libs/policy/probe_evidence.h"

#include <algorithm>
#include <cmath>

namespace reliability::policy {
namespace {

constexpr double kAlpha = 0.1;
constexpr double kFloor = 0.1;  // probes alone cannot prove a 99.9 % objective

bool Proves(std::uint64_t clean, std::uint64_t bad, double budget) {
  const std::uint64_t n = clean + bad;
  const double bound = std::min(std::max(2 * budget, kFloor), 0.999);
  return n > 0 && static_cast<double>(bad) <= budget * static_cast<double>(n) &&
         BinomialCdf(bad, n, bound) < kAlpha;
}

}  // namespace

double BinomialCdf(std::uint64_t k, std::uint64_t n, double p) {
  const auto trials = static_cast<double>(n);
  double term = std::pow(1 - p, trials);  // P(X = 0)
  double sum = term;
  for (std::uint64_t i = 1; i <= std::min(k, n); ++i) {
    term *= (trials - static_cast<double>(i) + 1) / static_cast<double>(i) * p / (1 - p);
    sum += term;
  }
  return sum;
}

std::uint64_t NeededCleanTurns(std::uint64_t bad, double budget,
                               std::optional<std::uint64_t> successes) {
  if (bad == 0 && successes) {
    return *successes;
  }
  // Both conditions get easier with every clean turn: double until enough, then halve.
  std::uint64_t high = 1;
  while (!Proves(high, bad, budget)) {
    high *= 2;
  }
  std::uint64_t low = high / 2;  // not enough (or 0)
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (Proves(middle, bad, budget) ? high : low) = middle;
  }
  return high;
}

ProbeVerdict JudgeProbe(std::uint64_t clean, std::uint64_t bad, double budget,
                        std::optional<std::uint64_t> successes) {
  if (bad >= kProbeBadLimit) {
    return ProbeVerdict::kFailed;
  }
  return clean >= NeededCleanTurns(bad, budget, successes) ? ProbeVerdict::kPassed
                                                           : ProbeVerdict::kGoOn;
}

}  // namespace reliability::policy
