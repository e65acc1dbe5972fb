#include "libs/policy/slo_window.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};  // on a 2 h bucket border

TEST(SloRings, SumOfAWindowIsWhatFellIntoIt) {
  SloRings rings(SloWindow::k30d);
  rings.Record({10, 1}, kStart, kStart + seconds{5});
  rings.Record({20, 2}, kStart + minutes{30}, kStart + minutes{30} + seconds{5});
  EXPECT_EQ(rings.Sum(minutes{5}), (EventCounts{20, 2}));
  EXPECT_EQ(rings.Sum(hours{1}), (EventCounts{30, 3}));
  rings.Advance(kStart + hours{1} + minutes{1});
  EXPECT_EQ(rings.Sum(hours{1}), (EventCounts{20, 2}));
  EXPECT_EQ(rings.Sum(hours{6}), (EventCounts{30, 3}));
  EXPECT_EQ(rings.Sum(hours{720}), (EventCounts{30, 3}));
}

TEST(SloRings, BadEventsLeaveTheWindow) {  // requirements 19, example 20
  SloRings rings(SloWindow::k30d);
  rings.Record({50, 0}, kStart, kStart + minutes{1});
  rings.Record({50, 50}, kStart + minutes{1}, kStart + minutes{2});
  EXPECT_DOUBLE_EQ(rings.Sum(hours{720}).BadRatio(), 0.5);
  rings.Record({10, 0}, kStart + hours{719}, kStart + hours{720} + hours{2});
  EXPECT_EQ(rings.Sum(hours{720}), (EventCounts{10, 0}));
}

TEST(SloRings, SpreadsADeltaEvenlyFromTheLastRead) {  // ruling 21
  SloRings rings(SloWindow::k30d);
  // Ten minutes without a read, then 601 events at once.
  rings.Record({601, 61}, kStart, kStart + minutes{10});
  EXPECT_EQ(rings.Sum(hours{1}), (EventCounts{601, 61}));
  EXPECT_NEAR(static_cast<double>(rings.Sum(minutes{5}).events), 300, 11);
  EXPECT_NEAR(static_cast<double>(rings.Sum(minutes{1}).events), 60, 11);
  EXPECT_NEAR(static_cast<double>(rings.Sum(minutes{5}).bad), 30, 2);
}

TEST(SloRings, ARecordWithoutDurationIsNow) {
  SloRings rings(SloWindow::k1h);
  rings.Record({7, 7}, kStart, kStart);
  rings.Record({3, 0}, kStart + hours{9}, kStart);  // a `from` in the future
  EXPECT_EQ(rings.Sum(seconds{30}), (EventCounts{10, 7}));
}

TEST(SloRings, TimeNeverGoesBack) {
  SloRings rings(SloWindow::k1d);
  rings.Record({5, 1}, kStart, kStart + minutes{1});
  rings.Advance(kStart - hours{5});
  rings.Record({5, 1}, kStart - hours{6}, kStart - hours{5});
  EXPECT_EQ(rings.Sum(hours{24}), (EventCounts{10, 2}));
  rings.Advance(kStart + hours{24} + minutes{11});
  EXPECT_EQ(rings.Sum(hours{24}), (EventCounts{0, 0}));
}

TEST(SloRings, LongSilenceEmptiesEveryWindow) {
  SloRings rings(SloWindow::k30d);
  rings.Record({1000, 10}, kStart, kStart + hours{5});
  rings.Advance(kStart + hours{24 * 365});
  EXPECT_EQ(rings.Sum(hours{720}), EventCounts{});
  EXPECT_EQ(rings.Newest(5, minutes{1}), EventCounts{});
}

TEST(SloRings, NewestWidensUntilItHoldsEnough) {  // ruling 22
  SloRings rings(SloWindow::k30d);
  rings.Record({4, 0}, kStart, kStart + seconds{1});
  rings.Record({3, 3}, kStart + minutes{20}, kStart + minutes{20} + seconds{1});
  EXPECT_EQ(rings.Newest(3, minutes{1}), (EventCounts{3, 3}));
  EXPECT_EQ(rings.Newest(5, minutes{1}), (EventCounts{7, 3}));
  rings.Advance(kStart + hours{5});
  EXPECT_EQ(rings.Newest(5, minutes{1}), (EventCounts{7, 3}));   // from the 1 m ring
  EXPECT_EQ(rings.Newest(50, minutes{1}), (EventCounts{7, 3}));  // all there is
}

// Against a list of all events: each window sum lies between those of the window and of one bucket
// less, and no event is lost or counted twice.
TEST(SloRings, AgreesWithAnExactListOfEvents) {
  const std::uint64_t seed = 20260101;
  std::mt19937_64 random(seed);
  SloRings rings(SloWindow::k7d);
  struct Event {
    SystemTime at;
    bool bad;
  };
  std::deque<Event> events;
  SystemTime now = kStart;
  const struct {
    Milliseconds window;
    Milliseconds bucket;
  } windows[] = {{seconds{30}, seconds{10}}, {minutes{5}, seconds{10}}, {hours{1}, seconds{10}},
                 {minutes{90}, minutes{1}},  {hours{6}, minutes{1}},    {hours{18}, minutes{10}},
                 {hours{72}, minutes{10}},   {hours{168}, hours{2}}};
  for (int step = 0; step < 4000; ++step) {
    const SystemTime next = now + Milliseconds{random() % 400'000 + 1};
    if (random() % 4 == 0) {
      const bool bad = random() % 5 == 0;
      rings.Record({1, bad ? 1U : 0U}, next - Milliseconds{1}, next);
      events.push_back({next, bad});
    }
    now = next;
    rings.Advance(now);
    for (const auto& [window, bucket] : windows) {
      const auto count = [&](Milliseconds length) {
        EventCounts sum;
        for (const Event& event : events) {
          if (event.at > now - length) {
            sum += {1, event.bad ? 1U : 0U};
          }
        }
        return sum;
      };
      if (step % 97 == 0) {
        const EventCounts got = rings.Sum(window);
        EXPECT_GE(got.events, count(window - bucket).events) << "seed " << seed;
        EXPECT_LE(got.events, count(window).events) << "seed " << seed;
        EXPECT_GE(got.bad, count(window - bucket).bad) << "seed " << seed;
        EXPECT_LE(got.bad, count(window).bad) << "seed " << seed;
      }
    }
  }
}

TEST(SloRings, SavesAndLoadsWithoutLoss) {
  SloRings rings(SloWindow::k30d);
  for (int i = 0; i < 500; ++i) {
    rings.Record({static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(i / 3)},
                 kStart + minutes{7 * i}, kStart + minutes{7 * i + 5});
  }
  ByteWriter out;
  rings.Save(out);
  SloRings loaded(SloWindow::k30d);
  ByteReader in(out.bytes());
  loaded.Load(in);
  ASSERT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
  for (const Milliseconds window :
       {Milliseconds{minutes{5}}, Milliseconds{hours{1}}, Milliseconds{hours{6}},
        Milliseconds{hours{72}}, Milliseconds{hours{720}}}) {
    EXPECT_EQ(loaded.Sum(window), rings.Sum(window));
  }
  ByteWriter again;
  loaded.Save(again);
  EXPECT_EQ(again.bytes(), out.bytes());

  SloRings other(SloWindow::k1h);
  ByteReader wrong(out.bytes());
  other.Load(wrong);
  EXPECT_FALSE(wrong.ok());
}

}  // namespace
}  // namespace reliability::policy
