// Tiers of another format than the agent's: what they are sent, and what the agent gets of their
// answers. data-plane.md 2.10, rulings 36 to 38.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>

#include "tests/component/proxy_fixture.h"
#include "tests/component/streams.h"

namespace reliability::component {
namespace {

constexpr const char* kChat = "/llm/openai/v1/chat/completions";
constexpr const char* kResponses = "/llm/openai/v1/responses";
constexpr const char* kMessages = "/llm/claude/v1/messages";
constexpr const char* kSse = "text/event-stream";

constexpr const char* kClaudeAnswer =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-3-5-haiku-20241022",)"
    R"("content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,)"
    R"("usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":2}})";
constexpr const char* kOpenAiAnswer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"gpt-small",)"
    R"("choices":[{"index":0,"message":{"role":"assistant","content":"hello"},)"
    R"("finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,)"
    R"("prompt_tokens_details":{"cached_tokens":4}}})";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Ask(bool stream, const std::string& more = {}) {
  return R"({"model":"m","max_tokens":50,"stream":)" + std::string(stream ? "true" : "false") +
         R"(,"messages":[{"role":"user","content":"hi"}])" + more + "}";
}

std::string AskResponses(bool stream) {
  return R"({"model":"m","input":"hi","stream":)" + std::string(stream ? "true" : "false") + "}";
}

FakeUpstream::Script Status(int status, std::string body = "{}", std::string headers = {},
                            std::string type = "application/json") {
  return [=](auto& c, const SeenRequest&) { c.Respond(status, type, body, headers); };
}

std::string ClaudeEvent(const std::string& type, const std::string& fields) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + fields + "}\n\n";
}

std::string ClaudeStart() {
  return ClaudeEvent("message_start",
                     R"(,"message":{"id":"msg_1","type":"message","role":"assistant",)"
                     R"("model":"claude-x","content":[],"usage":{"input_tokens":7,)"
                     R"("output_tokens":1}})") +
         ClaudeEvent("content_block_start",
                     R"(,"index":0,"content_block":{"type":"text","text":""})");
}

std::string ClaudeText(const std::string& text) {
  return ClaudeEvent("content_block_delta",
                     R"(,"index":0,"delta":{"type":"text_delta","text":")" + text + "\"}");
}

std::string ClaudeEnd() {
  return ClaudeEvent("content_block_stop", R"(,"index":0)") +
         ClaudeEvent("message_delta",
                     R"(,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":6})") +
         ClaudeEvent("message_stop", "");
}

// Six words; a negative `cut_after` means whole.
FakeUpstream::Script ClaudeWords(int cut_after = -1) {
  return [=](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(ClaudeStart());
    for (int i = 1; i <= 6; ++i) {
      if (cut_after >= 0 && i > cut_after) {
        c.Close();
        return;
      }
      c.Chunk(ClaudeText((i > 1 ? " word" : "word") + std::to_string(i)));
    }
    c.Chunk(ClaudeEnd());
    c.Send("0\r\n\r\n");
  };
}

constexpr const char* kSixWords = "word1 word2 word3 word4 word5 word6";

class Translation : public ProxyFixture {
 protected:
  Translation() : key_(testing::TempDir() + "translation-key-" + std::to_string(::getpid())) {
    std::ofstream(key_) << "key-of-tier\n";
  }
  ~Translation() override { std::remove(key_.c_str()); }

  std::string Tier(const char* name, const char* upstream, const char* model) const {
    return std::string(R"({"name":")") + name + R"(","upstream":")" + upstream + R"(","model":")" +
           model + R"(","credential":")" + key_ + "\"}";
  }
  // The agent's own upstream first, then a tier at `second`, then what `more_tiers` says.
  PolicyTweaks Tweaks(const char* own, const FakeUpstream& second, const char* format,
                      const std::string& more = {}, const std::string& more_tiers = {}) const {
    PolicyTweaks tweaks;
    tweaks.more_upstreams = std::string(R"(,{"kind":"LLM","name":"backup","format":")") + format +
                            R"(","url":")" + second.url() +
                            (std::string(format) == "OpenAI" ? "/v1\"}" : "\"}");
    tweaks.chain =
        std::string(R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":")") + own +
        "\"}," + Tier("second", "backup", "claude-3-5-haiku-20241022") + more_tiers + "]" + more +
        "}";
    return tweaks;
  }
  [[nodiscard]] double Untranslatable() const {
    return Metric(R"(agent_reliability_untranslatable_total{tier="second"})");
  }

