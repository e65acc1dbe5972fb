// Circuit breakers through the real proxy: slow calls, servers, the whole agent, what a person
// sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kOpened =
    R"(agent_reliability_breaker_transitions_total{event="breaker_opened"})";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// One breaker as a list; `trip` and `more` are JSON members.
std::string Breaker(const std::string& scope, const std::string& trip,
                    const std::string& more = R"("openForMs":60000)") {
  return R"([{"name":"b","scope":")" + scope + R"(","trip":{)" + trip +
         R"(},"maxOpenForMs":300000,"halfOpen":{"maxProbes":1,"successes":1},)" + more + "}]";
}

constexpr const char* kOnlySlow =
    R"("consecutiveFailures":0,"failurePercent":100,"minCalls":5,"slowCallPercent":80,)"
    R"("slowCallDurationMs":100)";
constexpr const char* kTwoInARow = R"("consecutiveFailures":2,"failurePercent":0)";

std::string ToolAnswer(const std::string& request_body) {
  const std::size_t id = request_body.find("\"id\":") + 5;
  return R"({"jsonrpc":"2.0","id":)" +
         request_body.substr(id, request_body.find_first_of(",}", id) - id) +
         R"(,"result":{"content":[{"type":"text","text":"ok"}]}})";
}

class Breakers : public ProxyFixture {
 protected:
  // An upstream that is slow to answer.
  void Dawdle() { clock_->WaitFor(Milliseconds{120}, stop_.get_token()); }

  const std::stop_source stop_;
};

TEST_F(Breakers, FourSlowCallsOfFiveOpenThoughAllSucceed) {
  FakeUpstream upstream([this](auto& c, const SeenRequest& request) {
    if (!Has(request.body, R"("id":1,)")) {
      Dawdle();
    }
    c.Respond(200, "application/json", ToolAnswer(request.body));
  });
  Start(MakePolicy(upstream.url(), {.breakers = Breaker("Tool", kOnlySlow)}));
  Agent agent(port());
  for (int i = 1; i <= 5; ++i) {
    EXPECT_FALSE(Has(agent.Post(kMcp, ToolCall("search", i)).body, "isError")) << i;
  }
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search", 6)).body, "circuit_open"));
  EXPECT_EQ(upstream.count(), 5U);
  EXPECT_EQ(Metric(kOpened), 1);
}

TEST_F(Breakers, AStreamIsAsSlowAsItsFirstContent) {
  FakeUpstream upstream([this](auto& c, const SeenRequest& request) {
    const bool late = Has(request.body, "late");
    c.Send(kEventStreamHead);
    if (late) {
      Dawdle();
    }
    c.Chunk(Token("a"));
    if (!late) {
      Dawdle();
    }
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url(), {.breakers = Breaker("Provider", kOnlySlow)}));
  Agent agent(port());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(agent.Post(kOpenAi, Chat("long " + std::to_string(i), true)).status, 200);
  }
  EXPECT_EQ(Metric(kOpened), 0);
  for (int i = 0; i < 20; ++i) {  // 80 % of 25
    EXPECT_EQ(agent.Post(kOpenAi, Chat("late " + std::to_string(i), true)).status, 200) << i;
  }
  EXPECT_TRUE(AwaitMetric(kOpened, 1));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("more", true)).status, 503);
}

TEST_F(Breakers, ARateLimitHoldSendsOthersToTheNextTierAtOnce) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, R"("model":"small")")) {
      c.Respond(200, "application/json", kChatAnswer);
    } else {
      c.Respond(429, "application/json", R"({"error":{"message":"slow down"}})",
                "retry-after-ms: 60000\r\n");
    }
  });
  PolicyTweaks tweaks;
  tweaks.breakers =
      Breaker("Model", kTwoInARow, R"("openForMs":60000,"match":{"models":["m","small"]})");
  tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai"},)"
                 R"({"name":"second","upstream":"openai","model":"small"}]})";
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("1")).status, 200);
  EXPECT_EQ(upstream.count(), 2U);
  for (int i = 2; i < 5; ++i) {
    EXPECT_EQ(agent.Post(kOpenAi, Chat(std::to_string(i))).status, 200);
  }
  EXPECT_EQ(upstream.count(), 5U);  // the limited model was asked once
  EXPECT_EQ(Metric(kOpened), 0);    // and it is no failure
  EXPECT_EQ(Metric(R"(agent_reliability_breaker_transitions_total{event="breaker_held"})"), 1);
}

