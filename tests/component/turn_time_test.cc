// The time of a turn over real sockets: streams at the deadline, limits of single models, tools
// that stop the clock. data-plane rulings 6 and 7.
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <string>
#include <thread>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kClaude = "/llm/claude/v1/messages";
constexpr const char* kResponses = "/llm/openai/v1/responses";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kNotice = "the answer ends here, unfinished";
const std::string kWithNotice = R"(,"onStreamDeadline":"EndWithNotice")";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Event(const std::string& type, const std::string& more) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"," + more + "}\n\n";
}

std::string ClaudeStart() {
  return Event("message_start",
               R"("message":{"id":"msg_1","type":"message","role":"assistant","model":"m",)"
               R"("content":[],"usage":{"input_tokens":3,"output_tokens":1}})") +
         Event("content_block_start", R"("index":0,"content_block":{"type":"text","text":""})") +
         Event("content_block_delta", R"("index":0,"delta":{"type":"text_delta","text":"some"})");
}

std::string ResponsesStart() {
  return Event("response.created",
               R"("sequence_number":0,"response":{"id":"resp_1","object":"response","model":"m",)"
               R"("created_at":1,"status":"in_progress","output":[]})") +
         Event("response.output_item.added",
               R"("sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message",)"
               R"("status":"in_progress","role":"assistant","content":[]})") +
         Event("response.content_part.added",
               R"("sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,)"
               R"("part":{"type":"output_text","text":"","annotations":[]})") +
         Event("response.output_text.delta",
               R"("sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,)"
               R"("delta":"some")");
}

std::string ToolPiece() {
  return "data: "
         "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{"
         "\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"search\","
         "\"arguments\":\"{\"}}]},\"finish_reason\":null}]}\n\n";
}

// Says something, then nothing any more.
FakeUpstream::Script Stalls(std::string events) {
  return [=](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(events);
    c.AwaitClose();
  };
}

PolicyTweaks ShortTurn(const std::string& turn) {
  PolicyTweaks tweaks;
  tweaks.turn_ms = 600;
  tweaks.reserve_ms = 100;
  tweaks.llm_ms = 600;
  tweaks.tool_ms = 600;
  tweaks.first_token_ms = 600;
  tweaks.turn = turn;
  return tweaks;
}

class TurnTime : public ProxyFixture {};

TEST_F(TurnTime, AStreamAtTheDeadlineEndsInAnErrorByDefault) {
  FakeUpstream upstream(Stalls(Token("some")));
  Start(MakePolicy(upstream.url(), ShortTurn("")));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  const std::string all = agent.ReadAll();
  EXPECT_TRUE(Has(all, "deadline_exceeded")) << all;
  EXPECT_FALSE(Has(all, "[DONE]"));
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 1));
  EXPECT_TRUE(AwaitMetric("agent_reliability_turn_deadline_exceeded_total", 1));
}

TEST_F(TurnTime, TextMayEndWithANoticeInEachFormat) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    const bool claude = Has(request.start_line, "/messages");
    Stalls(claude                                  ? ClaudeStart()
           : Has(request.start_line, "/responses") ? ResponsesStart()
                                                   : Token("some"))(c, request);
  });
  Start(MakePolicy(upstream.url(), ShortTurn(kWithNotice)));
  Agent agent(port());
  const Answer chat = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(chat.complete);
  EXPECT_TRUE(Has(chat.body, kNotice)) << chat.body;
  EXPECT_TRUE(Has(chat.body, R"("finish_reason":"length")"));
  EXPECT_TRUE(Has(chat.body, "[DONE]"));
  const Answer claude = agent.Post(
      kClaude,
      R"({"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]})");
  EXPECT_TRUE(claude.complete);
  EXPECT_TRUE(Has(claude.body, kNotice)) << claude.body;
  EXPECT_TRUE(Has(claude.body, R"("stop_reason":"max_tokens")"));
  EXPECT_TRUE(Has(claude.body, "message_stop"));
  const Answer responses = agent.Post(kResponses, R"({"model":"m","stream":true,"input":"hi"})");
  EXPECT_TRUE(responses.complete);
  EXPECT_TRUE(Has(responses.body, kNotice)) << responses.body;
  EXPECT_TRUE(Has(responses.body, "response.incomplete"));
  EXPECT_TRUE(Has(responses.body, "max_output_tokens"));
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 3));  // an end in words is still no answer in time
  EXPECT_TRUE(upstream.AwaitClosed(3));
}

