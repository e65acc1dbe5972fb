// From a name to a connection: DNS, several addresses of which some do not answer, TLS.
#include <gtest/gtest.h>

#include "libs/net/dns_client.h"
#include "tests/component/proxy_fixture.h"
#include "tests/component/streams.h"
#include "tests/component/tls_identity.h"
#include "tests/fakes/fake_dns_server.h"
#include "tests/fakes/loopback_place.h"
#include "tests/fakes/temp_folder.h"

namespace reliability::component {
namespace {

using fakes::DnsFault;
using fakes::FakeDnsServer;
using fakes::LoopbackPlace;

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A name server that is there before the proxy is.
class WithDns {
 protected:
  [[nodiscard]] std::unique_ptr<net::NameSource> Names() const {
    net::DnsSettings settings;
    settings.servers = dns_.address();
    settings.first_try = Milliseconds{20'000};
    return std::make_unique<net::DnsClient>(*dns_clock_, settings);
  }
  FakeDnsServer dns_;
  const std::unique_ptr<Clock> dns_clock_ = MakeRealClock();
};

class Connecting : public WithDns, public ProxyFixture {
 protected:
  Connecting() : ProxyFixture(Names()) {}

  void Point(const std::string& name, std::initializer_list<const char*> addresses) {
    for (const char* address : addresses) {
      dns_.Add(name, FakeDnsServer::kA, 300, address);
    }
  }
  static std::string Url(const char* scheme, std::uint16_t port) {
    return std::string(scheme) + "://llm.test:" + std::to_string(port);
  }
  // The class that a call ends with; "" = it was answered.
  std::string ClassOfCall() {
    Agent agent(port());
    const Answer answer = agent.Post(kOpenAi, Chat("hi"));
    const auto named = answer.headers.find("x-agent-error-class");
    return named == answer.headers.end() ? "" : named->second;
  }

  static void AnswerChat(FakeUpstream::Connection& c, const SeenRequest&) {
    c.Respond(200, "application/json", kChatAnswer);
  }
};

TEST_F(Connecting, ANameIsLookedUpOnceForManyCalls) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Respond(200, "application/json", kChatAnswer, "connection: close\r\n");
  });
  Point("llm.test", {"127.0.0.1"});
  Start(MakePolicy(Url("http", upstream.port())));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ClassOfCall(), "");
  }
  EXPECT_EQ(upstream.connections(), 5);
  EXPECT_EQ(dns_.asked("llm.test", FakeDnsServer::kA), 1);
  EXPECT_EQ(upstream.seen().at(0).headers.at("host"),
            "llm.test:" + std::to_string(upstream.port()));
}

TEST_F(Connecting, AnAddressThatRefusesIsPassedOver) {
  FakeUpstream upstream(AnswerChat);
  Point("llm.test", {"127.0.0.2", "127.0.0.1", "127.0.0.3"});
  Start(MakePolicy(Url("http", upstream.port())));
  EXPECT_EQ(ClassOfCall(), "");
  EXPECT_EQ(upstream.count(), 1U);
  EXPECT_EQ(upstream.connections(), 1);
}

