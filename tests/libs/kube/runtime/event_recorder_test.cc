#include "libs/kube/runtime/event_recorder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::kube {
namespace {

using fakes::Fault;
using nlohmann::json;

class EventRecorderTest : public testing::Test {
 protected:
  void SetUp() override { recorder_.Start(); }

  void Record(const std::string& note, const std::string& name = "agent") {
    recorder_.Record(EventTarget{"apps/v1", "Deployment", "shop", name, "u1"}, EventType::kWarning,
                     "AgentPaused", "Pause", note);
  }
  template <class Predicate>
  void Eventually(const Predicate& predicate) {
    while (!predicate()) {
      if (clock_.Waiting() > 0) {
        clock_.Advance(Milliseconds{1'000});
      }
      std::this_thread::yield();
    }
  }
  std::vector<json> Events() { return server_.List(resources::kEvents); }

  fakes::FakeClock clock_;
  fakes::FakeApiServer server_;
  std::unique_ptr<ApiClient> client_ = fakes::MakeFakeClient(server_, clock_);
  EventRecorder recorder_{*client_, clock_, {.instance = "operator-0", .seed = 1}};
};

TEST_F(EventRecorderTest, TheFirstIsWrittenAtOnce) {
  Record("3 of 5 failed");
  recorder_.Flush();
  ASSERT_EQ(Events().size(), 1U);
  const json event = Events()[0];
  EXPECT_EQ(event["note"], "3 of 5 failed");
  EXPECT_EQ(event["metadata"]["namespace"], "shop");
  EXPECT_TRUE(event["metadata"]["name"].get<std::string>().starts_with("agent."));
  EXPECT_EQ(event["regarding"]["kind"], "Deployment");
  EXPECT_FALSE(event.contains("series"));
}

TEST_F(EventRecorderTest, RepeatsAreOneWriteInFiveMinutes) {
  for (int i = 0; i < 500; ++i) {
    Record("same");
  }
  recorder_.Flush();
  EXPECT_EQ(server_.Writes(), 1U);
  EXPECT_EQ(recorder_.Stats().aggregated, 499U);
  const MonotonicTime start = clock_.MonotonicNow();
  Eventually([&] { return recorder_.Stats().patched == 1; });
  EXPECT_EQ(server_.Writes(), 2U);
  EXPECT_GE(clock_.MonotonicNow() - start, Milliseconds(300'000));
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_EQ(Events()[0]["series"]["count"], 500);
}

TEST_F(EventRecorderTest, AnotherNoteInASeriesIsANewEventAfterTheInterval) {
  Record("3 of 5 failed");
  Record("4 of 6 failed");
  recorder_.Flush();
  EXPECT_EQ(Events().size(), 1U);
  Eventually([&] { return Events().size() == 2; });
  EXPECT_EQ(server_.Writes(), 2U);
}

TEST_F(EventRecorderTest, OtherObjectsAreWrittenAtOnce) {
  Record("x", "agent-1");
  Record("x", "agent-2");
  recorder_.Flush();
  EXPECT_EQ(Events().size(), 2U);
}

TEST_F(EventRecorderTest, DistinctEventsAreAllWritten) {
  Event event{{"apps/v1", "Deployment", "shop", "agent", "u1"},
              EventType::kNormal,
              "AgentRestored",
              "Restore",
              "back to 3 replicas",
              std::nullopt,
              true};
  recorder_.Record(event);
  recorder_.Record(event);
  recorder_.Flush();
  EXPECT_EQ(Events().size(), 2U);
}

TEST_F(EventRecorderTest, AnOutageIsRetriedThenDroppedAndCounted) {
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .method = "POST", .times = 2});
  Record("first");
  Eventually([&] { return Events().size() == 1; });
  EXPECT_EQ(recorder_.Stats().dropped, 0U);
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .method = "POST", .times = 3});
  Record("other", "agent-2");
  Eventually([&] { return recorder_.Stats().dropped == 1; });
  server_.AddFault(fakes::Forbidden("POST", {}));
  Record("third", "agent-3");
  recorder_.Flush();
  EXPECT_EQ(recorder_.Stats().dropped, 2U);
  EXPECT_EQ(Events().size(), 1U);
}

TEST_F(EventRecorderTest, AnAnswerThatWasLostIsNotASecondEvent) {
  server_.AddFault({.kind = Fault::Kind::kActedNoAnswer, .method = "POST"});
  Record("once");
  Eventually([&] { return recorder_.Stats().written == 1; });
  EXPECT_EQ(Events().size(), 1U);
}

TEST_F(EventRecorderTest, ASeriesWhoseEventIsGoneIsWrittenAnew) {
  Record("same");
  Record("same");
  recorder_.Flush();
  server_.Remove(resources::kEvents, "shop", Events()[0]["metadata"]["name"].get<std::string>());
  Eventually([&] { return Events().size() == 1; });
  EXPECT_EQ(Events()[0]["series"]["count"], 2);
}

TEST_F(EventRecorderTest, StopWritesWhatIsPending) {
  Record("same");
  Record("same");
  recorder_.Flush();
  recorder_.Stop();
  recorder_.Stop();
  EXPECT_EQ(Events()[0]["series"]["count"], 2);
}

TEST(EventRecorderQueue, IsBounded) {
  fakes::FakeClock clock;
  fakes::FakeApiServer server;
  const auto client = fakes::MakeFakeClient(server, clock);
  EventRecorder recorder(*client, clock, {.instance = "i", .queue_size = 10});
  for (int i = 0; i < 25; ++i) {
    recorder.Record(EventTarget{"v1", "Pod", "shop", "p" + std::to_string(i), ""},
                    EventType::kNormal, "R", "A", "n");
  }
  EXPECT_EQ(recorder.Stats().dropped, 15U);
  recorder.Start();
  recorder.Flush();
  EXPECT_EQ(server.List(resources::kEvents).size(), 10U);
}

}  // namespace
}  // namespace reliability::kube
