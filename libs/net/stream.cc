#include "libs/net/stream.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "libs/base/check.h"

namespace reliability::net {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

struct Stream::State {
  explicit State(Executor executor) : socket(executor) {}
  ~State() { SSL_free(ssl); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Socket socket;
  int fd = -1;
  SSL* ssl = nullptr;
  Signal* signal = nullptr;
  bool read_armed = false;
  bool write_armed = false;
  // TLS may need the other direction before it can go on.
  bool read_needs_write = false;
  bool write_needs_read = false;
  std::string tls_error;
};

namespace {

IoResult FromErrno(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
    return {.status = IoStatus::kAgain};
  }
  return {.status = IoStatus::kError, .error = error};
}

void SetNoDelay(int fd) {
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

// `needs_other` is set when TLS waits for the direction that the caller did not ask for.
IoResult FromSsl(SSL* ssl, int result, bool reading, bool& needs_other) {
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

std::string LastTlsError(SSL* ssl) {
  const long verify = SSL_get_verify_result(ssl);
  if (verify != X509_V_OK) {
    return std::string("certificate verify failed: ") + X509_verify_cert_error_string(verify);
  }
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "connection closed during the handshake" : reason;
}

}  // namespace

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    Close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Result<Stream> Stream::Adopt(Executor executor, int descriptor) {
  Stream stream;
  stream.state_ = std::make_shared<State>(executor);
  boost::system::error_code error;
  stream.state_->socket.assign(boost::asio::ip::tcp::v4(), descriptor, error);
  if (error) {
    ::close(descriptor);
    stream.state_.reset();
    return Fail(Code::kInternal, "cannot watch the descriptor: " + error.message());
  }
  stream.state_->socket.native_non_blocking(true, error);
  stream.state_->fd = descriptor;
  SetNoDelay(descriptor);
  return stream;
}

Result<Stream> Stream::Connect(Executor executor, const Endpoint& to) {
  const boost::asio::ip::tcp::endpoint address(to.address, to.port);
  const int fd =
      ::socket(address.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return Fail(Code::kExhausted, std::string("socket: ") + std::strerror(errno));
  }
  RELIABILITY_ASSIGN_OR_RETURN(Stream stream, Adopt(executor, fd));
  if (::connect(fd, address.data(), static_cast<socklen_t>(address.size())) != 0 &&
      errno != EINPROGRESS) {
    const int error = errno;
    // Nothing of this machine is left to connect with: not the peer's fault (ruling 16).
    const bool local = error == ENETUNREACH || error == EADDRNOTAVAIL || error == EMFILE;
    return Fail(local ? Code::kExhausted : Code::kUnavailable,
                std::string("connect: ") + std::strerror(error));
  }
  return stream;
}

IoResult Stream::PollConnect() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(state_->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return {.status = IoStatus::kError, .error = errno};
  }
  if (error != 0) {
    return {.status = IoStatus::kError, .error = error};
  }
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof(peer);
  if (::getpeername(state_->fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0) {
    return {};
  }
  return errno == ENOTCONN ? IoResult{.status = IoStatus::kAgain} : FromErrno(errno);
}

Status Stream::StartTls(const TlsContext& context, const std::string& host) {
  RELIABILITY_ASSIGN_OR_RETURN(state_->ssl, context.NewClient(host));
  if (SSL_set_fd(state_->ssl, state_->fd) != 1) {
    return Fail(Code::kInternal, "TLS cannot use the socket");
  }
  return {};
}

IoResult Stream::PollHandshake() {
  ERR_clear_error();
  const int done = SSL_connect(state_->ssl);
  if (done == 1) {
    return {};
  }
  const IoResult result = FromSsl(state_->ssl, done, true, state_->read_needs_write);
  if (result.status == IoStatus::kEof || result.status == IoStatus::kError) {
    state_->tls_error = LastTlsError(state_->ssl);
    return {.status = IoStatus::kError, .error = result.error};
  }
  return result;
}

const std::string& Stream::tls_error() const { return state_->tls_error; }

bool Stream::tls() const { return state_ != nullptr && state_->ssl != nullptr; }

void Stream::Attach(Signal* signal) {
  if (state_ != nullptr) {
    state_->signal = signal;
  }
}

IoResult Stream::Read(char* data, std::size_t size) {
  if (state_->ssl != nullptr) {
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_read_ex(state_->ssl, data, size, &got);
    if (done == 1) {
      return {.bytes = got};
    }
    return FromSsl(state_->ssl, done, true, state_->read_needs_write);
  }
  const ssize_t got = ::recv(state_->fd, data, size, 0);
  if (got > 0) {
    return {.bytes = static_cast<std::size_t>(got)};
  }
  return got == 0 ? IoResult{.status = IoStatus::kEof} : FromErrno(errno);
}

IoResult Stream::Write(std::span<const iovec> pieces) {
  if (state_->ssl != nullptr) {
    IoResult total;
    for (const iovec& piece : pieces) {
      if (piece.iov_len == 0) {
        continue;
      }
      ERR_clear_error();
      std::size_t put = 0;
      const int done = SSL_write_ex(state_->ssl, piece.iov_base, piece.iov_len, &put);
      if (done != 1) {
        const IoResult result = FromSsl(state_->ssl, done, false, state_->write_needs_read);
        return total.bytes > 0 && result.status == IoStatus::kAgain ? total : result;
      }
      total.bytes += put;
      if (put < piece.iov_len) {
        break;
      }
    }
    return total;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  const ssize_t put = ::sendmsg(state_->fd, &message, MSG_NOSIGNAL);
  return put >= 0 ? IoResult{.bytes = static_cast<std::size_t>(put)} : FromErrno(errno);
}

IoResult Stream::Write(const char* data, std::size_t size) {
  const std::array<iovec, 1> piece{iovec{const_cast<char*>(data), size}};
  return Write(piece);
}

void Stream::OnReady(const std::shared_ptr<State>& state, bool read) {
  (read ? state->read_armed : state->write_armed) = false;
  if (state->signal != nullptr) {
    state->signal->NotifyInline();
  }
}

bool Stream::read_pending() const { return state_->read_armed; }

void Stream::WantRead() {
  if (state_->read_needs_write) {
    state_->read_needs_write = false;
    WantWrite();
    return;
  }
  if (state_->read_armed) {
    return;
  }
  state_->read_armed = true;
  state_->socket.async_wait(Socket::wait_read,
                            [state = state_](const boost::system::error_code& error) {
                              if (!error) {
                                OnReady(state, true);
                              }
                            });
}

void Stream::WantWrite() {
  if (state_->write_needs_read) {
    state_->write_needs_read = false;
    WantRead();
    return;
  }
  if (state_->write_armed) {
    return;
  }
  state_->write_armed = true;
  state_->socket.async_wait(Socket::wait_write,
                            [state = state_](const boost::system::error_code& error) {
                              if (!error) {
                                OnReady(state, false);
                              }
                            });
}

Stream::Peek Stream::PeekState() {
  char byte = 0;
  if (state_->ssl != nullptr) {
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_peek_ex(state_->ssl, &byte, 1, &got);
    if (done == 1) {
      return Peek::kData;
    }
    bool other = false;
    return FromSsl(state_->ssl, done, true, other).status == IoStatus::kAgain ? Peek::kQuiet
                                                                              : Peek::kClosed;
  }
  const ssize_t got = ::recv(state_->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) {
    return Peek::kData;
  }
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? Peek::kQuiet
                                                                                : Peek::kClosed;
}

void Stream::ShutdownSend() { ::shutdown(state_->fd, SHUT_WR); }

void Stream::Close() {
  if (state_ == nullptr) {
    return;
  }
  state_->signal = nullptr;
  if (state_->ssl != nullptr && SSL_is_init_finished(state_->ssl) == 1) {
    ERR_clear_error();
    SSL_shutdown(state_->ssl);  // sends close_notify if the socket takes it now
  }
  boost::system::error_code ignored;
  state_->socket.close(ignored);
  state_.reset();
}

void Stream::CloseWithReset() {
  if (state_ == nullptr) {
    return;
  }
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(state_->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  if (state_->ssl != nullptr) {
    SSL_set_quiet_shutdown(state_->ssl, 1);
  }
  Close();
}

}  // namespace reliability::net
