// TLS to upstreams: a trusted name works, an unknown issuer and a wrong name do not.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>

#include "tests/component/proxy_fixture.h"
#include "tests/sidecar/config/temp_folder.h"

namespace reliability::component {
namespace {

// A self-signed certificate for one name, and a server that uses it.
class Identity {
 public:
  Identity(const std::string& folder, const std::string& alt_name) : file_(folder + "/ca.pem") {
    key_ = EVP_RSA_gen(2048);
    certificate_ = X509_new();
    X509_set_version(certificate_, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
    X509_set_pubkey(certificate_, key_);
    X509_NAME* name = X509_get_subject_name(certificate_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate_, name);
    for (const auto& [nid, value] : {std::pair{NID_subject_alt_name, alt_name},
                                     std::pair{NID_basic_constraints, std::string("CA:TRUE")}}) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
      X509_add_ext(certificate_, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(certificate_, key_, EVP_sha256());
    std::FILE* out = std::fopen(file_.c_str(), "w");
    PEM_write_X509(out, certificate_);
    std::fclose(out);
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context_, certificate_);
    SSL_CTX_use_PrivateKey(context_, key_);
  }
  ~Identity() {
    SSL_CTX_free(context_);
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  [[nodiscard]] SSL_CTX* context() const { return context_; }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  const std::string file_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  SSL_CTX* context_ = nullptr;
};

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
