// A chain of providers over real sockets: who is asked after whom, with which credentials, and who
// answers when nobody can. data-plane.md 2.10.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string AnswerOf(const std::string& model) {
  return R"({"id":"c","object":"chat.completion","model":")" + model +
         R"(","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},)" +
         R"("finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}})";
}

void Good(FakeUpstream::Connection& c, const SeenRequest& request) {
  const std::size_t at = request.body.find("\"model\":\"") + 9;
  const std::string model = request.body.substr(at, request.body.find('"', at) - at);
  c.Respond(200, "application/json", AnswerOf(model));
}

FakeUpstream::Script Status(int status, std::string body, std::string headers = {}) {
  return [=](auto& c, const SeenRequest&) { c.Respond(status, "application/json", body, headers); };
}

class Chain : public ProxyFixture {
 protected:
  Chain() : key_(testing::TempDir() + "chain-key-" + std::to_string(::getpid())) {
    std::ofstream(key_) << "key-of-backup\n";
  }
  ~Chain() override { std::remove(key_.c_str()); }

  // openai at `first`, then backup at `second` with a model of its own; `more` ends the chain.
  PolicyTweaks Tweaks(const FakeUpstream& second, const std::string& more = {}) const {
    PolicyTweaks tweaks;
    tweaks.max_retries = 0;
    tweaks.more_upstreams =
        R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + second.url() + "/v1\"}";
    tweaks.chain = R"({"name":"c","tiers":[{"name":"first","upstream":"openai"},{"name":"second",)"
                   R"("upstream":"backup","model":"small","credential":")" +
                   key_ + "\"}]" + more + "}";
    return tweaks;
  }
  [[nodiscard]] double Served(const char* tier) const {
    return Metric(R"(agent_reliability_fallback_served_total{tier=")" + std::string(tier) + "\"}");
  }

  const std::string key_;
};

TEST_F(Chain, AFailureIsAnsweredByTheNextTierWithItsOwnModelAndKey) {
  FakeUpstream first(Status(503, "{}"));
  FakeUpstream second(Good);
  Start(MakePolicy(first.url(), Tweaks(second)));
  Agent agent(port());
  const Answer answer =
      agent.Post(kOpenAi, Chat("hi"),
                 "authorization: Bearer secret\r\ncookie: c=1\r\nopenai-organization: o\r\n"
                 "x-agent-turn-id: t1\r\nbaggage: agent.turn=t1\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(Has(answer.body, R"("model":"small")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("prompt_tokens":3)"));
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(answer.headers.at("x-agent-degraded"), "fallback");
  EXPECT_EQ(answer.headers.at("x-agent-turn-id"), "t1");
  ASSERT_EQ(second.count(), 1U);
  const SeenRequest sent = second.seen()[0];
  EXPECT_EQ(sent.headers.at("authorization"), "Bearer key-of-backup");
  for (const char* name :
       {"cookie", "openai-organization", "x-agent-turn-id", "baggage", "x-agent-deadline-ms"}) {
    EXPECT_FALSE(sent.headers.contains(name)) << name;
  }
  EXPECT_TRUE(Has(sent.body, R"("model":"small")"));
  EXPECT_EQ(first.seen()[0].headers.at("authorization"), "Bearer secret");
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  EXPECT_EQ(Served("second"), 1);
  const auto chain = decisions_.LedgerView().fallback_chain;
  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(chain->tiers[0].failed, 1U);
  EXPECT_EQ(chain->tiers[0].last_class, "server_error");
  EXPECT_EQ(chain->tiers[1].served, 1U);
  EXPECT_EQ(chain->tiers[1].reachable, true);
}

TEST_F(Chain, TheSameTargetIsTriedAgainFirst) {
  FakeUpstream first(Status(500, "{}"));
  FakeUpstream second(Good);
  auto tweaks = Tweaks(second);
  tweaks.max_retries = 2;
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_EQ(first.count(), 3U);
  EXPECT_EQ(second.count(), 1U);
}

TEST_F(Chain, EveryFaultAdvances) {
  const FakeUpstream::Script faults[] = {
      [](auto& c, const SeenRequest&) { c.Reset(); },
      [](auto& c, const SeenRequest&) { c.AwaitClose(); },  // silent
      [](auto& c, const SeenRequest&) { c.Send("nonsense\r\n\r\n"); },
      [](auto& c, const SeenRequest&) {
        c.Send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{");
        c.Close();
      },
      Status(429, R"({"error":{"message":"x"}})", "retry-after: 60\r\n"),
      Status(429, R"({"error":{"type":"insufficient_quota"}})"),
      Status(529, "{}"),
  };
  for (const auto& fault : faults) {
    FakeUpstream first(fault);
    FakeUpstream second(Good);
    auto tweaks = Tweaks(second, R"(,"stickyMs":0)");
    tweaks.llm_ms = 300;
    workers_.clear();
    Start(MakePolicy(first.url(), tweaks));
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
    EXPECT_EQ(first.count(), 1U);
  }
}

TEST_F(Chain, WhatTheRequestIsAtFaultForIsNotRoutedAround) {
  FakeUpstream first(Status(400, R"({"error":{"code":"content_policy_violation"}})"));
  FakeUpstream second(Good);
  Start(MakePolicy(first.url(), Tweaks(second)));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(Has(answer.body, "content_policy_violation"));
  first.SetScript(Status(401, "{}"));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 401);
  EXPECT_EQ(second.count(), 0U);
}

TEST_F(Chain, ATooLongPromptGoesToALargerContextOnly) {
  FakeUpstream first(Status(400, R"({"error":{"code":"context_length_exceeded"}})"));
  FakeUpstream second(Good);
  Start(MakePolicy(first.url(), Tweaks(second)));
  {
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 400);
    EXPECT_EQ(second.count(), 0U);
  }
  auto tweaks = Tweaks(second);
  tweaks.chain.replace(tweaks.chain.find(R"("model":"small")"), 15,
                       R"("model":"small","largerContext":true)");
  Load(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_EQ(second.count(), 1U);
}

TEST_F(Chain, AnOpenCircuitGoesToTheNextTierAtOnce) {
  FakeUpstream first(Status(503, "{}"));
  FakeUpstream second(Good);
  auto tweaks = Tweaks(second, R"(,"stickyMs":0)");
  tweaks.breakers = "[" + MakeBreaker("Provider", 1, 60000) + "]";
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(agent.Post(kOpenAi, Chat(std::to_string(i))).status, 200);
  }
  EXPECT_EQ(first.count(), 1U);
  EXPECT_EQ(second.count(), 5U);
}

