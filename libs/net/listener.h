#pragma once
// Accepts TCP connections on one loop. With `reuse_port`, several loops listen on one port and the
// kernel spreads the connections. Loop thread only, except Listen().
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "libs/base/result.h"
#include "libs/net/task.h"

namespace reliability::net {

class Listener {
 public:
  // kInvalid: not an address; kUnavailable: it cannot be bound.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> Listen(Executor executor,
                                                                const std::string& host,
                                                                std::uint16_t port,
                                                                bool reuse_port);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  // `on_accept` gets each connected, non-blocking descriptor and owns it.
  void Start(std::function<void(int descriptor)> on_accept);
  void Stop();

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;
  using Timer = boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  explicit Listener(Executor executor) : acceptor_(executor), retry_(executor) {}
  void Wait();
  void OnReady();

  Acceptor acceptor_;
  Timer retry_;
  std::uint16_t port_ = 0;
  std::function<void(int)> on_accept_;
};

}  // namespace reliability::net
