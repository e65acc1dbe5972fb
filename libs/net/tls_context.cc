#include "libs/net/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "libs/base/hash.h"
#include "libs/net/tls_sessions.h"

namespace reliability::net {
namespace {

// ALPN wire format: length byte, then the name.
constexpr unsigned char kAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

bool IsAddress(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// The file's bytes as a fingerprint, and where the system's CAs count, too.
std::string TrustOf(const std::string& ca_file, bool system_cas) {
  if (ca_file.empty()) {
    return "system";
  }
  const std::ifstream file(ca_file, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return (system_cas ? "system+" : "") + Sha256Hex(bytes.str());
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Make(const std::string& ca_file,
                                                           bool system_cas) {
  ERR_clear_error();
  SSL_CTX* raw = SSL_CTX_new(TLS_client_method());
  if (raw == nullptr) {
    return Fail(Code::kInternal, "no TLS context");
  }
  std::shared_ptr<const TlsContext> context(
      new TlsContext(raw, TrustOf(ca_file, system_cas), system_cas || ca_file.empty()));
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  // A retried write may come from a buffer that moved; partial writes keep buffers small.
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(raw, 1);  // a record by one system call instead of two
  SSL_CTX_set_alpn_protos(raw, kAlpn, sizeof(kAlpn));
  tls::CollectSessions(raw);
  if (!ca_file.empty() && SSL_CTX_load_verify_file(raw, ca_file.c_str()) != 1) {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    return Fail(Code::kInvalid,
                ca_file + ": no CA certificates: " + (reason == nullptr ? "unreadable" : reason));
  }
  ERR_clear_error();
  return context;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

void TlsContext::Load() const {
  const std::lock_guard one_reader(load_mutex_);
  if (loaded_) {
    return;
  }
  if (loads_system_cas_) {
    SSL_CTX_set_default_verify_paths(context_);  // an image without them still has a bundle
    ERR_clear_error();
  }
  const std::lock_guard lock(mutex_);
  loaded_ = true;
  waiters_.Wake();
}

void TlsContext::Want() const {
  if (!loaded_ && load_ && !wanted_.exchange(true)) {
    load_();
  }
}

bool TlsContext::WhenLoaded(const Executor& executor, std::function<void()> ready) const {
  if (loaded_) {
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (loaded_) {
      return true;
    }
    waiters_.Add(executor, std::move(ready));
  }
  Want();
  return false;
}

Result<SSL*> TlsContext::NewClient(const std::string& host) const {
  if (!loaded_) {
    return Fail(Code::kUnavailable, "the authorities are not read yet");
  }
  SSL* ssl = SSL_new(context_);
  if (ssl == nullptr) {
    return Fail(Code::kExhausted, "no TLS session");
  }
  bool named = false;
  if (IsAddress(host)) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  } else {
    // RFC 6066: SNI carries names only.
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    named =
        SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
  }
  if (!named) {
    SSL_free(ssl);
    return Fail(Code::kInvalid, host + ": not a name that TLS can check");
  }
  tls::UseSession(ssl, host);
  return ssl;
}

}  // namespace reliability::net
