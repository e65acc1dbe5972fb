#include "libs/policy/breaker_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace reliability::policy {
namespace {

constexpr AttemptOutcome kOk{ErrorClass::kNone, std::nullopt};
constexpr AttemptOutcome kFailed{ErrorClass::kServerError, std::nullopt};

BreakerRule Rule(BreakerScope scope, std::string name = "default") {
  BreakerRule rule;
  rule.name = std::move(name);
  rule.scope = scope;
  return rule;
}

BreakerConfig AllScopes() {
  return {{Rule(BreakerScope::kTool), Rule(BreakerScope::kProvider), Rule(BreakerScope::kModel)},
          {}};
}

CallTarget Tool(std::string name, std::string server = "orders") {
  return {TargetKind::kMcpTool, std::move(server), std::move(name)};
}
CallTarget Llm(std::string model) { return {TargetKind::kLlm, "openai", std::move(model)}; }

class BreakerTableTest : public testing::Test {
 protected:
  BreakerTableTest() { table_.Configure(AllScopes()); }

  std::vector<KeyedBreakerEvent> Call(const CallTarget& target, const AttemptOutcome& outcome) {
    const GuardAdmission guard = table_.Admit(target, now_);
    return table_.Settle(guard.ticket, outcome, now_, 0.5);
  }
  void Break(const CallTarget& target) {
    for (int i = 0; i < 3; ++i) {
      Call(target, kFailed);
    }
  }
  bool Refused(const CallTarget& target) { return !table_.Admit(target, now_).admitted; }
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const BreakerTable::View& view : table_.List(now_)) {
      keys.push_back(view.key);
    }
    return keys;
  }

  BreakerTable table_;
  MonotonicTime now_{Milliseconds{10'000'000}};
};

