// Failures that pass, over real sockets: S01 to S05, S12, S13 of the failover suite without a
// fallback, budgets, SDK retries, tools. data-plane.md 2.7, 2.8 and section 3.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kClaude = "/llm/claude/v1/messages";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kClaudeAnswer =
    R"({"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text",)"
    R"("text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}})";
constexpr const char* kSearchMayRepeat =
    R"(,"idempotentTools":[{"upstream":"orders","tool":"search"}])";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string IdOf(const std::string& body) {
  const std::size_t id = body.find("\"id\":") + 5;
  return body.substr(id, body.find_first_of(",}", id) - id);
}

std::string ToolAnswer(const std::string& request_body) {
  return R"({"jsonrpc":"2.0","id":)" + IdOf(request_body) +
         R"(,"result":{"content":[{"type":"text","text":"ok"}]}})";
}

void AnswerAll(FakeUpstream::Connection& c, const SeenRequest& request) {
  if (request.start_line.starts_with("POST /mcp")) {
    c.Respond(200, "application/json", ToolAnswer(request.body));
  } else if (Has(request.start_line, "/messages")) {
    c.Respond(200, "application/json", kClaudeAnswer);
  } else {
    c.Respond(200, "application/json", kChatAnswer);
  }
}

// Fails `failures` times in a row as `fail` says, then answers.
FakeUpstream::Script After(int failures, FakeUpstream::Script fail) {
  auto left = std::make_shared<std::atomic<int>>(failures);
  return [left, fail = std::move(fail)](auto& c, const SeenRequest& request) {
    if (left->fetch_sub(1) > 0) {
      fail(c, request);
    } else {
      AnswerAll(c, request);
    }
  };
}

FakeUpstream::Script Status(int status, std::string body, std::string headers = {}) {
  return [=](auto& c, const SeenRequest&) { c.Respond(status, "application/json", body, headers); };
}

constexpr const char* kOpenAiOverload =
    R"({"error":{"message":"x","code":"server_is_overloaded"}})";
constexpr const char* kClaudeOverload =
    R"({"type":"error","error":{"type":"overloaded_error","message":"x"}})";

class Retry : public ProxyFixture {
 protected:
  [[nodiscard]] double Retries(const char* error_class, const char* decision) const {
    return Metric(R"(agent_reliability_retries_total{class=")" + std::string(error_class) +
                  R"(",decision=")" + decision + "\"}");
  }
};

TEST_F(Retry, S01RateLimitWithRetryAfterIsWaitedFor) {
  for (const char* path : {kOpenAi, kClaude}) {
    FakeUpstream upstream(
        After(1, Status(429, R"({"error":{"type":"rate_limit_error","message":"slow"}})",
                        "retry-after-ms: 400\r\n")));
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2}));
    Agent agent(port());
    const MonotonicTime begin = clock_->MonotonicNow();
    EXPECT_EQ(agent.Post(path, Chat("hi")).status, 200);
    EXPECT_GE(clock_->MonotonicNow() - begin, Milliseconds{400});
    EXPECT_EQ(upstream.count(), 2U);
  }
  EXPECT_EQ(Retries("rate_limited", "retry"), 2);
  EXPECT_TRUE(AwaitMetric(R"(agent_reliability_retried_calls_total{result="rescued"})", 2));
}

TEST_F(Retry, S02RateLimitedForeverIsRelayedAsItIs) {
  FakeUpstream upstream(
      Status(429, R"({"error":{"message":"slow","code":"rate_limit_exceeded"}})"));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 429);
  EXPECT_TRUE(Has(answer.body, "rate_limit_exceeded"));
  // Retries were made here: the SDK need not make them again.
  EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
  EXPECT_EQ(upstream.count(), 3U);
  EXPECT_EQ(Retries("rate_limited", "none_left"), 1);
}

TEST_F(Retry, S03AServerErrorOnceIsNotSeen) {
  for (const char* path : {kOpenAi, kClaude}) {
    FakeUpstream upstream(After(1, Status(500, R"({"error":{"type":"api_error"}})")));
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2}));
    Agent agent(port());
    const Answer answer = agent.Post(path, Chat("hi"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.headers.contains("x-should-retry"));
    ASSERT_EQ(upstream.count(), 2U);
    EXPECT_EQ(upstream.seen()[0].body, upstream.seen()[1].body);
  }
  EXPECT_TRUE(AwaitCounts(kTasks, 2, 0));
}

