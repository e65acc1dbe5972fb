#include "sidecar/config/control_loop.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "libs/base/rng.h"
#include "sidecar/telemetry/ledger_file.h"
#include "tests/fakes/temp_folder.h"

namespace reliability::sidecar::config {
namespace {

std::string Policy(const std::string& workload) {
  return R"({"schema":"1.0","workload":")" + workload +
         R"(","slos":[{"key":"k/1","name":"tasks","type":"TaskSuccess"}]})";
}

std::string WithTls(const std::string& workload) {
  return R"({"schema":"1.0","workload":")" + workload +
         R"(","upstreams":[{"kind":"LLM","name":"openai","format":"OpenAI",)"
         R"("url":"https://127.0.0.1:1/v1"}]})";
}

// A second tier elsewhere, with a key of its own.
std::string WithChain(const std::string& key_file) {
  return R"({"schema":"1.0","workload":"a/Deployment/one","upstreams":[{"kind":"LLM","name":"openai",)"
         R"("format":"OpenAI","url":"http://127.0.0.1:1/v1"}],"fallbackChain":{"name":"c","tiers":[)"
         R"({"name":"first","upstream":"openai"},{"name":"second","url":"http://127.0.0.1:2/v1",)"
         R"("format":"OpenAI","credential":")" +
         key_file + "\"}]}}";
}

bool IsLoaded(const net::TlsContext& context) {
  const auto session = context.NewClient("127.0.0.1");
  if (session.has_value()) {
    SSL_free(*session);
  }
  return session.has_value();
}

class ControlLoopTest : public testing::Test {
 protected:
  void Make() {
    loop_ = std::make_unique<ControlLoop>(
        ControlLoop::Files{folder_ / "policy.json", folder_ / "mode.json", folder_ / "ledger.json"},
        [](const std::string&) { return std::string{}; }, *clock_, decisions_, metrics_.registry(),
        [this](const SnapshotPtr& snapshot) {
          const std::lock_guard lock(mutex_);
          published_ = snapshot;
          changed_.notify_all();
        });
  }
  bool AwaitWorkload(const std::string& workload) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds{10}, [&] {
      return published_ != nullptr && published_->policy.workload == workload;
    });
  }
  std::shared_ptr<const net::TlsContext> PublishedTls() {
    const std::lock_guard lock(mutex_);
    return published_->tls.at(0);
  }
  struct SeenTier {
    std::string key;
    std::string skipped;
  };
  SeenTier PublishedTier() {  // the second
    const std::lock_guard lock(mutex_);
    const proxy::Tier& tier = published_->chain->tiers.at(1);
    return {tier.key, tier.skipped};
  }
  // Another change, told through Decisions only: looks again until it shows.
  template <class Condition>
  bool Await(Condition condition) {
    const auto stop = std::stop_source();
    for (int i = 0; i < 500 && !condition(); ++i) {
      clock_->WaitFor(Milliseconds{20}, stop.get_token());
    }
    return condition();
  }

  const fakes::TempFolder folder_;
  const std::unique_ptr<Clock> clock_ = MakeRealClock();
  telemetry::Metrics metrics_;
  proxy::Decisions decisions_{*clock_, metrics_, MakeRng(1), "pod-1",
                              telemetry::Ledger("pod-1", "e1", {})};
  std::mutex mutex_;
  std::condition_variable changed_;
  SnapshotPtr published_;
  std::unique_ptr<ControlLoop> loop_;
};

TEST_F(ControlLoopTest, KeepsTheLastGoodPolicyAndSaysWhy) {
  folder_.Write("policy.json", Policy("a/Deployment/one"));
  Make();
  ASSERT_TRUE(loop_->LoadOnce().has_value());
  loop_->Start();
  ASSERT_TRUE(AwaitWorkload("a/Deployment/one"));
  const std::string good = decisions_.LedgerView().config_hash;

  folder_.Write("policy.json", R"({"schema":"1.0","slos":)");
  ASSERT_TRUE(Await([&] { return !decisions_.LedgerView().config_error.empty(); }));
  EXPECT_EQ(decisions_.LedgerView().config_hash, good);

  folder_.Write("policy.json", Policy("a/Deployment/two"));
  ASSERT_TRUE(AwaitWorkload("a/Deployment/two"));
  EXPECT_TRUE(decisions_.LedgerView().config_error.empty());
  EXPECT_NE(decisions_.LedgerView().config_hash, good);
}

