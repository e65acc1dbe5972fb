// Modes through the real proxy, with mode.json as the operator would write it: Degraded, Ramping,
// what a pause lets finish, and what becomes of orders that nobody renews (data-plane rulings
// 41-44).
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kFuture = "2100-01-01T00:00:00Z";
constexpr const char* kPast = "2020-01-01T00:00:00Z";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Mode(const char* mode, int generation, const std::string& more = {},
                 const char* valid_until = kFuture) {
  return R"({"schema":"1.2","leaderEpoch":1,"generation":)" + std::to_string(generation) +
         R"(,"mode":")" + mode + R"(","cause":"tasks/slow","retryAfterMs":7000,"validUntil":")" +
         valid_until + "\"" + more + "}";
}

std::string Ramp(int percent, int generation) {
  return Mode("Ramping", generation,
              R"(,"ramp":{"id":"incident-7","percent":)" + std::to_string(percent) + "}");
}

constexpr const char* kToSmall = R"(,"degrade":{"fallbackTier":"second"})";

constexpr const char* kAsksForTool =
    R"({"id":"c","model":"m","choices":[{"index":0,"finish_reason":"tool_calls",)"
    R"("message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1",)"
    R"("type":"function","function":{"name":"search","arguments":"{\"query\":\"1\"}"}}]}}]})";

std::string WithToolResult(const std::string& text) {
  return R"({"model":"m","messages":[{"role":"user","content":")" + text +
         R"("},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",)"
         R"("function":{"name":"search","arguments":"{}"}}]},)"
         R"({"role":"tool","tool_call_id":"call_1","content":"none"}]})";
}

void AnswerAll(FakeUpstream::Connection& c, const SeenRequest& request) {
  if (request.start_line.starts_with("POST /mcp")) {
    c.Respond(200, "application/json",
              R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}})");
  } else if (Has(request.body, "find") && !Has(request.body, R"("role":"tool")")) {
    c.Respond(200, "application/json", kAsksForTool);
  } else {
    c.Respond(200, "application/json", kChatAnswer);
  }
}

class Modes : public ProxyFixture {
 protected:
  // A chain of two models at one provider.
  static PolicyTweaks Chain() {
    PolicyTweaks tweaks;
    tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai"},)"
                   R"({"name":"second","upstream":"openai","model":"small"}]})";
    return tweaks;
  }
  static bool AskedSmall(const SeenRequest& request) {
    return Has(request.body, R"("model":"small")");
  }
};

TEST_F(Modes, DegradedBeginsAtTheNamedTierAndSaysSo) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url(), Chain()));
  Order(Mode("Degraded", 1, kToSmall));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(answer.headers.at("x-agent-degraded"), "fallback");
  ASSERT_EQ(upstream.count(), 1U);
  EXPECT_TRUE(AskedSmall(upstream.seen()[0]));
  EXPECT_EQ(Metric("agent_reliability_degraded_turns_total"), 1);
  Order(Mode("Normal", 2));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("ho")).headers.at("x-agent-served-by"), "first");
}

TEST_F(Modes, DegradedNeverAsksABetterTierInstead) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Respond(503, "text/plain", "down"); });
  Start(MakePolicy(upstream.url(), Chain()));
  Order(Mode("Degraded", 1, kToSmall));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 503);
  ASSERT_EQ(upstream.count(), 1U);
  EXPECT_TRUE(AskedSmall(upstream.seen()[0]));
}

TEST_F(Modes, ATurnStaysWithTheTierThatAskedForItsTools) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url(), Chain()));
  Agent agent(port());
  EXPECT_TRUE(Has(agent.Post(kOpenAi, Chat("find it")).body, "tool_calls"));
  Order(Mode("Degraded", 1, kToSmall));
  EXPECT_EQ(agent.Post(kOpenAi, WithToolResult("find it")).headers.at("x-agent-served-by"),
            "first");
  EXPECT_EQ(agent.Post(kOpenAi, Chat("next")).headers.at("x-agent-served-by"), "second");
}

TEST_F(Modes, DegradedTurnsAreShorter) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url()));
  Order(Mode("Degraded", 1, R"(,"degrade":{"turnTimeoutMs":2000})"));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_LE(std::stoi(upstream.seen().at(0).headers.at("x-agent-deadline-ms")), 2000);
  Order(Mode("Normal", 2));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("ho")).status, 200);
  EXPECT_GT(std::stoi(upstream.seen().at(1).headers.at("x-agent-deadline-ms")), 2000);
}