  const std::string key_;
};

TEST_F(Translation, AChatCallIsAnsweredByClaude) {
  FakeUpstream first(Status(503));
  FakeUpstream second(Status(200, kClaudeAnswer,
                             "anthropic-organization-id: o\r\n"
                             "set-cookie: a=b\r\nrequest-id: req_1\r\n"));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer =
      agent.Post("/llm/openai/v1/chat/completions?x=1", Ask(false),
                 "authorization: Bearer secret\r\nopenai-beta: b\r\ncookie: c=1\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(answer.headers.at("x-agent-degraded"), "fallback");
  EXPECT_EQ(answer.headers.at("request-id"), "req_1");
  EXPECT_FALSE(answer.headers.contains("set-cookie"));
  EXPECT_FALSE(answer.headers.contains("anthropic-organization-id"));
  EXPECT_TRUE(Has(answer.body, R"("object":"chat.completion")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("model":"claude-3-5-haiku-20241022")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("content":"hello")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("prompt_tokens":7)")) << answer.body;
  ASSERT_EQ(second.count(), 1U);
  const SeenRequest sent = second.seen()[0];
  EXPECT_EQ(sent.start_line, "POST /v1/messages HTTP/1.1");
  EXPECT_EQ(sent.headers.at("x-api-key"), "key-of-tier");
  EXPECT_EQ(sent.headers.at("anthropic-version"), "2023-06-01");
  for (const char* name : {"authorization", "openai-beta", "cookie"}) {
    EXPECT_FALSE(sent.headers.contains(name)) << name;
  }
  EXPECT_TRUE(Has(sent.body, R"("model":"claude-3-5-haiku-20241022")")) << sent.body;
  EXPECT_TRUE(Has(sent.body, R"("max_tokens":50)")) << sent.body;
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  const auto chain = decisions_.LedgerView().fallback_chain;
  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(chain->tiers[1].served, 1U);
}

TEST_F(Translation, AClaudeCallIsAnsweredByAnOpenAiTier) {
  FakeUpstream first(Status(529, R"({"type":"error","error":{"type":"overloaded_error"}})"));
  FakeUpstream second(Status(200, kOpenAiAnswer));
  Start(MakePolicy(first.url(), Tweaks("claude", second, "OpenAI")));
  Agent agent(port());
  const Answer answer = agent.Post(
      kMessages, Ask(false), "x-api-key: secret\r\nanthropic-version: 1\r\nanthropic-beta: b\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(Has(answer.body, R"("type":"message")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("model":"gpt-small")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("input_tokens":3)")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("cache_read_input_tokens":4)")) << answer.body;
  ASSERT_EQ(second.count(), 1U);
  const SeenRequest sent = second.seen()[0];
  EXPECT_EQ(sent.start_line, "POST /v1/chat/completions HTTP/1.1");
  EXPECT_EQ(sent.headers.at("authorization"), "Bearer key-of-tier");
  for (const char* name : {"x-api-key", "anthropic-version", "anthropic-beta"}) {
    EXPECT_FALSE(sent.headers.contains(name)) << name;
  }
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
}

TEST_F(Translation, AResponsesCallIsAnsweredByClaude) {
  FakeUpstream first(Status(503));
  FakeUpstream second(Status(200, kClaudeAnswer));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer = agent.Post(kResponses, AskResponses(false));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(Has(answer.body, R"("object":"response")")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"("text":"hello")")) << answer.body;
  second.SetScript(ClaudeWords());
  const Answer stream = agent.Post(kResponses, AskResponses(true));
  EXPECT_EQ(stream.headers.at("content-type"), kSse);
  EXPECT_TRUE(Has(stream.body, "event: response.completed")) << stream.body;
  EXPECT_TRUE(Has(stream.body, kSixWords)) << stream.body;
  EXPECT_TRUE(stream.complete);
  ASSERT_EQ(second.count(), 2U);
  EXPECT_EQ(second.seen()[1].start_line, "POST /v1/messages HTTP/1.1");
}

