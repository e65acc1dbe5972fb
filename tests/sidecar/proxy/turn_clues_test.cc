#include "sidecar/proxy/turn_clues.h"

#include <gtest/gtest.h>

#include <string_view>

#include "libs/net/http_head_parser.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr std::string_view kHead =
    "POST / HTTP/1.1\r\nhost: a\r\nx-agent-turn-id: t1\r\nbaggage: a=b, agent.turn=t%202\r\n"
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
    "x-stainless-timeout: 60\r\nx-stainless-read-timeout: 12.5\r\nx-stainless-retry-count: 2\r\n"
    "content-length: 0\r\n\r\n";

net::RequestHead Parse(std::string_view text) {
  net::RequestHead head;
  std::size_t scanned = 0;
  EXPECT_EQ(net::ParseRequestHead(text, scanned, head).status, net::HeadStatus::kComplete);
  return head;
}

TEST(TurnClues, HeaderBaggageAndTrace) {
  const net::RequestHead head = Parse(kHead);
  std::string baggage;
  const policy::TurnClues clues = ReadTurnClues(head, false, baggage);
  EXPECT_EQ(clues.explicit_id, "t1");
  EXPECT_EQ(clues.baggage_turn, "t 2");
  EXPECT_EQ(clues.trace, "");  // links spans only, unless the policy says more
  EXPECT_EQ(ReadTurnClues(head, true, baggage).trace, "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST(TurnClues, WhatTheClientsSdkSays) {
  const net::RequestHead head = Parse(kHead);
  EXPECT_EQ(ClientLimit(head), Milliseconds{12'500});
  EXPECT_EQ(ClientRetries(head), 2);
  const net::RequestHead plain = Parse("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_EQ(ClientLimit(plain), std::nullopt);
  EXPECT_EQ(ClientRetries(plain), 0);
  const net::RequestHead odd = Parse(
      "GET / HTTP/1.1\r\nhost: a\r\nx-stainless-timeout: soon\r\n"
      "x-stainless-retry-count: -1\r\n\r\n");
  EXPECT_EQ(ClientLimit(odd), std::nullopt);
  EXPECT_EQ(ClientRetries(odd), 0);
}

}  // namespace
}  // namespace reliability::sidecar::proxy
