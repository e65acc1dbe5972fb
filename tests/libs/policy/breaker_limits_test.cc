// Rate limits and spent quotas of LLM calls: what they hold, by which breakers there are.
// Data-plane ruling 23.
#include <algorithm>

#include "tests/libs/policy/breaker_test_support.h"

namespace reliability::policy {
namespace {

constexpr AttemptOutcome kLimited{ErrorClass::kRateLimited, Milliseconds{7000}};
constexpr AttemptOutcome kLimitedSomehow{ErrorClass::kRateLimited, std::nullopt};
constexpr AttemptOutcome kSpent{ErrorClass::kQuotaExhausted, std::nullopt};

struct Scopes {
  const char* name;
  std::vector<BreakerScope> scopes;
};

class BreakerLimits : public BreakerTableTest {
 protected:
  void Use(const std::vector<BreakerScope>& scopes,
           BreakerOperation operation = BreakerOperation::kAutomatic) {
    config_ = {};
    for (const BreakerScope scope : scopes) {
      config_.rules.push_back(Rule(scope, scope == BreakerScope::kModel ? "model" : "provider"));
      config_.rules.back().operation = operation;
    }
    table_ = BreakerTable();
    table_.Configure(config_);
  }
  const BreakerTable::View* Row(const std::string& key) {
    rows_ = table_.List(now_);
    const auto found =
        std::find_if(rows_.begin(), rows_.end(), [&](const auto& row) { return row.key == key; });
    return found == rows_.end() ? nullptr : &*found;
  }

