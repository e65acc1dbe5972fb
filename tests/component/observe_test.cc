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

FakeUpstream::Script Status(int status, std::string body) {
  return [=](auto& c, const SeenRequest&) { c.Respond(status, "application/json", body); };
}

std::string WouldRetry(const std::string& error_class) {
  return Series("would_retry_total", "class=\"" + error_class + "\"");
}

std::string WouldFallback(const std::string& error_class) {
  return Series("would_fallback_total", "class=\"" + error_class + "\"");
}

class Observe : public ProxyFixture {
 protected:
  // openai, then `second` behind it; `more` ends the chain.
  static PolicyTweaks Chained(const std::string& second, const std::string& more = {}) {
    PolicyTweaks tweaks;
    tweaks.enforce = false;
    tweaks.more_upstreams =
        R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + second + "/v1\"}";
    tweaks.chain = R"({"name":"c","tiers":[{"name":"first","upstream":"openai"},{"name":"second",)"
                   R"("upstream":"backup","model":"small","credential":"/etc/hostname"}])" +
                   more + "}";
    return tweaks;
  }
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

TEST_F(Observe, AFailureThatARetryWouldRescueNeedsNoOtherTier) {
  FakeUpstream first(Status(500, R"({"error":{"message":"x"}})"));
  FakeUpstream second(Status(200, kChatAnswer));
  PolicyTweaks tweaks = Chained(second.url());
  tweaks.max_retries = 2;
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 500);
  EXPECT_TRUE(AwaitMetric(WouldRetry("server_error"), 1));
  EXPECT_EQ(Metric(WouldFallback("server_error")), 0);
  // The SDK has made all the retries that there are.
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), "x-stainless-retry-count: 2\r\n").status, 500);
  EXPECT_TRUE(AwaitMetric(WouldFallback("server_error"), 1));
  EXPECT_EQ(Metric(WouldRetry("server_error")), 1);
  EXPECT_EQ(second.count(), 0U);
}

TEST_F(Observe, WithoutRetriesAFailureNeedsAnotherTier) {
  FakeUpstream first(Status(500, R"({"error":{"message":"x"}})"));
  FakeUpstream second(Status(200, kChatAnswer));
  Start(MakePolicy(first.url(), Chained(second.url())));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 500);
  EXPECT_TRUE(AwaitMetric(WouldFallback("server_error"), 1));
  EXPECT_EQ(Metric(WouldRetry("server_error")), 0);
  EXPECT_EQ(second.count(), 0U);
}

TEST_F(Observe, ACallThatWouldHaveBeenRefusedIsNoFailureThatWouldBeRepeated) {
  FakeUpstream first(Status(500, R"({"error":{"message":"x"}})"));
  FakeUpstream second(Status(200, kChatAnswer));
  PolicyTweaks tweaks = Chained(second.url());
  tweaks.max_retries = 2;
  tweaks.breakers = "[" + MakeBreaker("Provider", 1, 60000) + "]";
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  // The circuit opens: a retry would be refused, so another tier would be asked.
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 500);
  EXPECT_TRUE(AwaitMetric(WouldFallback("server_error"), 1));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 500);
  EXPECT_TRUE(AwaitMetric(Series("would_reject_total", R"(class="circuit_open")"), 1));
  EXPECT_TRUE(
      AwaitMetric(Series("calls_total", R"(kind="llm",name="openai",result="server_error")"), 2));
  EXPECT_EQ(Metric(WouldRetry("server_error")), 0);
  EXPECT_EQ(Metric(WouldFallback("server_error")), 1);
}

}  // namespace
}  // namespace reliability::component