TEST_F(ControlLoopTest, FollowsTheMode) {
  folder_.Write("policy.json", Policy("a/Deployment/one"));
  Make();
  ASSERT_TRUE(loop_->LoadOnce().has_value());
  EXPECT_EQ(decisions_.LedgerView().mode, "Normal");
  loop_->Start();
  folder_.Write("mode.json",
                R"({"schema":"1.0","leaderEpoch":1,"generation":2,"mode":"Paused",)"
                R"("cause":"a/b","retryAfterMs":1000,"validUntil":"2100-01-01T00:00:00Z"})");
  ASSERT_TRUE(Await([&] { return decisions_.LedgerView().mode == "Paused"; }));
  EXPECT_EQ(decisions_.LedgerView().mode_generation, 2);
  folder_.Write("mode.json", "{");
  ASSERT_TRUE(Await([&] {
    return metrics_.Text().find("config_loads_total{result=\"rejected\"} 1") != std::string::npos;
  }));
  EXPECT_EQ(decisions_.LedgerView().mode, "Paused");
  std::filesystem::remove(folder_ / "mode.json");
  ASSERT_TRUE(Await([&] { return decisions_.LedgerView().mode == "Normal"; }));
}

TEST_F(ControlLoopTest, TellsWhichFieldsItIsTooOldFor) {
  const auto ignored = [&](const std::string& document) {
    const std::string series =
        "agent_reliability_config_ignored_fields{document=\"" + document + "\"} ";
    const std::string text = metrics_.Text();
    const std::size_t at = text.find(series);
    return at == std::string::npos ? std::string("none") : text.substr(at + series.size(), 1);
  };
  const auto mode = [&](int generation, const std::string& valid_until, const std::string& more) {
    return R"({"schema":"1.999","leaderEpoch":1,"generation":)" + std::to_string(generation) +
           R"(,"mode":"Paused","validUntil":")" + valid_until + "\"" + more + "}";
  };
  const auto load = [&] {
    testing::internal::CaptureStderr();
    EXPECT_TRUE(loop_->LoadOnce().has_value());
    return testing::internal::GetCapturedStderr();
  };
  Make();
  EXPECT_EQ(ignored("policy") + ignored("mode"), "00");
  folder_.Write("policy.json", R"({"schema":"1.999","workload":"a/Deployment/one","warp":1,)"
                               R"("turn":{"spin":2}})");
  folder_.Write("mode.json", mode(5, "2100-01-01T00:00:00Z", R"(,"mood":"calm")"));
  const std::string told = load();
  EXPECT_NE(told.find(R"("fields":"turn.spin, warp")"), std::string::npos) << told;
  EXPECT_NE(told.find(R"("fields":"mood")"), std::string::npos) << told;
  EXPECT_EQ(ignored("policy") + ignored("mode"), "21");
  // Renewed: nothing new to say. An older order is not in force.
  folder_.Write("mode.json", mode(5, "2101-01-01T00:00:00Z", R"(,"mood":"calm")"));
  EXPECT_EQ(load().find("config_fields_ignored"), std::string::npos);
  folder_.Write("mode.json", mode(4, "2101-01-01T00:00:00Z", ""));
  (void)load();
  EXPECT_EQ(ignored("mode"), "1");
  folder_.Write("policy.json", Policy("a/Deployment/one"));
  std::filesystem::remove(folder_ / "mode.json");
  (void)load();
  EXPECT_EQ(ignored("policy") + ignored("mode"), "00");
}

