// TLS to upstreams: a trusted name works, an unknown issuer and a wrong name do not.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include <memory>
#include <mutex>
#include <vector>

#include "tests/component/proxy_fixture.h"
#include "tests/component/tls_identity.h"
#include "tests/fakes/temp_folder.h"

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
  const fakes::TempFolder folder_;
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

// Which calls' connections went on with an earlier session, in words.
std::string Resumptions(int calls, std::uint16_t port, FakeUpstream& upstream) {
  std::mutex mutex;
  std::string seen;
  upstream.SetScript([&](auto& c, const SeenRequest&) {
    const std::lock_guard lock(mutex);
    seen += c.resumed() ? "resumed " : "full ";
    c.Respond(200, "application/json", kChatAnswer, "connection: close\r\n");
  });
  for (int i = 0; i < calls; ++i) {
    Agent agent(port);
    EXPECT_EQ(agent.Post("/llm/openai/v1/chat/completions", Chat("hi")).status, 200);
  }
  const std::lock_guard lock(mutex);
  return seen;
}

TEST_F(Tls, SessionsAreUsedAgain) {
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    const Identity identity(folder_.path(), "IP:127.0.0.1");
    SSL_CTX_set_max_proto_version(identity.context(), version);
    FakeUpstream upstream(AnswerChat, identity.context());
    workers_.clear();
    Start(MakePolicy(Https(upstream, "127.0.0.1"), {.ca_file = identity.file()}));
    EXPECT_EQ(Resumptions(4, port(), upstream), "full resumed resumed resumed ");
    // A new policy trusts anew: no session of the old one's.
    Load(MakePolicy(Https(upstream, "127.0.0.1"), {.ca_file = identity.file()}));
    EXPECT_EQ(Resumptions(2, port(), upstream), "full resumed ");
  }
}

TEST_F(Tls, AServerThatForgotItsSessionsIsAskedAnew) {
  const Identity identity(folder_.path(), "IP:127.0.0.1");
  FakeUpstream upstream(AnswerChat, identity.context());
  Start(MakePolicy(Https(upstream, "127.0.0.1"), {.ca_file = identity.file()}));
  EXPECT_EQ(Resumptions(2, port(), upstream), "full resumed ");
  // As after a restart: another key for its tickets.
  std::vector<unsigned char> keys(
      static_cast<std::size_t>(SSL_CTX_get_tlsext_ticket_keys(identity.context(), nullptr, 0)));
  SSL_CTX_set_tlsext_ticket_keys(identity.context(), keys.data(), static_cast<long>(keys.size()));
  EXPECT_EQ(Resumptions(2, port(), upstream), "full resumed ");
}

TEST_F(Tls, OlderVersionsAreRefusedAndTheProtocolIsNamed) {
  const Identity identity(folder_.path(), "IP:127.0.0.1");
  std::string offered;
  SSL_CTX_set_alpn_select_cb(
      identity.context(),
      [](SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
         unsigned size, void* offers) {
        static_cast<std::string*>(offers)->assign(reinterpret_cast<const char*>(in), size);
        *out = in + 1;
        *out_size = *in;
        return SSL_TLSEXT_ERR_OK;
      },
      &offered);
  FakeUpstream upstream(AnswerChat, identity.context());
  Start(MakePolicy(Https(upstream, "127.0.0.1"), {.ca_file = identity.file()}));
  Agent agent(port());
  EXPECT_EQ(agent.Post("/llm/openai/v1/chat/completions", Chat("hi")).status, 200);
  EXPECT_EQ(offered, "\x08http/1.1");

  SSL_CTX* old = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(old, SSL_CTX_get0_certificate(identity.context()));
  SSL_CTX_use_PrivateKey(old, SSL_CTX_get0_privatekey(identity.context()));
  SSL_CTX_set_security_level(old, 0);
  SSL_CTX_set_min_proto_version(old, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION);
  {
    FakeUpstream antique(AnswerChat, old);
    Load(MakePolicy(Https(antique, "127.0.0.1"), {.ca_file = identity.file()}));
    EXPECT_EQ(agent.Post("/llm/openai/v1/chat/completions", Chat("hi")).status, 502);
    EXPECT_EQ(antique.count(), 0U);
  }
  SSL_CTX_free(old);
}

TEST_F(Tls, CallsWaitUntilTheAuthoritiesAreRead) {
  const Identity identity(folder_.path(), "IP:127.0.0.1");
  FakeUpstream upstream(AnswerChat, identity.context());
  load_tls_ = false;
  Start(MakePolicy(Https(upstream, "127.0.0.1"), {.ca_file = identity.file()}));
  Agent agent(port());
  agent.SendPost("/llm/openai/v1/chat/completions", Chat("hi"));
  while (upstream.connections() == 0) {
    std::this_thread::yield();
  }
  snapshot_->LoadTls();
  EXPECT_EQ(agent.Read().status, 200);
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

TEST_F(Tls, ABundleAddsToTheSystemsAuthoritiesUnlessThePolicySaysOtherwise) {
  const fakes::TempFolder other_folder;
  const Identity of_system(folder_.path(), "IP:127.0.0.1");
  const Identity other(other_folder.path(), "IP:127.0.0.1");
  ::setenv("SSL_CERT_FILE", of_system.file().c_str(), 1);
  FakeUpstream upstream(AnswerChat, of_system.context());
  const auto status_with = [&](const std::string& ca_file, const std::string& more) {
    Load(MakePolicy(Https(upstream, "127.0.0.1"), {.ca_file = ca_file, .more = more}));
    Agent agent(port());
    return agent.Post("/llm/openai/v1/chat/completions", Chat("hi")).status;
  };
  Start(MakePolicy(Https(upstream, "127.0.0.1")));
  const char* const own_only = R"(,"tls":{"systemCAs":false})";
  EXPECT_EQ(status_with(other.file(), ""), 200);
  EXPECT_EQ(status_with(other.file(), own_only), 502);  // no connection of before is used, either
  EXPECT_EQ(status_with(of_system.file(), own_only), 200);
  EXPECT_EQ(status_with("", own_only), 200);  // nothing else could be trusted
  ::unsetenv("SSL_CERT_FILE");
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
