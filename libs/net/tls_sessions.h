#pragma once
// Sessions of earlier TLS connections, by context and host: the next connection to the same host
// needs no certificates and, with TLS 1.2, one round trip less. A session that is in use is not
// kept meanwhile, so one that makes a handshake fail is not tried again. Thread-safe. Internal to
// this folder.
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace reliability::net::tls {

// Connections of `context` leave their sessions with it, which live as long as it does: a
// connection may outlive whoever made its context.
void CollectSessions(ssl_ctx_st* context);
// Before the handshake of `ssl` with `host`, whose certificate it will check.
void UseSession(ssl_st* ssl, const std::string& host);
// After a handshake that ended well.
void KeepSession(ssl_st* ssl);

}  // namespace reliability::net::tls
