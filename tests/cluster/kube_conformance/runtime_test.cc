// Reflector, leader election and events against a real API server.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "libs/kube/runtime/event_recorder.h"
#include "libs/kube/runtime/leader_elector.h"
#include "libs/kube/runtime/reflector.h"
#include "tests/cluster/kube_conformance/environment.h"

namespace reliability::kube {
namespace {

struct Thing {
  std::string value;
};

Result<Thing> Decode(std::string_view raw) {
  const json object = json::parse(raw, nullptr, false);
  if (!object.is_object() || !object.contains("data")) {
    return Fail(Code::kInvalid, "no data");
  }
  return Thing{object["data"].value("value", "")};
}

// Passes calls on until it is cut off.
class CuttableTransport final : public http::Transport {
 public:
  explicit CuttableTransport(http::Transport& inner) : inner_(inner) {}
  std::atomic<bool> cut{false};

  Result<http::Response> Send(const http::Request& request, Milliseconds deadline) override {
    return cut ? Result<http::Response>(Fail(Code::kUnavailable, "cut off"))
               : inner_.Send(request, deadline);
  }
  Result<http::Response> Stream(const http::Request& request, const http::StreamLimits& limits,
                                const http::ChunkCallback& on_chunk,
                                const std::stop_token& stop) override {
    return cut ? Result<http::Response>(Fail(Code::kUnavailable, "cut off"))
               : inner_.Stream(request, limits, on_chunk, stop);
  }

