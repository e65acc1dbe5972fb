#include "libs/kube/runtime/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/fakes/fake_clock.h"

namespace reliability::kube {
namespace {

class WorkQueueTest : public testing::Test {
 protected:
  std::string Take() {
    const auto key = queue_.Get();
    return key.value_or("(shut down)");
  }
  fakes::FakeClock clock_;
  WorkQueue queue_{clock_};
};

TEST_F(WorkQueueTest, FirstComeFirstServedAndNoDuplicates) {
  for (const char* key : {"a", "b", "a", "c", "b"}) {
    queue_.Add(key);
  }
  EXPECT_EQ(queue_.Depth(), 3U);
  EXPECT_EQ(Take(), "a");
  EXPECT_EQ(Take(), "b");
  EXPECT_EQ(Take(), "c");
}

TEST_F(WorkQueueTest, AKeyBeingWorkedOnWaitsUntilItIsGivenBack) {
  queue_.Add("a");
  EXPECT_EQ(Take(), "a");
  queue_.Add("a");
  queue_.Add("a");
  queue_.Add("b");
  EXPECT_EQ(queue_.Depth(), 1U);
  EXPECT_EQ(Take(), "b");
  EXPECT_FALSE(queue_.Idle());
  queue_.Done("a");
  EXPECT_EQ(Take(), "a");
  queue_.Done("a");
  queue_.Done("b");
  EXPECT_TRUE(queue_.Idle());
  queue_.AwaitIdle();
}

TEST_F(WorkQueueTest, DelayedKeysComeInTheOrderOfTheirTimes) {
  queue_.AddAfter("late", Milliseconds{200});
  queue_.AddAfter("soon", Milliseconds{100});
  queue_.AddAfter("now", Milliseconds{0});
  EXPECT_EQ(queue_.Delayed(), 2U);
  EXPECT_EQ(Take(), "now");
  EXPECT_EQ(queue_.Depth(), 0U);
  clock_.AwaitWaiters(1);
  clock_.Advance(Milliseconds{100});
  EXPECT_EQ(Take(), "soon");
  clock_.AwaitWaiters(1);
  clock_.Advance(Milliseconds{100});
  EXPECT_EQ(Take(), "late");
  EXPECT_EQ(queue_.Delayed(), 0U);
}

TEST_F(WorkQueueTest, OfTwoDelaysTheEarlierWins) {
  queue_.AddAfter("a", Milliseconds{1'000});
  queue_.AddAfter("a", Milliseconds{100});
  queue_.AddAfter("a", Milliseconds{5'000});
  EXPECT_EQ(queue_.Delayed(), 1U);
  clock_.AwaitWaiters(1);
  clock_.Advance(Milliseconds{100});
  EXPECT_EQ(Take(), "a");
  queue_.Done("a");
  clock_.Advance(Milliseconds{10'000});
  EXPECT_EQ(queue_.Depth(), 0U);
}

TEST_F(WorkQueueTest, RetriesDoubleUpToTheirCapAndAreForgotten) {
  WorkQueue queue(clock_, {Milliseconds{5}, Milliseconds{40}});
  for (const int wait : {5, 10, 20, 40, 40}) {
    queue.AddRateLimited("a");
    clock_.AwaitWaiters(2);  // this queue's timer and the fixture's
    clock_.Advance(Milliseconds{wait - 1});
    EXPECT_EQ(queue.Depth(), 0U) << wait;
    EXPECT_EQ(queue.Delayed(), 1U) << wait;
    clock_.Advance(Milliseconds{1});
    const auto key = queue.Get();
    ASSERT_TRUE(key.has_value());
    queue.Done(*key);
  }
  EXPECT_EQ(queue.Failures("a"), 5);
  queue.Forget("a");
  EXPECT_EQ(queue.Failures("a"), 0);
  queue.AddRateLimited("a", Milliseconds{3'000});
  clock_.Advance(Milliseconds{2'999});
  EXPECT_EQ(queue.Depth(), 0U);
  clock_.Advance(Milliseconds{1});
  EXPECT_EQ(queue.Get(), "a");
}

TEST_F(WorkQueueTest, TheDefaultCapIsAThousandSeconds) {
  for (int i = 0; i < 100; ++i) {
    queue_.AddRateLimited("a");
  }
  EXPECT_EQ(queue_.Failures("a"), 100);
  clock_.Advance(Milliseconds{5});
  EXPECT_EQ(Take(), "a");
  queue_.AddRateLimited("b");
  for (int i = 0; i < 70; ++i) {
    queue_.AddRateLimited("c");
  }
  queue_.ShutDown();
}

TEST_F(WorkQueueTest, ShutDownWakesWhoWaits) {
  std::jthread waiting([&] { EXPECT_EQ(queue_.Get(), std::nullopt); });
  queue_.ShutDown();
  waiting.join();
  queue_.Add("a");
  queue_.AddAfter("b", Milliseconds{1});
  EXPECT_EQ(queue_.Get(), std::nullopt);
  EXPECT_EQ(queue_.Depth(), 0U);
  queue_.AwaitIdle();
}

TEST_F(WorkQueueTest, NeverTwoWorkersOnOneKeyAndNoLostKey) {
  constexpr int kRounds = 2'000;
  std::mutex mutex;
  std::map<std::string, int> busy;
  std::map<std::string, int> last_seen;
  std::atomic<bool> overlap{false};
  std::map<std::string, std::atomic<int>> wanted;
  const std::vector<std::string> keys{"a", "b", "c"};
  for (const std::string& key : keys) {
    wanted[key] = 0;
  }
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&] {
        while (const auto key = queue_.Get()) {
          {
            const std::lock_guard lock(mutex);
            overlap = overlap || busy[*key]++ > 0;
          }
          const int value = wanted.at(*key).load();
          {
            const std::lock_guard lock(mutex);
            last_seen[*key] = value;
            --busy[*key];
          }
          queue_.Done(*key);
        }
      });
    }
    for (int round = 1; round <= kRounds; ++round) {
      for (const std::string& key : keys) {
        wanted.at(key) = round;
        queue_.Add(key);
      }
    }
    queue_.AwaitIdle();
    queue_.ShutDown();
  }
  EXPECT_FALSE(overlap);
  for (const std::string& key : keys) {
    EXPECT_EQ(last_seen[key], kRounds) << "the last change of " << key << " was not worked on";
  }
}

}  // namespace
}  // namespace reliability::kube
