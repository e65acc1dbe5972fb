// Keys and models that a tier refuses: where the agent asked, it is told; where a tier stands in,
// they are not the agent's, and the next place is asked. docs/error-classes.md.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tests/component/proxy_fixture.h"
#include "tests/component/streams.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kTemplate =
    R"(,"terminal":{"type":"StaticResponse","text":"sorry: {{.reason}}"})";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

FakeUpstream::Script Status(int status, std::string type = "application/json") {
  return [=](auto& c, const SeenRequest&) {
    c.Respond(status, type, R"({"error":{"message":"no"}})");
  };
}

void Good(FakeUpstream::Connection& c, const SeenRequest& request) {
  if (Has(request.body, R"("stream":true)")) {
    Words(2)(c, request);
  } else {
    c.Respond(200, "application/json", kChatAnswer);
  }
}

class ChainRefused : public ProxyFixture {
 protected:
  ChainRefused() : key_(testing::TempDir() + "refused-key-" + std::to_string(::getpid())) {
    std::ofstream(key_) << "key-of-tier\n";
  }
  ~ChainRefused() override { std::remove(key_.c_str()); }

  // openai at first_, then second_, then third_ unless `two`.
  [[nodiscard]] PolicyTweaks Tweaks(const std::string& more = {}, bool two = false) const {
    const auto tier = [this](const std::string& name, const FakeUpstream& at) {
      return R"(,{"name":")" + name + R"(","format":"OpenAI","url":")" + at.url() +
             R"(/v1","credential":")" + key_ + "\"}";
    };
    PolicyTweaks tweaks;
    tweaks.chain = R"({"name":"c","advanceOn":["server_error","circuit_open"],"tiers":[)"
                   R"({"name":"first","upstream":"openai"})" +
                   tier("second", second_) + (two ? "" : tier("third", third_)) + "]" + more + "}";
    return tweaks;
  }
  [[nodiscard]] sidecar_config::TierCounts Tier(std::size_t index) const {
    return decisions_.LedgerView().fallback_chain->tiers.at(index);
  }

  const std::string key_;
  FakeUpstream first_{Status(503)};
  FakeUpstream second_{Status(401)};
  FakeUpstream third_{Good};
};

TEST_F(ChainRefused, AStandInThatRefusesKeyOrModelIsPassedOver) {
  const struct {
    int status;
    const char* error_class;
  } cases[] = {{401, "auth"}, {403, "auth"}, {404, "not_found"}};
  constexpr const char* kThirdServed = R"(agent_reliability_fallback_served_total{tier="third"})";
  int served = 0;
  for (const auto& [status, error_class] : cases) {
    for (const char* type : {"application/json", "text/html"}) {
      for (const bool stream : {false, true}) {
        second_.SetScript(Status(status, type));
        workers_.clear();
        Start(MakePolicy(first_.url(), Tweaks(R"(,"stickyMs":0)")));
        Agent agent(port());
        const Answer answer = agent.Post(kOpenAi, Chat("hi", stream));
        EXPECT_EQ(answer.status, 200) << status << type;
        EXPECT_EQ(answer.headers.at("x-agent-served-by"), "third");
        EXPECT_TRUE(AwaitMetric(kThirdServed, ++served));  // booked behind the answer
        EXPECT_EQ(Tier(1).last_class, error_class);
        EXPECT_EQ(Tier(1).reachable, false);
        EXPECT_EQ(Tier(2).reachable, true);
      }
    }
  }
  EXPECT_EQ(Metric(R"(agent_reliability_fallback_total{class="auth"})"), 8);
  EXPECT_EQ(Metric(R"(agent_reliability_fallback_total{class="not_found"})"), 4);
}

TEST_F(ChainRefused, ItsBreakerStaysClosed) {
  auto tweaks = Tweaks(R"(,"stickyMs":0)");
  tweaks.breakers = "[" + MakeBreaker("Provider", 2, 60000) + "]";
  Start(MakePolicy(first_.url(), tweaks));
  Agent agent(port());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(agent.Post(kOpenAi, Chat(std::to_string(i))).status, 200);
  }
  EXPECT_EQ(first_.count(), 2U);  // its circuit opened
  EXPECT_EQ(second_.count(), 4U);
}

TEST_F(ChainRefused, AfterTheLastOneTheTemplateAnswers) {
  Start(MakePolicy(first_.url(), Tweaks(kTemplate, true)));
  Agent agent(port());
  for (const bool stream : {false, true}) {
    const Answer answer = agent.Post(kOpenAi, Chat("hi", stream));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("x-agent-degraded"), "template");
    EXPECT_EQ(TextOf(answer.body), "sorry: all_targets_failed") << answer.body;
  }
}

TEST_F(ChainRefused, OrAnErrorThatIsNotTheTiers) {
  for (const char* type : {"application/json", "text/html"}) {
    second_.SetScript(Status(401, type));
    workers_.clear();
    Start(MakePolicy(first_.url(), Tweaks({}, true)));
    Agent agent(port());
    const Answer answer = agent.Post(kOpenAi, Chat("hi"));
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.headers.at("x-agent-error-class"), "all_targets_failed");
    EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
    EXPECT_FALSE(Has(answer.body, "\"no\"")) << answer.body;
  }
}

TEST_F(ChainRefused, WhereTheAgentAskedItIsTold) {
  Start(MakePolicy(first_.url(), Tweaks(kTemplate)));
  Agent agent(port());
  for (const int status : {401, 403, 404}) {
    first_.SetScript(Status(status));
    const Answer answer = agent.Post(kOpenAi, Chat("hi"));
    EXPECT_EQ(answer.status, status);
    EXPECT_TRUE(Has(answer.body, "\"no\"")) << answer.body;
    EXPECT_FALSE(answer.headers.contains("x-agent-degraded"));
  }
  EXPECT_EQ(second_.count(), 0U);
  EXPECT_EQ(Tier(0).reachable, true);
}

TEST_F(ChainRefused, AStandInThatStaysForAWhileIsNoPlaceOfTheAgentsEither) {
  second_.SetScript(Good);
  Start(MakePolicy(first_.url(), Tweaks(R"(,"stickyMs":60000)", true)));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("1")).headers.at("x-agent-served-by"), "second");
  first_.SetScript(Good);
  second_.SetScript(Status(401));
  EXPECT_EQ(agent.Post(kOpenAi, Chat("2")).headers.at("x-agent-served-by"), "first");
  EXPECT_EQ(second_.count(), 2U);
}

}  // namespace
}  // namespace reliability::component
