// TLS to upstreams: a trusted name works, an unknown issuer and a wrong name do not.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

#include "tests/component/proxy_fixture.h"
#include "tests/component/tls_identity.h"
#include "tests/sidecar/config/temp_folder.h"

namespace reliability::component {
namespace {

void AnswerChat(FakeUpstream::Connection& c, const SeenRequest&) {
  c.Respond(200, "application/json", kChatAnswer);
}

std::string Https(const FakeUpstream& upstream, const std::string& host) {
  return "https://" + host + ":" + std::to_string(upstream.port());
}

class Tls : public ProxyFixture {
 protected:
  const sidecar::TempFolder folder_;
};

TEST_F(Tls, ATrustedUpstreamWorksAndItsConnectionIsReused) {
  const Identity identity(folder_.path(), "IP:127.0.0.1");
  FakeUpstream upstream(AnswerChat, identity.context());
  Start(MakePolicy(Https(upstream, "127.0.0.1"), {.ca_file = identity.file()}));
  Agent agent(port());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(agent.Post("/llm/openai/v1/chat/completions", Chat("hi")).status, 200);
  }
  EXPECT_EQ(upstream.connections(), 1);
  // More than one TLS record in each direction.
  upstream.SetScript(
      [](auto& c, const SeenRequest& request) { c.Respond(200, "text/plain", request.body); });
  const std::string large(std::size_t{3} * 1024 * 1024, 'x');
  EXPECT_TRUE(agent.Post("/tools/shop/echo", large).body == large);
}

TEST_F(Tls, AnUnknownIssuerIsRefused) {
  const Identity identity(folder_.path(), "IP:127.0.0.1");
  FakeUpstream upstream(AnswerChat, identity.context());
  Start(MakePolicy(Https(upstream, "127.0.0.1")));
  Agent agent(port());
  const Answer answer = agent.Post("/llm/openai/v1/chat/completions", Chat("hi"));
  EXPECT_EQ(answer.status, 502);
  EXPECT_NE(answer.body.find("certificate verify failed"), std::string::npos) << answer.body;
  EXPECT_EQ(upstream.count(), 0U);
}

TEST_F(Tls, AnotherNameIsRefused) {
  const Identity identity(folder_.path(), "DNS:other.example");
  FakeUpstream upstream(AnswerChat, identity.context());
  Start(MakePolicy(Https(upstream, "localhost"), {.ca_file = identity.file()}));
  Agent agent(port());
  EXPECT_EQ(agent.Post("/llm/openai/v1/chat/completions", Chat("hi")).status, 502);
  EXPECT_EQ(upstream.count(), 0U);
}

TEST_F(Tls, APlainServerBehindHttpsIsAConnectFailure) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) { c.Close(); });
  Start(MakePolicy(Https(upstream, "127.0.0.1"), {.connect_ms = 300}));
  Agent agent(port());
  const Answer answer = agent.Post("/llm/openai/v1/chat/completions", Chat("hi"));
  EXPECT_TRUE(answer.status == 502 || answer.status == 504) << answer.status;
}

}  // namespace
}  // namespace reliability::component