TEST_F(Translation, OneOriginTakesTheAgentsOwnKeyInItsOwnField) {
  FakeUpstream gateway([](auto& c, const SeenRequest& request) {
    const bool chat = Has(request.start_line, "/chat/completions");
    c.Respond(chat ? 503 : 200, "application/json", chat ? "{}" : kClaudeAnswer);
  });
  PolicyTweaks tweaks;
  tweaks.chain = R"({"name":"c","tiers":[{"name":"first","upstream":"openai"},)"
                 R"({"name":"second","upstream":"claude","model":"claude-x"}]})";
  Start(MakePolicy(gateway.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kChat, Ask(false), "authorization: Bearer secret\r\n").status, 200);
  ASSERT_EQ(gateway.count(), 2U);
  EXPECT_EQ(gateway.seen()[1].headers.at("x-api-key"), "secret");
  EXPECT_FALSE(gateway.seen()[1].headers.contains("authorization"));
}

TEST_F(Translation, NothingOfAStreamIsHeldBack) {
  FakeUpstream first(Status(503));
  std::promise<void> seen;
  std::atomic<bool> in_time = false;
  FakeUpstream second([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(ClaudeStart() + ClaudeText("word1"));
    in_time = seen.get_future().wait_for(std::chrono::seconds{10}) == std::future_status::ready;
    c.Chunk(ClaudeText(" word2") + ClaudeEnd());
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  agent.SendPost(kChat, Ask(true, R"(,"stream_options":{"include_usage":true})"));
  const std::string begin = agent.ReadUntil(R"("content":"word1")");
  EXPECT_TRUE(Has(begin, "content-type: text/event-stream")) << begin;
  EXPECT_TRUE(Has(begin, "x-agent-served-by: second")) << begin;
  seen.set_value();
  const std::string rest = agent.ReadUntil("0\r\n\r\n");
  EXPECT_TRUE(in_time);
  EXPECT_TRUE(Has(rest, R"("content":" word2")")) << rest;
  EXPECT_TRUE(Has(rest, R"("prompt_tokens":7)")) << rest;
  EXPECT_TRUE(Has(rest, R"("completion_tokens":6)")) << rest;
  EXPECT_TRUE(Has(rest, "data: [DONE]")) << rest;
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
}

TEST_F(Translation, AFieldWithoutCounterpartSkipsTheTier) {
  FakeUpstream first(Status(503, R"({"error":{"message":"down"}})"));
  FakeUpstream second(Status(200, kClaudeAnswer));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(false, R"(,"n":2)"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(Has(answer.body, "down")) << answer.body;
  EXPECT_EQ(second.count(), 0U);
  EXPECT_EQ(Untranslatable(), 1);
}

TEST_F(Translation, ATierThatRefusesOurWordsIsPassedOver) {
  const std::string refusal =
      R"({"type":"error","error":{"type":"invalid_request_error","message":"x: no"}})";
  FakeUpstream first(Status(503));
  FakeUpstream second(Status(400, refusal));
  FakeUpstream third(Status(200, kOpenAiAnswer));
  auto tweaks = Tweaks("openai", second, "Anthropic", {}, "," + Tier("third", "other", "small"));
  tweaks.more_upstreams +=
      R"(,{"kind":"LLM","name":"other","format":"OpenAI","url":")" + third.url() + "/v1\"}";
  Start(MakePolicy(first.url(), tweaks));
  {
    Agent agent(port());
    const Answer answer = agent.Post(kChat, Ask(false));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("x-agent-served-by"), "third");
  }
  // With nobody behind it the agent is not told that its own request was wrong.
  Load(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(false));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("x-agent-error-class"), "all_targets_failed");
}

TEST_F(Translation, ErrorsSpeakTheAgentsFormat) {
  FakeUpstream first(Status(503));
  FakeUpstream second(
      Status(529, R"({"type":"error","error":{"type":"overloaded_error","message":"too busy"}})"));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(true));
  EXPECT_EQ(answer.status, 529);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
  EXPECT_TRUE(Has(answer.body, "too busy")) << answer.body;
  EXPECT_FALSE(Has(answer.body, R"("type":"error")")) << answer.body;
}

