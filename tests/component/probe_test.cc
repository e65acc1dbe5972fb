// Calls that find out whether an upstream is back: they have less time than others (data-plane.md
// 2.4), and the next place has the rest.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kReopened =
    R"(agent_reliability_breaker_transitions_total{event="breaker_reopened"})";

void Down(FakeUpstream::Connection& c, const SeenRequest&) { c.Respond(503, "text/plain", "down"); }
void Silent(FakeUpstream::Connection& c, const SeenRequest&) { c.AwaitClose(); }

// The small model answers, for the others `script` does.
FakeUpstream::Script Unless(FakeUpstream::Script script) {
  return [script = std::move(script)](auto& c, const SeenRequest& request) {
    if (request.body.find(R"("model":"small")") == std::string::npos) {
      script(c, request);
    } else if (request.body.find(R"("stream":true)") == std::string::npos) {
      c.Respond(200, "application/json", kChatAnswer);
    } else {
      c.Send(kEventStreamHead);
      c.Chunk(Token("a"));
      c.Chunk(kStopEvent);
      c.Chunk(kDoneEvent);
      c.Send("0\r\n\r\n");
    }
  };
}

class Probe : public ProxyFixture {
 protected:
  // The breaker opens at the first failure, for a moment.
  static PolicyTweaks Tweaks(const std::string& scope) {
    PolicyTweaks tweaks;
    tweaks.turn_ms = 60'000;
    tweaks.breakers = "[" + MakeBreaker(scope, 1, 100) + "]";
    return tweaks;
  }
  // Another provider with the small model, at the same address.
  static void AddSecond(PolicyTweaks& tweaks, const FakeUpstream& upstream) {
    tweaks.more_upstreams =
        R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + upstream.url() + "/v1\"}";
    tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai"},)"
                   R"({"name":"second","upstream":"backup","model":"small"}]})";
  }
  // Calls until a call goes to the first place again; its answer.
  Answer AwaitProbe(const FakeUpstream& upstream, const char* path, const std::string& body) {
    const std::size_t before = Asked(upstream).size();
    Answer answer;
    for (int i = 0; i < 500 && Asked(upstream).size() == before; ++i) {
      clock_->WaitFor(Milliseconds{10}, stop_.get_token());
      Agent agent(port());
      answer = agent.Post(path, body);
    }
    EXPECT_EQ(Asked(upstream).size(), before + 1);
    return answer;
  }
  // The time that calls to the first place were given.
  static std::vector<std::string> Asked(const FakeUpstream& upstream) {
    std::vector<std::string> times;
    for (const SeenRequest& request : upstream.seen()) {
      if (request.body.find(R"("model":"small")") == std::string::npos) {
        times.push_back(request.headers.at("x-agent-deadline-ms"));
      }
    }
    return times;
  }
  [[nodiscard]] sidecar_config::TierCounts First() const {
    return decisions_.LedgerView().fallback_chain->tiers[0];
  }

  const std::stop_source stop_;
};

TEST_F(Probe, OneThatStaysUnansweredIsOverEarlyAndTheNextTierAnswers) {
  FakeUpstream upstream(Unless(Down));
  auto tweaks = Tweaks("Provider");
  tweaks.llm_ms = 1000;
  AddSecond(tweaks, upstream);
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  upstream.SetScript(Unless(Silent));
  const Answer answer = AwaitProbe(upstream, kOpenAi, Chat("ho"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(Asked(upstream), (std::vector<std::string>{"1000", "800"}));
  EXPECT_EQ(upstream.seen().back().headers.at("x-agent-deadline-ms"), "1000");  // no probe there
  EXPECT_EQ(First().last_class, "timeout_total");
  EXPECT_EQ(Metric(kReopened), 1);
}

TEST_F(Probe, AStreamHasLessTimeForItsFirstContent) {
  FakeUpstream upstream(Unless(Down));
  auto tweaks = Tweaks("Provider");
  // 80 % of the whole call's time lie between 80 % of the first content's and all of it: which of
  // them ends the call tells whether it was shortened.
  tweaks.first_token_ms = 2000;
  tweaks.llm_ms = 2250;
  AddSecond(tweaks, upstream);
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi", true)).status, 200);
  upstream.SetScript(Unless(Silent));
  const Answer answer = AwaitProbe(upstream, kOpenAi, Chat("ho", true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(First().last_class, "timeout_first_token");
  EXPECT_EQ(Metric(kReopened), 1);
}

TEST_F(Probe, AToolsProbeSaysTheTimeThatItHas) {
  const auto answer = [](auto& c, const SeenRequest&) {
    c.Respond(200, "application/json",
              R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}})");
  };
  for (const char* operation : {"Automatic", "MetricsOnly"}) {
    FakeUpstream upstream(Down);
    workers_.clear();
    auto tweaks = Tweaks("Tool");
    tweaks.breakers.insert(tweaks.breakers.find(R"("scope")"),
                           R"("operation":")" + std::string(operation) + "\",");
    Load(MakePolicy(upstream.url()));  // forgets the breakers
    Start(MakePolicy(upstream.url(), tweaks));
    Agent agent(port());
    (void)agent.Post(kMcp, ToolCall("search"));
    upstream.SetScript(answer);
    if (operation == std::string("MetricsOnly")) {
      clock_->WaitFor(Milliseconds{300}, stop_.get_token());
    }
    (void)AwaitProbe(upstream, kMcp, ToolCall("search"));
    const bool decides = operation == std::string("Automatic");
    EXPECT_EQ(Asked(upstream), (std::vector<std::string>{"5000", decides ? "4000" : "5000"}));
  }
  EXPECT_TRUE(
      AwaitMetric(R"(agent_reliability_breaker_transitions_total{event="breaker_closed"})", 2));
}

TEST_F(Probe, AStreamIsSlowBesideTheTimeForItsFirstContent) {
  FakeUpstream upstream([this](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    clock_->WaitFor(Milliseconds{2450}, stop_.get_token());
    c.Chunk(Token("a"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  PolicyTweaks tweaks;
  tweaks.first_token_ms = 3000;
  tweaks.breakers =
      R"([{"name":"b","scope":"Provider","trip":{"consecutiveFailures":9,"failurePercent":0,)"
      R"("minCalls":1,"slowCallPercent":80},"openForMs":60000,"maxOpenForMs":300000,)"
      R"("halfOpen":{"maxProbes":1,"successes":1}}])";
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(
      AwaitMetric(R"(agent_reliability_breaker_transitions_total{event="breaker_opened"})", 1));
}

}  // namespace
}  // namespace reliability::component
