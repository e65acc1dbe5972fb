// A tool call that was sent again has another id at its server: the agent's own cancellation still
// reaches it. Data-plane ruling 27.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kSession = "mcp-session-id: s1\r\nmcp-protocol-version: 2025-11-25\r\n";
constexpr const char* kSearchMayRepeat =
    R"(,"idempotentTools":[{"upstream":"orders","tool":"search"}])";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string IdOf(const std::string& body) {
  const std::size_t id = body.find("\"id\":") + 5;
  return body.substr(id, body.find_first_of(",}", id) - id);
}

std::string Cancel(const std::string& id) {
  return R"({"jsonrpc":"2.0", "method":"notifications/cancelled","params":{"requestId" : )" + id +
         R"(,"reason":"user \u0041"} })";
}

// Fails each tool call `failures` times; later ones it answers when the test says so.
class RenamedCall : public ProxyFixture {
 protected:
  FakeUpstream::Script Script(int failures) {
    return [this, failures, seen = std::make_shared<std::atomic<int>>(0)](
               auto& c, const SeenRequest& request) {
      if (!Has(request.body, "tools/call")) {
        c.Respond(202, "application/json", "");
      } else if (seen->fetch_add(1) < failures) {
        c.Respond(503, "application/json", "{}");
      } else {
        AwaitRelease();
        c.Respond(200, "application/json",
                  R"({"jsonrpc":"2.0","id":)" + IdOf(request.body) +
                      R"(,"result":{"content":[{"type":"text","text":"ok"}]}})");
      }
    };
  }
  void AwaitRelease() {
    std::unique_lock lock(mutex_);
    (void)changed_.wait_for(lock, std::chrono::seconds{20}, [this] { return released_; });
  }
  void Release(bool released = true) {
    const std::lock_guard lock(mutex_);
    released_ = released;
    changed_.notify_all();
  }
  // The call's end is noted behind its answer.
  [[nodiscard]] bool AwaitForgotten() {
    const std::stop_source stop;
    for (int i = 0; i < 1000 && renamed_.size() > 0; ++i) {
      clock_->WaitFor(Milliseconds{10}, stop.get_token());
    }
    return renamed_.size() == 0;
  }
  static std::string Policy(const FakeUpstream& upstream, bool enforce = true) {
    return MakePolicy(upstream.url(), {.enforce = enforce,
                                       .turn_ms = 60'000,
                                       .tool_ms = 30'000,
                                       .max_retries = 2,
                                       .retries = kSearchMayRepeat});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
};

TEST_F(RenamedCall, ItsCancellationGoesOnWithTheIdThatTheServerKnows) {
  for (const int failures : {1, 2}) {
    Release(false);
    FakeUpstream upstream(Script(failures));
    workers_.clear();
    Start(Policy(upstream), 2);
    const auto sent = static_cast<std::size_t>(failures) + 1;
    Agent agent(port());
    agent.SendPost(kMcp, ToolCall("search", 7), kSession);
    ASSERT_TRUE(upstream.AwaitRequests(sent));
    const std::string known_as = IdOf(upstream.seen().back().body);
    ASSERT_TRUE(known_as.starts_with("\"retry-")) << known_as;
    Agent other(port());
    EXPECT_EQ(other.Post(kMcp, Cancel("7"), kSession).status, 202);
    ASSERT_TRUE(upstream.AwaitRequests(sent + 1));
    const SeenRequest cancel = upstream.seen().back();
    EXPECT_EQ(cancel.body, Cancel(known_as));
    EXPECT_EQ(cancel.headers.at("content-length"), std::to_string(cancel.body.size()));
    EXPECT_EQ(cancel.headers.at("mcp-session-id"), "s1");
    Release();
    const Answer answer = agent.Read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(IdOf(answer.body), "7");
    ASSERT_TRUE(AwaitForgotten());
    // It is over: nobody knows the other id any more.
    EXPECT_EQ(other.Post(kMcp, Cancel("7"), kSession).status, 202);
    ASSERT_TRUE(upstream.AwaitRequests(sent + 2));
    EXPECT_EQ(upstream.seen().back().body, Cancel("7"));
  }
}

TEST_F(RenamedCall, WhatIsNotAboutItPassesAsItIs) {
  FakeUpstream upstream(Script(1));
  Start(Policy(upstream));
  Agent agent(port());
  agent.SendPost(kMcp, ToolCall("search", 7), kSession);
  ASSERT_TRUE(upstream.AwaitRequests(2));
  Agent other(port());
  const std::pair<std::string, std::string> cancels[] = {
      {Cancel("8"), kSession},                  // another call
      {Cancel(R"("7")"), kSession},             // a text is no number
      {Cancel("7"), "mcp-session-id: s2\r\n"},  // of another client
      {Cancel("7"), ""},
      {R"({"jsonrpc":"2.0","method":"notifications/cancelled"})", kSession},
      {R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"requestId":7}})", kSession},
  };
  std::size_t sent = 2;
  for (const auto& [body, headers] : cancels) {
    EXPECT_EQ(other.Post(kMcp, body, headers).status, 202);
    ASSERT_TRUE(upstream.AwaitRequests(++sent));
    EXPECT_EQ(upstream.seen().back().body, body);
  }
  Release();
  EXPECT_EQ(agent.Read().status, 200);
}

TEST_F(RenamedCall, ACallThatWasSentOnceKeepsItsIdAndSoDoesItsCancellation) {
  for (const bool enforce : {true, false}) {
    Release(false);
    FakeUpstream upstream(Script(0));
    workers_.clear();
    Start(Policy(upstream, enforce));
    Agent agent(port());
    agent.SendPost(kMcp, ToolCall("search", 7), kSession);
    ASSERT_TRUE(upstream.AwaitRequests(1));
    Agent other(port());
    EXPECT_EQ(other.Post(kMcp, Cancel("7"), kSession).status, 202);
    ASSERT_TRUE(upstream.AwaitRequests(2));
    EXPECT_EQ(upstream.seen().back().body, Cancel("7"));
    Release();
    EXPECT_EQ(agent.Read().status, 200);
  }
}

}  // namespace
}  // namespace reliability::component
