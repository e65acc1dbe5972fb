#include "libs/base/duration.h"

#include <gtest/gtest.h>

namespace reliability {
namespace {

TEST(Duration, ParsesEveryUnit) {
  EXPECT_EQ(ParseDuration("250ms").value(), Milliseconds{250});
  EXPECT_EQ(ParseDuration("15s").value(), Milliseconds{15000});
  EXPECT_EQ(ParseDuration("1h30m").value(), Milliseconds{5'400'000});
  EXPECT_EQ(ParseDuration("1m500ms").value(), Milliseconds{60'500});
}

TEST(Duration, RefusesWhatGatewayApiRefuses) {
  for (const char* text : {"", "5", "s", "1.5s", "-1s", "123456s", "1s1s1s1s1s", "1d", "1 s"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

TEST(Duration, FormatsShortestForm) {
  EXPECT_EQ(FormatDuration(Milliseconds{90'000}), "1m30s");
  EXPECT_EQ(FormatDuration(Milliseconds{0}), "0s");
  EXPECT_EQ(FormatDuration(Milliseconds{3'600'000}), "1h");
  EXPECT_EQ(FormatDuration(Milliseconds{250}), "250ms");
}

TEST(Rfc3339, RoundTrips) {
  const auto time = ParseRfc3339("2026-11-25T10:42:10Z");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(FormatRfc3339(*time), "2026-11-25T10:42:10Z");
  EXPECT_EQ(FormatRfc3339Micro(*time + Milliseconds{7}), "2026-11-25T10:42:10.007000Z");
}

TEST(Rfc3339, ReadsFractionsAndOffsets) {
  EXPECT_EQ(ParseRfc3339("2026-01-01T01:00:00.250+01:00").value(),
            ParseRfc3339("2026-01-01T00:00:00.25Z").value());
  EXPECT_EQ(ParseRfc3339("2025-12-31T19:29:59.1239-04:30").value(),
            ParseRfc3339("2025-12-31t23:59:59.123z").value());
  EXPECT_EQ(ParseRfc3339("1970-01-01T00:00:00Z").value().time_since_epoch().count(), 0);
}

TEST(Rfc3339, RefusesNonsense) {
  for (const char* text :
       {"", "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "2026/01/01T00:00:00Z"}) {
    EXPECT_FALSE(ParseRfc3339(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace reliability
