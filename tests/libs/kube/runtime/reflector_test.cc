#include "libs/kube/runtime/reflector.h"

#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::kube {
namespace {

using fakes::Fault;
using nlohmann::json;

struct Thing {
  std::string name;
  int value = 0;
};

Result<Thing> Decode(std::string_view raw) {
  const json object = json::parse(raw, nullptr, false);
  if (!object.is_object() || !object["data"]["value"].is_number()) {
    return Fail(Code::kInvalid, "data.value is no number");
  }
  return Thing{object["metadata"]["name"], object["data"]["value"]};
}

json ConfigMap(const std::string& name, const json& value) {
  return {{"metadata", {{"namespace", "shop"}, {"name", name}}}, {"data", {{"value", value}}}};
}

class ReflectorTest : public testing::Test {
 protected:
  void SetUp() override {
    store_.OnChange([this](const Change<Thing>& change) {
      const std::lock_guard lock(mutex_);
      changes_.push_back(change.key + (change.after ? "=" + std::to_string(change.after->value)
                                                    : std::string("-")));
    });
  }
  void TearDown() override {
    if (reflector_ != nullptr) {
      reflector_->Stop();
    }
  }
  void Start(int page_size = 500) {
    ReflectorOptions options;
    options.resource = resources::kConfigMaps;
    options.page_size = page_size;
    options.seed = 1;
    reflector_ = std::make_unique<Reflector<Thing>>(*client_, clock_, store_, Decode, options);
    reflector_->Start();
  }
  // Spins until it holds, letting the reflector's pauses pass.
  template <class Predicate>
  void Eventually(const Predicate& predicate) {
    while (!predicate()) {
      if (clock_.Waiting() > 0) {
        clock_.Advance(Milliseconds{10});
      }
      std::this_thread::yield();
    }
  }
  void AwaitValue(const std::string& name, int value) {
    Eventually([&] {
      const auto thing = store_.Get("shop/" + name);
      return thing != nullptr && thing->value == value;
    });
  }
  void AwaitGone(const std::string& name) {
    Eventually([&] { return store_.Get("shop/" + name) == nullptr; });
  }
  json Put(const std::string& name, const json& value) {
    return server_.Put(resources::kConfigMaps, ConfigMap(name, value));
  }
  std::vector<std::string> changes() {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  std::string LastWatch() {
    std::string target;
    for (const auto& request : server_.Requests()) {
      if (request.target.find("watch=true") != std::string::npos) {
        target = request.target;
      }
    }
    return target;
  }

  fakes::FakeClock clock_;
  fakes::FakeApiServer server_;
  std::unique_ptr<ApiClient> client_ = fakes::MakeFakeClient(server_, clock_);
  Store<Thing> store_;
  std::mutex mutex_;
  std::vector<std::string> changes_;
  std::unique_ptr<Reflector<Thing>> reflector_;
};

TEST_F(ReflectorTest, ListsInPagesThenWatches) {
  for (int i = 0; i < 1'203; ++i) {
    Put("c" + std::to_string(i), i);
  }
  Start();
  ASSERT_TRUE(reflector_->WaitSynced(Milliseconds{60'000}));
  EXPECT_TRUE(store_.HasSynced());
  EXPECT_EQ(store_.size(), 1'203U);
  EXPECT_EQ(server_.Count("GET", "limit=500"), 3U);
  server_.AwaitWatches(1);
  const std::string watch = LastWatch();
  EXPECT_NE(watch.find("allowWatchBookmarks=true"), std::string::npos);
  const auto timeout = std::stoi(watch.substr(watch.find("timeoutSeconds=") + 15));
  EXPECT_GE(timeout, 300);
  EXPECT_LE(timeout, 600);
  Put("c7", 70);
  Put("new", 1);
  server_.Remove(resources::kConfigMaps, "shop", "c8");
  AwaitValue("c7", 70);
  AwaitValue("new", 1);
  AwaitGone("c8");
  EXPECT_EQ(reflector_->Stats().lists, 1U);
  EXPECT_EQ(reflector_->Stats().errors, 0U);
}

TEST_F(ReflectorTest, EventsSurviveAnyChunking) {
  Put("a", 1);
  server_.SetChunkSize(3);
  Start();
  server_.AwaitWatches(1);
  for (int i = 2; i < 20; ++i) {
    Put("a", i);
    Put("b", i);
  }
  AwaitValue("a", 19);
  AwaitValue("b", 19);
  EXPECT_EQ(reflector_->Stats().errors, 0U);
}

TEST_F(ReflectorTest, ABookmarkMovesTheStartOfTheNextWatch) {
  Put("a", 1);
  Start();
  server_.AwaitWatches(1);
  // Something else moves the version; only the bookmark tells.
  const json pod = server_.Put(resources::kPods, {{"metadata", {{"name", "p"}}}});
  server_.SendBookmarks();
  server_.EndWatches();
  server_.AwaitRequests(2, "GET", "watch=true");
  const std::string version = pod["metadata"]["resourceVersion"];
  EXPECT_NE(LastWatch().find("resourceVersion=" + version), std::string::npos) << LastWatch();
  EXPECT_EQ(reflector_->Stats().lists, 1U);
}

TEST_F(ReflectorTest, ExpiredHistoryInEitherFormRelists) {
  Put("stays", 1);
  Put("goes", 2);
  Start();
  server_.AwaitWatches(1);
  // 410 as an ERROR event, after a change that no watch saw.
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .target = "watch=true"});
  server_.EndWatches();
  Eventually([&] { return reflector_->Stats().errors >= 1; });
  server_.Remove(resources::kConfigMaps, "shop", "goes");
  Put("came", 3);
  server_.Compact();
  AwaitGone("goes");
  AwaitValue("came", 3);
  EXPECT_GE(reflector_->Stats().expired, 1U);
  EXPECT_EQ(reflector_->Stats().lists, 2U);
  // 410 as the answer.
  server_.AwaitWatches(1);
  server_.AddFault(
      {.kind = Fault::Kind::kStatus, .target = "watch=true", .status = 410, .reason = "Expired"});
  server_.EndWatches();
  Eventually([&] { return reflector_->Stats().lists == 3; });
  EXPECT_GE(reflector_->Stats().expired, 2U);
  // Objects that did not change are not decoded and told again.
  const auto told = changes();
  EXPECT_EQ(std::count(told.begin(), told.end(), "shop/stays=1"), 1);
  EXPECT_TRUE(reflector_->HasSynced());
}

TEST_F(ReflectorTest, ListsSoonOnceTheServerIsBackAndHistoryExpired) {
  Put("goes", 1);
  Start();
  server_.AwaitWatches(1);
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .target = "watch=true", .times = 8});
  server_.EndWatches();
  Eventually([&] { return reflector_->Stats().errors >= 7; });
  server_.Remove(resources::kConfigMaps, "shop", "goes");
  server_.Compact();
  Eventually([&] { return reflector_->Stats().expired == 1; });
  const MonotonicTime back = clock_.MonotonicNow();
  AwaitGone("goes");
  EXPECT_LE(clock_.MonotonicNow() - back, Milliseconds{900}) << "0.8 s, not the outage's 10 s";
}

TEST_F(ReflectorTest, APageThatExpiredStartsTheListAgain) {
  for (int i = 0; i < 30; ++i) {
    Put("c" + std::to_string(i), i);
  }
  server_.AddFault(
      {.kind = Fault::Kind::kStatus, .target = "continue=", .status = 410, .reason = "Expired"});
  Start(10);
  Eventually([&] { return reflector_->HasSynced(); });
  EXPECT_EQ(store_.size(), 30U);
  EXPECT_EQ(server_.Count("GET", "limit=10"), 5U);
}

TEST_F(ReflectorTest, OneBadObjectDoesNotStopTheOthers) {
  Put("a", 1);
  Put("bad", "text");
  Put("z", 2);
  Start();
  ASSERT_TRUE(reflector_->WaitSynced(Milliseconds{60'000}));
  EXPECT_EQ(store_.size(), 2U);
  EXPECT_EQ(reflector_->Stats().decode_failures, 1U);
  server_.AwaitWatches(1);
  Put("a", "text");
  Put("z", 3);
  AwaitValue("z", 3);
  EXPECT_EQ(store_.Get("shop/a")->value, 1) << "the last good version stays";
  EXPECT_EQ(reflector_->Stats().decode_failures, 2U);
  Put("bad", 5);
  AwaitValue("bad", 5);
  server_.Remove(resources::kConfigMaps, "shop", "a");
  AwaitGone("a");
}

TEST_F(ReflectorTest, BacksOffWhileTheServerIsAwayAndComesBack) {
  Put("a", 1);
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .times = 4});
  Start();
  EXPECT_FALSE(reflector_->HasSynced());
  clock_.AwaitWaiters(1);
  EXPECT_EQ(server_.Requests().size(), 1U) << "no busy loop";
  EXPECT_NE(reflector_->loop().LastError().find("refused"), std::string::npos);
  AwaitValue("a", 1);
  EXPECT_EQ(reflector_->Stats().errors, 4U);
  server_.AwaitWatches(1);
  Eventually([&] { return reflector_->loop().LastError().empty(); });
  // A cut connection goes on from the last version: nothing is listed again.
  server_.AddFault({.kind = Fault::Kind::kCutEvent, .target = "watch=true"});
  server_.EndWatches();
  Eventually([&] { return server_.Count("GET", "watch=true") >= 2; });
  Put("a", 2);
  AwaitValue("a", 2);
  EXPECT_EQ(reflector_->Stats().lists, 1U);
}

TEST_F(ReflectorTest, RetryAfterIsHonoured) {
  Put("a", 1);
  server_.AddFault({.kind = Fault::Kind::kStatus,
                    .status = 429,
                    .reason = "TooManyRequests",
                    .retry_after_seconds = 20});
  Start();
  clock_.AwaitWaiters(1);
  const MonotonicTime before = clock_.MonotonicNow();
  AwaitValue("a", 1);
  EXPECT_GE(clock_.MonotonicNow() - before, Milliseconds(20'000));
}

TEST_F(ReflectorTest, AWatchThatKeepsClosingAtOnceLeadsToARelist) {
  Put("a", 1);
  server_.AddFault({.kind = Fault::Kind::kCloseAtOnce, .target = "watch=true", .times = 3});
  Start();
  Eventually([&] { return reflector_->Stats().lists == 2; });
  server_.AwaitWatches(1);
  EXPECT_EQ(reflector_->Stats().expired, 1U);
  EXPECT_EQ(server_.Count("GET", "watch=true"), 4U);
}

TEST_F(ReflectorTest, ASilentWatchLeadsToARelist) {
  Put("a", 1);
  server_.AddFault({.kind = Fault::Kind::kTimeout, .target = "watch=true"});
  Start();
  Eventually([&] { return reflector_->Stats().lists == 2; });
  EXPECT_EQ(reflector_->Stats().errors, 1U);
}

TEST_F(ReflectorTest, ARecreatedObjectIsAnotherObject) {
  Put("a", 1);
  Start();
  server_.AwaitWatches(1);
  server_.Remove(resources::kConfigMaps, "shop", "a");
  Put("a", 1);
  Eventually([&] { return changes().size() == 3; });
  EXPECT_EQ(changes(), (std::vector<std::string>{"shop/a=1", "shop/a-", "shop/a=1"}));
}

TEST_F(ReflectorTest, StopEndsAWatchAndAPause) {
  Start();
  server_.AwaitWatches(1);
  reflector_->Stop();
  reflector_->Stop();
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .times = 100});
  Start();
  clock_.AwaitWaiters(1);
  reflector_->Stop();
}

}  // namespace
}  // namespace reliability::kube
