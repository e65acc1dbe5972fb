#include "libs/kube/runtime/controller.h"

#include <gtest/gtest.h>

#include <mutex>
#include <stdexcept>
#include <vector>

#include "tests/fakes/fake_clock.h"

namespace reliability::kube {
namespace {

class ControllerTest : public testing::Test {
 protected:
  Controller::Reconcile Scripted(std::vector<Outcome> outcomes) {
    return [this, outcomes = std::move(outcomes)](const std::string& key) -> Outcome {
      const std::lock_guard lock(mutex_);
      seen_.push_back(key);
      return outcomes[std::min(seen_.size(), outcomes.size()) - 1];
    };
  }
  std::size_t seen() const {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }
  fakes::FakeClock clock_;
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
};

TEST_F(ControllerTest, KeysFromBeforeTheStartAreWorkedOn) {
  Controller controller(clock_, {.name = "test", .workers = 2}, Scripted({Done{}}));
  controller.Enqueue("ns/a");
  controller.Enqueue("ns/b");
  controller.Start();
  controller.queue().AwaitIdle();
  controller.Stop();
  controller.Stop();
  EXPECT_EQ(seen(), 2U);
  EXPECT_EQ(controller.Stats().outcomes[0], 2U);
  controller.Enqueue("ns/c");
  EXPECT_EQ(controller.Stats().depth, 0U);
}

TEST_F(ControllerTest, RequeueComesBackAfterItsTime) {
  Controller controller(clock_, {.name = "test"},
                        Scripted({RequeueAfter{Milliseconds{1'000}}, Done{}}));
  controller.Enqueue("a");
  controller.Start();
  controller.queue().AwaitIdle();
  EXPECT_EQ(seen(), 1U);
  EXPECT_EQ(controller.Stats().delayed, 1U);
  clock_.AwaitWaiters(1);
  clock_.Advance(Milliseconds{1'000});
  while (controller.Stats().outcomes[0] == 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(seen(), 2U);
  EXPECT_EQ(controller.Stats().outcomes[1], 1U);
}

TEST_F(ControllerTest, RetryBacksOffAndHonoursRetryAfter) {
  Controller controller(
      clock_, {.name = "test"},
      Scripted({Retry{Error{Code::kConflict, "m", std::nullopt, {}}},
                Retry{Error{Code::kExhausted, "m", Milliseconds{7'000}, {}}}, Done{}}));
  controller.Enqueue("a");
  controller.Start();
  controller.queue().AwaitIdle();
  EXPECT_EQ(controller.queue().Failures("a"), 1);
  clock_.AwaitWaiters(1);
  clock_.Advance(Milliseconds{5});
  while (controller.Stats().outcomes[2] < 2) {
    std::this_thread::yield();
  }
  controller.queue().AwaitIdle();
  clock_.Advance(Milliseconds{6'999});
  EXPECT_EQ(seen(), 2U);
  clock_.Advance(Milliseconds{1});
  while (controller.Stats().outcomes[0] == 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(seen(), 3U);
  EXPECT_EQ(controller.queue().Failures("a"), 0);
}

TEST_F(ControllerTest, StalledWaitsForAChange) {
  Controller controller(clock_, {.name = "test"},
                        Scripted({Stalled{"BadSpec", "the spec is wrong"}, Done{}}));
  controller.Enqueue("a");
  controller.Start();
  controller.queue().AwaitIdle();
  clock_.Advance(Milliseconds{3'600'000});
  EXPECT_EQ(controller.Stats().delayed, 0U);
  EXPECT_EQ(controller.Stats().outcomes[3], 1U);
  controller.Enqueue("a");
  controller.queue().AwaitIdle();
  EXPECT_EQ(controller.Stats().outcomes[0], 1U);
}

TEST_F(ControllerTest, AnExceptionIsARetryNotTheEnd) {
  bool first = true;
  Controller controller(clock_, {.name = "test"}, [&](const std::string&) -> Outcome {
    if (std::exchange(first, false)) {
      throw std::runtime_error("bad object");
    }
    return Done{};
  });
  controller.Enqueue("a");
  controller.Start();
  controller.queue().AwaitIdle();
  EXPECT_EQ(controller.Stats().outcomes[2], 1U);
  controller.Enqueue("b");
  controller.queue().AwaitIdle();
  EXPECT_EQ(controller.Stats().outcomes[0], 1U);
}

}  // namespace
}  // namespace reliability::kube
