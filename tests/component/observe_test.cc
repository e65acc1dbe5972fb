// Observe, over real sockets: answers pass as they come, whatever becomes of them (data-plane
// ruling 46), and what Enforce would have done is counted.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kChunkedJson =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
constexpr const char* kToolAnswer =
    R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}})";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Series(const std::string& name, const std::string& label) {
  return "agent_reliability_" + name + "{" + label + "}";
}

std::string WouldRetry(const std::string& error_class) {
  return Series("would_retry_total", "class=\"" + error_class + "\"");
}

class Observe : public ProxyFixture {
 protected:
  void AwaitGo() {
    const std::stop_source stop;
    while (!go_) {
      clock_->WaitFor(Milliseconds{5}, stop.get_token());
    }
  }
  std::atomic<bool> go_{false};
};

TEST_F(Observe, BytesThatKeepAConnectionAlivePassBeforeTheAnswerIsThere) {
  FakeUpstream upstream([&](auto& c, const SeenRequest& request) {
    c.Send(kChunkedJson);
    c.Chunk(" ");
    AwaitGo();
    c.Chunk(Has(request.start_line, "/mcp") ? kToolAnswer : kChatAnswer);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url(), {.enforce = false, .max_retries = 2}));
  Agent agent(port());
  for (const auto& [path, body] :
       {std::pair<std::string, std::string>{kOpenAi, Chat("hi")}, {kMcp, ToolCall("search")}}) {
    go_ = false;
    agent.SendPost(path, body);
    const std::string first = agent.ReadUntil("\r\n1\r\n \r\n");
    EXPECT_TRUE(Has(first, "transfer-encoding: chunked")) << first;
    EXPECT_TRUE(first.ends_with(" \r\n")) << first;
    go_ = true;
    const std::string rest = agent.ReadUntil("0\r\n\r\n");
    EXPECT_TRUE(Has(rest, path == kMcp ? kToolAnswer : kChatAnswer)) << rest;
  }
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));  // it was read all the same
  EXPECT_TRUE(AwaitCounts(kTools, 1, 0));
}

TEST_F(Observe, TheHeadOfAnAnswerOfKnownSizePassesBeforeItsBody) {
  const std::string body = kChatAnswer;
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    c.Send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
           std::to_string(body.size()) + "\r\n\r\n");
    AwaitGo();
    c.Send(body);
  });
  Start(MakePolicy(upstream.url(), {.enforce = false}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi"));
  const std::string head = agent.ReadUntil("\r\n\r\n");
  EXPECT_TRUE(Has(head, "content-length: " + std::to_string(body.size()))) << head;
  go_ = true;
  EXPECT_EQ(agent.ReadUntil("}]}"), body);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("again")).body, body);  // the connection stays
}

TEST_F(Observe, AFailureThatPassedInPiecesStillCountsAsOneThatEnforceWouldRepeat) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(
        "HTTP/1.1 500 no\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
    c.Chunk(R"({"error":)");
    c.Chunk(R"({"message":"x"}})");
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url(), {.enforce = false, .max_retries = 2}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, R"({"error":{"message":"x"}})");
  EXPECT_FALSE(answer.headers.contains("content-length"));
  EXPECT_FALSE(answer.headers.contains("x-should-retry"));
  EXPECT_TRUE(AwaitMetric(WouldRetry("server_error"), 1));
}

TEST_F(Observe, ACutAnswerEndsAsItCameAndWouldHaveBeenRepeated) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"id\"");
    c.Close();
  });
  Start(MakePolicy(upstream.url(), {.enforce = false, .max_retries = 2}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"id\"");
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(AwaitMetric(WouldRetry("stream_truncated"), 1));
}

TEST_F(Observe, WhatEnforceWouldNotHoldItWouldNotRepeatEither) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send("HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ntransfer-encoding: chunked\r\n\r\n");
    c.Chunk("a,b");
    c.Close();
  });
  Start(MakePolicy(upstream.url(), {.enforce = false, .max_retries = 2}));
  Agent agent(port());
  EXPECT_FALSE(agent.Get("/tools/shop/list").complete);
  EXPECT_TRUE(AwaitMetric(
      Series("calls_total", R"(kind="http",name="shop",result="stream_truncated")"), 1));
  EXPECT_EQ(Metric(WouldRetry("stream_truncated")), 0);
}

TEST_F(Observe, AStreamThatIsWholeButCutKeepsItsBrokenEnd) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Close();
  });
  Start(MakePolicy(upstream.url(), {.enforce = false}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_EQ(answer.body, Token("a") + kStopEvent + kDoneEvent);
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
}

}  // namespace
}  // namespace reliability::component
