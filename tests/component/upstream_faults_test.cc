// Upstreams that refuse, hang, reset, cut or talk nonsense: classified and answered in the caller's
// format, in time; a cut stream never ends cleanly.
#include <gtest/gtest.h>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kClaude = "/llm/claude/v1/messages";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kShop = "/tools/shop/items/1";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class UpstreamFaults : public ProxyFixture {
 protected:
  // Every kind of call against one fault: the class, and the status that LLM and HTTP callers get.
  void ExpectClass(const char* error_class, int status) {
    const std::string named = "\"" + std::string(error_class) + "\"";
    Agent agent(port());
    const Answer openai = agent.Post(kOpenAi, Chat("hi"));
    EXPECT_EQ(openai.status, status) << error_class;
    EXPECT_TRUE(Has(openai.body, R"("error":{)")) << openai.body;
    EXPECT_TRUE(Has(openai.body, R"("code":)" + named)) << openai.body;
    EXPECT_EQ(openai.headers.at("x-should-retry"), "false");
    EXPECT_EQ(openai.headers.at("x-agent-error-class"), error_class);
    EXPECT_FALSE(openai.headers.at("x-request-id").empty());
    EXPECT_FALSE(openai.headers.at("x-agent-turn-id").empty());

    const Answer claude = agent.Post(kClaude, Chat("hi"));
    EXPECT_EQ(claude.status, status) << error_class;
    EXPECT_TRUE(Has(claude.body, R"("type":"error")")) << claude.body;

    const Answer tool = agent.Post(kMcp, ToolCall("search"));
    EXPECT_EQ(tool.status, 200) << error_class;
    EXPECT_TRUE(Has(tool.body, R"("isError":true)")) << tool.body;
    EXPECT_TRUE(Has(tool.body, R"(\"error_type\":\")" + std::string(error_class))) << tool.body;

    const Answer shop = agent.Get(kShop);
    EXPECT_EQ(shop.status, status) << error_class;
    EXPECT_EQ(shop.headers.at("content-type"), "application/problem+json");
    EXPECT_TRUE(Has(shop.body, R"("error_type":)" + named)) << shop.body;
  }
};

TEST_F(UpstreamFaults, Refused) {
  const ClosedPort closed;
  Start(MakePolicy(closed.url()));
  ExpectClass("connect", 502);
  EXPECT_TRUE(AwaitCounts(kTools, 0, 2));
}

TEST_F(UpstreamFaults, ResetBeforeAnyByte) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Reset(); });
  Start(MakePolicy(upstream.url()));
  ExpectClass("reset_before_headers", 502);
  EXPECT_EQ(upstream.count(), 4U);  // nothing was sent twice
}

TEST_F(UpstreamFaults, ClosedBeforeAnyByte) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Close(); });
  Start(MakePolicy(upstream.url()));
  ExpectClass("reset_before_headers", 502);
  EXPECT_EQ(upstream.count(), 4U);
}

TEST_F(UpstreamFaults, Silent) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.AwaitClose(); });
  Start(MakePolicy(upstream.url(), {.llm_ms = 80, .tool_ms = 80}));
  const MonotonicTime begin = clock_->MonotonicNow();
  ExpectClass("timeout_total", 504);
  EXPECT_LT(clock_->MonotonicNow() - begin, Milliseconds{5000});
  EXPECT_TRUE(upstream.AwaitClosed(4));  // giving up closes upstream
}

TEST_F(UpstreamFaults, NotHttp) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send("HELLO\r\n\r\n");
    c.Close();
  });
  Start(MakePolicy(upstream.url()));
  ExpectClass("malformed", 502);
}

TEST_F(UpstreamFaults, AmbiguousFraming) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}");
  });
  Start(MakePolicy(upstream.url()));
  ExpectClass("malformed", 502);
}

TEST_F(UpstreamFaults, CutInsideAPlainAnswer) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"a");
    c.Close();
  });
  Start(MakePolicy(upstream.url()));
  ExpectClass("stream_truncated", 502);
}

TEST_F(UpstreamFaults, AStatusIsRelayedAsItIs) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Respond(429, "application/json",
              R"({"error":{"message":"slow","code":"rate_limit_exceeded"}})", "retry-after: 7\r\n");
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  const Answer llm = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(llm.status, 429);
  EXPECT_EQ(llm.headers.at("retry-after"), "7");
  EXPECT_TRUE(Has(llm.body, "rate_limit_exceeded"));
  EXPECT_FALSE(llm.headers.contains("x-should-retry"));
  EXPECT_EQ(agent.Get(kShop).status, 429);
  // A tool's 429 becomes a result that the model can read; its 401 does not (OAuth needs it).
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search")).body, R"("isError":true)"));
  upstream.SetScript([](auto& c, const SeenRequest&) { c.Respond(401, "text/plain", "no"); });
  EXPECT_EQ(agent.Post(kMcp, ToolCall("search")).status, 401);
}