TEST_F(Breakers, TwoOpenToolsOpenTheirServerForCallsOnly) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, "tools/list")) {
      c.Respond(200, "application/json",
                R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search"},)"
                R"({"name":"refund"},{"name":"track"}]}})");
    } else {
      c.Respond(503, "text/plain", "down");
    }
  });
  Start(MakePolicy(upstream.url(), {.breakers = "[" + MakeBreaker("Tool", 1, 60000) + "]"}));
  Agent agent(port());
  constexpr const char* kList = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}})";
  (void)agent.Post(kMcp, kList);
  (void)agent.Post(kMcp, ToolCall("search"));
  (void)agent.Post(kMcp, ToolCall("refund"));
  const Answer refused = agent.Post(kMcp, ToolCall("track"));
  EXPECT_TRUE(Has(refused.body, "circuit_open")) << refused.body;
  EXPECT_FALSE(Has(refused.body, "orders/track")) << refused.body;
  EXPECT_EQ(upstream.count(), 3U);
  EXPECT_EQ(agent.Post(kMcp, kList).status, 200);
  EXPECT_EQ(Metric(kOpened), 3);
}

TEST_F(Breakers, FailedTurnsOpenTheWholeAgentAndAProbingTurnClosesIt) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, "bad")) {
      c.Respond(400, "application/json", R"({"error":{"message":"no"}})");
    } else if (request.start_line.starts_with("POST /mcp")) {
      c.Respond(200, "application/json", ToolAnswer(request.body));
    } else {
      c.Respond(200, "application/json", kChatAnswer);
    }
  });
  Start(MakePolicy(upstream.url(),
                   {.turn_ms = 300,
                    .reserve_ms = 50,
                    .llm_ms = 300,
                    .tool_ms = 300,
                    .first_token_ms = 300,
                    .breakers = Breaker("Agent", kTwoInARow, R"("openForMs":1500)")}));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("bad 1"));
  (void)agent.Post(kOpenAi, Chat("bad 2"));
  ASSERT_TRUE(AwaitCounts(kTasks, 0, 2));  // turns end, and only then they count
  EXPECT_EQ(Metric(kOpened), 1);
  const std::size_t before = upstream.count();
  const Answer refused = agent.Post(kOpenAi, Chat("good"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(Has(refused.body, "agent_unavailable")) << refused.body;
  EXPECT_EQ(refused.headers.at("x-should-retry"), "false");
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("good"), "x-stainless-retry-count: 1\r\n").status, 503);
  EXPECT_EQ(upstream.count(), before);
  // It is no breaker of calls.
  EXPECT_FALSE(Has(agent.Post(kMcp, ToolCall("search")).body, "isError"));
  // The refused user is a bad turn, once; the SDK's own retry is not another one.
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 3));
  bool closed = false;
  for (int i = 0; i < 400 && !closed; ++i) {
    closed = agent.Post(kOpenAi, Chat("good"), "x-stainless-retry-count: 1\r\n").status == 200;
    clock_->WaitFor(Milliseconds{10}, stop_.get_token());
  }
  EXPECT_TRUE(closed);
  EXPECT_TRUE(
      AwaitMetric(R"(agent_reliability_breaker_transitions_total{event="breaker_closed"})", 1));
}

