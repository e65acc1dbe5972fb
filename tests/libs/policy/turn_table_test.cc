#include "libs/policy/turn_table.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

namespace reliability::policy {
namespace {

std::vector<std::string> ByAge(const TurnTable& table) {
  std::vector<std::string> ids;
  for (const Turn* turn = table.Oldest(); turn != nullptr; turn = table.Younger(*turn)) {
    ids.push_back(turn->id);
  }
  return ids;
}

std::set<std::string> OfPrefix(const TurnTable& table, std::uint64_t hash) {
  std::set<std::string> ids;
  table.EachOfPrefix(hash, [&](const Turn& turn) {
    EXPECT_TRUE(ids.insert(turn.id).second);
    return false;
  });
  return ids;
}

TEST(TurnTable, FindsByHandleAndById) {
  TurnTable table;
  EXPECT_EQ(table.Find(0), nullptr);
  EXPECT_EQ(table.Find(1), nullptr);
  EXPECT_EQ(table.FindNamed("a"), nullptr);
  const TurnHandle a = table.Add("a", std::nullopt).handle;
  const TurnHandle b = table.Add("b", std::nullopt).handle;
  EXPECT_EQ(table.Find(a)->id, "a");
  EXPECT_EQ(std::as_const(table).Find(b)->id, "b");
  EXPECT_EQ(table.FindNamed("b")->handle, b);
  EXPECT_EQ(std::as_const(table).FindNamed("a")->handle, a);
  EXPECT_EQ(table.size(), 2U);
}

TEST(TurnTable, AHandleIsNeverUsedAgainAlthoughItsPlaceIs) {
  TurnTable table;
  std::set<TurnHandle> seen;
  for (int i = 0; i < 100; ++i) {
    Turn& turn = table.Add("t", std::nullopt);
    const TurnHandle handle = turn.handle;
    EXPECT_TRUE(seen.insert(handle).second);
    EXPECT_EQ(turn.llm_calls, 0);
    turn.llm_calls = 7;  // must not be seen by the next one
    turn.pending.push_back({"search", 1, false});
    table.Erase(turn);
    EXPECT_EQ(table.Find(handle), nullptr);
    EXPECT_EQ(table.Find(0), nullptr);  // what a free place has
  }
  EXPECT_EQ(table.size(), 0U);
}

TEST(TurnTable, ListsByAgeWhateverIsErased) {
  TurnTable table;
  for (const char* id : {"a", "b", "c", "d"}) {
    table.Add(id, std::nullopt);
  }
  table.Erase(*table.FindNamed("b"));
  EXPECT_EQ(ByAge(table), (std::vector<std::string>{"a", "c", "d"}));
  table.Add("e", std::nullopt);  // where b was
  EXPECT_EQ(ByAge(table), (std::vector<std::string>{"a", "c", "d", "e"}));
  table.Erase(*table.FindNamed("a"));
  table.Erase(*table.FindNamed("e"));
  EXPECT_EQ(ByAge(table), (std::vector<std::string>{"c", "d"}));
  table.Clear();
  EXPECT_EQ(ByAge(table), std::vector<std::string>{});
  table.Add("f", std::nullopt);
  EXPECT_EQ(ByAge(table), std::vector<std::string>{"f"});
}

TEST(TurnTable, FindsAllOfAPrefixAndNoOther) {
  TurnTable table;
  constexpr std::uint64_t kHash = 5;
  constexpr std::uint64_t kSameBucket = kHash + TurnTable::kMaxTurns;
  for (const char* id : {"a", "b", "c"}) {
    table.Add(id, kHash);
  }
  table.Add("other", kSameBucket);
  table.Add("none", std::nullopt);
  EXPECT_EQ(OfPrefix(table, kHash), (std::set<std::string>{"a", "b", "c"}));
  EXPECT_EQ(OfPrefix(table, kSameBucket), std::set<std::string>{"other"});
  table.ForgetPrefix(*table.FindNamed("b"));
  table.ForgetPrefix(*table.FindNamed("b"));  // once more: nothing
  table.ForgetPrefix(*table.FindNamed("none"));
  EXPECT_EQ(OfPrefix(table, kHash), (std::set<std::string>{"a", "c"}));
  EXPECT_EQ(table.FindNamed("b")->prefix_hash, kHash);
  table.Erase(*table.FindNamed("b"));
  table.Erase(*table.FindNamed("a"));
  table.Erase(*table.FindNamed("c"));
  EXPECT_EQ(OfPrefix(table, kHash), std::set<std::string>{});
  EXPECT_EQ(OfPrefix(table, kSameBucket), std::set<std::string>{"other"});
  int looked_at = 0;
  table.Add("more", kSameBucket);
  table.EachOfPrefix(kSameBucket, [&](const Turn&) {
    ++looked_at;
    return true;
  });
  EXPECT_EQ(looked_at, 1);
}

TEST(TurnTable, HoldsAsManyAsItMay) {
  TurnTable table;
  for (std::size_t i = 0; i < TurnTable::kMaxTurns; ++i) {
    table.Add("t" + std::to_string(i), i % 3);
  }
  EXPECT_EQ(table.size(), TurnTable::kMaxTurns);
  for (std::size_t i = 0; i < TurnTable::kMaxTurns; ++i) {
    const Turn* const turn = table.FindNamed("t" + std::to_string(i));
    ASSERT_NE(turn, nullptr);
    EXPECT_EQ(table.Find(turn->handle), turn);
  }
  EXPECT_EQ(OfPrefix(table, 0).size(), (TurnTable::kMaxTurns + 2) / 3);
  table.Erase(*table.Oldest());
  EXPECT_EQ(table.Add("again", 1).handle % TurnTable::kMaxTurns, 0U);
}

}  // namespace
}  // namespace reliability::policy
