#include "sidecar/proxy/local_api.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::proxy {
namespace {

TEST(LocalApi, PathOfAnOutcome) {
  EXPECT_EQ(TurnOfOutcomePath("/v1/turns/abc/outcome"), "abc");
  EXPECT_EQ(TurnOfOutcomePath("/v1/turns/a%20b/outcome"), "a b");
  EXPECT_FALSE(TurnOfOutcomePath("/v1/turns//outcome").has_value());
  EXPECT_FALSE(TurnOfOutcomePath("/v1/turns/outcome").has_value());
  EXPECT_FALSE(TurnOfOutcomePath("/v1/turns/a/b/outcome").has_value());
  EXPECT_FALSE(TurnOfOutcomePath("/v1/turns/a").has_value());
}

TEST(LocalApi, ReadsReports) {
  const auto good = ReadOutcome(R"({"result":"Success"})");
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->result, policy::ReportedResult::kSuccess);
  const auto bad = ReadOutcome(R"({"result":"Failure","reason":"wrong order"})");
  ASSERT_TRUE(bad.has_value());
  EXPECT_EQ(bad->result, policy::ReportedResult::kFailure);
  EXPECT_EQ(bad->reason, "wrong order");
}

TEST(LocalApi, RefusesAnythingElse) {
  for (const char* json :
       {"", "{", "[]", "5", "{}", R"({"result":"Maybe"})", R"({"result":5})", R"({"reason":"x"})",
        R"({"result":"Success","reason":5})", R"({"result":"Success","more":"x"})",
        R"({"result":"Success","result":"Failure"})"}) {
    EXPECT_FALSE(ReadOutcome(json).has_value()) << json;
  }
}

}  // namespace
}  // namespace reliability::sidecar::proxy
