// Streams of a chain: another tier answers until the first content, and goes on behind it if the
// policy says so; broken events are dropped. S06 to S11, S14 of the failover suite.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <thread>

#include "tests/component/proxy_fixture.h"
#include "tests/component/streams.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kClaude = "/llm/claude/v1/messages";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class ChainStream : public ProxyFixture {
 protected:
  PolicyTweaks Tweaks(const FakeUpstream& second, const std::string& more = {}) const {
    PolicyTweaks tweaks;
    tweaks.more_upstreams =
        R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + second.url() + "/v1\"}";
    // One origin would need no key; two fake upstreams have two.
    tweaks.chain =
        R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai"},)"
        R"({"name":"second","upstream":"backup","model":"small","credential":"/etc/hostname"}])" +
        more + "}";
    return tweaks;
  }
};

TEST_F(ChainStream, ALateFirstTokenIsAnsweredByTheNextTier) {
  FakeUpstream first([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.AwaitClose();
  });
  FakeUpstream second(Words(3));
  auto tweaks = Tweaks(second);
  tweaks.first_token_ms = 1500;
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(Has(answer.body, ": hold")) << answer.body;
  EXPECT_EQ(TextOf(answer.body), "word1 word2 word3");
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(first.AwaitClosed(1));
}

TEST_F(ChainStream, ATemplateThatEndsAHeldStreamLeavesTheConnectionOpen) {
  FakeUpstream first([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.AwaitClose();
  });
  FakeUpstream second([](auto& c, const SeenRequest&) { c.Respond(503, "text/plain", "no"); });
  auto tweaks = Tweaks(second, R"(,"terminal":{"type":"StaticResponse","text":"sorry"})");
  tweaks.first_token_ms = 1500;  // after the first comment, so the head is out by then
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(answer.body, ": hold")) << answer.body;
  EXPECT_EQ(TextOf(answer.body), "sorry");
  EXPECT_TRUE(Has(answer.body, "[DONE]"));
  EXPECT_TRUE(answer.complete);
  EXPECT_FALSE(answer.headers.contains("connection"));  // keep-alive, without a word
  first.SetScript(Words(3));
  const Answer next = agent.Post(kOpenAi, Chat("and now?", true));
  EXPECT_TRUE(next.complete);
  EXPECT_EQ(TextOf(next.body), "word1 word2 word3");
}

// The last place of a chain without retries: nothing follows it but the template.
TEST_F(ChainStream, ATemplateAnswersForTheLastPlaceBeforeItsContent) {
  const FakeUpstream::Script faults[] = {
      [](auto& c, const SeenRequest&) {
        c.Send(kEventStreamHead);
        c.AwaitClose();
      },
      [](auto& c, const SeenRequest&) {
        c.Send(kEventStreamHead);
        c.Close();
      },
      [](auto& c, const SeenRequest&) {
        c.Send(kEventStreamHead);
        c.Send("0\r\n\r\n");
      },
      [](auto& c, const SeenRequest&) { c.Respond(503, "text/html", "<p>no</p>"); },
  };
  for (const auto& fault : faults) {
    for (const bool anthropic : {false, true}) {
      FakeUpstream last(fault);
      PolicyTweaks tweaks;
      tweaks.first_token_ms = 300;
      tweaks.chain = R"({"name":"c","tiers":[{"name":"only","upstream":")" +
                     std::string(anthropic ? "claude" : "openai") +
                     R"("}],"terminal":{"type":"StaticResponse","text":"sorry"}})";
      workers_.clear();
      Start(MakePolicy(last.url(), tweaks));
      Agent agent(port());
      const Answer answer = agent.Post(anthropic ? kClaude : kOpenAi, Chat("hi", true));
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.headers.at("x-agent-degraded"), "template");
      EXPECT_EQ(TextOf(answer.body, anthropic ? "text" : "content"), "sorry") << answer.body;
      EXPECT_FALSE(Has(answer.body, "\"error\"")) << answer.body;
      EXPECT_TRUE(answer.complete);
      EXPECT_EQ(last.count(), 1U);
    }
  }
}

