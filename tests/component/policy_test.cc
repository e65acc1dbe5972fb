// Breakers, turns, modes, reload, drain and the ledger, over real sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kMcp = "/mcp/orders";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string ToolAnswer(const std::string& request_body) {
  const std::size_t id = request_body.find("\"id\":") + 5;
  return R"({"jsonrpc":"2.0","id":)" +
         request_body.substr(id, request_body.find_first_of(",}", id) - id) +
         R"(,"result":{"content":[{"type":"text","text":"ok"}]}})";
}

void AnswerAll(FakeUpstream::Connection& c, const SeenRequest& request) {
  if (request.start_line.starts_with("POST /mcp")) {
    c.Respond(200, "application/json", ToolAnswer(request.body));
  } else {
    c.Respond(200, "application/json", kChatAnswer);
  }
}

std::string Mode(const char* mode, int generation, const std::string& more = {}) {
  return R"({"schema":"1.0","leaderEpoch":1,"generation":)" + std::to_string(generation) +
         R"(,"mode":")" + mode + R"(","cause":"tasks/stop","retryAfterMs":7000)" +
         (std::string(mode) == "Normal" ? "" : R"(,"validUntil":"2100-01-01T00:00:00Z")") + more +
         "}";
}

class Policy : public ProxyFixture {};

TEST_F(Policy, ThirdFailureOpensAndTheFourthCallIsAnsweredHereAtOnce) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Respond(503, "text/plain", "down"); });
  Start(MakePolicy(upstream.url(), {.breakers = "[" + MakeBreaker("Tool", 3, 60000) + "]"}));
  Agent agent(port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search")).body, "server_error"));
  }
  std::vector<double> micros;
  for (int i = 0; i < 200; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const Answer answer = agent.Post(kMcp, ToolCall("search", i));
    micros.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
    ASSERT_TRUE(Has(answer.body, "circuit_open")) << answer.body;
    ASSERT_TRUE(Has(answer.body, R"("isError":true)"));
    ASSERT_TRUE(Has(answer.body, R"("id":)" + std::to_string(i)));
    ASSERT_TRUE(Has(answer.body, "retry_after_ms"));
  }
  std::sort(micros.begin(), micros.end());
  RecordProperty("open_circuit_median_us", std::to_string(micros[100]));
  std::printf("open circuit: median %.0f us, p99 %.0f us\n", micros[100], micros[198]);
  EXPECT_LT(micros[100], 5000);  // goal 1 ms (operator ruling 36)
  EXPECT_EQ(upstream.count(), 3U);
  EXPECT_TRUE(AwaitCounts(kTools, 0, 203));
  EXPECT_EQ(Metric(R"(agent_reliability_breaker_transitions_total{event="breaker_opened"})"), 1);
}

TEST_F(Policy, AProbeClosesTheCircuitAgain) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Respond(503, "text/plain", "down"); });
  Start(MakePolicy(upstream.url(), {.breakers = "[" + MakeBreaker("Tool", 1, 1000) + "]"}));
  Agent agent(port());
  (void)agent.Post(kMcp, ToolCall("search"));
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search")).body, "circuit_open"));
  upstream.SetScript(AnswerAll);
  bool closed = false;
  const std::stop_source stop;
  for (int i = 0; i < 200 && !closed; ++i) {
    clock_->WaitFor(Milliseconds{20}, stop.get_token());
    closed = !Has(agent.Post(kMcp, ToolCall("search")).body, "circuit_open");
  }
  EXPECT_TRUE(closed);
  EXPECT_TRUE(
      AwaitMetric(R"(agent_reliability_breaker_transitions_total{event="breaker_closed"})", 1));
}

TEST_F(Policy, OutcomesAreCountedExactlyOnceOverManyConnectionsAndTwoWorkers) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, "bad")) {
      c.Respond(400, "application/json", R"({"error":{"message":"no"}})");
    } else {
      AnswerAll(c, request);
    }
  });
  Start(
      MakePolicy(
          upstream.url(),
          {.turn_ms = 300, .reserve_ms = 50, .llm_ms = 300, .tool_ms = 300, .first_token_ms = 300}),
      2);
  constexpr int kAgents = 8;
  constexpr int kEach = 25;
  {
    std::vector<std::jthread> agents;
    for (int a = 0; a < kAgents; ++a) {
      agents.emplace_back([this, a] {
        Agent agent(port());
        for (int i = 0; i < kEach; ++i) {
          const std::string text = (i % 5 == 0 ? "bad " : "good ") + std::to_string(a * 1000 + i);
          (void)agent.Post(kOpenAi, Chat(text));
          (void)agent.Post(kMcp, ToolCall("search", i));
        }
      });
    }
  }
  EXPECT_EQ(upstream.count(), 2U * kAgents * kEach);
  EXPECT_TRUE(AwaitCounts(kTools, kAgents * kEach, 0));
  EXPECT_TRUE(AwaitCounts(kTasks, kAgents * kEach * 4 / 5, kAgents * kEach / 5));
  EXPECT_TRUE(
      AwaitMetric(R"(agent_reliability_turns_total{result="success"})", kAgents * kEach * 4 / 5));
}

