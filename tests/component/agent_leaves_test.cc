// An agent that leaves ends its call upstream at once, whatever it waits for: the proxy's time
// stands still and the upstream says nothing more, so neither a timer nor another byte can be the
// cause. The goal is 100 ms; how long it took stands in the test's XML and its output.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/component/stopped_time.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kCancelled =
    R"(agent_reliability_calls_total{kind="llm",name="openai",result="client_cancelled"})";

class AgentLeaves : public StoppedTime {
 protected:
  // Closes the agent's connection and waits until the upstream sees the end of its own.
  void Leave(Agent& agent, const FakeUpstream& upstream) {
    const MonotonicTime begin = clock_->MonotonicNow();
    agent.Close();
    EXPECT_TRUE(upstream.AwaitClosed(1));
    const auto took = (clock_->MonotonicNow() - begin).count();
    RecordProperty("cancelled_after_ms", std::to_string(took));
    std::printf("cancelled after %lld ms\n", static_cast<long long>(took));
  }
};

TEST_F(AgentLeaves, WhileTheUpstreamThinks) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.AwaitClose(); });
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi"));
  ASSERT_TRUE(upstream.AwaitRequests(1));
  Leave(agent, upstream);
  EXPECT_TRUE(AwaitMetric(kCancelled, 1));
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(AgentLeaves, WhileAToolWorks) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.AwaitClose(); });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  // From this version on the closed connection is the cancellation.
  agent.SendPost(kMcp, ToolCall("search"), "mcp-protocol-version: 2026-07-28\r\n");
  ASSERT_TRUE(upstream.AwaitRequests(1));
  Leave(agent, upstream);
}

TEST_F(AgentLeaves, InsideAnAnswerThatIsHeldUntilItIsWhole) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"a");
    c.AwaitClose();
  });
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi"));
  ASSERT_TRUE(upstream.AwaitRequests(1));
  Leave(agent, upstream);
  EXPECT_TRUE(AwaitMetric(kCancelled, 1));
}

TEST_F(AgentLeaves, InsideAStream) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.AwaitClose();
  });
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(agent.ReadUntil(Token("a")).ends_with(Token("a")));
  Leave(agent, upstream);
  EXPECT_TRUE(AwaitMetric(kCancelled, 1));
}

TEST_F(AgentLeaves, BetweenTwoAttemptsNoFurtherOneIsMade) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Respond(503, "application/json", "{}", "connection: close\r\nretry-after: 1\r\n");
    c.AwaitClose();
  });
  Start(MakePolicy(upstream.url(), {.max_retries = 2}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi"));
  ASSERT_TRUE(upstream.AwaitClosed(1));  // the wait before the second attempt has begun
  agent.Close();
  EXPECT_TRUE(AwaitMetric(kCancelled, 1));
  EXPECT_EQ(upstream.count(), 1U);
}

}  // namespace
}  // namespace reliability::component
