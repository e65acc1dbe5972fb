// Malformed, oversized and slow HTTP from an agent: refused, closed, nothing forwarded. And what a
// careful agent may do: keep-alive, pipelining, chunks, 100-continue, large bodies.
#include <gtest/gtest.h>

#include "libs/net/http_head_parser.h"
#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

class HttpInput : public ProxyFixture {
 protected:
  FakeUpstream upstream_{[](FakeUpstream::Connection& c, const SeenRequest& request) {
    c.Respond(200, "application/json",
              request.start_line.starts_with("POST /v1/chat") ? kChatAnswer : "{}");
  }};
};

TEST_F(HttpInput, AmbiguousRequestsAreRefusedAndNothingIsForwarded) {
  Start(MakePolicy(upstream_.url()));
  const std::string head = "POST /llm/openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n";
  const struct {
    const char* what;
    std::string raw;
    int status;
  } cases[] = {
      {"CL and TE", head + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello", 400},
      {"two CL", head + "content-length: 5\r\ncontent-length: 5\r\n\r\nhello", 400},
      {"list CL", head + "content-length: 5, 5\r\n\r\nhello", 400},
      {"TE identity", head + "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
      {"folded", head + "x-a: 1\r\n 2\r\ncontent-length: 0\r\n\r\n", 400},
      {"bare LF", "GET /mcp/orders HTTP/1.1\nhost: 127.0.0.1\n\n", 400},
      {"bad chunk", head + "transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400},
      {"h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"huge head", head + "x: " + std::string(net::kMaxHeadBytes, 'a') + "\r\n\r\n", 431},
      {"foreign host", "GET /tools/shop HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403},
      {"cross site",
       "GET /tools/shop HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: http://evil.example\r\n\r\n", 403},
      {"forward proxy", "GET http://evil.example/ HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 403},
      {"tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 501},
      {"websocket",
       "GET /tools/shop HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\n"
       "upgrade: websocket\r\n\r\n",
       501},
      {"unknown route", "GET /other HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 404},
  };
  for (const auto& c : cases) {
    Agent agent(port());
    agent.Send(c.raw);
    EXPECT_EQ(agent.Read().status, c.status) << c.what;
    if (c.status == 400 || c.status == 431 || c.status == 505) {
      EXPECT_TRUE(agent.AwaitClose()) << c.what;
    }
  }
  EXPECT_EQ(upstream_.connections(), 0);
}

TEST_F(HttpInput, ASlowHeadAndASlowBodyGet408) {
  Start(MakePolicy(upstream_.url()), 1, {.head = Milliseconds{50}, .body_stall = Milliseconds{50}});
  Agent head(port());
  head.Send("GET /tools/shop HT");
  EXPECT_EQ(head.Read().status, 408);
  EXPECT_TRUE(head.AwaitClose());
  for (const char* path : {"/llm/openai/v1/chat/completions", "/tools/shop/x"}) {
    Agent body(port());
    body.Send("POST " + std::string(path) +
              " HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\nhalf");
    EXPECT_EQ(body.Read().status, 408) << path;
    EXPECT_TRUE(body.AwaitClose()) << path;
  }
}

TEST_F(HttpInput, ABrokenOrSlowBodyIsToldInTheCallersFormat) {
  Start(MakePolicy(upstream_.url()), 1, {.body_stall = Milliseconds{50}});
  const std::string openai = R"({"error":{"code":"invalid_request",)";
  const std::string claude = R"("type":"error"})";
  const std::string rpc = R"("jsonrpc":"2.0"})";
  const std::string problem = R"("type":"urn:agentreliability:error:invalid_request"})";
  const struct {
    const char* path;
    const std::string& format;
    std::size_t sent;  // of the body; beyond 1 MiB it is not taken whole
  } cases[] = {
      {"/llm/openai/v1/chat/completions", openai, 4},
      {"/llm/openai/v1/embeddings", openai, 4},
      {"/llm/openai/v1/files", openai, 4},  // streamed
      {"/llm/claude/v1/messages", claude, 4},
      {"/mcp/orders", rpc, 4},
      {"/mcp/orders", rpc, 1200000},
      {"/tools/shop/x", problem, 4},
  };
  for (const auto& c : cases) {
    for (const bool slow : {true, false}) {
      Agent agent(port());
      const std::string some(c.sent, ' ');
      const std::string head =
          "POST " + std::string(c.path) + " HTTP/1.1\r\nhost: 127.0.0.1\r\nx-request-id: mine\r\n";
      char size[16];
      std::snprintf(size, sizeof(size), "%zx", c.sent);
      agent.Send(slow ? head + "content-length: 2000000\r\n\r\n" + some
                      : head + "transfer-encoding: chunked\r\n\r\n" + size + "\r\n" + some +
                            "\r\nzz\r\n");
      const Answer answer = agent.Read();
      EXPECT_EQ(answer.status, slow ? 408 : 400) << c.path;
      EXPECT_NE(answer.body.find(c.format), std::string::npos) << c.path << answer.body;
      EXPECT_NE(answer.body.find(slow ? "did not arrive in time" : "broken framing"),
                std::string::npos);
      EXPECT_EQ(answer.headers.count("x-request-id"), 1U) << c.path;
      EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
      EXPECT_TRUE(agent.AwaitClose()) << c.path;
    }
  }
}

TEST_F(HttpInput, ObserveDoesNotTellWhetherToRepeatASlowRequest) {
  Start(MakePolicy(upstream_.url(), {.enforce = false}), 1, {.body_stall = Milliseconds{50}});
  Agent agent(port());
  agent.Send(
      "POST /llm/openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
      "content-length: 100\r\n\r\nhalf");
  const Answer answer = agent.Read();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(answer.headers.contains("x-request-id"));
  EXPECT_FALSE(answer.headers.contains("x-should-retry"));
}

TEST_F(HttpInput, KeepsConnectionsAliveOnBothSides) {
  Start(MakePolicy(upstream_.url()));
  Agent agent(port());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(agent.Post("/llm/openai/v1/chat/completions", Chat("hi")).status, 200);
  }
  EXPECT_EQ(upstream_.connections(), 1);
  EXPECT_EQ(upstream_.count(), 20U);
}

TEST_F(HttpInput, PipelinedRequestsAreAnsweredInOrder) {
  Start(MakePolicy(upstream_.url()));
  Agent agent(port());
  agent.SendPost("/llm/openai/v1/chat/completions", Chat("hi"));
  agent.Send("GET /tools/shop/a HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  agent.Send("GET /other HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(agent.Read().body, kChatAnswer);
  EXPECT_EQ(agent.Read().body, "{}");
  EXPECT_EQ(agent.Read().status, 404);
}

TEST_F(HttpInput, ARequestInSingleBytesIsWhole) {
  Start(MakePolicy(upstream_.url()));
  Agent agent(port());
  const std::string body = Chat("hi");
  const std::string raw =
      "POST /llm/openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
      "transfer-encoding: chunked\r\n\r\n5\r\n" +
      body.substr(0, 5) + "\r\n" +
      [](std::size_t n) {
        char text[16];
        std::snprintf(text, sizeof(text), "%zx", n);
        return std::string(text);
      }(body.size() - 5) +
      "\r\n" + body.substr(5) + "\r\n0\r\n\r\n";
  for (const char c : raw) {
    agent.Send(std::string_view(&c, 1));
  }
  EXPECT_EQ(agent.Read().status, 200);
  // What was read whole goes on with its size.
  const SeenRequest seen = upstream_.seen().at(0);
  EXPECT_EQ(seen.body, body);
  EXPECT_EQ(seen.headers.at("content-length"), std::to_string(body.size()));
}

TEST_F(HttpInput, PermissionToSendIsGivenHere) {
  Start(MakePolicy(upstream_.url()));
  for (const char* path : {"/llm/openai/v1/chat/completions", "/tools/shop/x"}) {
    Agent agent(port());
    const std::string body = Chat("hi");
    agent.Send("POST " + std::string(path) +
               " HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: " +
               std::to_string(body.size()) + "\r\n\r\n");
    EXPECT_EQ(agent.Read().status, 100) << path;
    agent.Send(body);
    EXPECT_EQ(agent.Read().status, 200) << path;
  }
  EXPECT_FALSE(upstream_.seen().at(0).headers.contains("expect"));
}

TEST_F(HttpInput, LargeBodiesStreamThroughBothWays) {
  const std::string large(std::size_t{6} * 1024 * 1024, 'x');
  upstream_.SetScript([](FakeUpstream::Connection& c, const SeenRequest& request) {
    c.Send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    c.Chunk(request.body);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream_.url()));
  Agent agent(port());
  const Answer answer = agent.Post("/tools/shop/echo", large);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), large.size());
  EXPECT_EQ(upstream_.seen().at(0).body.size(), large.size());
  // A prompt beyond the inspected size passes, too.
  const Answer prompt = agent.Post("/llm/openai/v1/chat/completions", Chat(large));
  EXPECT_EQ(prompt.status, 200);
  EXPECT_TRUE(upstream_.seen().at(1).body == Chat(large));
}

TEST_F(HttpInput, AnAnswerBeforeTheWholeBodyEndsTheConnection) {
  Start(MakePolicy(upstream_.url()));
  Agent agent(port());
  agent.Send("POST /other HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000000\r\n\r\nstart");
  EXPECT_EQ(agent.Read().status, 404);
  EXPECT_TRUE(agent.AwaitClose());
}

TEST_F(HttpInput, OutcomesAreReported) {
  Start(MakePolicy(upstream_.url()));
  Agent agent(port());
  const Answer answer =
      agent.Post("/llm/openai/v1/chat/completions", Chat("hi"), "x-agent-turn-id: turn-1\r\n");
  EXPECT_EQ(answer.headers.at("x-agent-turn-id"), "turn-1");
  EXPECT_EQ(agent.Post("/v1/turns/turn-1/outcome", R"({"result":"Failure"})").status, 204);
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 1));
  EXPECT_EQ(agent.Post("/v1/turns/nobody/outcome", R"({"result":"Failure"})").status, 404);
  EXPECT_EQ(agent.Post("/v1/turns/turn-1/outcome", "{").status, 400);
  EXPECT_EQ(agent.Get("/v1/turns/turn-1/outcome").status, 405);
}

}  // namespace
}  // namespace reliability::component