TEST_F(BreakerTableTest, ToolsOfAListAnswerBreakOneByOne) {
  table_.ObserveTools("orders", {"search", "refund"});
  Break(Tool("search"));
  EXPECT_TRUE(Refused(Tool("search")));
  EXPECT_FALSE(Refused(Tool("refund")));
  const GuardAdmission refused = table_.Admit(Tool("search"), now_);
  EXPECT_EQ(refused.refused_by, "mcp:orders/search");
  EXPECT_EQ(refused.refusal, ErrorClass::kCircuitOpen);
  EXPECT_EQ(refused.retry_after, Milliseconds{60'000});
}

TEST_F(BreakerTableTest, InventedToolNamesShareOneKey) {
  Call(Tool("made_up_1"), kOk);
  Call(Tool("made_up_2"), kOk);
  Call(Tool(""), kOk);
  EXPECT_EQ(Keys(), (std::vector<std::string>{"mcp:orders", "mcp:orders/_other"}));
}

TEST_F(BreakerTableTest, ToolsThatThePolicyNamesHaveTheirOwnKey) {
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

TEST_F(BreakerTableTest, ProviderAndModelBothGuardAnLlmCall) {
  EXPECT_EQ(table_.Admit(Llm("gpt"), now_).ticket.count, 2U);
  Call(Llm("gpt"), kOk);  // the model answered once: it exists
  Call(Llm("gpt"), kFailed);
  Call(Llm("gpt"), kFailed);
  EXPECT_EQ(Call(Llm("gpt"), kFailed).size(), 2U);
  EXPECT_EQ(table_.Admit(Llm("other"), now_).refused_by, "llm:openai");
  EXPECT_EQ(Keys(),
            (std::vector<std::string>{"llm:openai", "llm:openai/_other", "llm:openai/gpt"}));
}

TEST_F(BreakerTableTest, OneModelMayBreakAlone) {
  BreakerConfig config = AllScopes();
  config.rules[1].parameters.consecutive_failures = 0;  // provider: rate only
  config.rules[1].parameters.failure_percent = 100;
  table_.Configure(config);
  Call(Llm("big"), kOk);
  Call(Llm("small"), kOk);
  Break(Llm("big"));
  EXPECT_TRUE(Refused(Llm("big")));
  EXPECT_FALSE(Refused(Llm("small")));
}

TEST_F(BreakerTableTest, RefusalOfOneBreakerFreesTheProbeSlotOfTheOther) {
  BreakerConfig config = AllScopes();
  config.rules[1].parameters.max_probes = 1;
  config.rules[1].parameters.open_for = Milliseconds{1000};
  table_.Configure(config);
  Call(Llm("gpt"), kOk);
  Break(Llm("gpt"));  // provider open for 1 s, model for 60 s
  now_ += Milliseconds{1000};
  for (int i = 0; i < 3; ++i) {
    const GuardAdmission guard = table_.Admit(Llm("gpt"), now_);
    EXPECT_FALSE(guard.admitted);
    EXPECT_EQ(guard.refused_by, "llm:openai/gpt");  // never "no probe slot at the provider"
    EXPECT_TRUE(guard.ticket.empty());
  }
  const GuardAdmission probe = table_.Admit(Llm("unseen"), now_);
  EXPECT_TRUE(probe.admitted && probe.probe);
}

TEST_F(BreakerTableTest, HttpToolsBreakPerUpstream) {
  const CallTarget weather{TargetKind::kHttpTool, "weather", ""};
  Break(weather);
  EXPECT_EQ(table_.Admit(weather, now_).refused_by, "http:weather");
  EXPECT_FALSE(Refused({TargetKind::kHttpTool, "maps", ""}));
}

TEST_F(BreakerTableTest, FirstMatchingRuleOfAScopeWins) {
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

TEST_F(BreakerTableTest, NoRuleNoBreaker) {
  table_.Configure({});
  Break(Tool("search"));
  EXPECT_FALSE(Refused(Tool("search")));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(BreakerTableTest, StateSurvivesAReloadWithEqualParameters) {
  table_.ObserveTools("orders", {"search"});
  Break(Tool("search"));
  BreakerConfig renamed = AllScopes();
  renamed.rules[0].name = "renamed";
  table_.Configure(renamed);
  EXPECT_TRUE(Refused(Tool("search")));
  EXPECT_EQ(table_.List(now_)[0].rule, "renamed");
}

TEST_F(BreakerTableTest, AnotherCallTimeoutKeepsAnOpenCircuit) {
  table_.ObserveTools("orders", {"search"});
  Break(Tool("search"));
  BreakerConfig changed = AllScopes();
  changed.rules[0].parameters.probe_lease = Milliseconds{7000};
  table_.Configure(changed);
  EXPECT_TRUE(Refused(Tool("search")));
}

TEST_F(BreakerTableTest, OtherParametersStartClosedAndIgnoreEarlierCalls) {
  table_.ObserveTools("orders", {"search"});
  const GuardAdmission before = table_.Admit(Tool("search"), now_);
  Break(Tool("search"));
  BreakerConfig changed = AllScopes();
  changed.rules[0].parameters.consecutive_failures = 1;
  table_.Configure(changed);
  EXPECT_FALSE(Refused(Tool("search")));
  EXPECT_TRUE(table_.Settle(before.ticket, kFailed, now_, 0.5).empty());
  EXPECT_FALSE(Refused(Tool("search")));
}

TEST_F(BreakerTableTest, RemovedRuleRemovesItsBreakers) {
  Break(Tool("search"));
  BreakerConfig only_llm;
  only_llm.rules = {Rule(BreakerScope::kProvider)};
  table_.Configure(only_llm);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(BreakerTableTest, AtMost64NamesPerServerAnd256Keys) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    names.push_back("tool" + std::to_string(i));
  }
  for (int server = 0; server < 8; ++server) {
    const std::string upstream = "server" + std::to_string(server);
    table_.ObserveTools(upstream, names);
    for (const std::string& name : names) {
      Call(Tool(name, upstream), kOk);
      now_ += Milliseconds{1};
    }
    std::size_t own = 0;
    for (const std::string& key : Keys()) {
      own += key.starts_with("mcp:" + upstream + "/tool") ? 1U : 0U;
    }
    EXPECT_LE(own, BreakerTable::kMaxNamesPerUpstream);
    EXPECT_LE(table_.size(), BreakerTable::kMaxKeys);
  }
}

TEST_F(BreakerTableTest, ABreakerInThePlaceOfAForgottenOneIgnoresItsTickets) {
  const auto names = [](const char* prefix) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < BreakerTable::kMaxNamesPerUpstream; ++i) {
      all.push_back(prefix + std::to_string(i));
    }
    return all;
  };
  table_.ObserveTools("a", {"old"});
  const GuardAdmission old = table_.Admit(Tool("old", "a"), now_);
  for (const char* server : {"b", "c", "d", "e", "f"}) {  // more than there is room for
    table_.ObserveTools(server, names("t"));
    for (const std::string& name : names("t")) {
      Call(Tool(name, server), kOk);
    }
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(table_.Settle(old.ticket, kFailed, now_, 0.5).empty());
  }
  for (const BreakerTable::View& view : table_.List(now_)) {
    EXPECT_EQ(view.consecutive_failures, 0) << view.key;
  }
}

TEST_F(BreakerTableTest, AModelHasItsOwnKeyFromItsFirstAnswerOnAlsoAfterAReload) {
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

TEST_F(BreakerTableTest, OpenBreakersAreNeverForgotten) {
  table_.ObserveTools("orders", {"search"});
  Break(Tool("search"));
  for (int i = 0; i < 400; ++i) {
    const std::string upstream = "server" + std::to_string(i);
    Call({TargetKind::kHttpTool, upstream, ""}, kOk);
  }
  EXPECT_LE(table_.size(), BreakerTable::kMaxKeys);
  EXPECT_TRUE(Refused(Tool("search")));
  now_ += Milliseconds{2 * 3'600'000};
  Call({TargetKind::kHttpTool, "one_more", ""}, kOk);
  EXPECT_EQ(Keys(), (std::vector<std::string>{"http:one_more", "mcp:orders/search"}));
}

TEST_F(BreakerTableTest, FullOfOpenBreakersLeavesNewKeysUnguarded) {
  for (std::size_t i = 0; i < BreakerTable::kMaxKeys; ++i) {
    Break({TargetKind::kHttpTool, "server" + std::to_string(i), ""});
  }
  const GuardAdmission guard = table_.Admit({TargetKind::kHttpTool, "late", ""}, now_);
  EXPECT_TRUE(guard.admitted);
  EXPECT_TRUE(guard.ticket.empty());
  EXPECT_EQ(table_.size(), BreakerTable::kMaxKeys);
}

TEST_F(BreakerTableTest, HalfOpenIsReportedWithItsKey) {
  table_.ObserveTools("orders", {"search"});
  Break(Tool("search"));
  now_ += Milliseconds{60'000};
  const GuardAdmission probe = table_.Admit(Tool("search"), now_);
  ASSERT_EQ(probe.events.size(), 1U);
  EXPECT_EQ(probe.events[0].key, "mcp:orders/search");
  EXPECT_EQ(probe.events[0].event.kind, BreakerEventKind::kHalfOpened);
  EXPECT_TRUE(probe.probe);
}

}  // namespace
}  // namespace reliability::policy