TEST_F(Retry, S04AnOutageIsRelayedWithItsOwnStatusAndBody) {
  const struct {
    const char* path;
    int status;
    const char* body;
  } cases[] = {{kOpenAi, 503, kOpenAiOverload}, {kClaude, 529, kClaudeOverload}};
  for (const auto& c : cases) {
    FakeUpstream upstream(Status(c.status, c.body));
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2}));
    Agent agent(port());
    const Answer answer = agent.Post(c.path, Chat("hi"));
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(answer.body, c.body);
    EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
    EXPECT_EQ(upstream.count(), 3U);
  }
  EXPECT_TRUE(AwaitMetric(R"(agent_reliability_retried_calls_total{result="failed"})", 2));
}

TEST_F(Retry, S05AResetBeforeAnyByte) {
  for (const char* path : {kOpenAi, kClaude}) {
    FakeUpstream upstream(After(1, [](auto& c, const SeenRequest&) { c.Reset(); }));
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2}));
    Agent agent(port());
    EXPECT_EQ(agent.Post(path, Chat("hi")).status, 200);
    EXPECT_EQ(upstream.count(), 2U);
  }
}

TEST_F(Retry, S12AndS13AreTheRequestsOwnFault) {
  const struct {
    const char* path;
    const char* body;
  } cases[] = {
      {kOpenAi, R"({"error":{"message":"too long","code":"context_length_exceeded"}})"},
      {kOpenAi, R"({"error":{"message":"no","code":"content_policy_violation"}})"},
      {kClaude,
       R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}})"},
  };
  for (const auto& c : cases) {
    FakeUpstream upstream(Status(400, c.body));
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2}));
    Agent agent(port());
    const Answer answer = agent.Post(c.path, Chat("hi"));
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, c.body);
    EXPECT_FALSE(answer.headers.contains("x-should-retry"));
    EXPECT_EQ(upstream.count(), 1U);
  }
}

TEST_F(Retry, ASpentQuotaIsNeverRepeated) {
  FakeUpstream upstream(Status(429, R"({"error":{"message":"pay","type":"insufficient_quota"}})",
                               "retry-after: 1\r\n"));
  Start(MakePolicy(upstream.url(),
                   {.breakers = "[" + MakeBreaker("Provider", 5, 60000) + "]", .max_retries = 2}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 429);
  EXPECT_EQ(upstream.count(), 1U);
  // Its breaker opens at once.
  EXPECT_TRUE(Has(agent.Post(kOpenAi, Chat("ho")).body, "circuit_open"));
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Retry, ASlowFailureIsNotRepeated) {
  const std::stop_source stop;
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    clock_->WaitFor(Milliseconds{60}, stop.get_token());
    c.Respond(500, "text/plain", "down");
  });
  Start(MakePolicy(upstream.url(), {.max_retries = 2, .retries = R"(,"onFailureWithinMs":30)"}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_FALSE(answer.headers.contains("x-should-retry"));  // none was spent
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(Retries("server_error", "slow"), 1);
}

TEST_F(Retry, ATimeoutIsNotRepeated) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.AwaitClose(); });
  Start(MakePolicy(upstream.url(), {.llm_ms = 80, .max_retries = 2}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 504);
  EXPECT_TRUE(upstream.AwaitClosed(1));
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Retry, AWaitLongerThanTheTurnIsNotWaitedFor) {
  FakeUpstream upstream(Status(429, R"({"error":{"message":"slow"}})", "retry-after: 4\r\n"));
  Start(MakePolicy(upstream.url(), {.turn_ms = 3000,
                                    .reserve_ms = 500,
                                    .llm_ms = 3000,
                                    .tool_ms = 3000,
                                    .first_token_ms = 3000,
                                    .max_retries = 2,
                                    .retry_after_max_ms = 60000}));
  Agent agent(port());
  const MonotonicTime begin = clock_->MonotonicNow();
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.headers.at("retry-after"), "4");
  EXPECT_LT(clock_->MonotonicNow() - begin, Milliseconds{2500});
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(Retries("rate_limited", "no_time"), 1);
}