  BreakerConfig config_;
  std::vector<BreakerTable::View> rows_;
};

TEST_F(BreakerLimits, ALimitHoldsItsModelAndNoOtherWhicheverBreakersThereAre) {
  const Scopes all[] = {{"both", {BreakerScope::kProvider, BreakerScope::kModel}},
                        {"provider", {BreakerScope::kProvider}},
                        {"model", {BreakerScope::kModel}}};
  for (const bool answered_before : {false, true}) {
    for (const Scopes& one : all) {
      SCOPED_TRACE(one.name);
      Use(one.scopes);
      if (answered_before) {
        Call(Llm("big"), kOk);
        Call(Llm("small"), kOk);
      }
      const auto events = Call(Llm("big"), kLimited);
      ASSERT_EQ(events.size(), 1U);
      EXPECT_EQ(events[0].key, "llm:openai/big");
      EXPECT_EQ(events[0].rule, one.scopes.back() == BreakerScope::kModel ? "model" : "provider");
      EXPECT_EQ(events[0].event.kind, BreakerEventKind::kHeld);
      EXPECT_EQ(events[0].event.open_for, Milliseconds{7000});
      const GuardAdmission held = table_.Admit(Llm("big"), now_ + Milliseconds{1000});
      EXPECT_FALSE(held.admitted);
      EXPECT_EQ(held.refused_by, "llm:openai/big");
      EXPECT_EQ(held.refusal, ErrorClass::kRateLimited);
      EXPECT_EQ(held.cause, BreakerCause::kRateLimit);
      EXPECT_EQ(held.retry_after, Milliseconds{6000});
      EXPECT_TRUE(held.ticket.empty());
      EXPECT_TRUE(table_.Refuses(Llm("big"), now_ + Milliseconds{6999}));
      EXPECT_FALSE(table_.Refuses(Llm("big"), now_ + Milliseconds{7000}));
      for (const char* other : {"small", "never_seen", ""}) {
        EXPECT_FALSE(Refused(Llm(other))) << other;
        EXPECT_FALSE(table_.Refuses(Llm(other), now_)) << other;
      }
      ASSERT_NE(Row("llm:openai/big"), nullptr);
      EXPECT_EQ(Row("llm:openai/big")->retry_after, Milliseconds{7000});
      EXPECT_EQ(Row("llm:openai/big")->state, BreakerState::kClosed);
      EXPECT_EQ(Row("llm:openai/big")->rule, events[0].rule);
      if (const auto* provider = Row("llm:openai")) {
        EXPECT_EQ(provider->retry_after, Milliseconds{0});
        EXPECT_EQ(provider->consecutive_failures, 0);
      }
      now_ += Milliseconds{7000};
      EXPECT_FALSE(Refused(Llm("big")));
    }
  }
}

TEST_F(BreakerLimits, TheSameModelOfAnotherProviderIsNotHeld) {
  Use({BreakerScope::kProvider});
  Call(Llm("big"), kLimited);
  EXPECT_FALSE(Refused({TargetKind::kLlm, "azure", "big"}));
}

TEST_F(BreakerLimits, WithoutATimeOrWithAShorterOneNothingChanges) {
  Use({BreakerScope::kProvider});
  EXPECT_TRUE(Call(Llm("big"), kLimitedSomehow).empty());
  EXPECT_EQ(Keys(), std::vector<std::string>{"llm:openai"});
  const GuardAdmission first = table_.Admit(Llm("big"), now_);
  const GuardAdmission second = table_.Admit(Llm("big"), now_);
  EXPECT_EQ(table_.Settle(first.ticket, kLimited, now_, 0.5).size(), 1U);
  EXPECT_TRUE(table_.Settle(second.ticket, {ErrorClass::kRateLimited, Milliseconds{500}}, now_, 0.5)
                  .empty());
  EXPECT_EQ(table_.Admit(Llm("big"), now_).retry_after, Milliseconds{7000});
}

TEST_F(BreakerLimits, WithoutAModelItHoldsWhateverGuardsTheCall) {
  Use({BreakerScope::kProvider, BreakerScope::kModel});
  EXPECT_EQ(Call(Llm(""), kLimited).size(), 2U);
  EXPECT_EQ(table_.Admit(Llm("big"), now_).refused_by, "llm:openai");
  EXPECT_EQ(table_.Admit(Llm("big"), now_).refusal, ErrorClass::kRateLimited);
}

TEST_F(BreakerLimits, ASpentQuotaOpensTheProviderForAllItsModels) {
  for (const auto& scopes : {std::vector{BreakerScope::kProvider, BreakerScope::kModel},
                             std::vector{BreakerScope::kProvider}}) {
    Use(scopes);
    Call(Llm("small"), kOk);
    Call(Llm("big"), kSpent);
    const GuardAdmission refused = table_.Admit(Llm("small"), now_);
    EXPECT_EQ(refused.refused_by, "llm:openai");
    EXPECT_EQ(refused.refusal, ErrorClass::kCircuitOpen);
    EXPECT_EQ(refused.cause, BreakerCause::kQuota);
  }
}

TEST_F(BreakerLimits, WhatOnlyKeepsLimitsNeverOpens) {
  Use({BreakerScope::kProvider});
  config_.rules[0].parameters.consecutive_failures = 0;
  config_.rules[0].parameters.failure_percent = 0;
  table_.Configure(config_);
  Call(Llm("big"), kLimited);
  now_ += Milliseconds{7000};
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Call(Llm("big"), kFailed).empty());
  }
  EXPECT_EQ(Row("llm:openai/big")->window.calls, 0);
  Call(Llm("big"), kSpent);
  EXPECT_EQ(Row("llm:openai")->state, BreakerState::kOpen);
  EXPECT_EQ(Row("llm:openai/big")->state, BreakerState::kClosed);
}

