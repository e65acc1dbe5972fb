#include "sidecar/telemetry/ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/sidecar_config/decode.h"

namespace reliability::sidecar::telemetry {
namespace {

using policy::SliVerdict;
using sidecar_config::SloCounts;

SloCounts Counts(const Ledger& ledger, const std::string& key) {
  return ledger.Document().current.slos.at(key);
}

TEST(Ledger, StartsAtZeroForEverySlo) {
  Ledger ledger("pod", "e1", {});
  ledger.Track({"a", "b"});
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{0, 0}));
  EXPECT_EQ(Counts(ledger, "b"), (SloCounts{0, 0}));
}

TEST(Ledger, CountsVerdicts) {
  Ledger ledger("pod", "e1", {});
  ledger.Track({"a"});
  const std::uint64_t before = ledger.version();
  ledger.Count("a", SliVerdict::kGood);
  ledger.Count("a", SliVerdict::kGood);
  ledger.Count("a", SliVerdict::kBad);
  ledger.Count("a", SliVerdict::kNone);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{2, 1}));
  EXPECT_EQ(ledger.version(), before + 3);
}

TEST(Ledger, ChangedPolicyKeepsWhatWasCounted) {
  Ledger ledger("pod", "e1", {});
  ledger.Track({"a"});
  ledger.Count("a", SliVerdict::kBad);
  ledger.Track({"b"});
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{0, 1}));
  EXPECT_EQ(Counts(ledger, "b"), (SloCounts{0, 0}));
}

TEST(Ledger, CorrectionIsPaidByTheNextEventSoCountersNeverFall) {
  Ledger ledger("pod", "e1", {});
  ledger.Count("a", SliVerdict::kGood);
  ledger.Correct("a", SliVerdict::kGood, SliVerdict::kBad);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{1, 0}));
  ledger.Count("a", SliVerdict::kBad);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{1, 1}));
  ledger.Count("a", SliVerdict::kGood);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{1, 2}));  // exact: 3 events, 2 bad
  ledger.Count("a", SliVerdict::kGood);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{2, 2}));
}

TEST(Ledger, OppositeCorrectionsCancelOut) {
  Ledger ledger("pod", "e1", {});
  ledger.Count("a", SliVerdict::kGood);
  ledger.Count("a", SliVerdict::kBad);
  ledger.Correct("a", SliVerdict::kGood, SliVerdict::kBad);
  ledger.Correct("a", SliVerdict::kBad, SliVerdict::kGood);
  ledger.Count("a", SliVerdict::kGood);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{2, 1}));
}

TEST(Ledger, CorrectionOfATurnThatWasNoEvent) {
  Ledger ledger("pod", "e1", {});
  ledger.Correct("a", SliVerdict::kNone, SliVerdict::kBad);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{0, 1}));
  ledger.Correct("a", SliVerdict::kBad, SliVerdict::kNone);
  ledger.Correct("a", SliVerdict::kBad, SliVerdict::kBad);
  ledger.Count("a", SliVerdict::kBad);
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{0, 2}));
}

TEST(Ledger, RestartClosesTheEpochOfTheProcessBefore) {
  Ledger first("pod", "e1", {});
  first.Count("a", SliVerdict::kGood);
  auto closed = Ledger::ClosedFrom(first.FileText(), "pod");
  ASSERT_TRUE(closed.has_value()) << closed.error().message;
  Ledger second("pod", "e2", *closed);
  second.Count("a", SliVerdict::kBad);
  closed = Ledger::ClosedFrom(second.FileText(), "pod");
  ASSERT_TRUE(closed.has_value());
  ASSERT_EQ(closed->size(), 2U);
  EXPECT_EQ((*closed)[0].epoch, "e1");
  EXPECT_EQ((*closed)[0].slos.at("a"), (SloCounts{1, 0}));
  EXPECT_EQ((*closed)[1].epoch, "e2");
  EXPECT_EQ((*closed)[1].slos.at("a"), (SloCounts{0, 1}));
}

TEST(Ledger, AtMostEightClosedEpochs) {
  std::vector<sidecar_config::LedgerEpoch> closed;
  for (int i = 0; i < 20; ++i) {
    Ledger ledger("pod", "e" + std::to_string(i), closed);
    EXPECT_LE(ledger.Document().closed.size(), Ledger::kMaxClosed);
    closed = Ledger::ClosedFrom(ledger.FileText(), "pod").value();
  }
  ASSERT_EQ(closed.size(), Ledger::kMaxClosed);
  EXPECT_EQ(closed.front().epoch, "e12");
  EXPECT_EQ(closed.back().epoch, "e19");
}

TEST(Ledger, CallsAndAttemptsPerTarget) {
  Ledger ledger("pod", "e1", {});
  const std::uint64_t version = ledger.version();
  ledger.CountCall("mcp:orders", 2);
  ledger.CountCall("mcp:orders", 0);  // refused
  ledger.CountCall("llm:openai", 1);
  EXPECT_EQ(ledger.Document().traffic.at("mcp:orders"),
            (sidecar_config::TrafficCounts{.calls = 2, .attempts = 2}));
  EXPECT_EQ(ledger.Document().traffic.at("llm:openai"),
            (sidecar_config::TrafficCounts{.calls = 1, .attempts = 1}));
  EXPECT_EQ(ledger.version(), version);  // no reason to write the file
}

TEST(Ledger, FilesOfOtherPodsAndBrokenFiles) {
  const Ledger ledger("pod", "e1", {});
  EXPECT_TRUE(Ledger::ClosedFrom(ledger.FileText(), "other")->empty());
  const std::string text = ledger.FileText();
  EXPECT_FALSE(Ledger::ClosedFrom(text.substr(0, text.size() / 2), "pod").has_value());
  EXPECT_FALSE(Ledger::ClosedFrom("", "pod").has_value());
}

TEST(Ledger, LastWordsNameThePodAndTheEpoch) {
  Ledger ledger("pod", "e1", {});
  ledger.Count("a", SliVerdict::kGood);
  const auto words = sidecar_config::DecodeLastWords(ledger.LastWords());
  ASSERT_TRUE(words.has_value());
  EXPECT_EQ(words->pod_uid, "pod");
  EXPECT_EQ(words->epoch.epoch, "e1");
  EXPECT_EQ(words->epoch.slos.at("a"), (SloCounts{1, 0}));
}

}  // namespace
}  // namespace reliability::sidecar::telemetry