TEST_F(Retry, AWaitLongerThanThePolicyAllowsIsNotWaitedFor) {
  FakeUpstream upstream(Status(503, "{}", "retry-after: 2\r\n"));
  Start(MakePolicy(upstream.url(), {.max_retries = 2, .retry_after_max_ms = 1000}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 503);
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(Retries("server_error", "wait_too_long"), 1);
}

TEST_F(Retry, TheUpstreamCanForbidIt) {
  FakeUpstream upstream(Status(500, "{}", "x-should-retry: false\r\n"));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).headers.at("x-should-retry"), "false");
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Retry, WhatTheSdkRepeatsCountsAgainstThePolicy) {
  FakeUpstream upstream(Status(500, "{}"));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  // An SDK that does not look at x-should-retry: 3 + 2 + 1 attempts at the very most.
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), "x-stainless-retry-count: 0\r\n").status, 500);
  EXPECT_EQ(upstream.count(), 3U);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), "x-stainless-retry-count: 1\r\n").status, 500);
  EXPECT_EQ(upstream.count(), 5U);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), "x-stainless-retry-count: 2\r\n").status, 500);
  EXPECT_EQ(upstream.count(), 6U);
}

TEST_F(Retry, TheSdksOwnPatienceIsALimit) {
  FakeUpstream upstream(Status(429, "{}", "retry-after-ms: 900\r\n"));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  const MonotonicTime begin = clock_->MonotonicNow();
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), "x-stainless-read-timeout: 1.5\r\n").status, 429);
  EXPECT_LT(clock_->MonotonicNow() - begin, Milliseconds{850});
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Retry, ALongOutageStaysWithinTheBudget) {
  FakeUpstream upstream(Status(503, kOpenAiOverload));
  Start(MakePolicy(upstream.url(), {.max_retries = 2, .backoff_ms = 1}));
  constexpr std::size_t kCalls = 200;
  const MonotonicTime begin = clock_->MonotonicNow();
  {
    std::vector<std::jthread> agents;
    for (std::size_t a = 0; a < 4; ++a) {
      agents.emplace_back([this, a] {
        Agent agent(port());
        for (std::size_t i = 0; i < kCalls / 4; ++i) {
          EXPECT_EQ(agent.Post(kOpenAi, Chat(std::to_string(a * 1000 + i))).status, 503);
        }
      });
    }
  }
  const double tens = std::chrono::duration<double>(clock_->MonotonicNow() - begin).count() / 10;
  std::printf("200 failing calls made %zu attempts\n", upstream.count());
  EXPECT_LE(static_cast<double>(upstream.count()), 1.2 * kCalls + 3.0 * (1.0 + tens));
  EXPECT_GT(Retries("overloaded", "budget_exhausted"), 0);
  // The last calls are booked just after their last byte.
  const std::stop_source stop;
  auto traffic = decisions_.LedgerView().traffic.at("llm:openai");
  for (int i = 0; i < 1000 && traffic.calls < kCalls; ++i) {
    clock_->WaitFor(Milliseconds{10}, stop.get_token());
    traffic = decisions_.LedgerView().traffic.at("llm:openai");
  }
  EXPECT_EQ(traffic.calls, kCalls);
  EXPECT_EQ(traffic.attempts, upstream.count());
  EXPECT_EQ(Metric(R"(agent_reliability_attempts_total{kind="llm",name="openai"})"),
            static_cast<double>(upstream.count()));
}

TEST_F(Retry, TheBreakerCountsAttemptsAndEndsTheRetries) {
  FakeUpstream upstream(Status(503, kOpenAiOverload));
  Start(MakePolicy(upstream.url(),
                   {.breakers = "[" + MakeBreaker("Provider", 2, 60000) + "]", .max_retries = 2}));
  Agent agent(port());
  const Answer first = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(first.status, 503);
  EXPECT_EQ(first.body, kOpenAiOverload);
  EXPECT_EQ(upstream.count(), 2U);
  EXPECT_EQ(Retries("overloaded", "breaker_open"), 1);
  EXPECT_TRUE(Has(agent.Post(kOpenAi, Chat("ho")).body, "circuit_open"));
  EXPECT_EQ(upstream.count(), 2U);
}

TEST_F(Retry, AProbeIsNeverRepeated) {
  FakeUpstream upstream(Status(503, kOpenAiOverload));
  Start(MakePolicy(upstream.url(),
                   {.breakers = "[" + MakeBreaker("Provider", 1, 200) + "]", .max_retries = 2}));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(upstream.count(), 1U);
  const std::stop_source stop;
  for (int i = 0; i < 500 && upstream.count() == 1; ++i) {
    clock_->WaitFor(Milliseconds{10}, stop.get_token());
    (void)agent.Post(kOpenAi, Chat("hi"));
  }
  EXPECT_EQ(upstream.count(), 2U);
  EXPECT_EQ(Retries("overloaded", "probe"), 1);
}

