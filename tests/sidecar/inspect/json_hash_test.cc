#include "sidecar/inspect/json_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace reliability::sidecar::inspect {
namespace {

TEST(JsonHash, SpellingDoesNotMatter) {
  const auto hash = JsonHash(R"({"a":1,"b":["x",true,null],"c":{"d":2.5}})");
  ASSERT_TRUE(hash.has_value());
  for (const char* same : {R"({"b":["x",true,null],"c":{"d":2.5},"a":1})",
                           R"( { "a" : 1.0 , "b" : [ "\u0078" , true , null ] , "c":{"d":25e-1}} )",
                           R"({"\u0061":1e0,"b":["x",true,null],"c":{"d":2.50}})"}) {
    EXPECT_EQ(JsonHash(same), hash) << same;
  }
}

TEST(JsonHash, MeaningMatters) {
  std::set<std::uint64_t> hashes;
  const std::vector<std::string> texts = {R"({"a":1})",
                                          R"({"a":2})",
                                          R"({"a":"1"})",
                                          R"({"b":1})",
                                          R"({"a":[1]})",
                                          R"({"a":-1})",
                                          R"({"a":true})",
                                          R"({"a":false})",
                                          R"({"a":null})",
                                          R"({})",
                                          R"([])",
                                          R"([1,2])",
                                          R"([2,1])",
                                          R"([[1],2])",
                                          R"(1)",
                                          R"("1")",
                                          R"(true)",
                                          R"(null)",
                                          R"({"a":1.5})",
                                          R"({"a":{"a":1}})",
                                          R"({"a":1,"b":1})",
                                          R"(18446744073709551615)",
                                          R"(123456789012345678901234567890)",
                                          R"(-9223372036854775808)"};
  for (const std::string& text : texts) {
    const auto hash = JsonHash(text);
    ASSERT_TRUE(hash.has_value()) << text;
    EXPECT_TRUE(hashes.insert(*hash).second) << text;
  }
}

TEST(JsonHash, EmptyArgumentsAreAnEmptyObject) {
  EXPECT_EQ(JsonHash(""), JsonHash("{}"));
  EXPECT_EQ(JsonHash("  "), JsonHash("{}"));
}

TEST(JsonHash, BrokenTextHasNone) {
  for (const char* bad : {"{", "}", "{\"a\":}", "[1,2", "1,2", "tru", "\"a", "{\"a\" 1}", "]["}) {
    EXPECT_EQ(JsonHash(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(JsonHash(std::string(100, '[') + std::string(100, ']')), std::nullopt);
}

}  // namespace
}  // namespace reliability::sidecar::inspect
