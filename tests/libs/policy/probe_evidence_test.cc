#include "libs/policy/probe_evidence.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

TEST(ProbeEvidence, CleanTurnsNeeded) {                     // ruling 26 and slo-and-enforcement 5
  EXPECT_EQ(NeededCleanTurns(0, 0.05, std::nullopt), 22U);  // u = 10 %
  EXPECT_EQ(NeededCleanTurns(0, 0.08, std::nullopt), 14U);  // u = 16 %
  EXPECT_EQ(NeededCleanTurns(0, 0.10, std::nullopt), 11U);  // u = 20 %
  EXPECT_EQ(NeededCleanTurns(1, 0.05, std::nullopt) + 1, 38U);
  // At 99 % one bad turn also needs k/n <= b.
  EXPECT_EQ(NeededCleanTurns(1, 0.01, std::nullopt) + 1, 100U);
  EXPECT_EQ(NeededCleanTurns(0, 0.9, std::nullopt), 1U);  // even a useless objective needs one
  EXPECT_EQ(NeededCleanTurns(0, 0.05, 5), 5U);
  EXPECT_EQ(NeededCleanTurns(1, 0.05, 5) + 1, 38U);
}

TEST(ProbeEvidence, Verdicts) {
  EXPECT_EQ(JudgeProbe(0, 0, 0.05, std::nullopt), ProbeVerdict::kGoOn);
  EXPECT_EQ(JudgeProbe(21, 0, 0.05, std::nullopt), ProbeVerdict::kGoOn);
  EXPECT_EQ(JudgeProbe(22, 0, 0.05, std::nullopt), ProbeVerdict::kPassed);
  EXPECT_EQ(JudgeProbe(36, 1, 0.05, std::nullopt), ProbeVerdict::kGoOn);
  EXPECT_EQ(JudgeProbe(37, 1, 0.05, std::nullopt), ProbeVerdict::kPassed);
  EXPECT_EQ(JudgeProbe(500, 2, 0.05, std::nullopt), ProbeVerdict::kFailed);
  EXPECT_EQ(JudgeProbe(3, 0, 0.05, 3), ProbeVerdict::kPassed);
}

TEST(ProbeEvidence, BinomialCdf) {
  EXPECT_NEAR(BinomialCdf(0, 22, 0.1), 0.098477, 1e-6);
  EXPECT_NEAR(BinomialCdf(1, 38, 0.1), 0.095295, 1e-6);
  EXPECT_NEAR(BinomialCdf(5, 5, 0.3), 1, 1e-12);
}

}  // namespace
}  // namespace reliability::policy
