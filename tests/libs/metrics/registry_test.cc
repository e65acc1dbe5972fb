#include "libs/metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace reliability::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Registry, ResolvedSeriesStartAtZeroAndCount) {
  Registry registry;
  const Counter counter = registry.GetCounter("agent_reliability_x_total", "X.", {{"kind", "a"}});
  EXPECT_THAT(registry.Text(), HasSubstr("agent_reliability_x_total{kind=\"a\"} 0\n"));
  counter.Add();
  counter.Add(2);
  EXPECT_DOUBLE_EQ(counter.Value(), 3.0);
  EXPECT_THAT(registry.Text(), HasSubstr("# TYPE agent_reliability_x_total counter"));
  EXPECT_THAT(registry.Text(), HasSubstr("agent_reliability_x_total{kind=\"a\"} 3\n"));
}

TEST(Registry, SameNameAndLabelsAreOneSeries) {
  Registry registry;
  registry.GetGauge("agent_reliability_leader", "Leader.").Set(1);
  EXPECT_DOUBLE_EQ(registry.GetGauge("agent_reliability_leader", "Leader.").Value(), 1.0);
}

TEST(Registry, HistogramsHaveBuckets) {
  Registry registry;
  registry.GetHistogram("agent_reliability_seconds", "S.", {{"q", "x"}}, {0.1, 1.0}).Observe(0.5);
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr("agent_reliability_seconds_bucket{q=\"x\",le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("agent_reliability_seconds_bucket{q=\"x\",le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("agent_reliability_seconds_count{q=\"x\"} 1\n"));
}

TEST(Registry, WhatIsCountedBetweenTwoTextsIsAdded) {
  Registry registry;
  const Counter counter = registry.GetCounter("agent_reliability_z_total", "Z.");
  const Histogram seconds = registry.GetHistogram("agent_reliability_z_seconds", "Z.", {}, {1.0});
  for (int i = 1; i <= 3; ++i) {
    counter.Add(0.5);
    seconds.Observe(1.0);  // a bound belongs to its bucket
    seconds.Observe(2.0);
    const std::string text = registry.Text();
    EXPECT_DOUBLE_EQ(counter.Value(), 0.5 * i);
    const std::string n = std::to_string(i);
    EXPECT_THAT(text, HasSubstr("agent_reliability_z_seconds_bucket{le=\"1\"} " + n + "\n"));
    EXPECT_THAT(text, HasSubstr("agent_reliability_z_seconds_count " + std::to_string(2 * i)));
    EXPECT_THAT(text, HasSubstr("agent_reliability_z_seconds_sum " + std::to_string(3 * i)));
    EXPECT_THAT(text, HasSubstr(i == 3   ? "agent_reliability_z_total 1.5\n"
                                : i == 2 ? "agent_reliability_z_total 1\n"
                                         : "agent_reliability_z_total 0.5\n"));
  }
  EXPECT_DOUBLE_EQ(registry.GetCounter("agent_reliability_z_total", "Z.").Value(), 1.5);
}

TEST(Registry, CollectorsRunBeforeExposition) {
  Registry registry;
  const Gauge gauge = registry.GetGauge("agent_reliability_age_seconds", "Age.");
  registry.OnCollect([&gauge] { gauge.Set(7); });
  EXPECT_THAT(registry.Text(), HasSubstr("agent_reliability_age_seconds 7\n"));
}

TEST(Registry, DefaultHandlesCountNothing) {
  const Counter counter;
  counter.Add();
  EXPECT_DOUBLE_EQ(counter.Value(), 0.0);
}

TEST(Scope, SeriesDisappearWithTheirLastScope) {
  Registry registry;
  std::optional<Scope> first(std::in_place, registry);
  std::optional<Scope> second(std::in_place, registry);
  first->GetGauge("agent_reliability_slo", "S.", {{"slo", "a"}}).Set(1);
  const Gauge kept = second->GetGauge("agent_reliability_slo", "S.", {{"slo", "a"}});
  first.reset();
  EXPECT_DOUBLE_EQ(kept.Value(), 1.0);
  EXPECT_THAT(registry.Text(), HasSubstr("slo=\"a\""));
  second.reset();
  EXPECT_THAT(registry.Text(), Not(HasSubstr("slo=\"a\"")));
}

TEST(Scope, SeriesAskedForOutsideAnyScopeStay) {
  Registry registry;
  const Counter counter = registry.GetCounter("agent_reliability_y_total", "Y.", {{"k", "a"}});
  {
    Scope scope(registry);
    scope.GetCounter("agent_reliability_y_total", "Y.", {{"k", "a"}}).Add();
  }
  EXPECT_DOUBLE_EQ(counter.Value(), 1.0);
}

}  // namespace
}  // namespace reliability::metrics
