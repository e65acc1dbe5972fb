#include "tests/fakes/loopback_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/strings.h"

namespace reliability::fakes {
namespace {

X509* ReadCertificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

SSL_CTX* MakeContext(const LoopbackTls& tls) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  X509* certificate = ReadCertificate(tls.server.certificate_pem);
  BIO* bio =
      BIO_new_mem_buf(tls.server.key_pem.data(), static_cast<int>(tls.server.key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  RELIABILITY_CHECK(SSL_CTX_use_certificate(context, certificate) == 1);
  RELIABILITY_CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!tls.client_ca_pem.empty()) {
    X509* ca = ReadCertificate(tls.client_ca_pem);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
    SSL_CTX_add_client_CA(context, ca);
    X509_free(ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

class Connection final : public LoopbackPeer {
 public:
  Connection(int socket, SSL* ssl) : socket_(socket), ssl_(ssl) {}

  bool Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto sent =
          ssl_ != nullptr
              ? static_cast<ssize_t>(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())))
              : send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void AwaitClose() override {
    while (Read()) {
    }
  }
  void Close() override { open_ = false; }

  // False if the connection ended before a whole request.
  bool NextRequest() {
    std::size_t end = std::string::npos;
    while (open_ && (end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!Read()) {
        return false;
      }
    }
    if (!open_) {
      return false;
    }
    head = input_.substr(0, end + 2);
    input_.erase(0, end + 4);
    std::size_t length = 0;
    for (const std::string_view line : Split(head, '\n')) {
      if (line.size() > 15 && EqualsIgnoreCase(line.substr(0, 15), "content-length:")) {
        const std::string_view value = line.substr(15);
        length = ParseUint(Trim(value.substr(0, value.find('\r')))).value_or(0);
      }
    }
    while (input_.size() < length) {
      if (!Read()) {
        return false;
      }
    }
    body = input_.substr(0, length);
    input_.erase(0, length);
    return true;
  }

 private:
  bool Read() {
    std::array<char, 16'384> buffer{};
    const auto got =
        ssl_ != nullptr
            ? static_cast<ssize_t>(SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size())))
            : recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return false;
    }
    input_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  SSL* ssl_;
  bool open_ = true;
  std::string input_;
};

std::string CommonNameOf(SSL* ssl) {
  X509* certificate = SSL_get1_peer_certificate(ssl);
  if (certificate == nullptr) {
    return {};
  }
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  X509_free(certificate);
  return name.data();
}

}  // namespace

bool LoopbackPeer::Answer(int status, std::string_view body_text, std::string_view headers) {
  std::string text = "HTTP/1.1 " + std::to_string(status) +
                     " X\r\nContent-Length: " + std::to_string(body_text.size()) + "\r\n";
  text.append(headers).append("\r\n").append(body_text);
  return Write(text);
}

LoopbackServer::LoopbackServer(Handler handler, std::optional<LoopbackTls> tls)
    : handler_(std::move(handler)), tls_(std::move(tls)) {
  // OpenSSL writes without MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  RELIABILITY_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  RELIABILITY_CHECK(listen(listener_, 64) == 0);
  RELIABILITY_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { Accept(); });
}

LoopbackServer::~LoopbackServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  std::vector<std::jthread> threads;
  {
    const MutexLock lock(mutex_);
    for (const int socket : sockets_) {
      shutdown(socket, SHUT_RDWR);
    }
    threads.swap(threads_);
  }
  threads.clear();
  close(listener_);
}

std::string LoopbackServer::url() const {
  return (tls_.has_value() ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

void LoopbackServer::Accept() {
  while (!stopping_) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) {
      return;
    }
    const int number = ++accepted_;
    const MutexLock lock(mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket, number] { Serve(socket, number); });
  }
}

void LoopbackServer::Serve(int socket, int number) {
  SSL_CTX* context = tls_.has_value() ? MakeContext(*tls_) : nullptr;
  SSL* ssl = nullptr;
  bool good = true;
  if (context != nullptr) {
    ssl = SSL_new(context);
    SSL_set_fd(ssl, socket);
    good = SSL_accept(ssl) == 1;
  }
  if (good) {
    Connection connection(socket, ssl);
    connection.connection = number;
    if (ssl != nullptr) {
      connection.client_cn = CommonNameOf(ssl);
      const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
      connection.sni = name == nullptr ? "" : name;
    }
    while (!stopping_ && connection.NextRequest()) {
      handler_(connection);
    }
  }
  {
    const MutexLock lock(mutex_);
    std::erase(sockets_, socket);
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(socket);
}

}  // namespace reliability::fakes
