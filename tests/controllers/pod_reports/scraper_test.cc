#include "controllers/pod_reports/scraper.h"

#include <gtest/gtest.h>

#include <thread>

#include "libs/api/names.h"
#include "libs/sidecar_config/encode.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace reliability::controllers {
namespace {

using sidecar_config::LedgerDocument;
using std::chrono::seconds;

class ScraperTest : public ::testing::Test {
 protected:
  ScraperTest() {
    options_.seed = 1;
    options_.workers = 1;
    scraper_.emplace(transport_, pods_, reports_, clock_, options_);
  }
  ~ScraperTest() override { scraper_->Stop(); }

  api::Pod MakePod() {
    api::Pod pod;
    pod.metadata.name = "a";
    pod.metadata.namespace_ = "support";
    pod.metadata.uid = "uid-a";
    pod.init_containers = {std::string(api::kSidecarContainer)};
    pod.phase = "Running";
    pod.pod_ip = "10.0.0.7";
    return pod;
  }
  void Set(const api::Pod& pod) { pods_.Set("support/a", std::make_shared<const api::Pod>(pod)); }
  static std::string Body(const std::string& uid) {
    LedgerDocument ledger;
    ledger.pod_uid = uid;
    ledger.current = {"1800000000000-x", {{"slo", {5, 1}}}};
    return sidecar_config::EncodeLedger(ledger);
  }
  Milliseconds Scrape() {
    const kube::Outcome outcome = scraper_->ScrapeOnce("support/a");
    const auto* again = std::get_if<kube::RequeueAfter>(&outcome);
    return again == nullptr ? Milliseconds{-1} : again->after;
  }
  void AwaitRequests(std::size_t count) {
    while (transport_.requests().size() < count) {
      std::this_thread::yield();
    }
  }

