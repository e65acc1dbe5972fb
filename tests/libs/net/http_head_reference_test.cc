// Our scanner of heads against Beast's basic_parser: whatever is done to a message, both read the
// same or both refuse it. What we refuse on top of Beast is written down in the reference, too.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "libs/base/strings.h"
#include "libs/net/asio.h"
#include "libs/net/http_head_parser.h"

namespace reliability::net {
namespace {

namespace http = boost::beast::http;
using BeastView = boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

std::string Text(BeastView view) { return {view.data(), view.size()}; }

// What a reference head says; empty and !ok if it must be refused.
struct Read {
  bool ok = false;
  std::string first;  // method or status
  std::string second;
  std::vector<std::pair<std::string, std::string>> fields;
  bool operator==(const Read&) const = default;
};

template <bool kIsRequest>
class Reference final : public http::basic_parser<kIsRequest> {
 public:
  Reference() {
    this->header_limit(static_cast<std::uint32_t>(kMaxHeadBytes + 1));
    this->body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  Read Parse(const std::string& text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos || end == 0 || !GoodBytes(text.substr(0, end + 4))) {
      return {};
    }
    ErrorCode error;
    const std::size_t used = this->put(boost::asio::const_buffer(text.data(), end + 4), error);
    if (error || used != end + 4 || lengths_ > 1 || encodings_ > 1 || bad_ ||
        (lengths_ > 0 && encodings_ > 0) || (encodings_ > 0 && version_ < 11) ||
        (kIsRequest && (hosts_ > 1 || (hosts_ == 0 && version_ >= 11)))) {
      return {};
    }
    read_.ok = true;
    return read_;
  }

 private:
  static bool GoodBytes(const std::string& head) {
    for (std::size_t i = 0; i < head.size(); ++i) {
      const bool last = i + 2 >= head.size();
      if (head[i] == '\0' || (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) ||
          (head[i] == '\r' && (i + 1 >= head.size() || head[i + 1] != '\n')) ||
          (head[i] == '\n' && !last && (head[i + 1] == ' ' || head[i + 1] == '\t'))) {
        return false;
      }
    }
    return !head.starts_with("\r\n");
  }
  void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                       ErrorCode&) override {
    read_.first = Text(method);
    read_.second = Text(target);
    version_ = version;
  }
  void on_response_impl(int code, BeastView reason, int version, ErrorCode&) override {
    read_.first = std::to_string(code);
    read_.second = Text(reason);
    version_ = version;
  }
  void on_field_impl(http::field field, BeastView name, BeastView value, ErrorCode&) override {
    read_.fields.emplace_back(Text(name), Text(value));
    if (field == http::field::content_length) {
      ++lengths_;
      bad_ = bad_ || !ParseUint(Text(value)).has_value();
    } else if (field == http::field::transfer_encoding) {
      ++encodings_;
      bad_ = bad_ || !EqualsIgnoreCase(Text(value), "chunked");
    } else if (field == http::field::host) {
      ++hosts_;
    }
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(BeastView, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}

  Read read_;
  int version_ = 0;
  int lengths_ = 0;
  int encodings_ = 0;
  int hosts_ = 0;
  bool bad_ = false;
};

Read Fields(const HeadCommon& head, std::string first, std::string_view second) {
  Read read{.ok = true, .first = std::move(first), .second = std::string(second), .fields = {}};
  for (const Field& field : head.fields) {
    read.fields.emplace_back(field.name, field.value);
  }
  return read;
}

Read Ours(const std::string& text, bool request) {
  std::size_t scanned = 0;
  if (request) {
    RequestHead head;
    return ParseRequestHead(text, scanned, head).status == HeadStatus::kComplete
               ? Fields(head, std::string(head.method), head.target)
               : Read{};
  }
  ResponseHead head;
  return ParseResponseHead(text, scanned, head).status == HeadStatus::kComplete
             ? Fields(head, std::to_string(head.status), head.reason)
             : Read{};
}

Read Theirs(const std::string& text, bool request) {
  return request ? Reference<true>().Parse(text) : Reference<false>().Parse(text);
}

std::string Shown(const std::string& text) {
  std::string shown;
  AppendJsonEscaped(shown, text);
  return shown;
}

const std::vector<std::string>& Requests() {
  static const std::vector<std::string> kRequests = {
      "POST /llm/openai/v1/chat/completions?x=1 HTTP/1.1\r\nHost: 127.0.0.1:15100\r\n"
      "Content-Type: application/json\r\nContent-Length: 52\r\nX-Empty:\r\nX-Pad:  a b\t \r\n\r\n",
      "GET / HTTP/1.0\r\nConnection: keep-alive, x-a , ,TE\r\nTE: trailers\r\n\r\n",
      "PUT /\xc3\xa4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nX: \xff\x80\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost:\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
  };
  return kRequests;
}

const std::vector<std::string>& Responses() {
  static const std::vector<std::string> kResponses = {
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n",
      "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.0 503 \r\nConnection: close\r\nServer: a b (c)\r\n\r\n",
  };
  return kResponses;
}

TEST(HttpHeadReference, ReadsTheSameAsBeast) {
  for (const std::string& text : Requests()) {
    EXPECT_TRUE(Ours(text, true).ok) << Shown(text);
    EXPECT_EQ(Ours(text, true), Theirs(text, true)) << Shown(text);
  }
  for (const std::string& text : Responses()) {
    EXPECT_TRUE(Ours(text, false).ok) << Shown(text);
    EXPECT_EQ(Ours(text, false), Theirs(text, false)) << Shown(text);
  }
}

TEST(HttpHeadReference, EveryByteInEveryPlaceIsReadTheSame) {
  for (const bool request : {true, false}) {
    const std::string& seed = request ? Requests()[0] : Responses()[1];
    for (std::size_t at = 0; at < seed.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = seed;
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(Ours(text, request), Theirs(text, request)) << Shown(text);
      }
    }
  }
}

TEST(HttpHeadReference, MutatedHeadsAreReadTheSame) {
  static constexpr std::array<std::string_view, 20> kPieces = {
      "\r\n",  "\n",
      "\r",    ":",
      " ",     "\t",
      ",",     "\0",
      "\x7f",  "\x1",
      "Host:", "Connection",
      "close", "Content-Length: 5\r\n",
      "5",     "+",
      "\"",    "HTTP/",
      "1.1",   "Transfer-Encoding: chunked\r\n"};
  std::mt19937 random(20261125);  // NOLINT: the same messages in every run
  const auto below = [&](std::size_t bound) { return random() % bound; };
  for (int round = 0; round < 60'000; ++round) {
    const bool request = round % 2 == 0;
    const auto& seeds = request ? Requests() : Responses();
    std::string text = seeds[below(seeds.size())];
    for (std::size_t change = 0; change < 1 + below(3); ++change) {
      const std::size_t at = below(text.size());
      const std::string_view piece = kPieces[below(kPieces.size())];
      switch (below(4)) {
        case 0:
          text.insert(at, piece.empty() ? std::string_view("\0", 1) : piece);
          break;
        case 1:
          text.erase(at, 1 + below(4));
          break;
        case 2:
          text[at] = static_cast<char>(below(256));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(30)));
      }
      if (text.empty()) {
        text = "x";
      }
    }
    ASSERT_EQ(Ours(text, request), Theirs(text, request)) << Shown(text);
  }
}

}  // namespace
}  // namespace reliability::net
