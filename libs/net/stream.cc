#include "libs/net/stream.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "libs/base/check.h"
#include "libs/net/tls_io.h"
#include "libs/net/tls_sessions.h"

namespace reliability::net {

// Asio's own reactor, below its sockets: there a wait costs an epoll_ctl each time, a handler and
// its memory. Debian's Boost 1.74 is what we build with; another version must be looked at.
static_assert(BOOST_VERSION == 107400, "compare asio/detail/epoll_reactor.hpp");
using Reactor = boost::asio::detail::epoll_reactor;
using ReactorOp = boost::asio::detail::reactor_op;

// One direction's readiness; belongs to the State that it keeps alive while it waits.
class Stream::Wait final : public ReactorOp {
 public:
  explicit Wait(bool read) : ReactorOp({}, &Wait::Ready, &Wait::Complete), read_(read) {}

  std::shared_ptr<State> keeper;  // while armed

 private:
  static status Ready(ReactorOp*) { return done_and_exhausted; }
  static void Complete(void* loop, boost::asio::detail::operation* base,
                       const boost::system::error_code&, std::size_t) {
    auto* wait = static_cast<Wait*>(base);
    const std::shared_ptr<State> state = std::move(wait->keeper);
    // Without a loop the io_context is being destroyed; an error says that we closed.
    if (loop != nullptr && !wait->ec_) {
      OnReady(state, wait->read_);
    }
  }

  const bool read_;
};

struct Stream::State {
  explicit State(const Executor& executor)
      : reactor(boost::asio::use_service<Reactor>(executor.context())) {
    reactor.init_task();
  }
  ~State() {
    SSL_free(ssl);
    CloseDescriptor();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void CloseDescriptor() {
    if (fd >= 0) {
      reactor.deregister_descriptor(fd, descriptor, true);
      ::close(fd);
      reactor.cleanup_descriptor_data(descriptor);
      fd = -1;
    }
  }
  void Start(Wait& wait, int kind, bool speculative, const std::shared_ptr<State>& self) {
    wait.keeper = self;
    wait.ec_ = {};
    reactor.start_op(kind, fd, descriptor, &wait, false, speculative);
  }

  Reactor& reactor;
  Reactor::per_descriptor_data descriptor = nullptr;
  int fd = -1;
  SSL* ssl = nullptr;
  Signal* signal = nullptr;
  Wait read{true};
  Wait write{false};
  bool read_armed = false;
  bool write_armed = false;
  // The loop tells about the arrival of bytes once. False: all that it told of was read.
  bool may_have_bytes = true;
  // TLS may need the other direction before it can go on.
  bool read_needs_write = false;
  bool write_needs_read = false;
  std::string tls_error;
};

namespace {

// Non-blocking calls on sockets are not interrupted.
IoResult FromErrno(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) {
    return {.status = IoStatus::kAgain};
  }
  return {.status = IoStatus::kError, .error = error};
}

void SetNoDelay(int fd) {
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

}  // namespace

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    Close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Result<Stream> Stream::Adopt(const Executor& executor, int descriptor) {
  Stream stream;
  stream.state_ = std::make_shared<State>(executor);
  State& state = *stream.state_;
  state.fd = descriptor;
  if (const int error = state.reactor.register_descriptor(descriptor, state.descriptor)) {
    return Fail(Code::kInternal,
                std::string("cannot watch the descriptor: ") + std::strerror(error));
  }
  int on = 1;
  ::ioctl(descriptor, FIONBIO, &on);
  SetNoDelay(descriptor);
  return stream;
}

Result<Stream> Stream::Connect(const Executor& executor, const Endpoint& to) {
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
    tls::KeepSession(state_->ssl);
    return {};
  }
  const IoResult result = tls::ToResult(state_->ssl, done, true, state_->read_needs_write);
  state_->may_have_bytes = result.status != IoStatus::kAgain;
  if (result.status == IoStatus::kEof || result.status == IoStatus::kError) {
    state_->tls_error = tls::LastError(state_->ssl);
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
      state_->may_have_bytes = true;  // OpenSSL does not say
      return {.bytes = got};
    }
    const IoResult result = tls::ToResult(state_->ssl, done, true, state_->read_needs_write);
    state_->may_have_bytes = result.status != IoStatus::kAgain;
    return result;
  }
  const ssize_t got = ::recv(state_->fd, data, size, 0);
  if (got > 0) {
    const auto bytes = static_cast<std::size_t>(got);
    state_->may_have_bytes = bytes == size;
    return {.bytes = bytes};
  }
  const IoResult result = got == 0 ? IoResult{.status = IoStatus::kEof} : FromErrno(errno);
  state_->may_have_bytes = result.status != IoStatus::kAgain;
  return result;
}