TEST_F(Breakers, ObserveCountsTheTurnsThatEnforceWouldRefuse) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    c.Respond(Has(request.body, "bad") ? 400 : 200, "application/json",
              Has(request.body, "bad") ? R"({"error":{"message":"no"}})" : kChatAnswer);
  });
  Start(MakePolicy(upstream.url(), {.enforce = false,
                                    .turn_ms = 300,
                                    .reserve_ms = 50,
                                    .llm_ms = 300,
                                    .tool_ms = 300,
                                    .first_token_ms = 300,
                                    .breakers = Breaker("Agent", kTwoInARow)}));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("bad 1"));
  (void)agent.Post(kOpenAi, Chat("bad 2"));
  ASSERT_TRUE(AwaitCounts(kTasks, 0, 2));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("good")).status, 200);
  EXPECT_EQ(Metric(R"(agent_reliability_would_reject_total{class="agent_unavailable"})"), 1);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 2));
  EXPECT_EQ(upstream.count(), 3U);
}

TEST_F(Breakers, ForcedOpenRefusesUntilItIsTakenBack) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    c.Respond(200, "application/json", ToolAnswer(request.body));
  });
  const auto with = [](const char* operation) {
    return Breaker("Tool", kTwoInARow,
                   R"("openForMs":60000,"operation":")" + std::string(operation) + "\"");
  };
  Start(MakePolicy(upstream.url(), {.breakers = with("ForcedOpen")}));
  Agent agent(port());
  const Answer refused = agent.Post(kMcp, ToolCall("search"));
  EXPECT_TRUE(Has(refused.body, "circuit_open")) << refused.body;
  EXPECT_FALSE(Has(refused.body, "retry_after_ms")) << refused.body;
  EXPECT_EQ(upstream.count(), 0U);
  Load(MakePolicy(upstream.url(), {.breakers = with("Automatic")}));
  EXPECT_FALSE(Has(agent.Post(kMcp, ToolCall("search")).body, "isError"));
  Load(MakePolicy(upstream.url(), {.enforce = false, .breakers = with("ForcedOpen")}));
  EXPECT_FALSE(Has(agent.Post(kMcp, ToolCall("search")).body, "isError"));
  EXPECT_EQ(Metric(R"(agent_reliability_would_reject_total{class="circuit_open"})"), 1);
  // Each for the server and for the tool.
  EXPECT_GE(Metric(R"(agent_reliability_breaker_transitions_total{event="breaker_forced_open"})"),
            2);
}

TEST_F(Breakers, ForcedOpenMovesTrafficToTheNextTierByHand) {
  FakeUpstream upstream(
      [](auto& c, const SeenRequest&) { c.Respond(200, "application/json", kChatAnswer); });
  PolicyTweaks tweaks;
  tweaks.breakers =
      Breaker("Model", kTwoInARow,
              R"("openForMs":60000,"match":{"models":["m"]},"operation":"ForcedOpen")");
  tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai"},)"
                 R"({"name":"second","upstream":"openai","model":"small"}]})";
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Breakers, MetricsOnlyAndDisabledLetEverythingPass) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Respond(503, "text/plain", "down"); });
  const auto with = [](const char* operation) {
    return Breaker("Tool", kTwoInARow,
                   R"("openForMs":60000,"operation":")" + std::string(operation) + "\"");
  };
  Start(MakePolicy(upstream.url(), {.breakers = with("Disabled")}));
  Agent agent(port());
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search")).body, "server_error"));
  }
  EXPECT_EQ(Metric(kOpened), 0);
  Load(MakePolicy(upstream.url(), {.breakers = with("MetricsOnly")}));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search")).body, "server_error"));
  }
  EXPECT_EQ(upstream.count(), 8U);
  EXPECT_EQ(Metric(kOpened), 1);
  EXPECT_EQ(Metric(R"(agent_reliability_would_reject_total{class="circuit_open"})"), 2);
  const auto views = decisions_.Breakers();
  const auto tool = std::find_if(views.begin(), views.end(),
                                 [](const auto& view) { return view.key == "mcp:orders/_other"; });
  ASSERT_NE(tool, views.end());
  EXPECT_EQ(tool->state, policy::BreakerState::kOpen);
  EXPECT_EQ(tool->operation, policy::BreakerOperation::kMetricsOnly);
}

}  // namespace
}  // namespace reliability::component
