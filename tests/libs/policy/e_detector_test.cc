#include "libs/policy/e_detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace reliability::policy {
namespace {

constexpr double kNoCap = std::numeric_limits<double>::infinity();
constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};

SystemTime At(int tick) { return kStart + std::chrono::seconds{5 * tick}; }

// The published vectors of slo-and-enforcement 1.4.
TEST(EDetectorVectors, TwentyGoodThenEightBadAt95) {
  EDetector detector(0.05);
  int tick = 0;
  for (int i = 0; i < 20; ++i) {
    detector.Update({1, 0}, At(++tick), kNoCap);
  }
  for (const double expected :
       {1.930071, 4.308521, 6.913733, 9.615284, 12.359304, 15.123462, 17.897657, 20.677}) {
    detector.Update({1, 1}, At(++tick), kNoCap);
    EXPECT_NEAR(detector.Evidence(), expected, 5e-7);
  }
  ASSERT_TRUE(detector.Current().has_value());
  EXPECT_EQ(detector.Current()->onset, At(21));
  EXPECT_EQ(detector.Current()->counts, (EventCounts{8, 8}));
}

TEST(EDetectorVectors, TenBadAt85) {
  EDetector detector(0.15);
  for (int i = 1; i <= 10; ++i) {
    detector.Update({1, 1}, At(i), kNoCap);
  }
  EXPECT_NEAR(detector.Evidence(), 15.503671, 5e-7);
}

TEST(EDetectorVectors, BatchesAt95) {
  EDetector detector(0.05);
  int tick = 0;
  for (const double expected : {-3.101269, -3.101269, -3.101269}) {
    detector.Update({100, 5}, At(++tick), kNoCap);
    EXPECT_NEAR(detector.Evidence(), expected, 5e-7);
  }
  for (const double expected : {5.700737, 12.49162, 19.453131, 26.455059, 33.46678}) {
    detector.Update({100, 15}, At(++tick), kNoCap);
    EXPECT_NEAR(detector.Evidence(), expected, 5e-7);
  }
}

TEST(EDetector, StartsWithoutEvidenceAndIgnoresEmptyUpdates) {
  EDetector detector(0.05);
  EXPECT_DOUBLE_EQ(detector.Evidence(), 0);
  EXPECT_FALSE(detector.Current().has_value());
  detector.Update({0, 0}, At(1), kNoCap);
  EXPECT_DOUBLE_EQ(detector.Evidence(), 0);
}

TEST(EDetector, TheCapBoundsForgettingAndStillReachesAct) {  // ruling 22
  const EvidenceLevels levels = LevelsFor(Confidence::kStandard, 1000);
  EXPECT_DOUBLE_EQ(levels.alert, std::log(10.0 * 1000));
  EXPECT_DOUBLE_EQ(levels.act, std::log(1000.0 * 1000));
  EXPECT_DOUBLE_EQ(levels.cap, std::log(10'000.0 * 1000));
  EDetector detector(0.001);
  for (int i = 1; i <= 100'000; ++i) {
    detector.Update({10, 10}, At(i), levels.cap);
  }
  EXPECT_GE(detector.Evidence(), levels.act);
  EXPECT_LE(detector.Evidence(), levels.cap + 1e-9);
  // However long the outage was, good traffic ends the evidence soon.
  int good = 0;
  while (detector.Evidence() >= levels.alert) {
    detector.Update({1, 0}, At(100'001 + good), levels.cap);
    ++good;
  }
  EXPECT_LT(good, 200);
}

TEST(EDetector, StrictNeedsTenTimesTheMonths) {
  const EvidenceLevels standard = LevelsFor(Confidence::kStandard, 500);
  const EvidenceLevels strict = LevelsFor(Confidence::kStrict, 500);
  EXPECT_NEAR(strict.alert - standard.alert, std::log(10.0), 1e-12);
  EXPECT_NEAR(strict.act, std::log(10'000.0 * 500), 1e-12);
  EXPECT_NEAR(strict.cap, std::log(100'000.0 * 500), 1e-12);
}

TEST(EDetector, ResetForgetsAndSaveKeeps) {
  EDetector detector(0.05);
  for (int i = 1; i <= 6; ++i) {
    detector.Update({1, 1}, At(i), kNoCap);
  }
  ByteWriter out;
  detector.Save(out);
  EDetector loaded(0.05);
  ByteReader in(out.bytes());
  loaded.Load(in);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(loaded.Evidence(), detector.Evidence());
  EXPECT_EQ(loaded.Current()->onset, At(1));
  detector.Reset();
  EXPECT_DOUBLE_EQ(detector.Evidence(), 0);
  EXPECT_FALSE(detector.Current().has_value());

  ByteWriter poison;
  poison.Double(std::numeric_limits<double>::quiet_NaN());
  ByteReader bad(poison.bytes());
  loaded.Load(bad);
  EXPECT_FALSE(bad.ok());
}

TEST(UpdateRate, ExtrapolatesToThirtyDays) {  // ruling 21
  using std::chrono::hours;
  UpdateRate rate(kStart);
  EXPECT_DOUBLE_EQ(rate.PerMonth(kStart), 100);  // never fewer
  for (int i = 1; i <= 60; ++i) {
    rate.Count(kStart + std::chrono::seconds{5 * i});
  }
  EXPECT_DOUBLE_EQ(rate.PerMonth(kStart + std::chrono::minutes{5}), 60.0 * 720);  // age >= 1 h
  EXPECT_DOUBLE_EQ(rate.PerMonth(kStart + hours{2}), 60.0 * 360);
  for (int i = 1; i <= 24 * 90; ++i) {
    rate.Count(kStart + hours{i});
  }
  EXPECT_NEAR(rate.PerMonth(kStart + hours{24 * 90}), 720, 40);
  ByteWriter out;
  rate.Save(out);
  UpdateRate loaded(SystemTime{});
  ByteReader in(out.bytes());
  loaded.Load(in);
  EXPECT_TRUE(in.ok());
  const SystemTime later = kStart + hours{24 * 91};
  EXPECT_EQ(loaded.PerMonth(later), rate.PerMonth(later));
}

}  // namespace
}  // namespace reliability::policy
