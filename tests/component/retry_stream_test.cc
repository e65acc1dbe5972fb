// Streams are repeated until their first content, never after it; meanwhile the agent hears from
// us.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kClaude = "/llm/claude/v1/messages";
constexpr const char* kResponses = "/llm/openai/v1/responses";
constexpr const char* kClaudeStart =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void ChatStream(FakeUpstream::Connection& c) {
  c.Send(kEventStreamHead);
  c.Chunk(Token("a"));
  c.Chunk(kStopEvent);
  c.Chunk(kDoneEvent);
  c.Send("0\r\n\r\n");
}

void ClaudeStream(FakeUpstream::Connection& c) {
  c.Send(kEventStreamHead);
  c.Chunk(kClaudeStart);
  c.Chunk(
      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
      "{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n");
  c.Chunk(
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
      "\"end_turn\"}}\n\n");
  c.Chunk("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
  c.Send("0\r\n\r\n");
}

// The first request gets `first`, later ones a whole stream.
FakeUpstream::Script Then(FakeUpstream::Script first) {
  auto fresh = std::make_shared<std::atomic<bool>>(true);
  return [fresh, first = std::move(first)](auto& c, const SeenRequest& request) {
    if (fresh->exchange(false)) {
      first(c, request);
    } else if (Has(request.start_line, "/messages")) {
      ClaudeStream(c);
    } else {
      ChatStream(c);
    }
  };
}

class RetryStream : public ProxyFixture {};

TEST_F(RetryStream, AnErrorEventBeforeContentIsItsClassAndIsRepeated) {
  FakeUpstream upstream(Then([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(kClaudeStart);
    c.Chunk(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
        "\"message\":\"x\"}}\n\n");
    c.Send("0\r\n\r\n");
  }));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  const Answer answer = agent.Post(kClaude, Chat("hi", true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(Has(answer.body, "message_stop"));
  EXPECT_FALSE(Has(answer.body, "overloaded_error")) << answer.body;
  EXPECT_EQ(upstream.count(), 2U);
  EXPECT_EQ(Metric(R"(agent_reliability_retries_total{class="overloaded",decision="retry"})"), 1);
}

TEST_F(RetryStream, AStreamThatIsCutBeforeContentIsRepeated) {
  for (const bool reset : {false, true}) {
    FakeUpstream upstream(Then([reset](auto& c, const SeenRequest&) {
      c.Send(kEventStreamHead);
      c.Chunk(": ping\n\n");
      if (reset) {
        c.Reset();
      } else {
        c.Close();
      }
    }));
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2}));
    Agent agent(port());
    const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
    EXPECT_TRUE(answer.complete);
    EXPECT_EQ(answer.body, Token("a") + kStopEvent + kDoneEvent);
    EXPECT_EQ(upstream.count(), 2U);
  }
}

TEST_F(RetryStream, AfterContentNothingIsRepeated) {
  FakeUpstream upstream(Then([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.Close();
  }));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(answer.body.starts_with(Token("a"))) << answer.body;
  EXPECT_TRUE(Has(answer.body, "stream_truncated"));
  EXPECT_FALSE(Has(answer.body, "[DONE]"));
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_TRUE(AwaitMetric(
      R"(agent_reliability_retries_total{class="stream_truncated",decision="committed"})", 1));
}

TEST_F(RetryStream, ContentIsPassedOnAsItComes) {
  std::atomic<bool> go{false};
  const std::stop_source stop;
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("first"));
    while (!go) {
      clock_->WaitFor(Milliseconds{5}, stop.get_token());
    }
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(agent.ReadUntil("first"), "200 OK"));  // before the rest was even sent
  go = true;
  EXPECT_TRUE(Has(agent.ReadUntil("[DONE]"), "[DONE]"));
}

TEST_F(RetryStream, WhileAStreamIsHeldTheAgentHearsFromUs) {
  std::atomic<bool> go{false};
  const std::stop_source stop;
  const auto wait = [&] {
    while (!go) {
      clock_->WaitFor(Milliseconds{5}, stop.get_token());
    }
  };
  FakeUpstream upstream(Then([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    wait();
    c.Close();  // cut before content
  }));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  const std::string head = agent.ReadUntil(": hold");
  EXPECT_TRUE(Has(head, "200 OK")) << head;
  go = true;
  // The next attempt's stream goes on behind our head.
  const std::string rest = agent.ReadUntil("0\r\n\r\n");
  EXPECT_TRUE(Has(rest, "[DONE]")) << rest;
  EXPECT_FALSE(Has(rest, "HTTP/1.1")) << rest;
  EXPECT_EQ(upstream.count(), 2U);
}

TEST_F(RetryStream, AFailureBehindOurHeadEndsTheStreamAsAnError) {
  std::atomic<bool> go{false};
  const std::stop_source stop;
  auto fresh = std::make_shared<std::atomic<bool>>(true);
  FakeUpstream upstream([&, fresh](auto& c, const SeenRequest&) {
    if (fresh->exchange(false)) {
      c.Send(kEventStreamHead);
      while (!go) {
        clock_->WaitFor(Milliseconds{5}, stop.get_token());
      }
      c.Close();
    } else {
      c.Respond(400, "application/json", R"({"error":{"message":"no"}})");
    }
  });
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  (void)agent.ReadUntil(": hold");
  go = true;
  const std::string rest = agent.ReadAll();
  EXPECT_TRUE(Has(rest, "data: {\"error\":")) << rest;
  EXPECT_TRUE(Has(rest, "invalid_request")) << rest;
  EXPECT_FALSE(Has(rest, "[DONE]")) << rest;
  EXPECT_FALSE(rest.ends_with("0\r\n\r\n")) << rest;
}

TEST_F(RetryStream, ResponsesAreClassifiedByTheirBody) {
  auto fresh = std::make_shared<std::atomic<bool>>(true);
  FakeUpstream upstream([fresh](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk("event: response.created\ndata: {\"type\":\"response.created\"}\n\n");
    if (fresh->exchange(false)) {
      c.Chunk(
          "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":"
          "{\"code\":\"server_error\",\"message\":\"x\"}}}\n\n");
    } else {
      c.Chunk(
          "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
          "\"delta\":\"a\"}\n\n");
      c.Chunk("event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n");
    }
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  const Answer answer = agent.Post(kResponses, R"({"model":"m","stream":true,"input":"hi"})");
  EXPECT_TRUE(Has(answer.body, "response.completed")) << answer.body;
  EXPECT_FALSE(Has(answer.body, "response.failed"));
  EXPECT_EQ(upstream.count(), 2U);
  upstream.SetScript([](auto& c, const SeenRequest&) {
    c.Respond(429, "application/json", R"({"error":{"type":"insufficient_quota"}})");
  });
  EXPECT_EQ(agent.Post(kResponses, R"({"model":"m","input":"hi"})").status, 429);
  EXPECT_EQ(upstream.count(), 3U);  // a spent quota
}

TEST_F(RetryStream, ObserveHoldsNothing) {
  std::atomic<bool> go{false};
  const std::stop_source stop;
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(": ping\n\n");
    while (!go) {
      clock_->WaitFor(Milliseconds{5}, stop.get_token());
    }
    c.Close();
  });
  Start(MakePolicy(upstream.url(), {.enforce = false, .max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(agent.ReadUntil(": ping"), "200 OK"));
  go = true;
  (void)agent.ReadAll();
  EXPECT_TRUE(AwaitMetric(R"(agent_reliability_would_retry_total{class="stream_truncated"})", 1));
}

}  // namespace
}  // namespace reliability::component
