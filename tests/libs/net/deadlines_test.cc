#include "libs/net/deadlines.h"

#include <gtest/gtest.h>

#include <memory>

namespace reliability::net {
namespace {

class Flag final : public Wakeable {
 public:
  void Notify() override { ++notified; }
  int notified = 0;
};

TEST(Deadlines, FireInOrderWithinATickAndThenRest) {
  const auto clock = MakeRealClock();
  IoContext io(1);
  Deadlines deadlines(io.get_executor(), *clock);
  Flag early;
  Flag late;
  Flag never;
  Deadline first(deadlines, early);
  Deadline second(deadlines, late);
  Deadline third(deadlines, never);
  const MonotonicTime start = deadlines.Now();
  second.Set(start + Milliseconds{60});
  first.Set(start + Milliseconds{20});
  third.Set(start + Milliseconds{40});
  third.Clear();
  io.run();  // returns: nothing is armed once nothing is pending
  EXPECT_EQ(early.notified, 1);
  EXPECT_EQ(late.notified, 1);
  EXPECT_EQ(never.notified, 0);
  EXPECT_FALSE(first.set());
  EXPECT_GE(deadlines.Now() - start, Milliseconds{60});
}

TEST(Deadlines, AClearedOneCostsAtMostOneWakeUp) {
  const auto clock = MakeRealClock();
  IoContext io(1);
  Deadlines deadlines(io.get_executor(), *clock);
  Flag flag;
  for (int i = 0; i < 1000; ++i) {
    Deadline deadline(deadlines, flag);
    deadline.Set(deadlines.Now() + Milliseconds{15});
  }
  io.run();
  EXPECT_LE(deadlines.wakeups(), 1U);
  EXPECT_EQ(flag.notified, 0);
}

}  // namespace
}  // namespace reliability::net
