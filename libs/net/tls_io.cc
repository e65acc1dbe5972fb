#include "libs/net/tls_io.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace reliability::net::tls {

IoResult ToResult(SSL* ssl, int result, bool reading, bool& needs_other) {
  needs_other = false;
  const int saved_errno = errno;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
      needs_other = !reading;
      return {.status = IoStatus::kAgain};
    case SSL_ERROR_WANT_WRITE:
      needs_other = reading;
      return {.status = IoStatus::kAgain};
    case SSL_ERROR_ZERO_RETURN:
      return {.status = IoStatus::kEof};
    case SSL_ERROR_SYSCALL:
      return {.status = IoStatus::kError, .error = saved_errno};
    default:
      return {.status = IoStatus::kError};
  }
}

std::string_view OneRecord(std::span<const iovec> pieces) {
  thread_local std::array<char, SSL3_RT_MAX_PLAIN_LENGTH> record;
  std::string_view only;
  std::size_t size = 0;
  for (const iovec& piece : pieces) {
    if (piece.iov_len == 0) {
      continue;
    }
    if (only.empty()) {
      only = {static_cast<const char*>(piece.iov_base), piece.iov_len};
      continue;
    }
    if (size == 0) {
      size = std::min(only.size(), record.size());
      std::memcpy(record.data(), only.data(), size);
    }
    const std::size_t take = std::min(piece.iov_len, record.size() - size);
    std::memcpy(record.data() + size, piece.iov_base, take);
    size += take;
  }
  return size == 0 ? only : std::string_view(record.data(), size);
}

std::string LastError(SSL* ssl) {
  const long verify = SSL_get_verify_result(ssl);
  if (verify != X509_V_OK) {
    return std::string("certificate verify failed: ") + X509_verify_cert_error_string(verify);
  }
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "connection closed during the handshake" : reason;
}

}  // namespace reliability::net::tls
