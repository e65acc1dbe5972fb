#include "libs/http/tls_state.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/fakes/test_pki.h"

namespace reliability::http {
namespace {

TEST(TlsState, ConfiguresAContext) {
  const fakes::TestPki pki;
  const fakes::KeyPair client = pki.Issue("operator", "");
  const auto state = TlsState::Make({pki.ca_pem(), client.certificate_pem, client.key_pem});
  ASSERT_TRUE(state.has_value()) << state.error().message;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  EXPECT_TRUE((*state)->Configure(context));
  EXPECT_NE(SSL_CTX_get0_certificate(context), nullptr);
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
  SSL_CTX_free(context);
}

TEST(TlsState, SaysWhatCannotBeRead) {
  const fakes::TestPki pki;
  const fakes::KeyPair one = pki.Issue("one", "");
  const fakes::KeyPair two = pki.Issue("two", "");
  const auto message = [](const TlsMaterial& material) {
    const auto state = TlsState::Make(material);
    EXPECT_FALSE(state.has_value());
    return state ? "" : state.error().message;
  };
  EXPECT_NE(message({"", "", ""}).find("CA"), std::string::npos);
  EXPECT_NE(message({"junk", "", ""}).find("CA"), std::string::npos);
  EXPECT_NE(message({pki.ca_pem(), "junk", one.key_pem}).find("certificate"), std::string::npos);
  EXPECT_NE(message({pki.ca_pem(), one.certificate_pem, ""}).find("key"), std::string::npos);
  EXPECT_NE(message({pki.ca_pem(), one.certificate_pem, two.key_pem}).find("belong"),
            std::string::npos);
}

}  // namespace
}  // namespace reliability::http
