#include "libs/kube/runtime/event_series.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reliability::kube {
namespace {

constexpr Milliseconds kInterval{300'000};
const MonotonicTime kStart{Milliseconds{1'000'000}};
const SystemTime kWall{Milliseconds{1'800'000'000'123}};

Event Paused(const std::string& note = "3 of 5 failed") {
  return {{"apps/v1", "Deployment", "shop", "agent", "u1"},
          EventType::kWarning,
          "AgentPaused",
          "Pause",
          note,
          std::nullopt,
          false};
}

TEST(EventSeries, FirstIsNewRepeatsOnlyCount) {
  EventSeriesTable table(kInterval, 10);
  EXPECT_EQ(table.Repeat(Paused(), kStart, kWall), nullptr);
  table.Begin(Paused(), "agent.1", kStart, kWall);
  EXPECT_EQ(table.NextDue(kStart), kInterval);
  EventSeries* series = table.Repeat(Paused(), kStart + Milliseconds{1'000}, kWall);
  ASSERT_NE(series, nullptr);
  EXPECT_EQ(series->count, 2);
  EXPECT_NE(table.Repeat(Paused(), kStart + Milliseconds{2'000}, kWall), nullptr);
  EXPECT_TRUE(table.TakeDue(kStart + kInterval - Milliseconds{1}).empty());
  auto due = table.TakeDue(kStart + kInterval);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].count, 3);
  EXPECT_EQ(due[0].name, "agent.1");
  table.Put(std::move(due[0]), kStart + kInterval);
  EXPECT_NE(table.Repeat(Paused(), kStart + kInterval + Milliseconds{1}, kWall), nullptr);
}

TEST(EventSeries, AQuietSeriesIsForgotten) {
  EventSeriesTable table(kInterval, 10);
  table.Begin(Paused(), "agent.1", kStart, kWall);
  EXPECT_EQ(table.Repeat(Paused(), kStart + kInterval, kWall), nullptr);
  EXPECT_TRUE(table.TakeDue(kStart + kInterval).empty());
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.NextDue(kStart), std::nullopt);
}

TEST(EventSeries, OtherObjectReasonTypeOrActionIsAnotherSeries) {
  EventSeriesTable table(kInterval, 10);
  table.Begin(Paused(), "agent.1", kStart, kWall);
  Event other = Paused();
  other.regarding.name = "agent2";
  EXPECT_EQ(table.Repeat(other, kStart, kWall), nullptr);
  other = Paused();
  other.reason = "AgentRestored";
  EXPECT_EQ(table.Repeat(other, kStart, kWall), nullptr);
  other = Paused();
  other.type = EventType::kNormal;
  EXPECT_EQ(table.Repeat(other, kStart, kWall), nullptr);
  other = Paused();
  other.action = "Hold";
  EXPECT_EQ(table.Repeat(other, kStart, kWall), nullptr);
  EXPECT_NE(table.Repeat(Paused("another note"), kStart, kWall), nullptr);
}

TEST(EventSeries, DistinctEventsAreNeverFolded) {
  EventSeriesTable table(kInterval, 10);
  Event event = Paused();
  event.distinct = true;
  table.Begin(event, "agent.1", kStart, kWall);
  EXPECT_EQ(table.Repeat(event, kStart, kWall), nullptr);
}

TEST(EventSeries, TheTableIsBoundedAndForgetsTheOldest) {
  EventSeriesTable table(kInterval, 3);
  for (int i = 0; i < 10; ++i) {
    Event event = Paused();
    event.regarding.name += std::to_string(i);
    table.Begin(event, "n", kStart + Milliseconds{i}, kWall);
  }
  EXPECT_EQ(table.size(), 3U);
  Event newest = Paused();
  newest.regarding.name += "9";
  EXPECT_NE(table.Repeat(newest, kStart + Milliseconds{20}, kWall), nullptr);
  EXPECT_EQ(table.TakePending().size(), 1U);
  EXPECT_EQ(table.size(), 0U);
}

TEST(EventSeries, EncodesWhatTheApiWants) {
  Event event = Paused("say \"why\"");
  event.related = EventTarget{"agentreliability.dev/v1alpha1", "AgentSLO", "shop", "tasks", ""};
  EventRecorderOptions options;
  options.instance = "operator-0";
  const auto json = nlohmann::json::parse(EncodeEvent(event, "agent.1", options, kWall, kWall, 1));
  EXPECT_EQ(json, nlohmann::json::parse(R"({
    "apiVersion":"events.k8s.io/v1","kind":"Event",
    "metadata":{"name":"agent.1","namespace":"shop"},
    "eventTime":"2027-01-15T08:00:00.123000Z",
    "reportingController":"agentreliability.dev/operator","reportingInstance":"operator-0",
    "type":"Warning","reason":"AgentPaused","action":"Pause","note":"say \"why\"",
    "regarding":{"apiVersion":"apps/v1","kind":"Deployment","namespace":"shop","name":"agent",
                 "uid":"u1"},
    "related":{"apiVersion":"agentreliability.dev/v1alpha1","kind":"AgentSLO","namespace":"shop",
               "name":"tasks"}})"));
  const auto series = nlohmann::json::parse(EncodeEvent(event, "a", options, kWall, kWall, 4));
  EXPECT_EQ(series["series"]["count"], 4);
  EXPECT_EQ(nlohmann::json::parse(EncodeSeriesPatch(2, kWall)).dump(),
            R"({"series":{"count":2,"lastObservedTime":"2027-01-15T08:00:00.123000Z"}})");
}

TEST(EventSeries, LongTextsAreCutBetweenCharacters) {
  std::string note(1'022, 'x');
  note += "\xC3\xA9\xC3\xA9";
  Event event = Paused(note);
  event.regarding.ns.clear();
  const auto json = nlohmann::json::parse(EncodeEvent(event, "n", {}, kWall, kWall, 1));
  EXPECT_EQ(json["note"].get<std::string>().size(), 1'024U);
  EXPECT_EQ(json["metadata"]["namespace"], "default");
  EXPECT_FALSE(json["regarding"].contains("namespace"));
  event.note = std::string(1'023, 'x') + "\xC3\xA9";
  const auto cut = nlohmann::json::parse(EncodeEvent(event, "n", {}, kWall, kWall, 1));
  EXPECT_EQ(cut["note"].get<std::string>().size(), 1'023U);
}

}  // namespace
}  // namespace reliability::kube
