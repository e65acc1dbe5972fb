#include "libs/net/server_tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

#include "libs/net/http_server.h"
#include "tests/fakes/test_pki.h"
#include "tests/libs/net/raw_client.h"

namespace reliability::net {
namespace {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(X509* x509) const { X509_free(x509); }
};

// One HTTPS connection that stays open.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int max_version = 0)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    SSL_set_max_proto_version(ssl_.get(), max_version);
    SSL_set_fd(ssl_.get(), raw_.fd());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool connected() const { return connected_; }
  std::string CommonName() const {
    const std::unique_ptr<X509, Free> leaf(SSL_get1_peer_certificate(ssl_.get()));
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(leaf.get()), NID_commonName, name, sizeof name);
    return name;
  }
  std::string Get() {
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size()));
    std::string answer;
    char chunk[1024];
    while (answer.find("hello") == std::string::npos) {
      const int count = SSL_read(ssl_.get(), chunk, sizeof chunk);
      if (count <= 0) {
        break;
      }
      answer.append(chunk, static_cast<std::size_t>(count));
    }
    return answer;
  }

 private:
  RawClient raw_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  bool connected_ = false;
};

class ServerTlsTest : public testing::Test {
 protected:
  void SetUp() override {
    HttpServerOptions options;
    options.tls = &tls_;
    auto server = HttpServer::Start(options, [](const HttpRequest&) {
      HttpResponse response;
      response.body = "hello";
      return response;
    });
    ASSERT_TRUE(server.has_value());
    server_ = *std::move(server);
  }
  void Load(const std::string& name) {
    const fakes::KeyPair pair = pki_.Issue(name, "DNS:" + name);
    ASSERT_TRUE(tls_.Load(pair.certificate_pem, pair.key_pem).has_value());
  }

  fakes::TestPki pki_;
  ServerTls tls_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServerTlsTest, WithoutCertificateConnectionsAreClosed) {
  EXPECT_FALSE(tls_.loaded());
  EXPECT_FALSE(TlsClient(server_->port()).connected());
}

TEST_F(ServerTlsTest, ACertificateIsReplacedUnderOpenConnections) {
  Load("first");
  TlsClient old(server_->port());
  EXPECT_EQ(old.CommonName(), "first");
  EXPECT_NE(old.Get().find("200 OK"), std::string::npos);
  Load("second");
  EXPECT_NE(old.Get().find("200 OK"), std::string::npos) << "keeps what it began with";
  TlsClient fresh(server_->port());
  EXPECT_EQ(fresh.CommonName(), "second");
  EXPECT_NE(fresh.Get().find("hello"), std::string::npos);
}

TEST_F(ServerTlsTest, BrokenMaterialLeavesTheCertificateInUse) {
  Load("first");
  const fakes::KeyPair other = pki_.Issue("other", "DNS:other");
  const fakes::KeyPair third = pki_.Issue("third", "DNS:third");
  EXPECT_FALSE(tls_.Load("x", "y").has_value());
  EXPECT_FALSE(tls_.Load(other.certificate_pem, third.key_pem).has_value());
  EXPECT_TRUE(tls_.NotAfter().has_value());
  EXPECT_EQ(TlsClient(server_->port()).CommonName(), "first");
}

TEST_F(ServerTlsTest, OldProtocolsAreRefused) {
  Load("first");
  EXPECT_FALSE(TlsClient(server_->port(), TLS1_1_VERSION).connected());
  EXPECT_TRUE(TlsClient(server_->port(), TLS1_2_VERSION).connected());
}

TEST_F(ServerTlsTest, PlainTextOnATlsPortEndsQuietly) {
  Load("first");
  RawClient client(server_->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAll().find("200"), std::string::npos);
  EXPECT_TRUE(TlsClient(server_->port()).connected());
}

}  // namespace
}  // namespace reliability::net
