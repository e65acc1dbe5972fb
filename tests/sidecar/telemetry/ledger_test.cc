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

TEST(Ledger, APlaceStandsForItsKey) {
  Ledger ledger("pod", "e1", {});
  ledger.Track({"b"});
  const Ledger::Place place = ledger.PlaceOf("b");
  const std::uint64_t before = ledger.version();
  ledger.Track({"a", "c"});
  ledger.Count(place, SliVerdict::kGood);
  ledger.Count("b", SliVerdict::kGood);
  ledger.Count(place, SliVerdict::kNone);
  EXPECT_EQ(Counts(ledger, "b"), (SloCounts{2, 0}));
  EXPECT_EQ(ledger.version(), before + 4);
  ledger.Correct("b", SliVerdict::kGood, SliVerdict::kBad);
  ledger.Count(place, SliVerdict::kGood);
  EXPECT_EQ(Counts(ledger, "b"), (SloCounts{2, 1}));
  EXPECT_EQ(Counts(ledger, "a"), (SloCounts{0, 0}));
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
  auto earlier = Ledger::EarlierFrom(first.FileText(), "pod");
  ASSERT_TRUE(earlier.has_value()) << earlier.error().message;
  EXPECT_FALSE(earlier->spent.has_value());
  Ledger second("pod", "e2", *earlier);
  second.Count("a", SliVerdict::kBad);
  earlier = Ledger::EarlierFrom(second.FileText(), "pod");
  ASSERT_TRUE(earlier.has_value());
  const auto& closed = earlier->closed;
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_EQ(closed[0].epoch, "e1");
  EXPECT_EQ(closed[0].slos.at("a"), (SloCounts{1, 0}));
  EXPECT_EQ(closed[1].epoch, "e2");
  EXPECT_EQ(closed[1].slos.at("a"), (SloCounts{0, 1}));
}

TEST(Ledger, TheDaysSpendingSurvivesARestart) {
  const policy::DaySpend spent{.day = 20'000, .spent = {.tokens = 12, .usd = 3'456}};
  Ledger first("pod", "e1", {});
  const std::uint64_t version = first.version();
  first.SetSpent(spent);
  EXPECT_GT(first.version(), version);  // the file is to be written
  const std::uint64_t written = first.version();
  first.SetSpent(spent);
  EXPECT_EQ(first.version(), written);
  const auto earlier = Ledger::EarlierFrom(first.FileText(), "pod");
  ASSERT_TRUE(earlier.has_value()) << earlier.error().message;
  const Ledger second("pod", "e2", *earlier);
  EXPECT_EQ(second.spent(), spent);
  // Also when nothing was spent before the next restart.
  EXPECT_EQ(Ledger::EarlierFrom(second.FileText(), "pod")->spent, spent);
}

TEST(Ledger, AtMostEightClosedEpochs) {
  Ledger::Earlier earlier;
  for (int i = 0; i < 20; ++i) {
    Ledger ledger("pod", "e" + std::to_string(i), earlier);
    EXPECT_LE(ledger.Document().closed.size(), Ledger::kMaxClosed);
    earlier = Ledger::EarlierFrom(ledger.FileText(), "pod").value();
  }
  const auto& closed = earlier.closed;
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
  EXPECT_TRUE(Ledger::EarlierFrom(ledger.FileText(), "other")->closed.empty());
  const std::string text = ledger.FileText();
  EXPECT_FALSE(Ledger::EarlierFrom(text.substr(0, text.size() / 2), "pod").has_value());
  EXPECT_FALSE(Ledger::EarlierFrom("", "pod").has_value());
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