TEST_F(Translation, WhatCannotBeReadIsNeverASuccess) {
  const FakeUpstream::Script lies[] = {
      Status(200, "\x1f\x8b not really", "content-encoding: gzip\r\n"),
      Status(200, "<html>sign in</html>", {}, "text/html"),
      Status(200, "", {}, "application/json"),
      Status(200, R"({"id":"msg_1"})"),
      Status(200, R"({"type":"error","error":{"type":"overloaded_error","message":"m"}})"),
      Status(200, kOpenAiAnswer),
      Status(302, "", "location: /elsewhere\r\n"),
      Status(200, "event: ping\ndata: {}\n\n", {}, kSse),
      Status(200, "", {}, kSse),
      [](auto& c, const SeenRequest&) {
        c.Send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{");
        c.Close();
      },
      [](auto& c, const SeenRequest&) {
        c.Send(kEventStreamHead);
        c.Chunk(ClaudeStart());
        c.Chunk(ClaudeEvent("error", R"(,"error":{"type":"overloaded_error","message":"m"})"));
        c.Send("0\r\n\r\n");
      },
  };
  int number = 0;
  for (const auto& lie : lies) {
    for (const bool stream : {false, true}) {
      FakeUpstream first(Status(503));
      FakeUpstream second(lie);
      workers_.clear();
      Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
      Agent agent(port());
      const Answer answer = agent.Post(kChat, Ask(stream));
      EXPECT_GE(answer.status, 400) << number << ": " << answer.body;
      EXPECT_TRUE(Has(answer.body, R"("error":)")) << number << ": " << answer.body;
      EXPECT_EQ(second.count(), 1U);
    }
    ++number;
  }
}

TEST_F(Translation, AWholeAnswerBecomesTheStreamThatWasAskedFor) {
  FakeUpstream first(Status(503));
  FakeUpstream second(Status(200, kClaudeAnswer));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), kSse);
  EXPECT_EQ(TextOf(answer.body, "content"), "hello");
  EXPECT_TRUE(Has(answer.body, "[DONE]"));
}

TEST_F(Translation, ABrokenStreamIsAnErrorInTheAgentsFormat) {
  FakeUpstream first(Status(503));
  FakeUpstream second(ClaudeWords(4));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(true));
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(Has(answer.body, "data: {\"error\":")) << answer.body;
  EXPECT_FALSE(Has(answer.body, "[DONE]"));
}

TEST_F(Translation, AStreamWithoutItsLastEventGetsTheAgentsOwn) {
  FakeUpstream first(Status(503));
  FakeUpstream second([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    const std::string end = ClaudeEnd();
    c.Chunk(ClaudeStart() + ClaudeText("hello") + end.substr(0, end.find("event: message_stop")));
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(true));
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.body.ends_with("data: [DONE]\n\n")) << answer.body;
  EXPECT_EQ(answer.body.find("[DONE]"), answer.body.rfind("[DONE]"));
}

TEST_F(Translation, AnotherFormatGoesOnIfItSaysTheSame) {
  FakeUpstream first(Words(6, 3));
  FakeUpstream second(ClaudeWords(5));  // breaks off as well
  FakeUpstream third(Words(6));
  auto tweaks =
      Tweaks("openai", second, "Anthropic", R"(,"onMidStreamFailure":"RestartIfOnlyText")",
             "," + Tier("third", "other", "small"));
  tweaks.more_upstreams +=
      R"(,{"kind":"LLM","name":"other","format":"OpenAI","url":")" + third.url() + "/v1\"}";
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(true));
  EXPECT_TRUE(answer.complete) << answer.body;
  EXPECT_EQ(TextOf(answer.body, "content"), kSixWords);
  EXPECT_TRUE(Has(answer.body, "[DONE]"));
  EXPECT_FALSE(Has(answer.body, "\"error\"")) << answer.body;
  EXPECT_EQ(third.count(), 1U);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
}

TEST_F(Translation, ATranslatedStreamGoesOnInAThirdTier) {
  FakeUpstream first(Status(529));
  FakeUpstream second(Words(6, 2));
  FakeUpstream third(ClaudeWords());
  auto tweaks = Tweaks("claude", second, "OpenAI", R"(,"onMidStreamFailure":"RestartIfOnlyText")",
                       "," + Tier("third", "other", "claude-x"));
  tweaks.more_upstreams +=
      R"(,{"kind":"LLM","name":"other","format":"Anthropic","url":")" + third.url() + "\"}";
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kMessages, Ask(true));
  EXPECT_TRUE(answer.complete) << answer.body;
  EXPECT_EQ(TextOf(answer.body, "text"), kSixWords);
  EXPECT_TRUE(Has(answer.body, "event: message_stop"));
  EXPECT_FALSE(Has(answer.body, "\"error\"")) << answer.body;
}