TEST_F(Modes, ObserveOnlyCountsWhatItWouldDegradeOrRefuse) {
  FakeUpstream upstream(AnswerAll);
  auto tweaks = Chain();
  tweaks.enforce = false;
  Start(MakePolicy(upstream.url(), tweaks));
  Order(Mode("Degraded", 1, R"(,"degrade":{"fallbackTier":"second","turnTimeoutMs":2000})"));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.headers.contains("x-agent-degraded"));
  EXPECT_FALSE(AskedSmall(upstream.seen().at(0)));
  EXPECT_EQ(Metric("agent_reliability_would_degrade_total"), 1);
  Order(Ramp(0, 2));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("ho")).status, 200);
  EXPECT_EQ(Metric(R"(agent_reliability_would_reject_total{class="paused"})"), 1);
}

TEST_F(Modes, DegradedOutlivesItsValidityFlaggedStale) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url(), Chain()));
  Order(Mode("Degraded", 1, kToSmall, kPast));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).headers.at("x-agent-served-by"), "second");
  const auto ledger = decisions_.LedgerView();
  EXPECT_EQ(ledger.mode, "Degraded");
  EXPECT_TRUE(ledger.mode_stale);
}

TEST_F(Modes, ARampAdmitsNestedSharesOfConversations) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  std::set<int> before;
  int generation = 0;
  for (const int percent : {0, 25, 75, 100}) {
    Order(Ramp(percent, ++generation));
    std::set<int> admitted;
    for (int user = 0; user < 40; ++user) {
      const std::string headers = "x-agent-session-id: user-" + std::to_string(user) + "\r\n";
      const std::string text = std::to_string(percent) + " " + std::to_string(user);
      const Answer answer = agent.Post(kOpenAi, Chat(text), headers);
      if (answer.status == 200) {
        admitted.insert(user);
      } else {
        EXPECT_EQ(answer.status, 503);
        EXPECT_EQ(answer.headers.at("retry-after"), "7");
        EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
        EXPECT_EQ(answer.headers.at("x-agent-error-class"), "paused");
      }
    }
    for (const int user : before) {
      EXPECT_TRUE(admitted.contains(user)) << percent;
    }
    EXPECT_EQ(admitted.empty(), percent == 0);
    EXPECT_EQ(admitted.size() == 40, percent == 100);
    before = admitted;
  }
  EXPECT_TRUE(AwaitCounts(kTasks, upstream.count(), 0));  // refusals are no events
}

TEST_F(Modes, APauseLetsRunningTurnsFinish) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  const std::string turn = agent.Post(kOpenAi, Chat("find it")).headers.at("x-agent-turn-id");
  Order(Mode("Paused", 1));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("another")).status, 503);
  EXPECT_FALSE(Has(agent.Post(kMcp, ToolCall("search")).body, "isError"));
  const Answer last = agent.Post(kOpenAi, WithToolResult("find it"));
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.headers.at("x-agent-turn-id"), turn);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  // Nothing runs any more: what comes now is new.
  EXPECT_EQ(agent.Post(kMcp, ToolCall("search")).status, 503);
}

TEST_F(Modes, APauseThatNobodyRenewsProbesOneTurnAtATime) {
  std::mutex mutex;
  std::condition_variable may_answer;
  bool answer = false;
  FakeUpstream upstream([&](auto& c, const SeenRequest& request) {
    if (Has(request.body, "probe")) {
      std::unique_lock lock(mutex);
      may_answer.wait_for(lock, std::chrono::seconds{10}, [&] { return answer; });
    }
    AnswerAll(c, request);
  });
  Start(MakePolicy(upstream.url()));
  Order(Mode("Paused", 3, {}, kPast));
  EXPECT_EQ(decisions_.Mode().mode, policy::GateMode::kHalfOpen);
  Agent probe(port());
  probe.SendPost(kOpenAi, Chat("probe"));
  ASSERT_TRUE(upstream.AwaitRequests(1));
  Agent other(port());
  EXPECT_EQ(other.Post(kOpenAi, Chat("other")).status, 503);
  {
    const std::lock_guard lock(mutex);
    answer = true;
  }
  may_answer.notify_all();
  EXPECT_EQ(probe.Read().status, 200);
  ASSERT_TRUE(AwaitCounts(kTasks, 1, 0));
  EXPECT_EQ(other.Post(kOpenAi, Chat("other")).status, 200);
  // The same generation again, in time or not, pauses nobody; a newer one does.
  Order(Mode("Paused", 3));
  EXPECT_EQ(decisions_.Mode().mode, policy::GateMode::kHalfOpen);
  Order(Mode("Paused", 4));
  EXPECT_EQ(other.Post(kOpenAi, Chat("more")).status, 503);
}

TEST_F(Modes, OtherWordsOfTheSameModes) {
  FakeUpstream upstream(AnswerAll);
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  Order(Mode("Frozen", 1));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  Order(Mode("ScaledDown", 2));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("ho")).status, 503);
}

}  // namespace
}  // namespace reliability::component