TEST_F(Policy, ABlownTurnRefusesToolsAndLetsTheModelAnswer) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, R"("role":"tool")")) {
      c.Respond(200, "application/json", kChatAnswer);
    } else {
      c.Respond(
          200, "application/json",
          R"({"id":"c","model":"m","choices":[{"index":0,"finish_reason":"tool_calls",)"
          R"("message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1",)"
          R"("type":"function","function":{"name":"search","arguments":"{\"query\":\"1\"}"}}]}}]})");
    }
  });
  // Nothing is left for tools from the start.
  Start(MakePolicy(upstream.url(), {.turn_ms = 4000,
                                    .reserve_ms = 3500,
                                    .llm_ms = 4000,
                                    .tool_ms = 4000,
                                    .first_token_ms = 4000}));
  Agent agent(port());
  const std::string turn = agent.Post(kOpenAi, Chat("hi")).headers.at("x-agent-turn-id");
  const Answer refused = agent.Post(kMcp, ToolCall("search"));
  EXPECT_TRUE(Has(refused.body, "deadline_exceeded")) << refused.body;
  EXPECT_TRUE(Has(refused.body, "remaining_ms")) << refused.body;
  const Answer last = agent.Post(
      kOpenAi,
      R"({"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,)"
      R"("tool_calls":[{"id":"call_1","type":"function","function":{"name":"search","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"call_1","content":"none"}]})");
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.headers.at("x-agent-turn-id"), turn);
  EXPECT_EQ(upstream.count(), 2U);
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 1));  // the answer was written without its tool
}

TEST_F(Policy, TheUpstreamLearnsTheTimeLeft) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url(), {.llm_ms = 4000}));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("hi"), "x-agent-deadline-ms: 99999\r\naccept-encoding: gzip\r\n");
  const SeenRequest seen = upstream.seen().at(0);
  const int left = std::stoi(seen.headers.at("x-agent-deadline-ms"));
  EXPECT_GT(left, 3000);
  EXPECT_LE(left, 4000);
  EXPECT_EQ(seen.headers.at("accept-encoding"), "identity");
  EXPECT_EQ(seen.headers.at("host"), "127.0.0.1:" + std::to_string(upstream.port()));
}

TEST_F(Policy, AToolsCallSaysTheTimeLeft) {
  constexpr const char* kName = R"("_meta":{"agentreliability.dev/deadline-ms":)";
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url(), {.tool_ms = 4000}));
  Agent agent(port());
  const std::string body = ToolCall("search");
  EXPECT_EQ(agent.Post(kMcp, body).status, 200);
  std::string sent = upstream.seen().at(0).body;
  const std::size_t at = sent.find(kName);
  ASSERT_NE(at, std::string::npos) << sent;
  const std::size_t number = at + std::string(kName).size();
  const int left = std::stoi(sent.substr(number));
  EXPECT_GT(left, 3000);
  EXPECT_LE(left, 4000);
  EXPECT_EQ(sent.erase(at, sent.find("},", at) + 2 - at), body);
  // Not where that would change what was vouched for, nor what is no call of a tool.
  const std::string batch = "[" + body + "]";
  const std::string list = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}})";
  (void)agent.Post(kMcp, body, "content-digest: sha-256=:AAAA:\r\n");
  (void)agent.Post(kMcp, batch);
  (void)agent.Post(kMcp, list);
  Load(MakePolicy(upstream.url(), {.enforce = false}));
  Agent observed(port());
  (void)observed.Post(kMcp, body);
  const auto seen = upstream.seen();
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen[1].body, body);
  EXPECT_EQ(seen[2].body, batch);
  EXPECT_EQ(seen[3].body, list);
  EXPECT_EQ(seen[4].body, body);
}

