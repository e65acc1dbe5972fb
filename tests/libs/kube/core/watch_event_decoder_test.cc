#include "libs/kube/core/watch_event_decoder.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace reliability::kube {
namespace {

struct Seen {
  std::vector<std::pair<WatchType, std::string>> events;
  WatchCallback callback() {
    return [this](const WatchEvent& event) {
      events.emplace_back(event.type, std::string(event.object));
    };
  }
};

const std::string kStream =
    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\xC3\xA9t\xC3\xA9\"}}}\n"
    "{\"object\":{\"a\":\"line\\nend\"},\"type\":\"MODIFIED\"}\r\n"
    "\n"
    "{\"type\":\"DELETED\",\"object\":{}}\n"
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n";

void ExpectStream(const Seen& seen) {
  ASSERT_EQ(seen.events.size(), 4U);
  EXPECT_EQ(seen.events[0].first, WatchType::kAdded);
  EXPECT_EQ(seen.events[0].second, "{\"metadata\":{\"name\":\"\xC3\xA9t\xC3\xA9\"}}");
  EXPECT_EQ(seen.events[1].first, WatchType::kModified);
  EXPECT_EQ(seen.events[1].second, "{\"a\":\"line\\nend\"}");
  EXPECT_EQ(seen.events[2].first, WatchType::kDeleted);
  EXPECT_EQ(seen.events[3].first, WatchType::kBookmark);
}

TEST(WatchEventDecoder, SeveralEventsInOneChunk) {
  Seen seen;
  WatchEventDecoder decoder;
  ASSERT_TRUE(decoder.Feed(kStream, seen.callback()).has_value());
  EXPECT_TRUE(decoder.Finish().has_value());
  ExpectStream(seen);
}

TEST(WatchEventDecoder, ChunkBordersAnywhere) {
  for (std::size_t cut = 0; cut <= kStream.size(); ++cut) {
    Seen seen;
    WatchEventDecoder decoder;
    ASSERT_TRUE(decoder.Feed(std::string_view(kStream).substr(0, cut), seen.callback()));
    ASSERT_TRUE(decoder.Feed(std::string_view(kStream).substr(cut), seen.callback()));
    EXPECT_TRUE(decoder.Finish().has_value());
    ExpectStream(seen);
  }
  Seen seen;
  WatchEventDecoder decoder;
  for (const char c : kStream) {
    ASSERT_TRUE(decoder.Feed(std::string_view(&c, 1), seen.callback()).has_value());
  }
  ExpectStream(seen);
}

TEST(WatchEventDecoder, LargeEventInSmallPieces) {
  const std::string value(9'000'000, 'x');
  const std::string line = R"({"type":"ADDED","object":{"data":")" + value + "\"}}\n";
  Seen seen;
  WatchEventDecoder decoder;
  for (std::size_t begin = 0; begin < line.size(); begin += 16'384) {
    ASSERT_TRUE(decoder.Feed(std::string_view(line).substr(begin, 16'384), seen.callback()));
  }
  ASSERT_EQ(seen.events.size(), 1U);
  EXPECT_EQ(seen.events[0].second.size(), value.size() + 11);
  ASSERT_TRUE(decoder.Feed(kStream, seen.callback()));
  EXPECT_EQ(seen.events.size(), 5U);
}

TEST(WatchEventDecoder, LimitHoldsWithAndWithoutALineEnd) {
  Seen seen;
  WatchEventDecoder whole(100);
  const std::string line = R"({"type":"ADDED","object":{"d":")" + std::string(100, 'x') + "\"}}\n";
  const auto status = whole.Feed(line, seen.callback());
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kExhausted);
  WatchEventDecoder part(100);
  EXPECT_TRUE(part.Feed(std::string(100, ' '), seen.callback()).has_value());
  const auto over = part.Feed("x", seen.callback());
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().code, Code::kExhausted);
  EXPECT_TRUE(seen.events.empty());
}

TEST(WatchEventDecoder, ErrorEventBecomesATypedError) {
  Seen seen;
  WatchEventDecoder decoder;
  const auto status =
      decoder.Feed(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired",)"
                   R"("message":"too old resource version: 1, 9"}})"
                   "\n",
                   seen.callback());
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kExpired);
  EXPECT_EQ(status.error().reason, "Expired");
  EXPECT_EQ(status.error().message, "too old resource version: 1, 9");
}

TEST(WatchEventDecoder, EventsBeforeAnErrorCount) {
  Seen seen;
  WatchEventDecoder decoder;
  const auto status = decoder.Feed(
      "{\"type\":\"ADDED\",\"object\":{}}\n{\"type\":\"ERROR\",\"object\":{\"code\":500}}\n",
      seen.callback());
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_EQ(seen.events.size(), 1U);
}

TEST(WatchEventDecoder, CutInsideAnEvent) {
  Seen seen;
  WatchEventDecoder decoder;
  ASSERT_TRUE(decoder.Feed("{\"type\":\"ADDED\",\"obj", seen.callback()).has_value());
  const auto status = decoder.Finish();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

TEST(WatchEventDecoder, RefusesWhatIsNoEvent) {
  for (const char* line : {"nothing", "[]", "{}", R"({"type":"ADDED"})", R"({"object":{}})",
                           R"({"type":"STRANGE","object":{}})", R"({"type":"ADDED","object":7})",
                           R"({"type":7,"object":{}})", R"({"type":"ADDED","object":{"a":)",
                           R"({"type":"ADDED" "object":{}})"}) {
    Seen seen;
    WatchEventDecoder decoder;
    const auto status = decoder.Feed(std::string(line) + "\n", seen.callback());
    ASSERT_FALSE(status.has_value()) << line;
    EXPECT_EQ(status.error().code, Code::kInvalid) << line;
    EXPECT_TRUE(seen.events.empty());
  }
}

}  // namespace
}  // namespace reliability::kube