 private:
  http::Transport& inner_;
};

class RuntimeConformance : public ConformanceTest {
 protected:
  // Polls on real time; false after a minute.
  bool Eventually(const std::function<bool()>& predicate) {
    const MonotonicTime end = clock_->MonotonicNow() + Milliseconds{60'000};
    while (!predicate()) {
      if (clock_->MonotonicNow() > end) {
        return false;
      }
      clock_->WaitFor(Milliseconds{10}, {});
    }
    return true;
  }
};

TEST_F(RuntimeConformance, ReflectorFollowsPagesAndChanges) {
  constexpr int kObjects = 1'100;
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        for (int i = writer; i < kObjects; i += 4) {
          Must(client_->Create(resources::kConfigMaps, ns_,
                               ConfigMap("c" + std::to_string(i), {{"value", "1"}}).dump()));
        }
      });
    }
  }
  Store<Thing> store;
  std::atomic<int> changes{0};
  store.OnChange([&](const Change<Thing>&) { ++changes; });
  ReflectorOptions options;
  options.resource = resources::kConfigMaps;
  options.ns = ns_;
  Reflector<Thing> reflector(*client_, *clock_, store, Decode, options);
  const MonotonicTime start = clock_->MonotonicNow();
  reflector.Start();
  ASSERT_TRUE(reflector.WaitSynced(Milliseconds{60'000}));
  std::printf("%d objects listed in %lld ms\n", kObjects,
              static_cast<long long>((clock_->MonotonicNow() - start).count()));
  // kube-root-ca.crt is there, too.
  EXPECT_GE(store.size(), static_cast<std::size_t>(kObjects));
  const std::string key = ns_ + "/c7";
  Must(client_->MergePatch(Ref(resources::kConfigMaps, "c7"), R"({"data":{"value":"2"}})"));
  EXPECT_TRUE(Eventually([&] { return store.Get(key)->value == "2"; }));
  Must(client_->Delete(Ref(resources::kConfigMaps, "c7")));
  EXPECT_TRUE(Eventually([&] { return store.Get(key) == nullptr; }));
  EXPECT_EQ(reflector.Stats().lists, 1U);
  EXPECT_EQ(reflector.Stats().errors, 0U);
  if (std::getenv("KUBE_CONFORMANCE_LONG") != nullptr) {
    // Bookmarks come often enough that a quiet watch is not taken for a dead one.
    clock_->WaitFor(Milliseconds{150'000}, {});
    EXPECT_EQ(reflector.Stats().errors, 0U);
    EXPECT_EQ(reflector.Stats().lists, 1U);
  }
  reflector.Stop();
}

// What the server forgets when its history is compacted and its cache starts anew.
TEST_F(RuntimeConformance, ARestartWithoutHistoryIsSurvived) {
  const char* compact = std::getenv("KUBE_CONFORMANCE_COMPACT");
  const char* stop = std::getenv("KUBE_CONFORMANCE_STOP");
  const char* start = std::getenv("KUBE_CONFORMANCE_START");
  if (compact == nullptr || stop == nullptr || start == nullptr) {
    GTEST_SKIP() << "KUBE_CONFORMANCE_COMPACT, _STOP and _START are commands; they are not set";
  }
  for (int i = 0; i < 5; ++i) {
    Must(client_->Create(resources::kConfigMaps, ns_,
                         ConfigMap("c" + std::to_string(i), {{"value", "1"}}).dump()));
  }
  Store<Thing> store;
  ReflectorOptions options;
  options.resource = resources::kConfigMaps;
  options.ns = ns_;
  Reflector<Thing> reflector(*client_, *clock_, store, Decode, options);
  reflector.Start();
  ASSERT_TRUE(reflector.WaitSynced(Milliseconds{60'000}));
  ListOptions page;
  page.limit = 2;
  page.continue_token =
      Must(client_->List(resources::kConfigMaps, ns_, page))["metadata"]["continue"];
  WatchOptions old;
  old.resource_version = NewestVersion(resources::kConfigMaps);
  old.timeout = Milliseconds{5'000};
  Must(client_->MergePatch(Ref(resources::kConfigMaps, "c0"), R"({"data":{"value":"2"}})"));
  const std::string newest = NewestVersion(resources::kConfigMaps);
  ASSERT_EQ(std::system((std::string(compact) + " " + newest).c_str()), 0);
  ASSERT_EQ(std::system(stop), 0);
  EXPECT_TRUE(Eventually([&] { return reflector.Stats().errors > 0; }));
  EXPECT_EQ(store.Get(ns_ + "/c0")->value, "2") << "the cache stays while the server is away";
  ASSERT_EQ(std::system(start), 0);
  ASSERT_TRUE(Eventually([&] {
    return client_->MergePatch(Ref(resources::kConfigMaps, "c1"), R"({"data":{"value":"3"}})")
        .has_value();
  }));
  const MonotonicTime back = clock_->MonotonicNow();
  EXPECT_TRUE(Eventually([&] { return store.Get(ns_ + "/c1")->value == "3"; }));
  const ReflectorStats stats = reflector.Stats();
  std::printf("reflector back %lld ms after the server: %llu lists, %llu expired, %llu errors\n",
              static_cast<long long>((clock_->MonotonicNow() - back).count()),
              static_cast<unsigned long long>(stats.lists),
              static_cast<unsigned long long>(stats.expired),
              static_cast<unsigned long long>(stats.errors));
  const Status watched =
      client_->Watch(BuildWatch(resources::kConfigMaps, ns_, old), [](const WatchEvent&) {}, {});
  ASSERT_FALSE(watched.has_value());
  EXPECT_EQ(watched.error().code, Code::kExpired) << ToString(watched.error());
  const auto listed = client_->List(resources::kConfigMaps, ns_, page);
  ASSERT_FALSE(listed.has_value());
  EXPECT_EQ(listed.error().code, Code::kExpired) << ToString(listed.error());
  reflector.Stop();
}

TEST_F(RuntimeConformance, LeadershipIsHandedOverAndTakenOver) {
  CuttableTransport a_transport(*transport_);
  const auto a_client = MakeApiClient(a_transport, *credentials_, *clock_);
  LeaderElectorOptions options;
  options.ns = ns_;
  options.name = "operator";
  options.identity = "a";
  std::atomic<bool> a_lost{false};
  LeaderElector a(*a_client, *clock_, options, {.on_lost = [&] { a_lost = true; }});
  options.identity = "b";
  LeaderElector b(*client_, *clock_, options, {});
  a.Start();
  ASSERT_TRUE(Eventually([&] { return a.IsLeader(); }));
  EXPECT_EQ(a.epoch(), 1);
  b.Start();
  ASSERT_TRUE(Eventually([&] { return b.holder() == a.identity(); }));
  a_transport.cut = true;
  const MonotonicTime cut = clock_->MonotonicNow();
  ASSERT_TRUE(Eventually([&] { return b.IsLeader(); }));
  const auto took = (clock_->MonotonicNow() - cut).count();
  std::printf("leadership taken over after %lld ms\n", static_cast<long long>(took));
  EXPECT_TRUE(a_lost) << "the old leader gives up before the new one starts";
  EXPECT_FALSE(a.IsLeader());
  EXPECT_EQ(b.epoch(), 2);
  EXPECT_LE(took, 20'000);
  // Released on exit: the next one does not wait for the lease to run out.
  options.identity = "c";
  LeaderElector c(*client_, *clock_, options, {});
  c.Start();
  ASSERT_TRUE(Eventually([&] { return c.holder() == b.identity(); }));
  const MonotonicTime stopped = clock_->MonotonicNow();
  b.Stop();
  ASSERT_TRUE(Eventually([&] { return c.IsLeader(); }));
  EXPECT_LE((clock_->MonotonicNow() - stopped).count(), 5'000);
  EXPECT_EQ(c.epoch(), 3);
  c.Stop();
}

TEST_F(RuntimeConformance, EventsAreWrittenAndAggregated) {
  const json object =
      Must(client_->Create(resources::kConfigMaps, ns_, ConfigMap("c", {{"k", "1"}}).dump()));
  EventRecorderOptions options;
  options.instance = "operator-0";
  options.series_interval = Milliseconds{500};
  EventRecorder recorder(*client_, *clock_, options);
  recorder.Start();
  for (int i = 0; i < 3; ++i) {
    recorder.Record(EventTarget{"v1", "ConfigMap", ns_, "c", object["metadata"]["uid"]},
                    EventType::kWarning, "AgentPaused", "Pause", "3 of 5 turns failed");
  }
  EXPECT_TRUE(Eventually([&] { return recorder.Stats().patched == 1; }));
  recorder.Stop();
  EXPECT_EQ(recorder.Stats().dropped, 0U);
  const json events = Must(client_->List(resources::kEvents, ns_));
  int found = 0;
  for (const json& event : events["items"]) {
    if (event["reason"] == "AgentPaused") {
      ++found;
      EXPECT_EQ(event["series"]["count"], 3) << event.dump(1);
      EXPECT_EQ(event["regarding"]["name"], "c");
    }
  }
  EXPECT_EQ(found, 1);
}

}  // namespace
}  // namespace reliability::kube
