#include "libs/base/log.h"

#include <gtest/gtest.h>

namespace reliability::log {
namespace {

TEST(Log, LinesAreJsonObjectsWithTypedFields) {
  Init({.level = Level::kInfo});
  testing::internal::CaptureStderr();
  Info("breaker_opened",
       {{"resource", "mcp:orders/search"}, {"open_for_ms", 60000}, {"twin", true}});
  Debug("not_shown");
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(
      line.find(
          R"("event":"breaker_opened","resource":"mcp:orders/search","open_for_ms":60000,"twin":true})"),
      std::string::npos)
      << line;
  EXPECT_EQ(line.find("not_shown"), std::string::npos);
}

TEST(Log, LevelsByName) {
  Level level = Level::kInfo;
  EXPECT_TRUE(ParseLevel("warn", level));
  EXPECT_EQ(level, Level::kWarn);
  EXPECT_FALSE(ParseLevel("loud", level));
}

}  // namespace
}  // namespace reliability::log
