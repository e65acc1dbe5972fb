#include "libs/policy/tier_memory.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

using std::chrono::seconds;

MonotonicTime At(int second) { return MonotonicTime{seconds{1000 + second}}; }

TierMemory Make() {
  TierMemory memory;
  memory.Configure("a", seconds{60});
  return memory;
}

TEST(TierMemory, TheTierThatStoodInStaysForAWhile) {
  TierMemory memory = Make();
  EXPECT_EQ(memory.Start(7, At(0)), std::nullopt);
  memory.Served(7, 1, true, false, At(0));
  EXPECT_EQ(memory.Start(8, At(59)), 1U);
  // Calls that begin there do not prolong it.
  memory.Served(8, 1, false, false, At(59));
  EXPECT_EQ(memory.Start(9, At(60)), std::nullopt);
}

TEST(TierMemory, ATurnStaysWhereItsToolCallsCameFrom) {
  TierMemory memory = Make();
  memory.Served(7, 1, true, true, At(0));
  EXPECT_EQ(memory.Start(7, At(300)), 1U);
  EXPECT_EQ(memory.Start(8, At(300)), std::nullopt);
  memory.Served(7, 2, true, false, At(300));  // its answer: the loop is over
  EXPECT_EQ(memory.Start(7, At(301)), 2U);    // only as any other call
  EXPECT_EQ(memory.Start(7, At(361)), std::nullopt);
}

TEST(TierMemory, TheFirstTierToo) {
  TierMemory memory = Make();
  memory.Served(7, 0, false, true, At(0));
  memory.Served(8, 1, true, false, At(1));
  EXPECT_EQ(memory.Start(7, At(2)), 0U);  // its tool calls are pending there
  EXPECT_EQ(memory.Start(9, At(2)), 1U);
}

TEST(TierMemory, EndedTurnsAndOtherChainsAreForgotten) {
  TierMemory memory = Make();
  memory.Served(7, 1, true, true, At(0));
  memory.TurnEnded(7);
  EXPECT_EQ(memory.size(), 0U);
  memory.Served(8, 1, true, true, At(0));
  memory.Configure("a", seconds{60});
  EXPECT_EQ(memory.Start(8, At(1)), 1U);
  memory.Configure("b", seconds{60});
  EXPECT_EQ(memory.Start(8, At(1)), std::nullopt);
}

TEST(TierMemory, NothingStaysWithoutATime) {
  TierMemory memory;
  memory.Configure("a", seconds{0});
  memory.Served(7, 1, true, false, At(0));
  EXPECT_EQ(memory.Start(8, At(0)), std::nullopt);
}

}  // namespace
}  // namespace reliability::policy
