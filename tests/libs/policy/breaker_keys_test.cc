// Which rule guards a call, and under which key: data-plane ruling 20.
#include "tests/libs/policy/breaker_test_support.h"

namespace reliability::policy {
namespace {

using BreakerKeys = BreakerTableTest;

TEST_F(BreakerKeys, InventedToolNamesShareOneKey) {
  Call(Tool("made_up_1"), kOk);
  Call(Tool("made_up_2"), kOk);
  Call(Tool(""), kOk);
  EXPECT_EQ(Keys(), (std::vector<std::string>{"mcp:orders", "mcp:orders/_other"}));
}

TEST_F(BreakerKeys, ToolsThatThePolicyNamesHaveTheirOwnKey) {
  BreakerConfig config = AllScopes();
  BreakerRule strict = Rule(BreakerScope::kTool, "strict");
  strict.tools = {"refund"};
  strict.parameters.consecutive_failures = 1;
  config.rules.insert(config.rules.begin(), strict);
  config.known_tools = {{"", "search"}, {"billing", "charge"}};
  table_.Configure(config);
  Call(Tool("refund"), kOk);
  Call(Tool("search"), kOk);
  Call(Tool("charge"), kOk);  // known at another server only
  EXPECT_EQ(Keys(), (std::vector<std::string>{"mcp:orders", "mcp:orders/_other",
                                              "mcp:orders/refund", "mcp:orders/search"}));
  const auto events = Call(Tool("refund"), kFailed);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].rule, "strict");
  EXPECT_EQ(events[0].key, "mcp:orders/refund");
}

TEST_F(BreakerKeys, HttpToolsBreakPerUpstream) {
  const CallTarget weather{TargetKind::kHttpTool, "weather", ""};
  Break(weather);
  EXPECT_EQ(table_.Admit(weather, now_).refused_by, "http:weather");
  EXPECT_FALSE(Refused({TargetKind::kHttpTool, "maps", ""}));
}

TEST_F(BreakerKeys, FirstMatchingRuleOfAScopeWins) {
  BreakerConfig config;
  BreakerRule orders = Rule(BreakerScope::kTool, "orders");
  orders.upstreams = {"orders"};
  orders.parameters.open_for = Milliseconds{5000};
  BreakerRule weather = Rule(BreakerScope::kTool, "weather");
  weather.tools = {"weather"};  // a plain HTTP tool is named like its upstream
  weather.parameters.open_for = Milliseconds{7000};
  config.rules = {orders, weather, Rule(BreakerScope::kTool, "rest")};
  table_.Configure(config);
  Break(Tool("search"));
  Break(Tool("search", "billing"));
  Break({TargetKind::kHttpTool, "weather", ""});
  EXPECT_EQ(table_.Admit(Tool("search"), now_).retry_after, Milliseconds{5000});
  EXPECT_EQ(table_.Admit(Tool("search", "billing"), now_).retry_after, Milliseconds{60'000});
  EXPECT_EQ(table_.Admit({TargetKind::kHttpTool, "weather", ""}, now_).retry_after,
            Milliseconds{7000});
}

TEST_F(BreakerKeys, NoRuleNoBreaker) {
  table_.Configure({});
  Break(Tool("search"));
  EXPECT_FALSE(Refused(Tool("search")));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(BreakerKeys, AModelHasItsOwnKeyFromItsFirstAnswerOnAlsoAfterAReload) {
  Call(Llm("m1"), kOk);
  EXPECT_EQ(table_.TargetKey(Llm("m1")), "llm:openai/m1");
  EXPECT_EQ(*table_.Admit(Llm("m1"), now_).target_key, "llm:openai/m1");
  EXPECT_EQ(*table_.Admit(Llm("m2"), now_).target_key, "llm:openai/_other");
  EXPECT_EQ(table_.TargetKey(Llm("m2")), "llm:openai/_other");
  Call(Llm("m1"), kOk);
  Call(Llm("m1"), kOk);
  table_.Configure(AllScopes());
  EXPECT_EQ(table_.TargetKey(Llm("m1")), "llm:openai/m1");
  EXPECT_FALSE(table_.guards_agent());
}

}  // namespace
}  // namespace reliability::policy
