#include "sidecar/proxy/renamed_calls.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace reliability::sidecar::proxy {
namespace {

TEST(RenamedCalls, AnEntryLivesAsLongAsItsCall) {
  RenamedCalls table;
  {
    const auto entry = table.Add("orders", "s1", "7", R"("retry-a")");
    EXPECT_EQ(table.UpstreamId("orders", "s1", "7"), R"("retry-a")");
    EXPECT_EQ(table.size(), 1U);
  }
  EXPECT_EQ(table.UpstreamId("orders", "s1", "7"), std::nullopt);
  EXPECT_EQ(table.size(), 0U);
}

TEST(RenamedCalls, RouteSessionAndIdAllTell) {
  RenamedCalls table;
  const auto entry = table.Add("orders", "s1", "7", R"("retry-a")");
  EXPECT_EQ(table.UpstreamId("billing", "s1", "7"), std::nullopt);
  EXPECT_EQ(table.UpstreamId("orders", "s2", "7"), std::nullopt);
  EXPECT_EQ(table.UpstreamId("orders", "s1", R"("7")"), std::nullopt);
  EXPECT_EQ(table.UpstreamId("orders", "", "7"), std::nullopt);
}

TEST(RenamedCalls, TheNewestNameCountsAndAnOlderOwnerDoesNotTakeIt) {
  RenamedCalls table;
  auto older = table.Add("orders", "s1", "7", R"("retry-a")");
  auto newer = table.Add("orders", "s1", "7", R"("retry-b")");
  EXPECT_EQ(table.UpstreamId("orders", "s1", "7"), R"("retry-b")");
  older = {};
  EXPECT_EQ(table.UpstreamId("orders", "s1", "7"), R"("retry-b")");
  // As a call does that is sent a third time.
  newer = table.Add("orders", "s1", "7", R"("retry-c")");
  EXPECT_EQ(table.UpstreamId("orders", "s1", "7"), R"("retry-c")");
  RenamedCalls::Entry moved(std::move(newer));
  EXPECT_EQ(table.UpstreamId("orders", "s1", "7"), R"("retry-c")");
  moved = {};
  EXPECT_EQ(table.size(), 0U);
}

TEST(RenamedCalls, WhatIsNotKept) {
  RenamedCalls table;
  const auto nobody = table.Add("orders", "", "7", "8");
  const auto nameless = table.Add("orders", "s1", "", "8");
  const auto endless = table.Add("orders", "s1", std::string(RenamedCalls::kMaxKeyBytes, '1'), "8");
  EXPECT_EQ(table.size(), 0U);
}

TEST(RenamedCalls, AFullTableKeepsWhatItHas) {
  RenamedCalls table;
  std::vector<RenamedCalls::Entry> entries;
  for (std::size_t i = 0; i <= RenamedCalls::kMaxCalls; ++i) {
    entries.push_back(table.Add("orders", "s1", std::to_string(i), "8"));
  }
  EXPECT_EQ(table.size(), RenamedCalls::kMaxCalls);
  EXPECT_EQ(table.UpstreamId("orders", "s1", "0"), "8");
  EXPECT_EQ(table.UpstreamId("orders", "s1", std::to_string(RenamedCalls::kMaxCalls)),
            std::nullopt);
  const auto again = table.Add("orders", "s1", "0", "9");  // known already
  EXPECT_EQ(table.UpstreamId("orders", "s1", "0"), "9");
  entries.clear();
  EXPECT_EQ(table.size(), 1U);
}

TEST(RenamedCalls, WorkersShareIt) {
  RenamedCalls table;
  std::vector<std::jthread> threads;
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&table, worker] {
      const std::string session = "s" + std::to_string(worker);
      for (int i = 0; i < 500; ++i) {
        const auto entry = table.Add("orders", session, "7", std::to_string(i));
        EXPECT_EQ(table.UpstreamId("orders", session, "7"), std::to_string(i));
        (void)table.UpstreamId("orders", "s0", "7");
      }
    });
  }
  threads.clear();
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace reliability::sidecar::proxy
