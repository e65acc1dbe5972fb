#include "controllers/pod_reports/pod_reports.h"

#include <gtest/gtest.h>

namespace reliability::controllers {
namespace {

using sidecar_config::LedgerDocument;
using sidecar_config::LedgerEpoch;
using std::chrono::minutes;

constexpr SystemTime kNow{Milliseconds{1'800'000'000'000}};

api::Pod MakePod(const std::string& name) {
  api::Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "support";
  pod.metadata.uid = "uid-" + name;
  pod.metadata.labels = {{"app", "refunds"}};
  return pod;
}

LedgerDocument Ledger(const std::string& uid, const std::string& epoch, std::uint64_t good) {
  LedgerDocument ledger;
  ledger.pod_uid = uid;
  ledger.current = {epoch, {{"slo", {good, 1}}}};
  return ledger;
}

TEST(PodReports, KeepsTheLastGoodLedgerThroughErrors) {
  PodReports reports;
  std::vector<std::string> told;
  reports.OnReport([&](const PodReport& report) { told.push_back(report.uid); });
  reports.Register(MakePod("a"));
  reports.RecordLedger("uid-a", Ledger("uid-a", "e1", 5), kNow);
  reports.RecordError("uid-a", "timeout", kNow + minutes{1});
  reports.RecordError("uid-a", "refused", kNow + minutes{2});
  const PodReports::Ptr report = reports.Get("uid-a");
  ASSERT_NE(report, nullptr);
  EXPECT_EQ(report->ledger->current.slos.at("slo").good, 5U);
  EXPECT_EQ(report->read_at, kNow);
  EXPECT_EQ(report->error, "refused");
  EXPECT_EQ(report->failing_since, kNow + minutes{1});
  EXPECT_EQ(told.size(), 3U);
  reports.RecordLedger("uid-a", Ledger("uid-a", "e1", 6), kNow + minutes{3});
  EXPECT_TRUE(reports.Get("uid-a")->error.empty());
  EXPECT_FALSE(reports.Get("uid-a")->failing_since.has_value());
}

TEST(PodReports, UnknownPodsAreNotRecorded) {
  PodReports reports;
  reports.RecordLedger("uid-x", Ledger("uid-x", "e1", 5), kNow);
  EXPECT_EQ(reports.Get("uid-x"), nullptr);
  EXPECT_EQ(reports.size(), 0U);
}

TEST(PodReports, JoinsCurrentClosedAndLastWordsWithTheHighestCounts) {
  PodReports reports;
  reports.Register(MakePod("a"));
  LedgerDocument ledger = Ledger("uid-a", "e2", 5);
  ledger.closed = {{"e1", {{"slo", {10, 2}}}}};
  reports.RecordLedger("uid-a", ledger, kNow);
  EXPECT_TRUE(reports.RecordLastWords("uid-a", LedgerEpoch{"e2", {{"slo", {7, 1}}}}));
  EXPECT_FALSE(reports.RecordLastWords("uid-a", LedgerEpoch{"e2", {{"slo", {7, 1}}}}));
  EXPECT_TRUE(
      reports.RecordLastWords("uid-a", LedgerEpoch{"e1", {{"slo", {9, 3}}, {"b", {1, 0}}}}));
  const auto epochs = reports.Get("uid-a")->Epochs();
  ASSERT_EQ(epochs.size(), 2U);
  EXPECT_EQ(epochs[0].epoch, "e1");
  EXPECT_EQ(epochs[0].slos.at("slo").good, 10U);
  EXPECT_EQ(epochs[0].slos.at("slo").bad, 3U);
  EXPECT_EQ(epochs[0].slos.at("b").good, 1U);
  EXPECT_EQ(epochs[1].slos.at("slo").good, 7U);
}

TEST(PodReports, BoundsTheLastWordsOfACrashLoop) {
  PodReports reports;
  reports.Register(MakePod("a"));
  for (int i = 0; i < 50; ++i) {
    reports.RecordLastWords("uid-a", LedgerEpoch{"e" + std::to_string(i), {{"slo", {1, 0}}}});
  }
  EXPECT_EQ(reports.Get("uid-a")->last_words.size(), 9U);
  EXPECT_EQ(reports.Get("uid-a")->last_words.back().epoch, "e49");
}

TEST(PodReports, FinalReportsStayForTenMinutes) {
  PodReports reports;
  reports.Register(MakePod("a"));
  reports.Register(MakePod("b"));
  reports.MarkFinal("uid-a", kNow);
  reports.MarkFinal("uid-a", kNow + minutes{9});  // the first counts
  reports.Prune(kNow + minutes{10});
  EXPECT_EQ(reports.InNamespace("support").size(), 2U);
  reports.Prune(kNow + minutes{11});
  EXPECT_EQ(reports.InNamespace("support").size(), 1U);
  EXPECT_TRUE(reports.InNamespace("other").empty());
}

TEST(PodReports, ChangedLabelsAreTakenOver) {
  PodReports reports;
  api::Pod pod = MakePod("a");
  reports.Register(pod);
  reports.RecordLedger("uid-a", Ledger("uid-a", "e1", 5), kNow);
  pod.metadata.labels.Set("app", "other");
  reports.Register(pod);
  EXPECT_EQ(reports.Get("uid-a")->labels.Get("app"), "other");
  EXPECT_NE(reports.Get("uid-a")->ledger, nullptr);
}

TEST(EpochStart, ReadsTheStartOfAProcess) {
  EXPECT_EQ(EpochStart("1800000000000-a1b2"), kNow);
  EXPECT_FALSE(EpochStart("a1b2").has_value());
  EXPECT_FALSE(EpochStart("17-a1b2").has_value());
  EXPECT_FALSE(EpochStart("").has_value());
}

}  // namespace
}  // namespace reliability::controllers