TEST_F(Retry, OthersWaitForTheEndOfARateLimit) {
  FakeUpstream upstream(
      After(1, Status(429, R"({"error":{"message":"slow"}})", "retry-after-ms: 500\r\n")));
  Start(MakePolicy(upstream.url(), {.breakers = "[" + MakeBreaker("Provider", 5, 60000) + "]"}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 429);
  const MonotonicTime begin = clock_->MonotonicNow();
  EXPECT_EQ(agent.Post(kOpenAi, Chat("ho")).status, 200);
  EXPECT_GE(clock_->MonotonicNow() - begin, Milliseconds{300});
  EXPECT_EQ(upstream.count(), 2U);
}

TEST_F(Retry, ARateLimitThatIsTooLongIsAnsweredHere) {
  FakeUpstream upstream(Status(429, R"({"error":{"message":"slow"}})", "retry-after: 60\r\n"));
  Start(MakePolicy(upstream.url(), {.breakers = "[" + MakeBreaker("Provider", 5, 60000) + "]"}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 429);
  const Answer held = agent.Post(kOpenAi, Chat("ho"));
  EXPECT_EQ(held.status, 429);
  EXPECT_EQ(held.headers.at("x-agent-error-class"), "rate_limited");
  EXPECT_TRUE(held.headers.contains("retry-after"));
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Retry, ARefusedConnectionIsRepeatedForAnyCall) {
  const ClosedPort closed;
  Start(MakePolicy(closed.url(), {.max_retries = 2}));
  Agent agent(port());
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("refund")).body, "connect"));
  EXPECT_EQ(agent.Post("/tools/shop/orders", "{}").status, 502);
  EXPECT_EQ(Retries("connect", "retry"), 4);  // two for each target
  EXPECT_FALSE(Has(agent.Post(kMcp, ToolCall("refund")).body, "outcome"));
}

TEST_F(Retry, AToolThatMayRepeatGetsANewIdAndTheAgentItsOwn) {
  for (const bool stream : {false, true}) {
    FakeUpstream upstream(After(1, Status(503, "{}")));
    if (stream) {
      auto first = std::make_shared<std::atomic<bool>>(true);
      upstream.SetScript([first](auto& c, const SeenRequest& request) {
        if (first->exchange(false)) {
          c.Respond(500, "text/plain", "down");
          return;
        }
        c.Send(kEventStreamHead);
        const std::string event = "event: message\ndata: " + ToolAnswer(request.body) + "\n\n";
        c.Chunk(event.substr(0, 40));  // inside the id
        c.Chunk(event.substr(40));
        c.Send("0\r\n\r\n");
      });
    }
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2, .retries = kSearchMayRepeat}));
    Agent agent(port());
    const Answer answer = agent.Post(kMcp, ToolCall("search", 7));
    EXPECT_TRUE(answer.complete);
    EXPECT_TRUE(Has(answer.body, R"("id":7,)")) << answer.body;
    EXPECT_TRUE(Has(answer.body, R"("text":"ok")")) << answer.body;
    ASSERT_EQ(upstream.count(), 2U);
    EXPECT_EQ(IdOf(upstream.seen()[0].body), "7");
    EXPECT_TRUE(IdOf(upstream.seen()[1].body).starts_with("\"retry-"));
  }
  EXPECT_TRUE(AwaitCounts(kTools, 2, 0));
}

TEST_F(Retry, ATransientToolErrorIsRepeatedAPermanentOneIsNot) {
  FakeUpstream upstream(After(1, [](auto& c, const SeenRequest& request) {
    c.Respond(200, "application/json",
              R"({"jsonrpc":"2.0","id":)" + IdOf(request.body) +
                  R"(,"error":{"code":-32603,"message":"busy"}})");
  }));
  Start(MakePolicy(upstream.url(), {.max_retries = 2, .retries = kSearchMayRepeat}));
  Agent agent(port());
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search", 1)).body, R"("text":"ok")"));
  EXPECT_EQ(upstream.count(), 2U);
  upstream.SetScript([](auto& c, const SeenRequest& request) {
    c.Respond(200, "application/json",
              R"({"jsonrpc":"2.0","id":)" + IdOf(request.body) +
                  R"(,"error":{"code":-32602,"message":"no such order"}})");
  });
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search", 2)).body, "-32602"));
  EXPECT_EQ(upstream.count(), 3U);
}

