#include "sidecar/inspect/sse_splitter.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace reliability::sidecar::inspect {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events SplitBy(std::string_view stream, std::size_t piece, SseSplitter& splitter) {
  Events events;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    splitter.Feed(stream.substr(at, piece), [&](const SseSplitter::Event& event) {
      events.emplace_back(event.type, event.data);
    });
  }
  return events;
}

Events SplitAll(std::string_view stream, std::size_t piece = 1U << 20U) {
  SseSplitter splitter;
  return SplitBy(stream, piece, splitter);
}

TEST(SseSplitter, EveryPieceSizeGivesTheSameEvents) {
  constexpr std::string_view kStream =
      "\xef\xbb\xbf: hello\n\ndata: one\n\nevent: ping\ndata: two\ndata:three\n\n"
      "data: four\r\n\r\ndata\r\rid: 7\nretry: 5\nunknown: x\ndata: five\n\ndata: cut";
  const Events expected = {
      {"", "one"}, {"ping", "two\nthree"}, {"", "four"}, {"", ""}, {"", "five"}};
  for (std::size_t piece = 1; piece <= kStream.size(); ++piece) {
    EXPECT_EQ(SplitAll(kStream, piece), expected) << "pieces of " << piece;
  }
}

TEST(SseSplitter, CommentsAndEmptyEventsAreNoEvents) {
  EXPECT_TRUE(SplitAll(": hold\n\n: hold\n\nevent: ping\n\n\n\n").empty());
}

TEST(SseSplitter, EventTypeDoesNotLeakIntoTheNextEvent) {
  EXPECT_EQ(SplitAll("event: a\n\ndata: x\n\n"), (Events{{"", "x"}}));
}

TEST(SseSplitter, OneSpaceAfterTheColonIsRemoved) {
  EXPECT_EQ(SplitAll("data:  x\n\ndata:y\n\n"), (Events{{"", " x"}, {"", "y"}}));
}

TEST(SseSplitter, EventIdIsSeen) {
  SseSplitter splitter;
  std::vector<bool> ids;
  splitter.Feed("id: 1\ndata: \n\ndata: x\n\n",
                [&](const SseSplitter::Event& event) { ids.push_back(event.has_id); });
  EXPECT_EQ(ids, (std::vector<bool>{true, false}));
}

TEST(SseSplitter, OversizedEventsAreDroppedAndCounted) {
  const std::string big(100, 'x');
  const std::string stream =
      "data: " + big + "\n\ndata: ok\n\ndata: a\ndata: " + big + "\ndata: b\n\ndata: fine\n\n";
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    SseSplitter splitter(64);
    EXPECT_EQ(SplitBy(stream, piece, splitter), (Events{{"", "ok"}, {"", "fine"}}));
    EXPECT_EQ(splitter.oversized(), 2);
  }
}

TEST(SseSplitter, SaysWhetherAnEventIsHalf) {
  SseSplitter splitter;
  const auto ignore = [](const SseSplitter::Event&) {};
  EXPECT_FALSE(splitter.mid_event());
  splitter.Feed("da", ignore);
  EXPECT_TRUE(splitter.mid_event());
  splitter.Feed("ta: x\n", ignore);
  EXPECT_TRUE(splitter.mid_event());
  splitter.Feed("\n", ignore);
  EXPECT_FALSE(splitter.mid_event());
}

}  // namespace
}  // namespace reliability::sidecar::inspect
