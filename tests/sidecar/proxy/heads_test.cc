#include "sidecar/proxy/heads.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/base/duration.h"
#include "libs/net/http_head_parser.h"

namespace reliability::sidecar::proxy {
namespace {

Route MakeRoute(const char* url) {
  Route route;
  route.name = "orders";
  route.prefix = "/mcp/orders";
  route.url = *net::ParseUrl(url);
  return route;
}

net::RequestHead Request(const std::string& text) {
  net::RequestHead head;
  std::size_t scanned = 0;
  EXPECT_EQ(net::ParseRequestHead(text, scanned, head).status, net::HeadStatus::kComplete);
  return head;
}

net::ResponseHead Response(const std::string& text) {
  net::ResponseHead head;
  std::size_t scanned = 0;
  EXPECT_EQ(net::ParseResponseHead(text, scanned, head).status, net::HeadStatus::kComplete);
  return head;
}

TEST(Heads, RequestsAreWrittenAnew) {
  const std::string text =
      "POST /mcp/orders HTTP/1.1\r\nHost: 127.0.0.1:15100\r\nConnection: X-Private, keep-alive\r\n"
      "X-Private: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMA\r\nProxy-Authorization: Basic x\r\nExpect: 100-continue\r\n"
      "Accept-Encoding: gzip\r\nAuthorization: Bearer k\r\nX-Agent-Deadline-Ms: 99999\r\n"
      "Content-Length: 5\r\nX-Kept: yes\r\n\r\n";
  HeadWriter out;
  WriteRequestHead(out, Request(text), MakeRoute("https://orders.shop:8443/mcp"),
                   {.target = "/mcp?x=1", .identity_encoding = true, .deadline_ms = 4500},
                   {.kind = OutFraming::Kind::kChunked});
  EXPECT_EQ(out.view(),
            "POST /mcp?x=1 HTTP/1.1\r\nhost: orders.shop:8443\r\nAuthorization: Bearer k\r\n"
            "X-Kept: yes\r\naccept-encoding: identity\r\nx-agent-deadline-ms: 4500\r\n"
            "transfer-encoding: chunked\r\n\r\n");
}

TEST(Heads, AnotherApiGetsItsOwnFields) {
  const std::string chat =
      "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nOpenAI-Beta: x\r\nX-Kept: yes\r\n"
      "Content-Type: application/json\r\n\r\n";
  const OutFraming framing{.kind = OutFraming::Kind::kLength, .length = 2};
  RequestEdit edit{.target = "/v1/messages", .deadline_ms = {}};
  edit.translated = true;
  Route route = MakeRoute("http://a");
  route.format = sidecar_config::LlmFormat::kAnthropic;
  HeadWriter out;
  WriteRequestHead(out, Request(chat), route, edit, framing);
  EXPECT_EQ(out.view(),
            "POST /v1/messages HTTP/1.1\r\nhost: a\r\nX-Kept: yes\r\n"
            "Content-Type: application/json\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\n"
            "content-length: 2\r\n\r\n");
  const std::string messages =
      "POST / HTTP/1.1\r\nHost: a\r\nX-Api-Key: k\r\nAnthropic-Version: 1\r\n"
      "anthropic-beta: x\r\n\r\n";
  route.format = sidecar_config::LlmFormat::kOpenAI;
  out.Clear();
  WriteRequestHead(out, Request(messages), route, edit, framing);
  EXPECT_EQ(out.view(),
            "POST /v1/messages HTTP/1.1\r\nhost: a\r\nauthorization: Bearer k\r\n"
            "content-length: 2\r\n\r\n");
}

TEST(Heads, AnotherAccountSeesOnlyWhatItNeeds) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nX-Portkey-Api-Key: k\r\n"
      "Helicone-Auth: k\r\ncf-aig-authorization: k\r\nOcp-Apim-Subscription-Key: k\r\n"
      "x-api-key: k\r\napi-key: k\r\nCookie: c\r\nOpenAI-Organization: o\r\nbaggage: b\r\n"
      "X-Agent-Turn-Id: t\r\nForwarded: for=1.2.3.4\r\nX-Anything: k\r\nAcceptable: k\r\n"
      "Content-Type: application/json\r\nAccept: */*\r\nAccept-Language: de\r\n"
      "User-Agent: sdk\r\ntraceparent: p\r\ntracestate: s\r\nanthropic-version: 1\r\n"
      "Anthropic-Beta: b\r\nOpenAI-Beta: b\r\nX-Stainless-Lang: py\r\nIdempotency-Key: i\r\n"
      "X-Request-Id: r\r\n\r\n";
  RequestEdit edit{.target = "/v1", .deadline_ms = {}};
  edit.foreign = true;
  edit.key = "own";
  HeadWriter out;
  WriteRequestHead(out, Request(text), MakeRoute("http://a"), edit, {});
  EXPECT_EQ(out.view(),
            "POST /v1 HTTP/1.1\r\nhost: a\r\nContent-Type: application/json\r\nAccept: */*\r\n"
            "Accept-Language: de\r\nUser-Agent: sdk\r\ntraceparent: p\r\ntracestate: s\r\n"
            "anthropic-version: 1\r\nAnthropic-Beta: b\r\nOpenAI-Beta: b\r\n"
            "X-Stainless-Lang: py\r\nIdempotency-Key: i\r\nX-Request-Id: r\r\n"
            "authorization: Bearer own\r\ncontent-length: 0\r\n\r\n");
}

TEST(Heads, AnAnswerWrittenAnewSaysNothingOfItsProvider) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nSet-Cookie: a=b\r\n"
      "x-ratelimit-limit-requests: 5\r\nOpenAI-Version: 1\r\nanthropic-ratelimit-tokens-limit: "
      "5\r\n"
      "x-request-id: r\r\nretry-after: 2\r\n\r\n";
  HeadWriter out;
  ResponseEdit edit;
  edit.translated_type = "text/event-stream";
  WriteResponseHead(out, Response(text), edit, {.kind = OutFraming::Kind::kChunked});
  EXPECT_EQ(out.view(),
            "HTTP/1.1 200 OK\r\nx-request-id: r\r\nretry-after: 2\r\n"
            "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST(Heads, ABodylessPostSaysSo) {
  HeadWriter out;
  WriteRequestHead(out, Request("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), MakeRoute("http://a"),
                   {.target = "/", .identity_encoding = false, .deadline_ms = {}}, {});
  EXPECT_EQ(out.view(), "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
}

TEST(Heads, ResponsesAreWrittenAnew) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
      "Transfer-Encoding: chunked\r\nx-agent-turn-id: forged\r\nSet-Cookie: a=b\r\n\r\n";
  HeadWriter out;
  WriteResponseHead(out, Response(text), {.turn_id = "t1", .route = nullptr, .keep_alive = true},
                    {.kind = OutFraming::Kind::kLength, .length = 7});
  EXPECT_EQ(out.view(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\n"
            "x-agent-turn-id: t1\r\ncontent-length: 7\r\n\r\n");
}

TEST(Heads, LongOnesAreWrittenWhole) {
  const std::string value(5000, 'v');
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nX-Long: " + value + "\r\nX-Last: 1\r\n\r\n";
  HeadWriter out;
  for (int i = 0; i < 2; ++i) {
    out.Clear();
    WriteRequestHead(out, Request(text), MakeRoute("http://a"), {.target = "/", .deadline_ms = {}},
                     {.kind = OutFraming::Kind::kLength, .length = 18446744073709551615ULL});
    EXPECT_EQ(out.view(), "POST / HTTP/1.1\r\nhost: a\r\nX-Long: " + value +
                              "\r\nX-Last: 1\r\ncontent-length: 18446744073709551615\r\n\r\n");
  }
  const HeadWriter moved = std::move(out);
  EXPECT_TRUE(moved.view().ends_with("\r\n\r\n"));
}

TEST(Heads, RedirectsWithinTheUpstreamComeBackThroughUs) {
  const Route route = MakeRoute("http://orders:8080/mcp");
  const struct {
    const char* from;
    const char* to;
  } cases[] = {
      {"http://orders:8080/mcp/", "/mcp/orders/"},
      {"/mcp/x?y=1", "/mcp/orders/x?y=1"},
      {"/mcp", "/mcp/orders"},
      {"/mcpx", "/mcpx"},
      {"http://other:8080/mcp/", "http://other:8080/mcp/"},
      {"//evil/mcp", "//evil/mcp"},
      {"relative", "relative"},
  };
  for (const auto& c : cases) {
    const std::string text =
        std::string("HTTP/1.1 307 Temporary Redirect\r\nLocation: ") + c.from + "\r\n\r\n";
    HeadWriter out;
    WriteResponseHead(out, Response(text), {.turn_id = {}, .route = &route, .keep_alive = true},
                      {});
    EXPECT_NE(out.view().find(std::string("Location: ") + c.to + "\r\n"), std::string::npos)
        << out.view();
  }
}

TEST(Heads, RetryAfterInItsThreeForms) {
  const SystemTime now = *ParseRfc3339("2026-01-01T00:00:00Z");
  const auto read = [now](const std::string& fields) {
    return ReadRetryAfter(Response("HTTP/1.1 429 x\r\n" + fields + "\r\n"), now);
  };
  EXPECT_EQ(read("retry-after-ms: 1500\r\nRetry-After: 9\r\n"), Milliseconds{1500});
  EXPECT_EQ(read("Retry-After: 2\r\n"), Milliseconds{2000});
  EXPECT_EQ(read("Retry-After: Thu, 01 Jan 2026 00:00:30 GMT\r\n"), Milliseconds{30'000});
  EXPECT_EQ(read("Retry-After: Wed, 31 Dec 2025 00:00:30 GMT\r\n"), Milliseconds{0});
  EXPECT_EQ(read("Retry-After: soon\r\n"), std::nullopt);
  EXPECT_EQ(read(""), std::nullopt);
}

TEST(Heads, RateLimitFieldsCountForA429Only) {
  const SystemTime now = *ParseRfc3339("2026-01-01T00:00:00Z");
  for (const char* field : {"x-ratelimit-reset-requests: 1m30s", "x-ratelimit-reset-tokens: 90s",
                            "anthropic-ratelimit-requests-reset: 2026-01-01T00:01:30Z",
                            "anthropic-ratelimit-tokens-reset: 2026-01-01T00:01:30Z"}) {
    const std::string fields = std::string(field) + "\r\n\r\n";
    EXPECT_EQ(ReadRetryAfter(Response("HTTP/1.1 429 x\r\n" + fields), now), Milliseconds{90'000})
        << field;
    EXPECT_EQ(ReadRetryAfter(Response("HTTP/1.1 503 x\r\n" + fields), now), std::nullopt) << field;
  }
}

TEST(Heads, ChunkSizesAreHex) {
  EXPECT_EQ(ChunkSize(31), "1f\r\n");
  EXPECT_EQ(ChunkSize(16384), "4000\r\n");
}

}  // namespace
}  // namespace reliability::sidecar::proxy
