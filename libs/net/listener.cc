#include "libs/net/listener.h"

#include <sys/socket.h>

#include <cerrno>

namespace reliability::net {
namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptsPerTurn = 64;  // the loop serves its connections in between
constexpr std::chrono::milliseconds kRetryAfterExhaustion{100};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Listen(Executor executor, const std::string& host,
                                                   std::uint16_t port, bool reuse_port) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) {
    return Fail(Code::kInvalid, host + ": not an IP address");
  }
  const boost::asio::ip::tcp::endpoint endpoint(address, port);
  std::unique_ptr<Listener> listener(new Listener(executor));
  Acceptor& acceptor = listener->acceptor_;
  (void)acceptor.open(endpoint.protocol(), error);
  if (!error) {
    (void)acceptor.set_option(Acceptor::reuse_address(true), error);
  }
  if (!error && reuse_port) {
    const int one = 1;
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
  }
  if (!error) {
    (void)acceptor.bind(endpoint, error);
  }
  if (!error) {
    (void)acceptor.listen(kBacklog, error);
  }
  if (!error) {
    (void)acceptor.native_non_blocking(true, error);
  }
  if (error) {
    return Fail(Code::kUnavailable,
                host + ":" + std::to_string(port) + ": cannot listen: " + error.message());
  }
  listener->port_ = acceptor.local_endpoint(error).port();
  return listener;
}

void Listener::Start(std::function<void(int)> on_accept) {
  on_accept_ = std::move(on_accept);
  Wait();
}

void Listener::Stop() {
  boost::system::error_code ignored;
  (void)acceptor_.close(ignored);
  retry_.cancel();
}

void Listener::Wait() {
  acceptor_.async_wait(Acceptor::wait_read, [this](const boost::system::error_code& error) {
    if (!error) {
      OnReady();
    }
  });
}

void Listener::OnReady() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd =
        ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      on_accept_(fd);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // Accepting again at once would only spin.
      retry_.expires_after(kRetryAfterExhaustion);
      retry_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
          Wait();
        }
      });
      return;
    }
    if (errno != EINTR && errno != ECONNABORTED) {
      break;  // EAGAIN: all accepted
    }
  }
  Wait();
}

}  // namespace reliability::net
