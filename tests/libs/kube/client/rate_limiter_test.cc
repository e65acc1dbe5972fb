#include "libs/kube/client/rate_limiter.h"

#include <gtest/gtest.h>

namespace reliability::kube {
namespace {

TEST(RateLimiter, BurstThenSteadyRate) {
  RateLimiter limiter(50, 100);
  const MonotonicTime start{Milliseconds{1'000}};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(limiter.Reserve(start), Milliseconds(0));
  }
  EXPECT_EQ(limiter.Reserve(start), Milliseconds(20));
  EXPECT_EQ(limiter.Reserve(start), Milliseconds(40));
  // What was reserved counts: a second later 50 tokens came, 2 of them are spent.
  for (int i = 0; i < 48; ++i) {
    EXPECT_EQ(limiter.Reserve(start + Milliseconds{1'000}), Milliseconds(0)) << i;
  }
  EXPECT_EQ(limiter.Reserve(start + Milliseconds{1'000}), Milliseconds(20));
}

TEST(RateLimiter, TheBucketIsNeverFullerThanItsBurst) {
  RateLimiter limiter(1, 2);
  const MonotonicTime start{Milliseconds{0}};
  EXPECT_EQ(limiter.Reserve(start), Milliseconds(0));
  const MonotonicTime later = start + Milliseconds{3'600'000};
  EXPECT_EQ(limiter.Reserve(later), Milliseconds(0));
  EXPECT_EQ(limiter.Reserve(later), Milliseconds(0));
  EXPECT_EQ(limiter.Reserve(later), Milliseconds(1'000));
}

TEST(RateLimiter, ZeroIsNoLimit) {
  RateLimiter limiter(0, 0);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(limiter.Reserve(MonotonicTime{}), Milliseconds(0));
  }
}

}  // namespace
}  // namespace reliability::kube