TEST_F(Chain, TheTierThatStoodInStaysForAWhile) {
  FakeUpstream first(Status(503, "{}"));
  FakeUpstream second(Good);
  Start(MakePolicy(first.url(), Tweaks(second, R"(,"stickyMs":60000)")));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("1")).status, 200);
  first.SetScript(Good);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("2")).status, 200);
  EXPECT_EQ(first.count(), 1U);
  // If it fails, the one before it is asked after all.
  second.SetScript(Status(503, "{}"));
  const Answer answer = agent.Post(kOpenAi, Chat("3"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "first");
}

TEST_F(Chain, EverythingFailsTheLastAnswerIsRelayed) {
  FakeUpstream first(Status(503, R"({"error":{"message":"one"}})"));
  FakeUpstream second(Status(500, R"({"error":{"message":"two"}})"));
  Start(MakePolicy(first.url(), Tweaks(second)));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_TRUE(Has(answer.body, "two"));
  EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
  const ClosedPort closed;
  const ClosedPort other;
  Load(MakePolicy(closed.url(), [&] {
    auto tweaks = Tweaks(second);
    tweaks.more_upstreams =
        R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + other.url() + "\"}";
    return tweaks;
  }()));
  Agent next(port());
  const Answer refused = next.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("x-agent-error-class"), "all_targets_failed");
}

TEST_F(Chain, ATemplateIsAnAnswerInTheAgentsOwnFormat) {
  FakeUpstream first(Status(503, "{}"));
  FakeUpstream second(Status(503, "{}"));
  Start(MakePolicy(
      first.url(),
      Tweaks(second, R"(,"terminal":{"type":"StaticResponse","text":"{{.agent}}: {{.reason}}"})")));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(Has(answer.body, R"("model":"agent-reliability/template")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, "b: server_error")) << answer.body;
  EXPECT_EQ(answer.headers.at("x-agent-degraded"), "template");
  const Answer stream = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(stream.body, "[DONE]")) << stream.body;
  EXPECT_TRUE(stream.complete);
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 2));  // an answer, but no good one
  EXPECT_EQ(Served("terminal"), 2);
}

TEST_F(Chain, ATierWithoutItsKeyIsSkipped) {
  FakeUpstream first(Status(503, "{}"));
  FakeUpstream second(Good);
  auto tweaks = Tweaks(second);
  const std::size_t at = tweaks.chain.find(key_);
  tweaks.chain.replace(at, key_.size(), key_ + "-gone");
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 503);
  EXPECT_EQ(second.count(), 0U);
}

TEST_F(Chain, AModelOutsideTheChainIsAskedFirst) {
  FakeUpstream first(Status(503, "{}"));
  FakeUpstream second(Good);
  auto tweaks = Tweaks(second);
  tweaks.chain.replace(tweaks.chain.find(R"("upstream":"openai")"), 19,
                       R"("upstream":"openai","model":"big")");
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  ASSERT_EQ(first.count(), 2U);
  EXPECT_TRUE(Has(first.seen()[0].body, R"("model":"m")"));
  EXPECT_TRUE(Has(first.seen()[1].body, R"("model":"big")"));
}

TEST_F(Chain, ObserveStaysWhereItIsAndCounts) {
  FakeUpstream first(Status(503, "{}"));
  FakeUpstream second(Good);
  auto tweaks = Tweaks(second);
  tweaks.enforce = false;
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_FALSE(answer.headers.contains("x-agent-served-by"));
  EXPECT_EQ(second.count(), 0U);
  EXPECT_EQ(Metric(R"(agent_reliability_would_fallback_total{class="server_error"})"), 1);
}

}  // namespace
}  // namespace reliability::component
