// Prices and budgets in the documents.
#include <gtest/gtest.h>

#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/to_policy.h"
#include "libs/sidecar_config/validate.h"

namespace reliability::sidecar_config {
namespace {

constexpr const char* kDocument =
    R"({"schema":"1.0","cost":{"perTurn":{"tokens":1000,"usd":"0.5"},"perSession":{"usd":"2"},)"
    R"("perDay":{"tokens":5},"onExceed":"Degrade","onUnknownCost":"Reject","assumedOutputTokens":9},)"
    R"("prices":[{"provider":"openai","model":"m","input":"2.5","output":"10"},)"
    R"({"provider":"claude","input":"3","cachedInput":"0.3","cacheWrite":"3.75","output":"15"}]})";

TEST(CostDocument, IsReadAndWrittenBack) {
  const auto decoded = DecodePolicy(kDocument);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  const std::string text = EncodePolicy(decoded->document);
  const auto again = DecodePolicy(text);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(EncodePolicy(again->document), text);
  const policy::CostSettings settings = ToCostSettings(again->document);
  EXPECT_EQ(settings.per_turn.tokens, 1000);
  EXPECT_EQ(settings.per_turn.usd, 500'000'000);
  EXPECT_FALSE(settings.per_session.tokens.has_value());
  EXPECT_EQ(settings.per_session.usd, 2'000'000'000);
  EXPECT_EQ(settings.per_day.tokens, 5);
  EXPECT_EQ(settings.on_exceed, policy::OnExceed::kDegrade);
  EXPECT_TRUE(settings.reject_unknown);
  EXPECT_EQ(settings.assumed_output_tokens, 9);
  ASSERT_EQ(settings.prices.size(), 2U);
  // What has no price of its own costs what fresh input costs.
  EXPECT_EQ(settings.prices[0].price.cached_input, 2'500'000'000);
  EXPECT_EQ(settings.prices[0].price.cache_write, 2'500'000'000);
  EXPECT_EQ(settings.prices[1].model, "");
  EXPECT_EQ(settings.prices[1].price.cached_input, 300'000'000);
  EXPECT_EQ(settings.prices[1].price.cache_write, 3'750'000'000);
}

TEST(CostDocument, WithoutBudgetsAndPricesNothingIsWritten) {
  const std::string text = EncodePolicy({});
  EXPECT_EQ(text.find("\"cost\""), std::string::npos);
  EXPECT_EQ(text.find("\"prices\""), std::string::npos);
  EXPECT_FALSE(ToCostSettings({}).active());
}

TEST(CostDocument, WhatBecomesOfCallsIsWrittenWithoutBudgetsToo) {
  // Mode Degraded may set a budget where the policy has none.
  for (void (*change)(Cost&) : {+[](Cost& cost) { cost.on_exceed = policy::OnExceed::kTemplate; },
                                +[](Cost& cost) { cost.assumed_output_tokens = 9; }}) {
    PolicyDocument document;
    change(document.cost);
    const auto decoded = DecodePolicy(EncodePolicy(document));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->document.cost, document.cost);
  }
}

TEST(CostDocument, WrongValuesNameTheirPath) {
  struct Case {
    const char* json;
    const char* error;
  };
  for (const Case& c : {
           Case{R"({"schema":"1.0","cost":{"perTurn":{"usd":0.5}}})", "cost.perTurn.usd"},
           Case{R"({"schema":"1.0","cost":{"perTurn":{"usd":"1e3"}}})", "cost.perTurn.usd"},
           Case{R"({"schema":"1.0","cost":{"perTurn":{"eur":"1"}}})", "cost.perTurn.eur"},
           Case{R"({"schema":"1.0","cost":{"onExceed":"Ask"}})", "cost.onExceed"},
           Case{R"({"schema":"1.0","prices":[{"provider":"p","input":"1"}]})", "prices[0].output"},
           Case{R"({"schema":"1.0","prices":[{"provider":"p","input":"-1","output":"1"}]})",
                "prices[0].input"},
       }) {
    const auto decoded = DecodePolicy(c.json);
    ASSERT_FALSE(decoded.has_value()) << c.json;
    EXPECT_TRUE(decoded.error().message.starts_with(c.error)) << decoded.error().message;
  }
}

TEST(CostDocument, IsValidated) {
  struct Case {
    const char* json;
    const char* path;
  };
  for (const Case& c : {
           Case{R"({"schema":"1.0","cost":{"perTurn":{"tokens":0}}})", "cost.perTurn.tokens"},
           Case{R"({"schema":"1.0","cost":{"perDay":{"usd":"0"}}})", "cost.perDay.usd"},
           Case{R"({"schema":"1.0","cost":{"assumedOutputTokens":0}})", "cost.assumedOutputTokens"},
           Case{R"({"schema":"1.0","cost":{"onExceed":"Template"}})", "cost.onExceed"},
           Case{R"({"schema":"1.0","prices":[{"provider":"","input":"1","output":"1"}]})",
                "prices[0].provider"},
           Case{R"({"schema":"1.0","prices":[{"provider":"p","input":"1","output":"1"},)"
                R"({"provider":"p","input":"2","output":"2"}]})",
                "prices[1]"},
       }) {
    const auto decoded = DecodePolicy(c.json);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    const auto errors = Validate(decoded->document);
    ASSERT_EQ(errors.size(), 1U) << c.json;
    EXPECT_EQ(errors[0].path, c.path);
  }
}

TEST(CostDocument, TheLedgerSaysWhatThePodHasSpentToday) {
  LedgerDocument ledger;
  EXPECT_EQ(EncodeLedger(ledger).find("spent"), std::string::npos);
  ledger.spent = policy::DaySpend{.day = 20'000, .spent = {.tokens = 12, .usd = 345}};
  const auto decoded = DecodeLedger(EncodeLedger(ledger));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->document.spent, ledger.spent);
}

}  // namespace
}  // namespace reliability::sidecar_config