IoResult Stream::Write(std::span<const iovec> pieces) {
  if (state_->ssl != nullptr) {
    return WriteRecord(tls::OneRecord(pieces));
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  const ssize_t put = ::sendmsg(state_->fd, &message, MSG_NOSIGNAL);
  return put >= 0 ? IoResult{.bytes = static_cast<std::size_t>(put)} : FromErrno(errno);
}

IoResult Stream::Write(const char* data, std::size_t size) {
  if (state_->ssl != nullptr) {
    const std::array<iovec, 1> piece{iovec{const_cast<char*>(data), size}};
    return WriteRecord(tls::OneRecord(piece));
  }
  const ssize_t put = ::send(state_->fd, data, size, MSG_NOSIGNAL);
  return put >= 0 ? IoResult{.bytes = static_cast<std::size_t>(put)} : FromErrno(errno);
}

IoResult Stream::WriteParts(std::span<std::string_view> parts) {
  std::array<iovec, kMaxParts> pieces;
  std::size_t count = 0;
  for (const std::string_view part : parts) {
    if (!part.empty()) {
      pieces[count++] = {const_cast<char*>(part.data()), part.size()};
    }
  }
  const IoResult result =
      count == 1 ? Write(static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len)
                 : Write(std::span<const iovec>(pieces.data(), count));
  std::size_t gone = result.bytes;
  for (std::string_view& part : parts) {
    const std::size_t take = std::min(gone, part.size());
    part.remove_prefix(take);
    gone -= take;
  }
  return result;
}

IoResult Stream::WriteRecord(std::string_view bytes) {
  if (bytes.empty()) {
    return {};
  }
  ERR_clear_error();
  std::size_t put = 0;
  const int done = SSL_write_ex(state_->ssl, bytes.data(), bytes.size(), &put);
  if (done == 1) {
    return {.bytes = put};
  }
  const IoResult result = tls::ToResult(state_->ssl, done, false, state_->write_needs_read);
  state_->may_have_bytes = state_->may_have_bytes && !state_->write_needs_read;
  return result;
}

void Stream::OnReady(const std::shared_ptr<State>& state, bool read) {
  (read ? state->read_armed : state->write_armed) = false;
  state->may_have_bytes = state->may_have_bytes || read;
  if (state->signal != nullptr) {
    state->signal->NotifyInline();
  }
}

bool Stream::may_have_bytes() const { return state_->may_have_bytes; }

bool Stream::read_pending() const { return state_->read_armed; }

bool Stream::quiet_so_far() const {
  return state_->read_armed && !state_->may_have_bytes && state_->ssl == nullptr;
}

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
  if (state_->may_have_bytes) {
    state_->read.keeper = state_;
    state_->read.ec_ = {};
    state_->reactor.post_immediate_completion(&state_->read, false);
    return;
  }
  // Speculative: it completes at once if the loop was told of bytes since the last wait.
  state_->Start(state_->read, Reactor::read_op, true, state_);
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
  state_->Start(state_->write, Reactor::write_op, false, state_);
}

Stream::Peek Stream::PeekState() {
  char byte = 0;
  if (state_->ssl != nullptr) {
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_peek_ex(state_->ssl, &byte, 1, &got);
    state_->may_have_bytes = true;
    if (done == 1) {
      return Peek::kData;
    }
    bool other = false;
    const bool quiet = tls::ToResult(state_->ssl, done, true, other).status == IoStatus::kAgain;
    state_->may_have_bytes = !quiet;
    return quiet ? Peek::kQuiet : Peek::kClosed;
  }
  const ssize_t got = ::recv(state_->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  const bool quiet = got < 0 && FromErrno(errno).status == IoStatus::kAgain;
  state_->may_have_bytes = !quiet;
  return quiet ? Peek::kQuiet : got > 0 ? Peek::kData : Peek::kClosed;
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
  state_->CloseDescriptor();
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
