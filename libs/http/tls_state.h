#pragma once
// PEM texts -> OpenSSL objects, parsed once and shared by many connections.
// Immutable after Make; thread-safe (OpenSSL's reference counts are atomic).
#include <memory>

#include "libs/base/result.h"
#include "libs/http/cpprest_transport.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace reliability::http {

class TlsState {
 public:
  // kInvalid names what cannot be read: the CA, the certificate, or the key.
  [[nodiscard]] static Result<std::shared_ptr<const TlsState>> Make(const TlsMaterial& material);

  ~TlsState();
  TlsState(const TlsState&) = delete;
  TlsState& operator=(const TlsState&) = delete;

  // Trust our CA and nothing else, TLS 1.2 or newer, our client certificate. False if OpenSSL
  // refuses; the handshake must not go on then.
  [[nodiscard]] bool Configure(SSL_CTX* context) const;

 private:
  struct Parts;
  explicit TlsState(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace reliability::http
