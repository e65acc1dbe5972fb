// Bodies that are not looked into: encoded, too large, or more at once than there is memory for.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kClaude = "/llm/claude/v1/messages";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kReject = R"(,"inspection":{"onOversize":"Reject"})";
constexpr std::size_t kMi = std::size_t{1} << 20U;

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

FakeUpstream::Script FailFirst() {
  auto calls = std::make_shared<std::atomic<int>>(0);
  return [calls](FakeUpstream::Connection& c, const SeenRequest&) {
    const bool first = calls->fetch_add(1) == 0;
    c.Respond(first ? 503 : 200, "application/json", first ? "{}" : kChatAnswer);
  };
}

class Bodies : public ProxyFixture {
 protected:
  [[nodiscard]] double Unread(const std::string& reason) const {
    return Metric(R"(agent_reliability_unread_requests_total{reason=")" + reason + "\"}");
  }
};

TEST_F(Bodies, AnEncodedRequestPassesUnreadAndIsSentAgain) {
  FakeUpstream upstream(FailFirst());
  Start(MakePolicy(upstream.url(), {.max_retries = 1}));
  Agent agent(port());
  const std::string packed("\x1f\x8b\x08\0packed", 10);
  EXPECT_EQ(agent.Post(kOpenAi, packed, "content-encoding: gzip\r\n").status, 200);
  ASSERT_EQ(upstream.count(), 2U);
  EXPECT_EQ(upstream.seen()[1].body, packed);
  EXPECT_EQ(upstream.seen()[1].headers.at("content-encoding"), "gzip");
  EXPECT_EQ(Unread("encoded"), 1);
}

TEST_F(Bodies, AnEncodedAnswerPassesAndIsJudgedByItsStatus) {
  const std::string packed("\x1f\x8b\x08\0answer", 10);
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    c.Respond(200, "application/json", packed, "content-encoding: gzip\r\n");
  });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  const Answer good = agent.Post(kOpenAi, Chat("hi"), "accept-encoding: gzip, br\r\n");
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.body, packed);
  EXPECT_EQ(good.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(upstream.seen().at(0).headers.at("accept-encoding"), "identity");
  upstream.SetScript([&](auto& c, const SeenRequest&) {
    c.Respond(503, "application/json", packed, "content-encoding: gzip\r\n");
  });
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 503);
  EXPECT_TRUE(AwaitMetric(
      R"(agent_reliability_calls_total{kind="llm",name="openai",result="server_error"})", 1));
}

TEST_F(Bodies, WhatIsNotLookedIntoMayBeEncoded) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Respond(200, "text/plain", "ok"); });
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  EXPECT_EQ(agent.Post("/llm/openai/v1/embeddings", "{}", "accept-encoding: gzip\r\n").status, 200);
  EXPECT_EQ(agent.Post("/tools/shop/x", "{}", "accept-encoding: gzip\r\n").status, 200);
  for (const SeenRequest& request : upstream.seen()) {
    EXPECT_EQ(request.headers.at("accept-encoding"), "gzip") << request.start_line;
  }
}

TEST_F(Bodies, LargeRequestsPassUnlessThePolicyRejectsThem) {
  FakeUpstream upstream(
      [](auto& c, const SeenRequest&) { c.Respond(200, "application/json", kChatAnswer); });
  const std::string large = Chat(std::string(kMi + 1, 'x'));
  Start(MakePolicy(upstream.url()));
  {
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, large).status, 200);
    EXPECT_EQ(Unread("too_large"), 1);
  }
  Load(MakePolicy(upstream.url(), {.more = kReject}));
  Agent openai(port());
  const Answer refused = openai.Post(kOpenAi, large);
  EXPECT_EQ(refused.status, 413);
  EXPECT_TRUE(Has(refused.body, R"("code":"invalid_request")")) << refused.body;
  Agent claude(port());
  const Answer message = claude.Post(kClaude, large);
  EXPECT_EQ(message.status, 413);
  EXPECT_TRUE(Has(message.body, R"("type":"request_too_large")")) << message.body;
  Agent mcp(port());
  EXPECT_EQ(mcp.Post(kMcp, large).status, 413);
  Agent packed(port());
  EXPECT_EQ(packed.Post(kOpenAi, "packed", "content-encoding: gzip\r\n").status, 413);
  EXPECT_EQ(upstream.count(), 1U);
  Agent small(port());
  EXPECT_EQ(small.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_EQ(small.Post("/tools/shop/x", large).status, 200);  // never looked into
}

TEST_F(Bodies, ObserveOnlyCountsWhatItWouldReject) {
  FakeUpstream upstream(
      [](auto& c, const SeenRequest&) { c.Respond(200, "application/json", kChatAnswer); });
  Start(MakePolicy(upstream.url(), {.enforce = false, .more = kReject}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat(std::string(kMi + 1, 'x'))).status, 200);
  EXPECT_EQ(Metric(R"(agent_reliability_would_reject_total{class="invalid_request"})"), 1);
}

TEST_F(Bodies, BeyondTheMemoryACallIsRelayedAndNotMadeAgain) {
  FakeUpstream upstream(FailFirst());
  Start(MakePolicy(upstream.url(), {.max_retries = 1}));
  // Eight prompts of 4 MiB are announced, which is all that there is room for.
  std::vector<std::unique_ptr<Agent>> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::make_unique<Agent>(port()));
    waiting.back()->Send("POST " + std::string(kOpenAi) +
                         " HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\n"
                         "content-length: 4194304\r\n\r\n");
    EXPECT_TRUE(Has(waiting.back()->ReadUntil("\r\n\r\n"), "100 Continue"));
  }
  Agent agent(port());
  const std::string body = Chat(std::string(kMi / 2, 'x'));
  EXPECT_EQ(agent.Post(kOpenAi, body).status, 503);
  ASSERT_EQ(upstream.count(), 1U);
  EXPECT_TRUE(upstream.seen()[0].body == body);
  EXPECT_EQ(Unread("memory"), 1);
  waiting.clear();
  upstream.SetScript(FailFirst());
  // Their room comes back.
  for (int i = 0; i < 1000; ++i) {
    Agent again(port());
    const double before = Unread("memory");
    if (again.Post(kOpenAi, body).status == 200 && Unread("memory") == before) {
      return;
    }
  }
  ADD_FAILURE() << "no room although nobody uses it";
}

TEST_F(Bodies, OfToolsNoMoreIsHeldThanALittle) {
  FakeUpstream upstream(FailFirst());
  Start(MakePolicy(upstream.url(), {.max_retries = 1}));
  Agent agent(port());
  const std::string key = "idempotency-key: \"k\"\r\n";
  EXPECT_EQ(agent.Post("/tools/shop/orders", std::string(2 * kMi, 'x'), key).status, 503);
  EXPECT_EQ(upstream.count(), 1U);
  upstream.SetScript(FailFirst());
  EXPECT_EQ(agent.Post("/tools/shop/orders", std::string(kMi / 2, 'x'), key).status, 200);
}

}  // namespace
}  // namespace reliability::component