TEST_F(Retry, AToolThatMayChangeStateIsSentOnce) {
  const FakeUpstream::Script faults[] = {
      [](auto& c, const SeenRequest&) { c.Reset(); },
      Status(500, "{}"),
      [](auto& c, const SeenRequest&) {
        c.Send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{");
        c.Close();
      },
  };
  for (const auto& fault : faults) {
    FakeUpstream upstream(fault);
    workers_.clear();
    Start(MakePolicy(upstream.url(), {.max_retries = 2, .retries = kSearchMayRepeat}));
    Agent agent(port());
    const Answer answer = agent.Post(kMcp, ToolCall("refund", 3));
    EXPECT_TRUE(Has(answer.body, R"("isError":true)")) << answer.body;
    EXPECT_TRUE(Has(answer.body, R"(\"outcome\":\"unknown\")")) << answer.body;
    EXPECT_TRUE(Has(answer.body, R"(\"verify_before_retry\":true)")) << answer.body;
    EXPECT_EQ(upstream.count(), 1U);
    const Answer post = agent.Post("/tools/shop/orders", "{}");
    EXPECT_EQ(upstream.count(), 2U);
    EXPECT_TRUE(post.status == 500 || Has(post.body, R"("outcome":"unknown")")) << post.body;
  }
}

TEST_F(Retry, PlainHttpToolsByMethodAndKey) {
  FakeUpstream upstream(After(1, Status(503, "{}")));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  EXPECT_EQ(agent.Get("/tools/shop/items/1").status, 200);
  EXPECT_EQ(upstream.count(), 2U);
  upstream.SetScript(After(1, Status(503, "{}")));
  EXPECT_EQ(agent.Post("/tools/shop/orders", "{}").status, 503);
  EXPECT_EQ(upstream.count(), 3U);
  upstream.SetScript(After(1, Status(503, "{}")));
  EXPECT_EQ(agent.Post("/tools/shop/orders", "{}", "idempotency-key: \"k\"\r\n").status, 200);
  ASSERT_EQ(upstream.count(), 5U);
  EXPECT_EQ(upstream.seen()[4].body, "{}");
}

TEST_F(Retry, ABodyThatIsTooLargeIsNotKept) {
  FakeUpstream upstream(After(1, Status(503, "{}")));
  Start(MakePolicy(upstream.url(), {.max_retries = 2, .retries = R"(,"maxRequestBytes":1000)"}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat(std::string(1200, 'x'))).status, 503);
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(Retries("server_error", "not_replayable"), 1);
}

TEST_F(Retry, ALargePromptIsKeptAndSentAgain) {
  FakeUpstream upstream(After(1, Status(503, "{}")));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  const std::string body = Chat(std::string(std::size_t{3} << 20U, 'x'));
  EXPECT_EQ(agent.Post(kOpenAi, body).status, 200);
  ASSERT_EQ(upstream.count(), 2U);
  EXPECT_TRUE(upstream.seen()[1].body == body);
}

TEST_F(Retry, AnAgentThatLeavesEndsTheWait) {
  FakeUpstream upstream(Status(429, "{}", "retry-after: 3\r\n"));
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi"));
  EXPECT_TRUE(
      AwaitMetric(R"(agent_reliability_retries_total{class="rate_limited",decision="retry"})", 1));
  agent.Close();
  EXPECT_TRUE(AwaitMetric(
      R"(agent_reliability_calls_total{kind="llm",name="openai",result="client_cancelled"})", 1));
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Retry, ObserveCountsWhatItWouldHaveDone) {
  FakeUpstream upstream(Status(500, R"({"error":{"message":"x"}})"));
  Start(MakePolicy(upstream.url(), {.enforce = false, .max_retries = 2}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_FALSE(answer.headers.contains("x-should-retry"));
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(Metric(R"(agent_reliability_would_retry_total{class="server_error"})"), 1);
  EXPECT_EQ(Retries("server_error", "retry"), 0);
}

}  // namespace
}  // namespace reliability::component