TEST_F(Policy, PausedRefusesNewTurnsAndLetsAgentsStart) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url()));
  Order(Mode("Paused", 1));
  Agent agent(port());
  const Answer llm = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(llm.status, 503);
  EXPECT_EQ(llm.headers.at("retry-after"), "7");
  EXPECT_EQ(llm.headers.at("x-should-retry"), "false");
  EXPECT_EQ(agent.Post(kMcp, ToolCall("search")).status, 503);
  const Answer hello =
      agent.Post(kMcp, R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}})");
  EXPECT_EQ(hello.status, 200);
  EXPECT_EQ(upstream.count(), 1U);
  Order(Mode("Normal", 2));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  EXPECT_EQ(decisions_.Mode().mode, policy::GateMode::kNormal);
}

TEST_F(Policy, RunningCallsKeepTheirPolicyAndOpenCircuitsSurviveAReload) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Respond(503, "text/plain", "down"); });
  const PolicyTweaks tweaks{.breakers = "[" + MakeBreaker("Tool", 2, 60000) + "]"};
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  (void)agent.Post(kMcp, ToolCall("search"));
  (void)agent.Post(kMcp, ToolCall("search"));

  // A stream that began under the old policy ends under it.
  FakeUpstream streaming([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
  });
  PolicyTweaks moved = tweaks;
  moved.tool_ms = 1234;
  Load(MakePolicy(streaming.url(), moved));
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search")).body, "circuit_open"));

  Agent reader(port());
  reader.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(reader.ReadUntil("data: "), "200 OK"));
  Load(MakePolicy(upstream.url(), tweaks));
  EXPECT_EQ(streaming.count(), 1U);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 503);  // the new one goes elsewhere
  reader.Close();
}

TEST_F(Policy, EventsReachTheAgentAsTheyCome) {
  std::mutex mutex;
  std::condition_variable may_go_on;
  bool seen = false;
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("first"));
    {
      std::unique_lock lock(mutex);
      may_go_on.wait_for(lock, std::chrono::seconds{10}, [&] { return seen; });
    }
    c.Chunk(Token("second"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(agent.ReadUntil("first"), "text/event-stream"));
  {
    const std::lock_guard lock(mutex);
    seen = true;
  }
  may_go_on.notify_one();
  EXPECT_TRUE(Has(agent.ReadUntil("0\r\n\r\n"), "[DONE]"));
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  // The connection is as good as new.
  upstream.SetScript(AnswerAll);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_EQ(upstream.connections(), 1);
}

TEST_F(Policy, DrainFinishesWhatRunsAndClosesWhatIsIdle) {
  std::mutex mutex;
  std::condition_variable may_end;
  bool draining = false;
  FakeUpstream upstream([&](auto& c, const SeenRequest& request) {
    if (Has(request.body, "slow")) {
      std::unique_lock lock(mutex);
      may_end.wait_for(lock, std::chrono::seconds{10}, [&] { return draining; });
    }
    AnswerAll(c, request);
  });
  Start(MakePolicy(upstream.url()), 2);
  const std::uint16_t proxy_port = port();
  Agent idle(proxy_port);
  EXPECT_EQ(idle.Post(kOpenAi, Chat("quick")).status, 200);
  Agent running(proxy_port);
  running.SendPost(kOpenAi, Chat("slow"));
  ASSERT_TRUE(upstream.AwaitRequests(2));
  std::jthread drain([this] { DrainAll(); });
  EXPECT_TRUE(idle.AwaitClose());
  {
    const std::lock_guard lock(mutex);
    draining = true;
  }
  may_end.notify_all();
  EXPECT_EQ(running.Read().status, 200);
  EXPECT_TRUE(running.AwaitClose());
  drain.join();
  Agent late(proxy_port);
  late.SendPost(kOpenAi, Chat("late"));
  EXPECT_EQ(late.Read().status, 0);
  EXPECT_TRUE(AwaitCounts(kTasks, 2, 0));
}

TEST_F(Policy, ToolListsNameTheBreakers) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, "tools/list")) {
      c.Respond(
          200, "application/json",
          R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search"},{"name":"refund"}]}})");
    } else if (Has(request.body, "search")) {
      c.Respond(503, "text/plain", "down");
    } else {
      AnswerAll(c, request);
    }
  });
  Start(MakePolicy(upstream.url(), {.breakers = "[" + MakeBreaker("Tool", 1, 60000) + "]"}));
  Agent agent(port());
  (void)agent.Post(kMcp, R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}})");
  (void)agent.Post(kMcp, ToolCall("search"));
  EXPECT_TRUE(Has(agent.Post(kMcp, ToolCall("search")).body, "orders/search"));
  EXPECT_FALSE(Has(agent.Post(kMcp, ToolCall("refund")).body, "isError"));
}

}  // namespace
}  // namespace reliability::component
