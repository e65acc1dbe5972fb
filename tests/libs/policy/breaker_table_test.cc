#include "libs/policy/breaker_table.h"

#include "tests/libs/policy/breaker_test_support.h"

namespace reliability::policy {
namespace {

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
