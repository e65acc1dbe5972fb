// Whose key a tier of a chain is called with, and what of the agent's request travels there.
// data-plane ruling 50.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kResponses = "/llm/openai/v1/responses";
constexpr const char* kTheAgents =
    "authorization: Bearer secret\r\ncookie: c=1\r\nopenai-organization: o\r\n"
    "x-agent-turn-id: t1\r\nbaggage: agent.turn=t1\r\n";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Model m is down; others answer.
void OnlyOthers(FakeUpstream::Connection& c, const SeenRequest& request) {
  if (Has(request.body, R"("model":"m")")) {
    c.Respond(503, "application/json", R"({"error":{"message":"down"}})");
  } else {
    c.Respond(200, "application/json", kChatAnswer);
  }
}

class ChainKeys : public ProxyFixture {
 protected:
  ChainKeys() : key_(testing::TempDir() + "keys-key-" + std::to_string(::getpid())) {
    std::ofstream(key_) << "key-of-tier\n";
  }
  ~ChainKeys() override { std::remove(key_.c_str()); }

  [[nodiscard]] std::string Credential() const { return R"(,"credential":")" + key_ + "\""; }
  // One origin: openai, perhaps with `first` more fields, then another model of it, with `second`.
  static PolicyTweaks Tweaks(const std::string& first, const std::string& second) {
    PolicyTweaks tweaks;
    tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai")" +
                   first + R"(},{"name":"second","model":"small")" + second + "}]}";
    return tweaks;
  }
  [[nodiscard]] std::string OwnUrl() const {
    return R"(,"format":"OpenAI","url":")" + upstream_.url() + "/v1\"";
  }
  static void ExpectNothingOfTheAgents(const SeenRequest& sent) {
    EXPECT_EQ(sent.headers.at("authorization"), "Bearer key-of-tier");
    for (const char* name :
         {"cookie", "openai-organization", "x-agent-turn-id", "baggage", "x-agent-deadline-ms"}) {
      EXPECT_FALSE(sent.headers.contains(name)) << name;
    }
  }

  const std::string key_;
  FakeUpstream upstream_{OnlyOthers};
};

TEST_F(ChainKeys, ATierWithAKeyIsCalledWithItAtTheAgentsOwnOriginToo) {
  for (const std::string& place : {std::string(R"(,"upstream":"openai")"), OwnUrl()}) {
    const std::size_t before = upstream_.count();
    workers_.clear();
    Start(MakePolicy(upstream_.url(), Tweaks({}, place + Credential())));
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), kTheAgents).headers.at("x-agent-served-by"),
              "second");
    ASSERT_EQ(upstream_.count(), before + 2);
    EXPECT_EQ(upstream_.seen()[before].headers.at("authorization"), "Bearer secret");
    EXPECT_TRUE(upstream_.seen()[before].headers.contains("cookie"));
    ExpectNothingOfTheAgents(upstream_.seen()[before + 1]);
  }
}

TEST_F(ChainKeys, WithoutOneItIsTheAgentsOwnAccount) {
  for (const std::string& place : {std::string(R"(,"upstream":"openai")"), OwnUrl()}) {
    const std::size_t before = upstream_.count();
    workers_.clear();
    Start(MakePolicy(upstream_.url(), Tweaks({}, place)));
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), kTheAgents).headers.at("x-agent-served-by"),
              "second");
    ASSERT_EQ(upstream_.count(), before + 2);
    EXPECT_EQ(upstream_.seen()[before + 1].headers.at("authorization"), "Bearer secret");
    EXPECT_EQ(upstream_.seen()[before + 1].headers.at("openai-organization"), "o");
  }
}

TEST_F(ChainKeys, WhereTheAgentCalledItIsItself) {
  Start(
      MakePolicy(upstream_.url(), Tweaks(Credential(), R"(,"upstream":"openai")" + Credential())));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), kTheAgents).status, 200);
  ASSERT_EQ(upstream_.count(), 2U);
  EXPECT_EQ(upstream_.seen()[0].headers.at("authorization"), "Bearer secret");
  EXPECT_EQ(upstream_.seen()[0].headers.at("cookie"), "c=1");
  ExpectNothingOfTheAgents(upstream_.seen()[1]);
}

TEST_F(ChainKeys, ATierThatWaitsForItsKeyIsSkippedAndTheChainWorks) {
  const std::string missing = R"(,"credential":")" + key_ + "-gone\"";
  Start(MakePolicy(upstream_.url(), Tweaks(missing, OwnUrl() + missing)));
  {
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), kTheAgents).status, 503);
    ASSERT_EQ(upstream_.count(), 1U);
    EXPECT_EQ(upstream_.seen()[0].headers.at("authorization"), "Bearer secret");
    EXPECT_EQ(decisions_.LedgerView().fallback_chain->tiers[1].skipped, "credential_missing");
  }
  Load(MakePolicy(upstream_.url(), Tweaks({}, R"(,"upstream":"openai")" + missing)));
  {
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), kTheAgents).status, 503);
    ASSERT_EQ(upstream_.count(), 2U);
  }
  Load(MakePolicy(upstream_.url(), Tweaks(missing, R"(,"upstream":"openai")" + Credential())));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi"), kTheAgents).headers.at("x-agent-served-by"), "second");
  ASSERT_EQ(upstream_.count(), 4U);
  EXPECT_EQ(upstream_.seen()[2].headers.at("authorization"), "Bearer secret");
  ExpectNothingOfTheAgents(upstream_.seen()[3]);
}

TEST_F(ChainKeys, AnotherKeyIsAnotherAccountOfTheSameProvider) {
  const std::string refers =
      R"({"model":"m","input":[{"role":"user","content":"hi"}],"previous_response_id":"resp_1"})";
  Start(MakePolicy(upstream_.url(), Tweaks({}, R"(,"upstream":"openai")" + Credential())));
  {
    Agent agent(port());
    EXPECT_EQ(agent.Post(kResponses, refers).status, 503);
    EXPECT_EQ(upstream_.count(), 1U);
  }
  // The agent's own key is no other one.
  Agent agent(port());
  (void)agent.Post(kResponses, refers, "authorization: Bearer key-of-tier\r\n");
  ASSERT_EQ(upstream_.count(), 3U);
  EXPECT_TRUE(Has(upstream_.seen()[2].body, "resp_1"));
}

}  // namespace
}  // namespace reliability::component