TEST_F(UpstreamFaults, CutStreamsNeverEndCleanly) {
  const struct {
    const char* path;
    const char* event;
    const char* error;
    const char* end;
  } cases[] = {
      {kOpenAi, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
       "data: {\"error\":", "[DONE]"},
      {kClaude,
       "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
       "{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
       "event: error", "message_stop"},
  };
  for (const auto& c : cases) {
    for (const bool reset : {false, true}) {
      FakeUpstream upstream([&](auto& connection, const SeenRequest&) {
        connection.Send(kEventStreamHead);
        connection.Chunk(c.event);
        if (reset) {
          connection.Reset();
        } else {
          connection.Close();
        }
      });
      workers_.clear();
      Start(MakePolicy(upstream.url()));
      Agent agent(port());
      const Answer answer = agent.Post(c.path, Chat("hi", true));
      EXPECT_EQ(answer.status, 200);
      EXPECT_FALSE(answer.complete) << answer.body;
      EXPECT_TRUE(Has(answer.body, c.error) || reset) << answer.body;
      EXPECT_FALSE(Has(answer.body, c.end)) << answer.body;
    }
  }
}

TEST_F(UpstreamFaults, AStreamThatFallsSilent) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.AwaitClose();
  });
  Start(MakePolicy(upstream.url(), {.idle_ms = 80}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(Has(answer.body, "timeout_idle")) << answer.body;
  EXPECT_TRUE(upstream.AwaitClosed(1));
}

TEST_F(UpstreamFaults, AStreamWithoutItsFirstToken) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(": ping\n\n");  // no token
    c.AwaitClose();
  });
  Start(MakePolicy(upstream.url(), {.first_token_ms = 80}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(answer.body, "timeout_first_token")) << answer.body;
  EXPECT_FALSE(answer.complete);
}

TEST_F(UpstreamFaults, AToolStreamThatBreaksEndsInAnErrorResult) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n");
    c.Close();
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  const Answer answer = agent.Post(kMcp, ToolCall("search", 7));
  EXPECT_TRUE(Has(answer.body, R"("isError":true)")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("id":7)")) << answer.body;
  EXPECT_TRUE(AwaitCounts(kTools, 0, 1));
}

TEST_F(UpstreamFaults, AStreamWithoutItsLastLineIsWhole) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.Chunk(kStopEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.body.ends_with(kDoneEvent)) << answer.body;
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
}

TEST_F(UpstreamFaults, AnIdleConnectionThatDiedIsNoFailure) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Respond(200, "application/json", kChatAnswer);
    c.Close();  // keep-alive was promised
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
    EXPECT_TRUE(upstream.AwaitClosed(static_cast<int>(i)));
  }
}

TEST_F(UpstreamFaults, AnAgentThatLeavesTakesItsCallWithIt) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.AwaitClose(); });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi"));
  ASSERT_TRUE(upstream.AwaitRequests(1));
  agent.Close();
  EXPECT_TRUE(upstream.AwaitClosed(1));
  EXPECT_TRUE(AwaitMetric(
      R"(agent_reliability_calls_total{kind="llm",name="openai",result="client_cancelled"})", 1));
}

// As the OpenAI SDK does: it closes at the terminal event, and the body's own end comes later.
TEST_F(UpstreamFaults, AnAgentThatLeavesWithAWholeStreamHadItsAnswer) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.AwaitClose();
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(agent.ReadUntil(kDoneEvent).ends_with(kDoneEvent));
  agent.Close();
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  EXPECT_TRUE(upstream.AwaitClosed(1));
  EXPECT_EQ(Metric(R"(agent_reliability_calls_total{kind="llm",name="openai",result="success"})"),
            1);
}

TEST_F(UpstreamFaults, AnAgentThatLeavesInAStreamIsNoOutcome) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.AwaitClose();
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_FALSE(agent.ReadUntil(Token("a")).empty());
  agent.Close();
  EXPECT_TRUE(AwaitMetric(
      R"(agent_reliability_calls_total{kind="llm",name="openai",result="client_cancelled"})", 1));
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 0));
}

TEST_F(UpstreamFaults, OlderMcpServersAreToldThatACallWasGivenUp) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, "notifications/cancelled")) {
      c.Respond(202, "text/plain", "");
    } else {
      c.AwaitClose();
    }
  });
  Start(MakePolicy(upstream.url(), {.tool_ms = 80}));
  Agent agent(port());
  const Answer answer = agent.Post(kMcp, ToolCall("search", 9),
                                   "mcp-protocol-version: 2025-06-18\r\nmcp-session-id: s1\r\n");
  EXPECT_TRUE(Has(answer.body, "timeout_total"));
  ASSERT_TRUE(upstream.AwaitRequests(2));
  const SeenRequest notice = upstream.seen().at(1);
  EXPECT_TRUE(Has(notice.body, R"("requestId":9)")) << notice.body;
  EXPECT_EQ(notice.headers.at("mcp-session-id"), "s1");
  // From 2026-07-28 on the close says it.
  (void)agent.Post(kMcp, ToolCall("search", 10), "mcp-protocol-version: 2026-07-28\r\n");
  EXPECT_EQ(upstream.count(), 3U);
}

TEST_F(UpstreamFaults, ObserveOnlyWatches) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (request.start_line.starts_with("POST /mcp")) {
      c.Respond(503, "text/plain", "down");
      return;
    }
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.Close();
  });
  Start(MakePolicy(upstream.url(),
                   {.enforce = false, .breakers = "[" + MakeBreaker("Tool", 2, 60000) + "]"}));
  Agent agent(port());
  const Answer cut = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_FALSE(cut.complete);
  EXPECT_EQ(cut.body, Token("a"));  // nothing added
  Agent other(port());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(other.Post(kMcp, ToolCall("search")).status, 503);
  }
  EXPECT_EQ(upstream.count(), 5U);
  EXPECT_TRUE(AwaitMetric(R"(agent_reliability_would_reject_total{class="circuit_open"})", 2));
}

}  // namespace
}  // namespace reliability::component
