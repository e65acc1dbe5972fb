#include "sidecar/proxy/origin_check.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::proxy {
namespace {

TEST(OriginCheck, OnlyTheListenersOwnHost) {
  for (const char* host : {"", "localhost", "LOCALHOST:15100", "127.0.0.1", "127.0.0.1:15100",
                           "127.9.9.9:1", "[::1]", "[::1]:15100"}) {
    EXPECT_TRUE(IsOwnHost(host, HostRule::kLoopback)) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:15100", "127.0.0.1.evil.example", "localhost.evil.example",
        "10.0.0.7:15190", "[::1", "0.0.0.0", "169.254.169.254"}) {
    EXPECT_FALSE(IsOwnHost(host, HostRule::kLoopback)) << host;
  }
  EXPECT_TRUE(IsOwnHost("10.0.0.7:15190", HostRule::kAnyAddress));
  EXPECT_TRUE(IsOwnHost("[fd00::7]:15190", HostRule::kAnyAddress));
  EXPECT_FALSE(IsOwnHost("evil.example", HostRule::kAnyAddress));
}

TEST(OriginCheck, CrossSiteRequests) {
  EXPECT_FALSE(IsCrossSite("", ""));
  EXPECT_FALSE(IsCrossSite("http://localhost:3000", "same-site"));
  EXPECT_FALSE(IsCrossSite("http://127.0.0.1:15100", "same-origin"));
  EXPECT_FALSE(IsCrossSite("", "none"));
  EXPECT_TRUE(IsCrossSite("", "cross-site"));
  EXPECT_TRUE(IsCrossSite("http://evil.example", ""));
  EXPECT_TRUE(IsCrossSite("null", ""));
  EXPECT_TRUE(IsCrossSite("http://", ""));
}

TEST(OriginCheck, LoopbackAddresses) {
  EXPECT_TRUE(IsLoopbackAddress("127.0.0.1"));
  EXPECT_TRUE(IsLoopbackAddress("::1"));
  EXPECT_TRUE(IsLoopbackAddress("::ffff:127.0.0.1"));
  EXPECT_FALSE(IsLoopbackAddress("10.0.0.1"));
  EXPECT_FALSE(IsLoopbackAddress("localhost"));
}

}  // namespace
}  // namespace reliability::sidecar::proxy
