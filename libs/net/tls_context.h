#pragma once
// Client side TLS settings for upstreams: system CAs plus an optional bundle, verification of chain
// and host name, SNI, TLS >= 1.2, ALPN http/1.1; sessions are used again (data-plane ruling 55).
// Immutable once made, so any thread may use it. Making one reads the CA store (tens of
// milliseconds): not on a loop thread.
#include <memory>
#include <string>
#include <utility>

#include "libs/base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace reliability::net {

class TlsContext {
 public:
  // `ca_file` (PEM, may be empty) adds to the system CAs, or takes their place if not `system_cas`.
  // kInvalid names an unreadable file.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> Make(const std::string& ca_file,
                                                                      bool system_cas = true);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A new client session that accepts only certificates for `host` (a name or an IP address).
  // The caller frees it with SSL_free.
  [[nodiscard]] Result<ssl_st*> NewClient(const std::string& host) const;

  // Names what is trusted, by content: connections of contexts that trust the same may be shared.
  [[nodiscard]] const std::string& trust() const { return trust_; }

 private:
  TlsContext(ssl_ctx_st* context, std::string trust)
      : context_(context), trust_(std::move(trust)) {}
  ssl_ctx_st* context_;
  const std::string trust_;
};

}  // namespace reliability::net