TEST_F(BreakerLimits, AProbeThatIsLimitedGivesTheProvidersSlotToAnotherModel) {
  Use({BreakerScope::kProvider});
  config_.rules[0].parameters.max_probes = 1;
  config_.rules[0].parameters.successes = 1;
  table_.Configure(config_);
  Break(Llm("big"));
  now_ += Milliseconds{60'000};
  EXPECT_TRUE(table_.Admit(Llm("small"), now_).probe);
  now_ += Milliseconds{60'000};  // it was lost
  Call(Llm("big"), kLimited);
  EXPECT_EQ(Row("llm:openai")->state, BreakerState::kHalfOpen);
  EXPECT_EQ(table_.Admit(Llm("big"), now_).refusal, ErrorClass::kRateLimited);
  const auto events = Call(Llm("small"), kOk);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event.kind, BreakerEventKind::kClosed);
}

TEST_F(BreakerLimits, ARuleForAnotherModelLeavesTheLimitToTheProvider) {
  Use({BreakerScope::kProvider, BreakerScope::kModel});
  config_.rules[1].models = {"small"};
  table_.Configure(config_);
  EXPECT_EQ(Call(Llm("big"), kLimited)[0].rule, "provider");
  EXPECT_EQ(Call(Llm("small"), kLimited)[0].rule, "model");
  EXPECT_TRUE(Refused(Llm("big")));
  EXPECT_TRUE(Refused(Llm("small")));
}

TEST_F(BreakerLimits, AHoldOutlivesAReloadAndEndsWithItsRule) {
  Use({BreakerScope::kProvider});
  Call(Llm("big"), kLimited);
  config_.rules[0].name = "renamed";
  table_.Configure(config_);
  EXPECT_TRUE(Refused(Llm("big")));
  EXPECT_EQ(Row("llm:openai/big")->rule, "renamed");
  config_.rules.push_back(Rule(BreakerScope::kModel, "model"));  // another breaker has its place
  table_.Configure(config_);
  EXPECT_EQ(Row("llm:openai/big"), nullptr);
  EXPECT_FALSE(Refused(Llm("big")));
  Call(Llm("big"), kLimited);
  EXPECT_EQ(Row("llm:openai/big")->rule, "model");
}

TEST_F(BreakerLimits, WhatAPersonSetIsObeyed) {
  Use({BreakerScope::kProvider}, BreakerOperation::kMetricsOnly);
  Call(Llm("big"), kLimited);
  const GuardAdmission passed = table_.Admit(Llm("big"), now_);
  EXPECT_TRUE(passed.admitted);
  EXPECT_EQ(passed.would_refuse, ErrorClass::kRateLimited);
  EXPECT_FALSE(table_.Refuses(Llm("big"), now_));
  EXPECT_EQ(Row("llm:openai/big")->operation, BreakerOperation::kMetricsOnly);
  Use({BreakerScope::kProvider, BreakerScope::kModel});
  config_.rules[1].operation = BreakerOperation::kDisabled;
  table_.Configure(config_);
  Call(Llm("big"), kLimited);
  EXPECT_FALSE(Refused(Llm("big")));
  Use({BreakerScope::kProvider}, BreakerOperation::kDisabled);
  Call(Llm("big"), kLimited);
  EXPECT_FALSE(Refused(Llm("big")));
}

TEST_F(BreakerLimits, ACallThatWasRefusedHoldsNothing) {
  Use({BreakerScope::kProvider});
  Break(Llm("big"));
  EXPECT_TRUE(Call(Llm("big"), kLimited).empty());  // Observe sends it all the same
  EXPECT_EQ(Row("llm:openai/big"), nullptr);
}

TEST_F(BreakerLimits, AtMost64LimitedNamesTheRestShareOne) {
  Use({BreakerScope::kProvider});
  for (std::size_t i = 0; i < BreakerTable::kMaxNamesPerUpstream; ++i) {
    Call(Llm("m" + std::to_string(i)), kLimited);
  }
  EXPECT_FALSE(Refused(Llm("late")));
  EXPECT_EQ(Call(Llm("late"), kLimited)[0].key, "llm:openai/_other");
  EXPECT_TRUE(Refused(Llm("later")));
  EXPECT_EQ(table_.size(), BreakerTable::kMaxNamesPerUpstream + 2);
}

TEST_F(BreakerLimits, FullOfOpenBreakersKeepsNoLimit) {
  Use({BreakerScope::kProvider});
  config_.rules.push_back(Rule(BreakerScope::kTool));
  table_.Configure(config_);
  const GuardAdmission guard = table_.Admit(Llm("big"), now_);
  for (std::size_t i = 0; i + 1 < BreakerTable::kMaxKeys; ++i) {
    Break({TargetKind::kHttpTool, "server" + std::to_string(i), ""});
  }
  Break(Llm("small"));
  EXPECT_TRUE(table_.Settle(guard.ticket, kLimited, now_, 0.5).empty());
  EXPECT_EQ(table_.size(), BreakerTable::kMaxKeys);
}

}  // namespace
}  // namespace reliability::policy
