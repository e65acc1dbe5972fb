#include "libs/policy/slo_counters.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};

TEST(SloCounters, CountsEachOutcomeOnceHoweverOftenRead) {
  SloCounters counters;
  EXPECT_EQ(counters.Merge("pod", "e1", 10, 2, kStart, kStart + seconds{5}).counts,
            (EventCounts{12, 2}));
  EXPECT_EQ(counters.Merge("pod", "e1", 10, 2, kStart, kStart + seconds{6}).counts, EventCounts{});
  EXPECT_EQ(counters.Merge("pod", "e1", 11, 3, kStart, kStart + seconds{7}).counts,
            (EventCounts{2, 1}));
}

TEST(SloCounters, AStaleReadAddsNothing) {  // ruling 18: never "lower means restart"
  SloCounters counters;
  counters.Merge("pod", "e1", 100, 10, kStart, kStart + seconds{5});
  EXPECT_EQ(counters.Merge("pod", "e1", 90, 9, kStart, kStart + seconds{6}).counts, EventCounts{});
  EXPECT_EQ(counters.Merge("pod", "e1", 100, 10, kStart, kStart + seconds{7}).counts,
            EventCounts{});
}

TEST(SloCounters, ARestartedSidecarIsANewEpoch) {
  SloCounters counters;
  counters.Merge("pod", "e1", 100, 10, kStart, kStart + seconds{5});
  EXPECT_EQ(counters.Merge("pod", "e2", 3, 1, kStart, kStart + seconds{6}).counts,
            (EventCounts{4, 1}));
  EXPECT_EQ(counters.Merge("pod", "e1", 105, 10, kStart, kStart + seconds{6}).counts,
            (EventCounts{5, 0}));  // the tail, served as closed
}

TEST(SloCounters, SpreadsFromTheLastReadOrTheEpochsStart) {  // ruling 21
  SloCounters counters;
  EXPECT_EQ(counters.Merge("pod", "e1", 1, 0, kStart, kStart + seconds{50}).from, kStart);
  counters.Seen("pod", kStart + seconds{50});
  EXPECT_EQ(counters.Merge("pod", "e1", 2, 0, kStart, kStart + seconds{55}).from,
            kStart + seconds{50});
  counters.Seen("pod", kStart + seconds{55});
  EXPECT_EQ(counters.Merge("pod", "e2", 2, 0, kStart + seconds{57}, kStart + seconds{60}).from,
            kStart + seconds{57});
  // A clock ahead of ours does not put events into the future.
  EXPECT_EQ(counters.Merge("new", "e", 2, 0, kStart + hours{2}, kStart + seconds{60}).from,
            kStart + seconds{60});
}

TEST(SloCounters, ForgetsVanishedPodsAfterAnHourAndLivingOnesNever) {
  SloCounters counters;
  counters.Merge("dead", "e", 5, 0, kStart, kStart);
  counters.Seen("dead", kStart);
  counters.Merge("live", "e", 5, 0, kStart, kStart);
  counters.Seen("live", kStart);
  counters.Prune({"live"}, kStart + hours{1});
  EXPECT_EQ(counters.pods(), 2U);
  counters.Prune({"live"}, kStart + hours{5});
  EXPECT_EQ(counters.pods(), 1U);
  EXPECT_EQ(counters.Merge("live", "e", 5, 0, kStart, kStart + hours{5}).counts, EventCounts{});
}

TEST(SloCounters, BoundsTheEpochsOfACrashLoop) {
  SloCounters counters;
  for (int i = 0; i < 100; ++i) {
    const auto delta =
        counters.Merge("pod", "e" + std::to_string(i), 1, 0, kStart, kStart + seconds{i});
    EXPECT_EQ(delta.counts, (EventCounts{1, 0}));
    // The last 8 are served again and again.
    for (int j = std::max(0, i - 8); j < i; ++j) {
      EXPECT_EQ(
          counters.Merge("pod", "e" + std::to_string(j), 1, 0, kStart, kStart + seconds{i}).counts,
          EventCounts{});
    }
  }
}

TEST(SloCounters, KnowsWhichEndsWereSeen) {  // ruling 19
  SloCounters counters;
  for (const char* pod : {"seen", "live", "vanished"}) {
    counters.Merge(pod, "e", 5, 1, kStart, kStart);
    counters.Seen(pod, kStart);
  }
  EXPECT_FALSE(counters.End("unknown"));
  EXPECT_TRUE(counters.End("seen"));
  EXPECT_FALSE(counters.End("seen"));
  ByteWriter out;
  counters.Save(out, 100);
  SloCounters loaded;
  ByteReader in(out.bytes());
  loaded.Load(in, 2);
  ASSERT_TRUE(in.ok() && in.at_end());
  EXPECT_EQ(loaded.EndVanished({"live"}), std::vector<std::string>{"vanished"});
  EXPECT_TRUE(loaded.EndVanished({"live"}).empty());
}

TEST(SloCounters, EndsOfTheFirstVersionCountAsSeen) {
  ByteWriter out;
  out.Uint(1);
  out.Text("pod");
  out.Time(kStart);
  out.Uint(1);
  out.Text("e");
  out.Uint(5);
  out.Uint(1);
  out.Time(kStart);
  SloCounters counters;
  ByteReader in(out.bytes());
  counters.Load(in, 1);
  ASSERT_TRUE(in.ok() && in.at_end());
  EXPECT_TRUE(counters.EndVanished({}).empty());
  EXPECT_EQ(counters.Merge("pod", "e", 5, 1, kStart, kStart).counts, EventCounts{});
}

TEST(SloCounters, SavesTheNewestPods) {
  SloCounters counters;
  for (int i = 0; i < 10; ++i) {
    const std::string pod = "pod" + std::to_string(i);
    counters.Merge(pod, "e", 5, 1, kStart, kStart + seconds{i});
    counters.Seen(pod, kStart + seconds{i});
  }
  ByteWriter all;
  counters.Save(all, 100);
  SloCounters loaded;
  ByteReader in(all.bytes());
  loaded.Load(in, 2);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(loaded.pods(), 10U);
  EXPECT_EQ(loaded.Merge("pod3", "e", 6, 1, kStart, kStart + seconds{20}).counts,
            (EventCounts{1, 0}));
  ByteWriter some;
  counters.Save(some, 2);
  ByteReader in2(some.bytes());
  loaded.Load(in2, 2);
  EXPECT_EQ(loaded.pods(), 2U);
  EXPECT_EQ(loaded.Merge("pod9", "e", 5, 1, kStart, kStart + seconds{20}).counts, EventCounts{});
}

}  // namespace
}  // namespace reliability::policy