TEST_F(Translation, AThoughtThatIsNotShownCommitsToNothing) {
  FakeUpstream first(Status(503));
  FakeUpstream second([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    const std::string start = ClaudeStart();
    c.Chunk(start.substr(0, start.find("event: content_block_start")) +
            ClaudeEvent("content_block_start",
                        R"(,"index":0,"content_block":{"type":"thinking","thinking":""})") +
            ClaudeEvent("content_block_delta",
                        R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"hm"})"));
    c.Close();
  });
  FakeUpstream third(Words(6));
  auto tweaks = Tweaks("openai", second, "Anthropic", {}, "," + Tier("third", "other", "small"));
  tweaks.more_upstreams +=
      R"(,{"kind":"LLM","name":"other","format":"OpenAI","url":")" + third.url() + "/v1\"}";
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(true));
  EXPECT_TRUE(answer.complete) << answer.body;
  EXPECT_EQ(TextOf(answer.body, "content"), kSixWords);
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "third");
}

TEST_F(Translation, AToolLoopStaysWhereItsCallsCameFrom) {
  FakeUpstream first(Status(503));
  FakeUpstream second(Status(
      200, R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[)"
           R"({"type":"tool_use","id":"toolu_1","name":"search","input":{"q":"1"}}],)"
           R"("stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}})"));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  const std::string tools =
      R"(,"tools":[{"type":"function","function":{"name":"search","parameters":{"type":"object"}}}])";
  const Answer asks = agent.Post(kChat, Ask(false, tools));
  EXPECT_EQ(asks.status, 200);
  EXPECT_TRUE(Has(asks.body, R"("id":"toolu_1")")) << asks.body;
  first.SetScript(Status(200, kOpenAiAnswer));
  second.SetScript(Status(200, kClaudeAnswer));
  const Answer answer = agent.Post(
      kChat, R"({"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant",)"
             R"("content":null,"tool_calls":[{"id":"toolu_1","type":"function","function":)"
             R"({"name":"search","arguments":"{\"q\":\"1\"}"}}]},{"role":"tool","tool_call_id":)"
             R"("toolu_1","content":"found"}])" +
                 tools + "}");
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(first.count(), 1U);
  ASSERT_EQ(second.count(), 2U);
  EXPECT_TRUE(Has(second.seen()[1].body, R"("tool_use_id":"toolu_1")")) << second.seen()[1].body;
  // The next turn begins where the agent asks.
  EXPECT_EQ(agent.Post(kChat, Ask(false)).headers.at("x-agent-served-by"), "first");
}

TEST_F(Translation, WhatItAsksNowHasNoWordsWhereItsToolsCameFrom) {
  FakeUpstream first(Status(503));
  FakeUpstream second(Status(
      200, R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[)"
           R"({"type":"tool_use","id":"toolu_2","name":"search","input":{}}],)"
           R"("stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}})"));
  Start(MakePolicy(first.url(), Tweaks("openai", second, "Anthropic")));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kChat, Ask(false)).status, 200);
  first.SetScript(Status(200, kOpenAiAnswer));
  const Answer answer = agent.Post(
      kChat, R"({"model":"m","n":2,"messages":[{"role":"user","content":"hi"},{"role":"assistant",)"
             R"("content":null,"tool_calls":[{"id":"toolu_2","type":"function","function":)"
             R"({"name":"search","arguments":"{}"}}]},{"role":"tool","tool_call_id":"toolu_2",)"
             R"("content":"found"}]})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "first");
  EXPECT_EQ(second.count(), 1U);
  EXPECT_EQ(Untranslatable(), 1);
}

TEST_F(Translation, ATierInBetweenIsTranslatedFromTheAgentsOwnWords) {
  FakeUpstream first(Status(503));
  FakeUpstream second(Status(503));
  FakeUpstream third(Status(200, kOpenAiAnswer));
  auto tweaks = Tweaks("openai", second, "Anthropic", {}, "," + Tier("third", "other", "small"));
  tweaks.more_upstreams +=
      R"(,{"kind":"LLM","name":"other","format":"OpenAI","url":")" + third.url() + "/v1\"}";
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(kChat, Ask(false));
  EXPECT_EQ(answer.body, kOpenAiAnswer);  // as it came
  ASSERT_EQ(third.count(), 1U);
  EXPECT_EQ(third.seen()[0].start_line, "POST /v1/chat/completions HTTP/1.1");
  EXPECT_TRUE(Has(third.seen()[0].body, R"("model":"small")"));
}

}  // namespace
}  // namespace reliability::component
