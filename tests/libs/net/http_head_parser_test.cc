#include "libs/net/http_head_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/net/http_field_ids.h"

namespace reliability::net {
namespace {

HeadResult ParseRequest(std::string_view text, RequestHead& head) {
  std::size_t scanned = 0;
  return ParseRequestHead(text, scanned, head);
}

TEST(HttpHeadParser, ReadsARequest) {
  RequestHead head;
  const std::string text =
      "POST /llm/openai/v1/chat/completions?x=1 HTTP/1.1\r\nHost: 127.0.0.1:15100\r\n"
      "Content-Length: 5\r\nAuthorization: Bearer k\r\nX-Empty:\r\n\r\nhello";
  const HeadResult result = ParseRequest(text, head);
  ASSERT_EQ(result.status, HeadStatus::kComplete) << result.reason;
  EXPECT_EQ(result.bytes, text.size() - 5);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/llm/openai/v1/chat/completions?x=1");
  EXPECT_EQ(head.framing.content_length, 5U);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.Get(FieldId::kHost), "127.0.0.1:15100");
  EXPECT_EQ(head.Get("authorization"), "Bearer k");
  EXPECT_EQ(head.Get("x-empty"), "");
}

TEST(HttpHeadParser, KnowsFieldsInAnyCaseAndNoOthers) {
  const struct {
    const char* name;
    FieldId id;
  } cases[] = {
      {"TE", FieldId::kHopByHop},
      {"hOST", FieldId::kHost},
      {"Baggage", FieldId::kBaggage},
      {"Location", FieldId::kLocation},
      {"Keep-Alive", FieldId::kHopByHop},
      {"Sec-Fetch-Site", FieldId::kFetchSite},
      {"X-Should-Retry", FieldId::kShouldRetry},
      {"Retry-After-Ms", FieldId::kRetryAfterMs},
      {"X-Agent-Turn-Id", FieldId::kAgentTurn},
      {"X-AGENT-SESSION-ID", FieldId::kAgentSession},
      {"x-agent-deadline-ms", FieldId::kAgentDeadline},
      {"X-Stainless-Timeout", FieldId::kStainlessTimeout},
      {"X-Stainless-Read-Timeout", FieldId::kStainlessReadTimeout},
      {"X-Stainless-Retry-Count", FieldId::kStainlessRetryCount},
      {"Proxy-Authentication-Info", FieldId::kHopByHop},
      {"X-Stainless-Timeouu", FieldId::kOther},
      {"Y-Stainless-Timeout", FieldId::kOther},
      {"X-Stainless_Timeout", FieldId::kOther},
      {"t", FieldId::kOther},
      {"tx", FieldId::kOther},
      {"hos", FieldId::kOther},
      {"A-Name-Of-More-Than-Twenty-Five-Bytes", FieldId::kOther},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(IdOf(c.name), c.id) << c.name;
  }
}

TEST(HttpHeadParser, SaysWhichFieldsAreThere) {
  RequestHead head;
  ASSERT_EQ(ParseRequest("GET / HTTP/1.1\r\nHost: a\r\nBaggage: x=1\r\nbaggage: y=2\r\n\r\n", head)
                .status,
            HeadStatus::kComplete);
  EXPECT_EQ(head.Get(FieldId::kBaggage), "x=1");
  EXPECT_EQ(head.Get(FieldId::kRequestId), "");
  ASSERT_EQ(ParseRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n", head).status, HeadStatus::kComplete);
  EXPECT_EQ(head.Get(FieldId::kBaggage), "");  // nothing is left of the message before
}

// Every place of a control byte in a word of eight, with tabs and high bytes beside it.
TEST(HttpHeadParser, FindsAControlByteAtEachPlaceOfAValue) {
  for (std::size_t at = 0; at < 20; ++at) {
    for (const char bad : {'\0', '\x01', '\x1f', '\x7f'}) {
      std::string value = "abc\t\xff\xc3\xa9 ~klm\tno\x80pqrst";
      const auto message = [&value] {
        return "GET / HTTP/1.1\r\nHost: a\r\nX-V: " + value + "\r\n\r\n";
      };
      RequestHead head;
      const std::string good = message();  // the head's fields lie in it
      ASSERT_EQ(ParseRequest(good, head).status, HeadStatus::kComplete);
      EXPECT_EQ(head.Get("x-v"), value);
      value[at] = bad;
      EXPECT_EQ(ParseRequest(message(), head).status, HeadStatus::kBad) << at;
    }
  }
}

TEST(HttpHeadParser, KeepAliveFollowsVersionAndConnection) {
  const struct {
    const char* text;
    bool keep_alive;
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x-a, Close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
  };
  for (const auto& c : cases) {
    RequestHead head;
    ASSERT_EQ(ParseRequest(c.text, head).status, HeadStatus::kComplete) << c.text;
    EXPECT_EQ(head.keep_alive, c.keep_alive) << c.text;
  }
}

TEST(HttpHeadParser, IsIncompleteUntilTheLastByteWhereverItIsCut) {
  const std::string text = "GET /a HTTP/1.1\r\nHost: a\r\nX-B: c\r\n\r\n";
  std::size_t scanned = 0;
  RequestHead head;
  for (std::size_t size = 0; size < text.size(); ++size) {
    ASSERT_EQ(ParseRequestHead(std::string_view(text).substr(0, size), scanned, head).status,
              HeadStatus::kIncomplete)
        << size;
  }
  EXPECT_EQ(ParseRequestHead(text, scanned, head).status, HeadStatus::kComplete);
}

TEST(HttpHeadParser, RefusesWhatTwoParsersCouldReadDifferently) {
  const std::string start = "POST /a HTTP/1.1\r\nHost: a\r\n";
  const std::vector<std::string> bad = {
      "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
      "Content-Length: 5, 5\r\n\r\n",
      "Content-Length: 5,\r\n\r\n",
      "Content-Length: +5\r\n\r\n",
      "Content-Length: 0x5\r\n\r\n",
      "Content-Length: 5_0\r\n\r\n",
      "Content-Length: 5 0\r\n\r\n",
      "Content-Length: -1\r\n\r\n",
      "Content-Length:\r\n\r\n",
      "Content-Length: 99999999999999999999\r\n\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
      "Transfer-Encoding: chunked, identity\r\n\r\n",
      "Transfer-Encoding: chunked, identity\r\nContent-Length: 5\r\n\r\n",
      "Transfer-Encoding: identity\r\n\r\n",
      "Transfer-Encoding: gzip, chunked\r\n\r\n",
      "Transfer-Encoding: ,chunked\r\n\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "Transfer-Encoding: xchunked\r\n\r\n",
      "Transfer-Encoding: \xa0"
      "chunked\r\n\r\n",
      "Transfer-Encoding: \"chunked\"\r\n\r\n",
      "Transfer-Encoding:\r\n\r\n",
      "Transfer-Encoding : chunked\r\n\r\n",
      "Content-Length : 5\r\n\r\n",
      "X-A: b\r\n c\r\n\r\n",
      "X-A: b\r\n\tc\r\n\r\n",
      " X-A: b\r\n\r\n",
      "X-A: b\nX-C: d\r\n\r\n",
      "X-A: b\n\r\n",
      "X-A: b\rX-C: d\r\n\r\n",
      "X-A: b\r\r\n\r\n",
      std::string("X-A: b\0c\r\n\r\n", 12),
      "X-A\r\n\r\n",
      ": b\r\n\r\n",
      "X A: b\r\n\r\n",
      "X-A: b\x01\r\n\r\n",
      "Host: b\r\n\r\n",
  };
  for (const std::string& rest : bad) {
    RequestHead head;
    EXPECT_EQ(ParseRequest(start + rest, head).status, HeadStatus::kBad) << rest;
  }
  const std::vector<std::string> bad_starts = {
      "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / a HTTP/1.1\r\nHost: a\r\n\r\n",
      "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET /\r\n\r\n",
  };
  for (const std::string& text : bad_starts) {
    RequestHead head;
    const HeadStatus status = ParseRequest(text, head).status;
    EXPECT_TRUE(status == HeadStatus::kBad || status == HeadStatus::kBadVersion) << text;
  }
}

TEST(HttpHeadParser, OtherVersionsGetTheirOwnStatus) {
  for (const char* text : {"PRI * HTTP/2.0\r\n\r\n", "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
                           "GET / HTTP/0.9\r\nHost: a\r\n\r\n"}) {
    RequestHead head;
    EXPECT_EQ(ParseRequest(text, head).status, HeadStatus::kBadVersion) << text;
  }
}

TEST(HttpHeadParser, BoundsSizeAndNumberOfFields) {
  RequestHead head;
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 0; i < kMaxHeadFields; ++i) {
    many += "a: b\r\n";
  }
  EXPECT_EQ(ParseRequest(many + "\r\n", head).status, HeadStatus::kTooLarge);

  const std::string endless = "GET / HTTP/1.1\r\nX: " + std::string(kMaxHeadBytes, 'a');
  EXPECT_EQ(ParseRequest(endless, head).status, HeadStatus::kTooLarge);

  const std::string frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
  const std::string fits =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(kMaxHeadBytes - frame.size(), 'a') +
      "\r\n\r\n";
  EXPECT_EQ(ParseRequest(fits, head).status, HeadStatus::kComplete);
}

TEST(HttpHeadParser, ReadsAResponseAndRefusesAmbiguousOnes) {
  ResponseHead head;
  std::size_t scanned = 0;
  const std::string text =
      "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_EQ(ParseResponseHead(text, scanned, head).status, HeadStatus::kComplete);
  EXPECT_EQ(head.status, 429);
  EXPECT_EQ(head.reason, "Too Many Requests");
  EXPECT_TRUE(head.framing.chunked);
  EXPECT_EQ(head.Get(FieldId::kRetryAfter), "2");

  for (const char* bad :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n"}) {
    scanned = 0;
    EXPECT_NE(ParseResponseHead(bad, scanned, head).status, HeadStatus::kComplete) << bad;
  }
}

TEST(HttpHeadParser, ListsConnectionTokens) {
  RequestHead head;
  ASSERT_EQ(ParseRequest("GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Secret , keep-alive\r\n"
                         "X-Secret: 1\r\n\r\n",
                         head)
                .status,
            HeadStatus::kComplete);
  EXPECT_TRUE(head.ListedInConnection("x-secret"));
  EXPECT_FALSE(head.ListedInConnection("secret"));
}

}  // namespace
}  // namespace reliability::net