TEST_F(ChainStream, ATemplateGoesIntoTheLastPlacesStreamIfItsHeadIsOut) {
  FakeUpstream last([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.AwaitClose();
  });
  PolicyTweaks tweaks;
  tweaks.first_token_ms = 1500;
  tweaks.chain = R"({"name":"c","tiers":[{"name":"only","upstream":"claude"}],)"
                 R"("terminal":{"type":"StaticResponse","text":"sorry"}})";
  Start(MakePolicy(last.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kClaude, Chat("hi", true));
  EXPECT_TRUE(Has(answer.body, ": hold")) << answer.body;
  EXPECT_EQ(TextOf(answer.body, "text"), "sorry");
  EXPECT_TRUE(Has(answer.body, "message_stop"));
  EXPECT_TRUE(answer.complete);
}

TEST_F(ChainStream, WithoutATemplateTheLastPlacesHeadPassesAtOnce) {
  std::atomic<bool> seen = false;
  FakeUpstream last([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    while (!seen) {
      std::this_thread::yield();
    }
    c.Chunk(Token("a"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  PolicyTweaks tweaks;
  tweaks.chain = R"({"name":"c","tiers":[{"name":"only","upstream":"openai"}]})";
  Start(MakePolicy(last.url(), tweaks));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(agent.ReadUntil("\r\n\r\n"), "200"));
  seen = true;
  EXPECT_TRUE(Has(agent.ReadUntil("[DONE]"), "\"a\""));
}

TEST_F(ChainStream, ABrokenStreamIsAnErrorByDefault) {
  FakeUpstream first(Words(6, 4));
  FakeUpstream second(Words(6));
  Start(MakePolicy(first.url(), Tweaks(second)));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(Has(answer.body, "data: {\"error\":"));
  EXPECT_FALSE(Has(answer.body, "[DONE]"));
  EXPECT_EQ(second.count(), 0U);
}

TEST_F(ChainStream, AnotherTierGoesOnIfItSaysTheSame) {
  FakeUpstream first(Words(6, 4));
  FakeUpstream second(Words(6));
  Start(MakePolicy(first.url(), Tweaks(second, R"(,"onMidStreamFailure":"RestartIfOnlyText")")));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(answer.complete) << answer.body;
  EXPECT_EQ(TextOf(answer.body), "word1 word2 word3 word4 word5 word6");
  EXPECT_TRUE(Has(answer.body, "[DONE]"));
  EXPECT_FALSE(Has(answer.body, "\"error\"")) << answer.body;
  EXPECT_EQ(second.count(), 1U);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  // The connection is as good as its head said.
  EXPECT_TRUE(agent.Post(kOpenAi, Chat("and now?", true)).complete);
}

TEST_F(ChainStream, AnotherTierThatSaysSomethingElseEndsInAnError) {
  FakeUpstream first(Words(6, 4));
  FakeUpstream second([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("something else"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(first.url(), Tweaks(second, R"(,"onMidStreamFailure":"RestartIfOnlyText")")));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_FALSE(answer.complete) << answer.body;
  EXPECT_FALSE(Has(answer.body, "something")) << answer.body;
  EXPECT_TRUE(Has(answer.body, "\"error\"")) << answer.body;
  EXPECT_FALSE(Has(answer.body, "[DONE]"));
}

TEST_F(ChainStream, AnEventThatIsNoJsonIsDropped) {
  FakeUpstream first([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.Chunk("data: {\"broken\n\n" + Token("b"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(first.url()));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_EQ(answer.body, Token("a") + Token("b") + kStopEvent + kDoneEvent);
  EXPECT_EQ(Metric("agent_reliability_malformed_events_total"), 1);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
}

TEST_F(ChainStream, InsideAToolCallItIsAnError) {
  FakeUpstream first([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":)"
            R"({"name":"s","arguments":"{"}}]}}]})"
            "\n\n");
    c.Chunk("data: {\"broken\n\n");
    c.AwaitClose();
  });
  Start(MakePolicy(first.url()));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(Has(answer.body, "malformed")) << answer.body;
}

TEST_F(ChainStream, ObservePassesEverything) {
  const std::string broken = "data: {\"broken\n\n";
  FakeUpstream first([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a") + broken);
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(first.url(), {.enforce = false}));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(answer.body, broken));
}

}  // namespace
}  // namespace reliability::component
