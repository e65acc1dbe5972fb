#include "libs/policy/price_table.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

TEST(Usd, IsReadAndWrittenExactly) {
  struct Case {
    const char* text;
    NanoUsd nano;
    const char* shortest;
  };
  for (const Case& c :
       {Case{"0", 0, "0"}, Case{"1", 1'000'000'000, "1"}, Case{"0.25", 250'000'000, "0.25"},
        Case{"2.50", 2'500'000'000, "2.5"}, Case{"0.000001", 1'000, "0.000001"},
        Case{"1000000", 1'000'000'000'000'000, "1000000"}}) {
    const auto read = ParseUsd(c.text);
    ASSERT_TRUE(read.has_value()) << c.text;
    EXPECT_EQ(*read, c.nano) << c.text;
    EXPECT_EQ(FormatUsd(*read), c.shortest);
  }
  EXPECT_EQ(FormatUsd(-1), "-0.000000001");
  for (const char* wrong : {"", ".5", "5.", "-1", "+1", "1e3", "0.0000001", "1,5", "$1", " 1",
                            "1000000.5", "12345678"}) {
    EXPECT_FALSE(ParseUsd(wrong).has_value()) << wrong;
  }
}

Price PriceOf(const char* input, const char* cached, const char* write, const char* output) {
  return {*ParseUsd(input), *ParseUsd(cached), *ParseUsd(write), *ParseUsd(output)};
}

TEST(Cost, EachTokenHasThePriceOfItsKindAndSumsAreExact) {
  const Price price = PriceOf("2.5", "1.25", "3.125", "10");
  struct Case {
    TokenCounts tokens;
    NanoUsd nano;
  };
  for (const Case& c : {Case{{}, 0}, Case{{.input = 1}, 2'500}, Case{{.cached_input = 1}, 1'250},
                        Case{{.cache_write = 1}, 3'125}, Case{{.output = 1}, 10'000},
                        Case{{.input = 1'000'000}, 2'500'000'000},
                        Case{{.input = 10, .cached_input = 20, .cache_write = 30, .output = 40},
                             25'000 + 25'000 + 93'750 + 400'000}}) {
    EXPECT_EQ(CostOf(price, c.tokens), c.nano);
  }
}

TEST(Cost, IsRoundedUpOnceAndNeverToZero) {
  // 0.000001 USD for a million tokens is 0.001 nano-USD for one.
  const Price price = PriceOf("0.000001", "0.000001", "0.000001", "0.000001");
  EXPECT_EQ(CostOf(price, {.input = 1}), 1);
  EXPECT_EQ(CostOf(price, {.input = 1, .cached_input = 1, .cache_write = 1, .output = 1}), 1);
  EXPECT_EQ(CostOf(price, {.input = 1'000, .output = 1}), 2);
}

TEST(Cost, TheLargestNumbersDoNotOverflow) {
  const Price dear{.input = 5'000 * NanoUsd{1'000'000'000} + 999'999};
  EXPECT_EQ(CostOf(dear, {.input = kMaxTokens}),
            kMaxTokens * 5'000'000 + (kMaxTokens / 1'000'000) * 999'999);
}

TEST(PriceTable, TheModelsOwnPriceThenTheProvidersThenNone) {
  const PriceTable table({{"openai", "", {.input = 1}},
                          {"openai", "gpt-4o", {.input = 2}},
                          {"claude", "opus", {.input = 3}}});
  ASSERT_NE(table.Find("openai", "gpt-4o"), nullptr);
  EXPECT_EQ(table.Find("openai", "gpt-4o")->input, 2);
  EXPECT_EQ(table.Find("openai", "gpt-4o-mini")->input, 1);
  EXPECT_EQ(table.Find("claude", "opus")->input, 3);
  EXPECT_EQ(table.Find("claude", "haiku"), nullptr);
  EXPECT_EQ(table.Find("other", "gpt-4o"), nullptr);
  EXPECT_EQ(PriceTable().Find("openai", "gpt-4o"), nullptr);
}

}  // namespace
}  // namespace reliability::policy
