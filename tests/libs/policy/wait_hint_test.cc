#include "libs/policy/wait_hint.h"

#include <gtest/gtest.h>

#include "libs/base/duration.h"

namespace reliability::policy {
namespace {

SystemTime Now() { return ParseRfc3339("1994-11-06T08:49:27Z").value(); }

std::optional<Milliseconds> Wait(WaitHeaders headers) { return WaitHint(headers, Now()); }

TEST(WaitHint, OrderOfTheHeaders) {
  WaitHeaders headers;
  EXPECT_EQ(Wait(headers), std::nullopt);
  headers.anthropic_reset_requests = "1994-11-06T08:50:27Z";
  headers.anthropic_reset_tokens = "1994-11-06T08:50:37Z";
  EXPECT_EQ(Wait(headers), Milliseconds{70'000});
  headers.reset_requests = "6m0s";
  headers.reset_tokens = "250ms";
  EXPECT_EQ(Wait(headers), Milliseconds{360'000});
  headers.retry_after = "2";
  EXPECT_EQ(Wait(headers), Milliseconds{2000});
  headers.retry_after_ms = "1500";
  EXPECT_EQ(Wait(headers), Milliseconds{1500});
}

TEST(WaitHint, RetryAfterForms) {
  WaitHeaders headers;
  headers.retry_after = " 0.5 ";
  EXPECT_EQ(Wait(headers), Milliseconds{500});
  headers.retry_after = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(Wait(headers), Milliseconds{10'000});
  headers.retry_after = "Sun, 06 Nov 1994 08:49:07 GMT";  // has passed
  EXPECT_EQ(Wait(headers), Milliseconds{0});
}

TEST(WaitHint, WhatIsNotUnderstoodIsIgnored) {
  for (const char* bad :
       {"soon", "-1", "1e3", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC"}) {
    WaitHeaders headers;
    headers.retry_after = bad;
    EXPECT_EQ(Wait(headers), std::nullopt) << bad;
  }
  for (const char* bad : {"s", "5", "5x", "1.2.3s", "3s!"}) {
    WaitHeaders headers;
    headers.reset_tokens = bad;
    EXPECT_EQ(Wait(headers), std::nullopt) << bad;
  }
  WaitHeaders headers;
  headers.anthropic_reset_tokens = "tomorrow";
  EXPECT_EQ(Wait(headers), std::nullopt);
}

TEST(WaitHint, AtMostADay) {
  for (const char* long_wait :
       {"999999999", "1000000000000000000000000", "Sun, 07 Nov 2094 08:49:37 GMT"}) {
    WaitHeaders headers;
    headers.retry_after = long_wait;
    EXPECT_EQ(Wait(headers), Milliseconds{86'400'000}) << long_wait;
  }
  WaitHeaders headers;
  headers.reset_requests = "99999h99999h";
  EXPECT_EQ(Wait(headers), Milliseconds{86'400'000});
}

TEST(WaitHint, GoDurations) {
  WaitHeaders headers;
  headers.reset_requests = "1h2m3.5s";
  EXPECT_EQ(Wait(headers), Milliseconds{3'723'500});
  headers.reset_requests = "8.64s";
  EXPECT_EQ(Wait(headers), Milliseconds{8640});
}

}  // namespace
}  // namespace reliability::policy
