// Two tiers of one provider behind one upstream, under the breakers that the operator always adds:
// what a rate limit, a spent quota and failures of one model mean for the other. Data-plane ruling
// 23.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kHeld =
    R"(agent_reliability_breaker_transitions_total{event="breaker_held"})";
constexpr const char* kOpened =
    R"(agent_reliability_breaker_transitions_total{event="breaker_opened"})";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// An entry that matches everything, with what a policy has where it says nothing.
std::string Default(const std::string& scope, const std::string& name) {
  return R"({"name":"default-)" + name + R"(","scope":")" + scope +
         R"(","trip":{"consecutiveFailures":3,"failurePercent":50,"minCalls":5,"windowMs":60000},)" +
         R"("openForMs":30000,"maxOpenForMs":300000,"halfOpen":{"maxProbes":2,"successes":2}})";
}

// "m" gets this answer, every other model a good one.
FakeUpstream::Script LargeModelSays(int status, std::string body, std::string headers = {}) {
  return [=](auto& c, const SeenRequest& request) {
    if (Has(request.body, R"("model":"m")")) {
      c.Respond(status, "application/json", body, headers);
    } else {
      c.Respond(200, "application/json", kChatAnswer);
    }
  };
}

class ChainLimits : public ProxyFixture {
 protected:
  static PolicyTweaks Tweaks(const std::string& breakers) {
    PolicyTweaks tweaks;
    tweaks.breakers = "[" + breakers + "]";
    tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[{"name":"large","upstream":"openai"},)"
                   R"({"name":"small","upstream":"openai","model":"small"}]})";
    return tweaks;
  }
  [[nodiscard]] sidecar_config::TierCounts Tier(std::size_t index) const {
    return decisions_.LedgerView().fallback_chain->tiers[index];
  }
  [[nodiscard]] Milliseconds WaitAt(const std::string& key) const {
    for (const auto& view : decisions_.Breakers()) {
      if (view.key == key) {
        return view.retry_after;
      }
    }
    return Milliseconds{-1};
  }

  const std::string provider_ = Default("Provider", "provider");
  const std::string both_ = provider_ + "," + Default("Model", "model");
};

TEST_F(ChainLimits, ALimitOfOneModelLeavesTheOtherOneOfItsProvider) {
  for (const std::string& breakers : {both_, provider_}) {
    FakeUpstream upstream(
        LargeModelSays(429, R"({"error":{"message":"x"}})", "retry-after: 60\r\n"));
    workers_.clear();
    const double held = std::max(0.0, Metric(kHeld));
    Load(MakePolicy(upstream.url(), {}));  // forgets the breakers
    Start(MakePolicy(upstream.url(), Tweaks(breakers)));
    Agent first(port());
    const Answer answer = first.Post(kOpenAi, Chat("hi"));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers.at("x-agent-served-by"), "small");
    EXPECT_EQ(upstream.count(), 2U);
    // Who comes meanwhile does not ask the limited model at all.
    Agent second(port());
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(second.Post(kOpenAi, Chat(std::to_string(i))).headers.at("x-agent-served-by"),
                "small");
    }
    ASSERT_EQ(upstream.count(), 5U);
    EXPECT_TRUE(Has(upstream.seen()[0].body, R"("model":"m")"));
    for (std::size_t i = 1; i < 5; ++i) {
      EXPECT_TRUE(Has(upstream.seen()[i].body, R"("model":"small")")) << i;
    }
    EXPECT_EQ(Tier(1).reachable, true);
    EXPECT_EQ(Tier(1).failed, 0U);
    EXPECT_EQ(Tier(0).last_class, "rate_limited");
    EXPECT_EQ(Metric(kHeld), held + 1);
    EXPECT_EQ(Metric(kOpened), 0);
    EXPECT_GT(WaitAt("llm:openai/m"), Milliseconds{50'000});
    EXPECT_EQ(WaitAt("llm:openai"), Milliseconds{0});
  }
}

TEST_F(ChainLimits, WithoutAChainTheLimitedModelIsAnsweredHereAndTheOtherIsAsked) {
  FakeUpstream upstream(LargeModelSays(429, R"({"error":{"message":"x"}})", "retry-after: 60\r\n"));
  Start(MakePolicy(upstream.url(), {.breakers = "[" + provider_ + "]"}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 429);
  const Answer held = agent.Post(kOpenAi, Chat("ho"));
  EXPECT_EQ(held.status, 429);
  EXPECT_EQ(held.headers.at("x-agent-error-class"), "rate_limited");
  EXPECT_TRUE(Has(held.body, "openai/m")) << held.body;
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(agent.Post(kOpenAi, R"({"model":"small","messages":[{"role":"user","content":"hi"}]})")
                .status,
            200);
}

TEST_F(ChainLimits, ASpentQuotaIsTheAccountsAndClosesBothTiers) {
  FakeUpstream upstream(LargeModelSays(429, R"({"error":{"type":"insufficient_quota"}})"));
  Start(MakePolicy(upstream.url(), Tweaks(both_)));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 429);
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("ho")).headers.at("x-agent-error-class"),
            "all_targets_failed");
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(Tier(1).reachable, false);
}

TEST_F(ChainLimits, FailuresOfOneModelOpenTheProviderForBothAsItsBreakerSays) {
  FakeUpstream upstream(LargeModelSays(503, R"({"error":{"message":"down"}})"));
  Start(MakePolicy(upstream.url(), Tweaks(provider_)));
  Agent agent(port());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(agent.Post(kOpenAi, Chat(std::to_string(i))).headers.at("x-agent-served-by"),
              "small");
  }
  EXPECT_EQ(Metric(kOpened), 0);
  // The provider's third failure of five calls.
  EXPECT_EQ(agent.Post(kOpenAi, Chat("3")).status, 503);
  EXPECT_EQ(Metric(kOpened), 1);
  EXPECT_EQ(upstream.count(), 5U);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("4")).headers.at("x-agent-error-class"), "all_targets_failed");
  EXPECT_EQ(upstream.count(), 5U);
  EXPECT_GT(WaitAt("llm:openai"), Milliseconds{20'000});
}

}  // namespace
}  // namespace reliability::component
