#include "libs/net/url.h"

#include <gtest/gtest.h>

namespace reliability::net {
namespace {

TEST(Url, Parts) {
  const auto url = ParseUrl("https://API.example.com/v1/");
  ASSERT_TRUE(url.has_value());
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->path, "/v1");
  EXPECT_EQ(url->authority, "api.example.com");
  EXPECT_EQ(url->origin, "https://api.example.com:443");

  const auto plain = ParseUrl("http://orders.shop.svc:8080");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->path, "");
  EXPECT_EQ(plain->authority, "orders.shop.svc:8080");

  const auto v6 = ParseUrl("http://[::1]:81/mcp");
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->authority, "[::1]:81");
}

TEST(Url, RefusesWhatAnUpstreamCannotBe) {
  for (const char* text :
       {"", "ftp://a", "a/b", "http://", "http://:80", "http://a:0", "http://a:65536", "http://a:x",
        "http://u:p@a", "http://a/b?c", "http://a/b#c", "http://a/ b", "http://[::1", "http://a b",
        "http://a/\r\n"}) {
    EXPECT_FALSE(ParseUrl(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace reliability::net