TEST_F(ControlLoopTest, WithoutAPolicyItWaits) {
  Make();
  const Status loaded = loop_->LoadOnce();
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, Code::kNotFound);
  loop_->Start();
  folder_.Write("policy.json", Policy("a/Deployment/late"));
  EXPECT_TRUE(AwaitWorkload("a/Deployment/late"));
}

// As the kubelet does it: the files of a volume are links through `..data`, which is swapped.
TEST_F(ControlLoopTest, ARotatedKeyIsTakenWithoutARestart) {
  const fakes::TempFolder mounted;
  const auto publish = [&](const std::string& version, const std::string& key) {
    std::filesystem::create_directory(mounted / version);
    if (!key.empty()) {
      std::ofstream(mounted / (version + "/token")) << key << "\n";
    }
    std::filesystem::create_symlink(version, mounted / "..data_tmp");
    std::filesystem::rename(mounted / "..data_tmp", mounted / "..data");
  };
  publish("..1", "");
  std::filesystem::create_symlink("..data/token", mounted / "token");
  folder_.Write("policy.json", WithChain(mounted / "token"));
  Make();
  ASSERT_TRUE(loop_->LoadOnce().has_value());
  loop_->Start();
  ASSERT_TRUE(AwaitWorkload("a/Deployment/one"));
  EXPECT_EQ(PublishedTier().skipped, sidecar_config::kSkippedCredentialMissing);
  const std::string hash = decisions_.LedgerView().config_hash;

  publish("..2", "first");
  ASSERT_TRUE(Await([&] { return PublishedTier().key == "first"; }));
  EXPECT_TRUE(PublishedTier().skipped.empty());
  publish("..3", "second");
  ASSERT_TRUE(Await([&] { return PublishedTier().key == "second"; }));
  publish("..4", "");  // the Secret is gone
  ASSERT_TRUE(Await([&] { return !PublishedTier().skipped.empty(); }));
  EXPECT_EQ(decisions_.LedgerView().config_hash, hash);  // the same policy all the time
}

TEST_F(ControlLoopTest, WritesTheLedger) {
  folder_.Write("policy.json", Policy("a/Deployment/one"));
  Make();
  ASSERT_TRUE(loop_->LoadOnce().has_value());
  loop_->Start();
  // Tracking an SLO is a change already.
  ASSERT_TRUE(Await([&] {
    const auto text = telemetry::ReadLedgerFile(folder_ / "ledger.json");
    return text.has_value() && text->find("k/1") != std::string::npos;
  }));
  loop_->Stop();
  EXPECT_TRUE(telemetry::ReadLedgerFile(folder_ / "ledger.json").has_value());
}

TEST_F(ControlLoopTest, ReadsTheSystemsAuthoritiesWhenTheyAreNeeded) {
  folder_.Write("policy.json", WithTls("a/Deployment/one"));
  Make();
  ASSERT_TRUE(loop_->LoadOnce().has_value());
  loop_->Start();
  folder_.Write("policy.json", WithTls("a/Deployment/two"));
  ASSERT_TRUE(AwaitWorkload("a/Deployment/two"));  // the thread has had its turn
  const auto context = PublishedTls();
  EXPECT_FALSE(IsLoaded(*context));

  boost::asio::io_context io;
  const auto work = boost::asio::make_work_guard(io);
  bool ready = false;
  if (!context->WhenLoaded(io.get_executor(), [&] { ready = true; })) {
    io.run_one_for(std::chrono::seconds{10});
    EXPECT_TRUE(ready);
  }
  EXPECT_TRUE(IsLoaded(*context));

  folder_.Write("policy.json", WithTls("a/Deployment/three"));
  ASSERT_TRUE(AwaitWorkload("a/Deployment/three"));
  EXPECT_TRUE(IsLoaded(*PublishedTls()));  // no call of a policy that is used already waits again
}

}  // namespace
}  // namespace reliability::sidecar::config
