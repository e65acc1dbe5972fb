// What LLM providers offer besides answers: embeddings, lists, counts; and providers whose API is
// not spoken here. Relayed as they are, with time limits, retries where nothing can happen twice,
// and the provider's breaker; no turn, no step.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

FakeUpstream::Script FailFirst() {
  auto calls = std::make_shared<std::atomic<int>>(0);
  return [calls](FakeUpstream::Connection& c, const SeenRequest&) {
    const bool first = calls->fetch_add(1) == 0;
    c.Respond(first ? 500 : 200, "application/json", "{}");
  };
}

std::string Gateway(const std::string& url) {
  return R"(,{"kind":"LLM","name":"gateway","format":"OpenAI","url":")" + url + "\"}";
}

class OtherEndpoints : public ProxyFixture {};

TEST_F(OtherEndpoints, WhatOnlyComputesIsMadeAgainWithoutATurn) {
  FakeUpstream upstream(FailFirst());
  Start(MakePolicy(upstream.url(), {.max_retries = 1}));
  Agent agent(port());
  const Answer embeddings = agent.Post("/llm/openai/v1/embeddings", R"({"input":"a"})");
  EXPECT_EQ(embeddings.status, 200);
  EXPECT_FALSE(embeddings.headers.contains("x-agent-turn-id"));
  upstream.SetScript(FailFirst());
  EXPECT_EQ(agent.Get("/llm/openai/v1/models").status, 200);
  upstream.SetScript(FailFirst());
  EXPECT_EQ(agent.Post("/llm/claude/v1/messages/count_tokens", "{}").status, 200);
  EXPECT_EQ(upstream.count(), 6U);
  upstream.SetScript(FailFirst());
  EXPECT_EQ(agent.Post("/llm/openai/v1/files", "{}").status, 500);  // an upload would be two
  EXPECT_EQ(upstream.count(), 7U);
  EXPECT_EQ(Metric("agent_reliability_turns_running"), 0);
  EXPECT_EQ(Metric(R"(agent_reliability_turns_total{result="success"})"), 0);
}

TEST_F(OtherEndpoints, TheyAreTimed) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.AwaitClose(); });
  Start(MakePolicy(upstream.url(), {.llm_ms = 80}));
  Agent agent(port());
  const Answer models = agent.Get("/llm/openai/v1/models");
  EXPECT_EQ(models.status, 504);
  EXPECT_EQ(models.headers.at("x-agent-error-class"), "timeout_total");
  EXPECT_TRUE(upstream.AwaitClosed(1));
}

TEST_F(OtherEndpoints, ForeignApisPassAsTheyAre) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    c.Respond(200, "application/octet-stream", request.body, "x-own: yes\r\n");
  });
  Start(MakePolicy(upstream.url(), {.more_upstreams = Gateway(upstream.url())}));
  Agent agent(port());
  const struct {
    const char* path;
    const char* header;
  } cases[] = {
      {"/openai/deployments/d/chat/completions?api-version=2024-10-21", "api-key: k\r\n"},
      {"/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "x-goog-api-key: k\r\n"},
      {"/model/anthropic.claude/invoke-with-response-stream", "x-amz-date: now\r\n"},
  };
  for (const auto& c : cases) {
    const std::string body = R"({"stream":true,"messages":7})";  // of no API that is read here
    const Answer answer = agent.Post("/llm/gateway" + std::string(c.path), body, c.header);
    EXPECT_EQ(answer.status, 200) << c.path;
    EXPECT_EQ(answer.body, body);
    EXPECT_EQ(answer.headers.at("x-own"), "yes");
    EXPECT_FALSE(answer.headers.contains("x-agent-turn-id"));
    const SeenRequest seen = upstream.seen().back();
    EXPECT_EQ(seen.start_line, "POST " + std::string(c.path) + " HTTP/1.1");
    EXPECT_EQ(seen.headers.at("host"), "127.0.0.1:" + std::to_string(upstream.port()));
    const std::string header(c.header);
    EXPECT_EQ(seen.headers.count(header.substr(0, header.find(':'))), 1U);
  }
}

TEST_F(OtherEndpoints, TheProvidersBreakerCountsThem) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Respond(503, "text/plain", "no"); });
  Start(MakePolicy(upstream.url(), {.breakers = "[" + MakeBreaker("Provider", 2, 60'000) + "]",
                                    .more_upstreams = Gateway(upstream.url())}));
  Agent agent(port());
  const std::string path = "/llm/gateway/v1beta/models/gemini-2.5-pro:generateContent";
  EXPECT_EQ(agent.Post(path, "{}").status, 503);
  EXPECT_EQ(agent.Post(path, "{}").status, 503);
  const Answer refused = agent.Post(path, "{}");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("x-agent-error-class"), "circuit_open");
  EXPECT_EQ(upstream.count(), 2U);
}

}  // namespace
}  // namespace reliability::component
