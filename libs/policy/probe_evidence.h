#pragma once
// When half-open probe turns prove that a held agent works again (operator ruling 26). Pure.
//
//   pass: k/n <= b, and the one-sided 90 % upper bound (Clopper-Pearson) of the bad share < u,
//         where u = max(2b, 10 %): 22 clean turns, or 38 with one bad among them, at u = 10 %
//   fail: the second bad turn
#include <cstdint>
#include <optional>

namespace reliability::policy {

enum class ProbeVerdict { kGoOn, kPassed, kFailed };

inline constexpr std::uint64_t kProbeBadLimit = 2;

// P(X <= k) of a binomial with n trials of probability p.
[[nodiscard]] double BinomialCdf(std::uint64_t k, std::uint64_t n, double p);

// Clean turns needed to pass with `bad` bad ones so far (0 or 1). `budget` = 1 - objective.
// `successes` (of the ErrorBudgetPolicy) replaces the evidence rule while nothing was bad.
[[nodiscard]] std::uint64_t NeededCleanTurns(std::uint64_t bad, double budget,
                                             std::optional<std::uint64_t> successes);

[[nodiscard]] ProbeVerdict JudgeProbe(std::uint64_t clean, std::uint64_t bad, double budget,
                                      std::optional<std::uint64_t> successes);

}  // namespace reliability::policy
