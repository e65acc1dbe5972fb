#include "sidecar/inspect/event_gate.h"

#include <gtest/gtest.h>

#include <vector>

namespace reliability::sidecar::inspect {
namespace {

TEST(EventGate, EventsAreJudgedWholeInPiecesOfAnySize) {
  const std::string text = "data: a\n\n: ping\n\nevent: x\r\ndata: bad\r\n\r\ndata: b\ndata: c\n\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EventGate gate;
    std::vector<std::string> seen;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) {
      out += gate.Feed(std::string_view(text).substr(at, size), [&](std::string_view event) {
        seen.emplace_back(event);
        return event.find("bad") == std::string_view::npos;
      });
    }
    EXPECT_EQ(out, "data: a\n\n: ping\n\ndata: b\ndata: c\n\n") << size;
    EXPECT_EQ(seen.size(), 4U) << size;
    EXPECT_EQ(gate.TakeRest(), "") << size;
  }
}

TEST(EventGate, WhatHasNoEndIsKeptBack) {
  EventGate gate;
  const auto keep = [](std::string_view) { return true; };
  EXPECT_EQ(gate.Feed("data: a\n\ndata: b", keep), "data: a\n\n");
  EXPECT_EQ(gate.Feed("c\n", keep), "");
  EXPECT_EQ(gate.TakeRest(), "data: bc\n");
}

TEST(EventGate, LinesThatEndWithReturnsAlone) {
  EventGate gate;
  const auto keep = [](std::string_view event) { return event.find("bad") == event.npos; };
  EXPECT_EQ(gate.Feed("data: a\r\rdata: bad\r\rdata: b", keep), "data: a\r\r");
  EXPECT_EQ(gate.Feed("\r\r", keep), "data: b\r\r");
}

TEST(EventGate, AnEndlessEventIsPassedOn) {
  EventGate gate;
  const auto keep = [](std::string_view) { return true; };
  std::size_t passed = 0;
  const std::string block(std::size_t{300} << 10U, 'x');
  for (int i = 0; i < 20; ++i) {
    passed += gate.Feed(block, keep).size();
  }
  EXPECT_GT(passed, std::size_t{4} << 20U);
}

}  // namespace
}  // namespace reliability::sidecar::inspect
