// Which turn a call belongs to and how turns end, over real sockets. data-plane.md 2.5 and 2.6.
#include <gtest/gtest.h>

#include <string>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kResponses = "/llm/openai/v1/responses";
constexpr const char* kMcp = "/mcp/orders";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Ask(const std::string& input, const std::string& more = {}) {
  return R"({"model":"m","input":)" + input + more + "}";
}

// What a request with a tool's result says of the response that asked for it.
std::string Output(const std::string& number) {
  return Ask(
      R"([{"type":"function_call_output","call_id":"call_)" + number + R"(","output":"found"}])",
      R"(,"previous_response_id":"resp_)" + number + "\"");
}

// Responses: every question gets a tool call with ids of its own, every result an answer. MCP: ok.
void AnswerResponses(FakeUpstream::Connection& c, const SeenRequest& request) {
  if (request.start_line.starts_with("POST /mcp")) {
    c.Respond(200, "application/json",
              R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}})");
  } else if (Has(request.body, "function_call_output")) {
    c.Respond(200, "application/json",
              R"({"id":"resp_9","status":"completed","error":null,"output":[{"type":"message",)"
              R"("role":"assistant","content":[{"type":"output_text","text":"done"}]}]})");
  } else {
    const std::string& n = request.headers.at("x-number");
    c.Respond(200, "application/json",
              R"({"id":"resp_)" + n + R"(","status":"completed","error":null,"output":[)" +
                  R"({"type":"function_call","id":"fc","call_id":"call_)" + n +
                  R"(","name":"search","arguments":"{\"query\":\"1\"}"}]})");
  }
}

class Turns : public ProxyFixture {};

TEST_F(Turns, AToolLoopOverResponsesIsOneTurn) {
  FakeUpstream upstream(AnswerResponses);
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  const std::string turn =
      agent.Post(kResponses, Ask("\"hi\""), "x-number: 1\r\n").headers.at("x-agent-turn-id");
  EXPECT_EQ(agent.Post(kMcp, ToolCall("search")).status, 200);
  const Answer last = agent.Post(kResponses, Output("1"));
  EXPECT_EQ(last.headers.at("x-agent-turn-id"), turn);
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  EXPECT_EQ(Metric("agent_reliability_turns_running"), 0);
}

TEST_F(Turns, EqualQuestionsOfTwoUsersAreTwoTurns) {
  FakeUpstream upstream(AnswerResponses);
  Start(MakePolicy(upstream.url()));
  Agent one(port());
  Agent two(port());
  const std::string first =
      one.Post(kResponses, Ask("\"hi\""), "x-number: 1\r\n").headers.at("x-agent-turn-id");
  const std::string second =
      two.Post(kResponses, Ask("\"hi\""), "x-number: 2\r\n").headers.at("x-agent-turn-id");
  EXPECT_NE(first, second);
  EXPECT_EQ(two.Post(kResponses, Output("2")).headers.at("x-agent-turn-id"), second);
  EXPECT_EQ(one.Post(kResponses, Output("1")).headers.at("x-agent-turn-id"), first);
  EXPECT_TRUE(AwaitCounts(kTasks, 2, 0));
}

TEST_F(Turns, ABrokenStreamEndsItsTurn) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    c.Close();
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(Has(agent.ReadAll(), "stream_truncated"));
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 1));  // not only after 15 s
}

TEST_F(Turns, AfterItsDeadlineTheModelsTurnIsTheTemplates) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Respond(200, "application/json",
              R"({"id":"c","model":"m","choices":[{"index":0,"finish_reason":"tool_calls",)"
              R"("message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1",)"
              R"("type":"function","function":{"name":"search","arguments":"{}"}}]}}]})");
  });
  Start(MakePolicy(
      upstream.url(),
      {.turn_ms = 600,
       .reserve_ms = 100,
       .llm_ms = 600,
       .tool_ms = 600,
       .more_upstreams = R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" +
                         upstream.url() + "/v1\"}",
       .chain =
           R"({"name":"c","tiers":[{"name":"first","upstream":"openai"},{"name":"second",)"
           R"("upstream":"backup"}],"terminal":{"type":"StaticResponse","text":"no time"}})"}));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("hi"));
  const std::string next =
      R"({"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":)"
      R"(null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"search",)"
      R"("arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"none"}]})";
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 1));  // the deadline
  const Answer late = agent.Post(kOpenAi, next);
  EXPECT_TRUE(Has(late.body, "no time")) << late.body;
  EXPECT_TRUE(Has(late.body, "agent-reliability/template"));
  EXPECT_EQ(upstream.count(), 1U);
  // In a running turn the model may spend the reserve, then the template stands in and ends it.
  (void)agent.Post(kOpenAi, Chat("hi"));
  Answer answer;
  do {
    answer = agent.Post(kOpenAi, next);
    ASSERT_EQ(answer.status, 200) << answer.body;
  } while (!Has(answer.body, "no time"));
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 2));
}

TEST_F(Turns, AnAnswerOfAFallbackIsWhatTheSloSays) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    const bool fallback = Has(request.body, R"("model":"small")");
    const bool answers = fallback && !Has(request.body, "nobody");
    c.Respond(answers ? 200 : 503, "application/json", answers ? kChatAnswer : "{}");
  });
  Start(MakePolicy(
      upstream.url(),
      {.more_upstreams = R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" +
                         upstream.url() + "/v1\"}",
       .chain = R"({"name":"c","tiers":[{"name":"first","upstream":"openai"},{"name":"second",)"
                R"("upstream":"backup","model":"small"}],"terminal":{"type":"StaticResponse",)"
                R"("text":"sorry"}})"}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).headers.at("x-agent-served-by"), "second");
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 0));
  EXPECT_TRUE(AwaitCounts(kLenient, 1, 0));
  EXPECT_TRUE(AwaitCounts(kStrict, 0, 1));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("nobody")).headers.at("x-agent-served-by"), "template");
  EXPECT_TRUE(AwaitCounts(kTasks, 1, 1));
  EXPECT_TRUE(AwaitCounts(kLenient, 2, 0));
  EXPECT_TRUE(AwaitCounts(kStrict, 0, 2));
}

}  // namespace
}  // namespace reliability::component