TEST_F(Connecting, ASilentAddressIsPassedOver) {
  FakeUpstream upstream(AnswerChat);
  LoopbackPlace hole(2, upstream.port());
  hole.BeBlackHole();
  Point("llm.test", {"127.0.0.2", "127.0.0.1"});
  Start(MakePolicy(Url("http", upstream.port()), {.connect_ms = 20'000}));
  EXPECT_EQ(ClassOfCall(), "");
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(Connecting, TheTimeOfAllAddressesIsLimited) {
  LoopbackPlace one(1);
  one.BeBlackHole();
  LoopbackPlace two(2, one.port());
  two.BeBlackHole();
  Point("llm.test", {"127.0.0.1", "127.0.0.2"});
  Start(MakePolicy(Url("http", one.port()), {.connect_ms = 400}));
  EXPECT_EQ(ClassOfCall(), "timeout_connect");
}

TEST_F(Connecting, AllAddressesRefuse) {
  const LoopbackPlace one(1);
  const LoopbackPlace two(2, one.port());
  Point("llm.test", {"127.0.0.1", "127.0.0.2"});
  Start(MakePolicy(Url("http", one.port())));
  EXPECT_EQ(ClassOfCall(), "connect");
}

TEST_F(Connecting, AMissingNameIsNotTheSameAsNoNameServer) {
  Start(MakePolicy("http://llm.test:1"));
  EXPECT_EQ(ClassOfCall(), "connect");
  dns_.SetFault("other.test", FakeDnsServer::kA, DnsFault::kServFail);
  dns_.SetFault("other.test", FakeDnsServer::kAaaa, DnsFault::kServFail);
  Load(MakePolicy("http://other.test:1"));
  EXPECT_EQ(ClassOfCall(), "local_outage");
}

// No provider is at fault, and no other one could be reached: data-plane ruling 16.
TEST_F(Connecting, WithoutANameServerTheTemplateAnswersAtOnce) {
  dns_.SetFault("llm.test", FakeDnsServer::kA, DnsFault::kServFail);
  dns_.SetFault("llm.test", FakeDnsServer::kAaaa, DnsFault::kServFail);
  FakeUpstream other(AnswerChat);
  for (const std::string name : {"openai", "claude"}) {
    const bool chat = name == "openai";
    PolicyTweaks tweaks;
    tweaks.max_retries = 3;
    tweaks.breakers = "[" + MakeBreaker("Provider", 1, 60'000) + "]";
    tweaks.chain = R"({"name":"c","tiers":[{"name":"first","upstream":")" + name +
                   R"("},{"name":"second","format":"OpenAI","credential":"/etc/hostname","url":")" +
                   other.url() +
                   R"(/v1"}],"terminal":{"type":"StaticResponse","text":"sorry: {{.reason}}"}})";
    workers_.clear();
    Start(MakePolicy("http://llm.test:1", tweaks));
    for (const bool stream : {false, true}) {
      Agent agent(port());
      const Answer answer =
          agent.Post(chat ? kOpenAi : "/llm/claude/v1/messages", Chat("hi", stream));
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.headers.at("x-agent-degraded"), "template");
      EXPECT_EQ(TextOf(answer.body, chat ? "content" : "text"), "sorry: local_outage")
          << answer.body;
      EXPECT_EQ(Has(answer.body, chat ? "[DONE]" : "message_stop"), stream) << answer.body;
    }
    // One attempt for each, the second one let through by the breaker.
    EXPECT_EQ(Metric(R"(agent_reliability_attempts_total{kind="llm",name=")" + name + "\"}"), 2);
    const auto chain = decisions_.LedgerView().fallback_chain;
    EXPECT_EQ(chain->tiers.at(0).failed, 0U);
    EXPECT_FALSE(chain->tiers.at(0).reachable.has_value());
  }
  EXPECT_EQ(other.count(), 0U);
  EXPECT_TRUE(AwaitCounts(kTasks, 0, 4));
}

TEST_F(Connecting, ASilentNameServerEndsWithTheConnectTimeout) {
  dns_.SetFault("llm.test", FakeDnsServer::kA, DnsFault::kSilent);
  dns_.SetFault("llm.test", FakeDnsServer::kAaaa, DnsFault::kSilent);
  Start(MakePolicy("http://llm.test:1", {.connect_ms = 50}));
  EXPECT_EQ(ClassOfCall(), "timeout_connect");
}

TEST_F(Connecting, TlsIsSpokenOnlyWithWhoAnswered) {
  const fakes::TempFolder folder;
  const Identity identity(folder.path(), "DNS:llm.test");
  FakeUpstream upstream(AnswerChat, identity.context());
  Point("llm.test", {"127.0.0.2", "127.0.0.1"});
  Start(MakePolicy(Url("https", upstream.port()), {.ca_file = identity.file()}));
  EXPECT_EQ(ClassOfCall(), "");
  EXPECT_EQ(upstream.connections(), 1);
}

TEST_F(Connecting, AnAgentThatLeavesEndsTheConnecting) {
  LoopbackPlace hole(1);
  hole.BeBlackHole();
  Point("llm.test", {"127.0.0.1"});
  Start(MakePolicy(Url("http", hole.port()),
                   {.turn_ms = 60'000, .llm_ms = 30'000, .connect_ms = 20'000}));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi"));
  while (dns_.asked("llm.test", FakeDnsServer::kA) == 0) {
    std::this_thread::yield();
  }
  agent.Close();
  EXPECT_TRUE(AwaitMetric(
      R"(agent_reliability_calls_total{kind="llm",name="openai",result="client_cancelled"})", 1));
}

}  // namespace
}  // namespace reliability::component
