#pragma once
// OpenSSL's calls in the words of stream.h. Loop thread only. Internal to this folder.
#include <openssl/ssl.h>
#include <sys/uio.h>

#include <span>
#include <string>
#include <string_view>

#include "libs/net/stream.h"

namespace reliability::net::tls {

// What a call that returned `result` came to. `needs_other` is set when TLS waits for the direction
// that the caller did not ask for.
[[nodiscard]] IoResult ToResult(SSL* ssl, int result, bool reading, bool& needs_other);

// The first pieces as one run of bytes: a head and its body make one record and one system call.
// Valid until the thread's next call.
[[nodiscard]] std::string_view OneRecord(std::span<const iovec> pieces);

// Why a handshake failed.
[[nodiscard]] std::string LastError(SSL* ssl);

}  // namespace reliability::net::tls
