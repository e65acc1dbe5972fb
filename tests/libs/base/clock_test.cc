#include "libs/base/clock.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/fakes/fake_clock.h"

namespace reliability {
namespace {

TEST(Clock, StopEndsAWaitEarly) {
  const auto clock = MakeRealClock();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(clock->WaitFor(std::chrono::hours{1}, stop.get_token()));
  EXPECT_TRUE(clock->WaitFor(Milliseconds{1}, std::stop_token{}));
}

TEST(FakeClock, AdvanceWakesWaiters) {
  fakes::FakeClock clock;
  bool passed = false;
  {
    const std::jthread waiter(
        [&](const std::stop_token& stop) { passed = clock.WaitFor(Milliseconds{100}, stop); });
    clock.AwaitWaiters(1);
    clock.Advance(Milliseconds{100});
  }
  EXPECT_TRUE(passed);
}

}  // namespace
}  // namespace reliability
