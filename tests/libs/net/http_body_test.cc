#include "libs/net/http_body.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace reliability::net {
namespace {

struct Outcome {
  std::string payload;
  std::size_t consumed = 0;
  bool error = false;
  bool done = false;
};

// Feeds `text` in pieces of `step` bytes.
Outcome Decode(BodyDecoder decoder, std::string_view text, std::size_t step) {
  Outcome outcome;
  std::size_t available = 0;
  while (!decoder.done() && !outcome.error && outcome.consumed < text.size()) {
    available = std::min(text.size(), std::max(available, outcome.consumed + step));
    const auto piece = decoder.Next(text.substr(outcome.consumed, available - outcome.consumed));
    outcome.payload += piece.payload;
    outcome.consumed += piece.consumed;
    outcome.error = piece.error;
    if (piece.consumed == 0 && available == text.size()) {
      break;
    }
  }
  outcome.done = decoder.done();
  return outcome;
}

TEST(BodyDecoder, ChunkedInPiecesOfAnySize) {
  const std::string text =
      "5\r\nhello\r\n00a;name=\"v\"\r\n, world!!!\r\n0\r\nX-Trailer: a\r\n\r\nNEXT";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    const Outcome outcome = Decode(BodyDecoder(BodyKind::kChunked, 0), text, step);
    EXPECT_FALSE(outcome.error) << step;
    EXPECT_TRUE(outcome.done) << step;
    EXPECT_EQ(outcome.payload, "hello, world!!!") << step;
    EXPECT_EQ(outcome.consumed, text.size() - 4) << step;
  }
}

TEST(BodyDecoder, ChunkedRefusesSloppyFraming) {
  const std::vector<std::string> bad = {
      "\r\nhello",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "+5\r\nhello\r\n",
      "0x5\r\nhello\r\n",
      "5\nhello\r\n",
      "5\r\nhelloX\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello\r0\r\n\r\n",
      "5;a\nb\r\nhello\r\n",
      std::string("5;\0\r\nhello\r\n", 12),
      "11111111111111111\r\n",
      "g\r\n",
      ";a\r\n",
      "0\r\nX: a\n\r\n",
      "0\r\n X: a\r\n\r\n",
      "0\r\n\n",
      "5;" + std::string(9000, 'a') + "\r\nhello\r\n",
      "0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n",
  };
  for (const std::string& text : bad) {
    EXPECT_TRUE(Decode(BodyDecoder(BodyKind::kChunked, 0), text, text.size()).error) << text;
  }
}

TEST(BodyDecoder, LengthTakesExactlyThatMuch) {
  const Outcome outcome = Decode(BodyDecoder(BodyKind::kLength, 5), "helloGET /", 3);
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.payload, "hello");
  EXPECT_EQ(outcome.consumed, 5U);
}

TEST(BodyDecoder, OnlyAnUnframedBodyMayEndWithTheConnection) {
  BodyDecoder eof(BodyKind::kUntilEof, 0);
  EXPECT_EQ(eof.Next("abc").payload, "abc");
  EXPECT_FALSE(eof.done());
  EXPECT_TRUE(eof.OnEof());

  BodyDecoder length(BodyKind::kLength, 5);
  (void)length.Next("abc");
  EXPECT_FALSE(length.OnEof());

  BodyDecoder chunked(BodyKind::kChunked, 0);
  (void)chunked.Next("3\r\nabc\r\n");
  EXPECT_FALSE(chunked.OnEof());
}

TEST(BodyKind, OfResponses) {
  ResponseHead head;
  head.status = 200;
  EXPECT_EQ(ResponseBodyKind(head, false), BodyKind::kUntilEof);
  head.framing.content_length = 3;
  EXPECT_EQ(ResponseBodyKind(head, false), BodyKind::kLength);
  EXPECT_EQ(ResponseBodyKind(head, true), BodyKind::kNone);
  head.status = 304;
  EXPECT_EQ(ResponseBodyKind(head, false), BodyKind::kNone);
  head.status = 204;
  EXPECT_EQ(ResponseBodyKind(head, false), BodyKind::kNone);
  head = {};
  head.status = 200;
  head.framing.chunked = true;
  EXPECT_EQ(ResponseBodyKind(head, false), BodyKind::kChunked);
}

}  // namespace
}  // namespace reliability::net
