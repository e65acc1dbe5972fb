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

TEST_F(ChainKeys, NoKeyTravelsInAnUnknownFieldOrInTheQuery) {
  FakeUpstream other(
      [](auto& c, const SeenRequest&) { c.Respond(200, "application/json", kChatAnswer); });
  const std::string foreign =
      R"(,"format":"OpenAI","url":")" + other.url() + "/v2\"" + Credential();
  auto tweaks = Tweaks({}, R"(,"upstream":"openai")" + Credential());
  tweaks.chain.insert(tweaks.chain.size() - 3, R"(},{"name":"third","model":"other")" + foreign);
  upstream_.SetScript(
      [](auto& c, const SeenRequest&) { c.Respond(503, "application/json", "{}"); });
  Start(MakePolicy(upstream_.url(), tweaks));
  Agent agent(port());
  const Answer answer = agent.Post(std::string(kOpenAi) + "?key=secret", Chat("hi"),
                                   "x-portkey-api-key: secret\r\nhelicone-auth: secret\r\n"
                                   "user-agent: sdk\r\nx-stainless-lang: python\r\n");
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "third");
  ASSERT_EQ(upstream_.count(), 2U);
  ASSERT_EQ(other.count(), 1U);
  EXPECT_EQ(upstream_.seen()[0].start_line, "POST /v1/chat/completions?key=secret HTTP/1.1");
  EXPECT_EQ(upstream_.seen()[0].headers.at("helicone-auth"), "secret");
  EXPECT_EQ(upstream_.seen()[1].start_line, "POST /v1/chat/completions HTTP/1.1");
  EXPECT_EQ(other.seen()[0].start_line, "POST /v2/chat/completions HTTP/1.1");
  for (const SeenRequest& sent : {upstream_.seen()[1], other.seen()[0]}) {
    EXPECT_FALSE(sent.headers.contains("x-portkey-api-key"));
    EXPECT_FALSE(sent.headers.contains("helicone-auth"));
    EXPECT_EQ(sent.headers.at("user-agent"), "sdk");
    EXPECT_EQ(sent.headers.at("x-stainless-lang"), "python");
  }
}

TEST_F(ChainKeys, TheAgentsOwnAccountSeesItsQueryAgainBehindAnother) {
  // The stand-in of another account is asked first for a while; then the call comes back.
  auto tweaks = Tweaks({}, R"(,"upstream":"openai")" + Credential());
  tweaks.chain.replace(tweaks.chain.find(R"("stickyMs":0)"), 12, R"("stickyMs":60000)");
  Start(MakePolicy(upstream_.url(), tweaks));
  Agent agent(port());
  const std::string path = std::string(kOpenAi) + "?api-version=1";
  EXPECT_EQ(agent.Post(path, Chat("1")).headers.at("x-agent-served-by"), "second");
  upstream_.SetScript([](auto& c, const SeenRequest& request) {
    c.Respond(Has(request.body, "small") ? 503 : 200, "application/json", kChatAnswer);
  });
  EXPECT_EQ(agent.Post(path, Chat("2")).headers.at("x-agent-served-by"), "first");
  ASSERT_EQ(upstream_.count(), 4U);
  EXPECT_EQ(upstream_.seen()[2].start_line, "POST /v1/chat/completions HTTP/1.1");
  EXPECT_EQ(upstream_.seen()[3].start_line, "POST /v1/chat/completions?api-version=1 HTTP/1.1");
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