  fakes::FakeClock clock_;
  fakes::FakeTransport transport_;
  kube::Store<api::Pod> pods_;
  PodReports reports_;
  ScraperOptions options_;
  std::optional<Scraper> scraper_;
};

TEST_F(ScraperTest, ReadsALedgerAndComesBackInFiveSecondsWithJitter) {
  Set(MakePod());
  reports_.Register(MakePod());
  transport_.Answer(200, Body("uid-a"));
  const Milliseconds after = Scrape();
  EXPECT_GE(after, seconds{4});
  EXPECT_LE(after, seconds{6});
  ASSERT_EQ(transport_.requests().size(), 1U);
  EXPECT_EQ(transport_.requests()[0].url, "http://10.0.0.7:15190/ledger");
  ASSERT_NE(reports_.Get("uid-a")->ledger, nullptr);
  EXPECT_EQ(reports_.Get("uid-a")->ledger->current.slos.at("slo").good, 5U);
}

TEST_F(ScraperTest, TheLedgerOfAnotherPodIsDropped) {  // ruling 18: addresses are used again
  Set(MakePod());
  reports_.Register(MakePod());
  transport_.Answer(200, Body("uid-other"));
  Scrape();
  EXPECT_EQ(reports_.Get("uid-a")->ledger, nullptr);
  EXPECT_EQ(reports_.Get("uid-a")->error, "/ledger is that of pod uid-other");
  EXPECT_EQ(scraper_->GetStats().foreign, 1U);
}

TEST_F(ScraperTest, FailuresAreToldAndTriedAgain) {
  api::Pod pod = MakePod();
  pod.pod_ip = "fd00::7";
  Set(pod);
  reports_.Register(pod);
  transport_.Fail({Code::kTimeout, "no answer", std::nullopt, {}});
  EXPECT_GE(Scrape(), seconds{4});
  EXPECT_EQ(transport_.requests()[0].url, "http://[fd00::7]:15190/ledger");
  EXPECT_EQ(reports_.Get("uid-a")->error, "timeout: no answer");
  transport_.Answer(503, "");
  Scrape();
  EXPECT_EQ(reports_.Get("uid-a")->error, "/ledger answered 503");
  transport_.Answer(200, "nonsense");
  Scrape();
  EXPECT_EQ(reports_.Get("uid-a")->error.rfind("/ledger: ", 0), 0U);
  EXPECT_EQ(scraper_->GetStats().failures, 3U);
}

TEST_F(ScraperTest, PodsWithoutSidecarOrAddressAreLeftAlone) {
  api::Pod pod = MakePod();
  pod.init_containers.clear();
  Set(pod);
  EXPECT_EQ(Scrape(), Milliseconds{-1});
  pod = MakePod();
  pod.pod_ip.clear();
  Set(pod);
  EXPECT_EQ(Scrape(), Milliseconds{-1});
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(ScraperTest, ReadsAtOnceWhenAPodIsDeletedAndItsLastWords) {  // ruling 19
  api::Pod pod = MakePod();
  Set(pod);
  transport_.Answer(200, Body("uid-a"));
  scraper_->Start();
  AwaitRequests(1);
  transport_.Answer(200, Body("uid-a"));
  pod.metadata.deletion_timestamp = clock_.SystemNow();
  Set(pod);
  AwaitRequests(2);
  api::ContainerStatus status;
  status.name = std::string(api::kSidecarContainer);
  status.state.terminated.emplace();
  status.state.terminated->message =
      sidecar_config::EncodeLastWords("uid-a", {"1800000000000-x", {{"slo", {9, 2}}}});
  pod.init_container_statuses = {status};
  Set(pod);
  pods_.Erase("support/a");
  const PodReports::Ptr report = reports_.Get("uid-a");
  ASSERT_NE(report, nullptr);
  EXPECT_TRUE(report->final_at.has_value());
  ASSERT_EQ(report->Epochs().size(), 1U);
  EXPECT_EQ(report->Epochs()[0].slos.at("slo").good, 9U);
}

TEST_F(ScraperTest, LastWordsOfAnotherPodOrNonsenseAreIgnored) {
  scraper_->Start();
  api::Pod pod = MakePod();
  pod.pod_ip.clear();
  api::ContainerStatus status;
  status.name = std::string(api::kSidecarContainer);
  status.last_state.terminated.emplace();
  status.last_state.terminated->message =
      sidecar_config::EncodeLastWords("uid-other", {"e", {{"slo", {9, 2}}}});
  status.state.terminated.emplace();
  status.state.terminated->message = "panic";
  pod.init_container_statuses = {status};
  Set(pod);
  EXPECT_TRUE(reports_.Get("uid-a")->last_words.empty());
  EXPECT_EQ(scraper_->GetStats().foreign, 1U);
}

TEST_F(ScraperTest, AnEndedSidecarIsFinal) {
  api::Pod pod = MakePod();
  pod.phase = "Succeeded";
  Set(pod);
  reports_.Register(pod);
  EXPECT_EQ(Scrape(), Milliseconds{-1});
  EXPECT_TRUE(reports_.Get("uid-a")->final_at.has_value());
}

TEST_F(ScraperTest, APodWithTheSameNameIsAnotherOne) {
  scraper_->Start();
  api::Pod pod = MakePod();
  pod.pod_ip.clear();
  Set(pod);
  pod.metadata.uid = "uid-b";
  Set(pod);
  EXPECT_TRUE(reports_.Get("uid-a")->final_at.has_value());
  EXPECT_FALSE(reports_.Get("uid-b")->final_at.has_value());
}

TEST_F(ScraperTest, ABurstReadsEvery200Milliseconds) {  // ruling 4
  scraper_->Start();
  transport_.Answer(200, Body("uid-a"));
  Set(MakePod());
  AwaitRequests(1);
  transport_.Answer(200, Body("uid-a"));
  scraper_->Burst("uid-a");
  scraper_->Burst("uid-unknown");
  AwaitRequests(2);
  transport_.Answer(200, Body("uid-a"));
  EXPECT_EQ(Scrape(), Milliseconds{200});
  scraper_->Stop();
  clock_.Advance(seconds{6});
  transport_.Answer(200, Body("uid-a"));
  EXPECT_GE(Scrape(), seconds{4});
}

}  // namespace
}  // namespace reliability::controllers