TEST_F(TurnTime, NoWordsInsideAToolCall) {
  FakeUpstream upstream(Stalls(ToolPiece()));
  Start(MakePolicy(upstream.url(), ShortTurn(kWithNotice)));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  const std::string all = agent.ReadAll();
  EXPECT_TRUE(Has(all, "deadline_exceeded")) << all;
  EXPECT_FALSE(Has(all, kNotice));
}

TEST_F(TurnTime, AModelMayHaveLimitsOfItsOwn) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    if (Has(request.body, "thinks")) {
      c.Send(kEventStreamHead);
      c.Chunk(
          "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":"
          "{\"reasoning_content\":\"hm\"},\"finish_reason\":null}]}\n\n");
    }
    c.AwaitClose();
  });
  PolicyTweaks tweaks;
  tweaks.timeouts =
      R"(,"llmOverrides":[{"model":"m","firstTokenMs":150,"totalMs":9000,"idleMs":170},)"
      R"({"model":"whole","totalMs":160}])";
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_TRUE(Has(agent.Post(kOpenAi, Chat("hi", true)).body, "timeout_first_token"));
  // Reasoning is the first token: what is missing now is the next one.
  Agent other(port());
  other.SendPost(kOpenAi, Chat("thinks", true));
  EXPECT_TRUE(Has(other.ReadAll(), "timeout_idle"));
  Agent third(port());
  const Answer whole =
      third.Post(kOpenAi, R"({"model":"whole","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_TRUE(Has(whole.body, "timeout_total")) << whole.body;
}

TEST_F(TurnTime, ALongRunningToolStopsTheClockOfItsTurn) {
  std::latch other_turn_is_over(1);
  FakeUpstream upstream([&](auto& c, const SeenRequest& request) {
    if (request.start_line.starts_with("POST /mcp")) {
      other_turn_is_over.wait();
      c.Respond(200, "application/json",
                R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}})");
    } else if (Has(request.body, R"("role":"tool")")) {
      c.Respond(200, "application/json", kChatAnswer);
    } else {
      c.Respond(200, "application/json",
                R"({"id":"c","model":"m","choices":[{"index":0,"finish_reason":"tool_calls",)"
                R"("message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1",)"
                R"("type":"function","function":{"name":"build","arguments":)"
                R"("{\"query\":\"1\"}"}}]}}]})");
    }
  });
  PolicyTweaks tweaks = ShortTurn("");
  tweaks.tool_ms = 100;
  tweaks.timeouts = R"(,"longRunning":[{"upstream":"orders","tool":"build","timeoutMs":60000}])";
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("hi"), "x-agent-turn-id: slow\r\n");
  auto tool = std::async(std::launch::async, [&] {
    return agent.Post(kMcp, ToolCall("build"), "x-agent-turn-id: slow\r\n");
  });
  EXPECT_TRUE(upstream.AwaitRequests(2));
  Agent other(port());
  (void)other.Post(kOpenAi, Chat("hi"), "x-agent-turn-id: usual\r\n");
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 1));  // it began later, and its deadline has passed
  other_turn_is_over.count_down();
  EXPECT_TRUE(Has(tool.get().body, "\"ok\""));
  const Answer last = agent.Post(
      kOpenAi,
      R"({"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,)"
      R"("tool_calls":[{"id":"call_1","type":"function","function":{"name":"build","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"call_1","content":"ok"}]})",
      "x-agent-turn-id: slow\r\n");
  EXPECT_EQ(last.status, 200) << last.body;
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 1));
}

TEST_F(TurnTime, ATraceNamesATurnOnlyIfThePolicySaysSo) {
  FakeUpstream upstream(
      [](auto& c, const SeenRequest&) { c.Respond(200, "application/json", kChatAnswer); });
  constexpr const char* kTrace =
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  const Answer usual = agent.Post(kOpenAi, Chat("hi"), kTrace);
  EXPECT_NE(usual.headers.at("x-agent-turn-id"), "4bf92f3577b34da6a3ce929d0e0e4736");
  PolicyTweaks tweaks;
  tweaks.turn = R"(,"identity":"Trace")";
  Load(MakePolicy(upstream.url(), tweaks));
  Agent next(port());
  const Answer traced = next.Post(kOpenAi, Chat("hi"), kTrace);
  EXPECT_EQ(traced.headers.at("x-agent-turn-id"), "4bf92f3577b34da6a3ce929d0e0e4736");
}

}  // namespace
}  // namespace reliability::component
