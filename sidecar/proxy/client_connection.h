#pragma once
// The agent's side of one connection: its socket, the signal that its coroutine sleeps on, and the
// bytes that were read but not used yet. Loop thread only.
#include <array>
#include <coroutine>
#include <optional>
#include <string_view>

#include "libs/net/buffer_pool.h"
#include "libs/net/deadlines.h"
#include "libs/net/stream.h"
#include "sidecar/proxy/loop_context.h"

namespace reliability::sidecar::proxy {

class ClientConnection {
 public:
  ClientConnection(LoopContext& loop, net::Stream agent)
      : loop_(loop), signal(loop.executor), deadline(loop.deadlines, signal) {
    stream = std::move(agent);
    stream.Attach(&signal);
  }
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  using Parts = std::array<std::string_view, 3>;
  class Writing;
  // co_await it: writes all of them; false if the agent went away or stalls, and keep_alive is
  // false then.
  [[nodiscard]] Writing WriteAll(std::string_view first, std::string_view second = {},
                                 std::string_view third = {});
  // Whether the agent closed its side. Looks only when the loop said that something changed.
  [[nodiscard]] bool Gone();
  // Time spent waiting for the agent to read, since the last call: not the upstream's fault.
  [[nodiscard]] Milliseconds TakeStalled();

 private:
  // Writes what can be written now, and leaves the rest in `parts`. kOk: nothing is left.
  [[nodiscard]] net::IoStatus WriteNow(Parts& parts);
  // With waits.
  [[nodiscard]] net::Task<bool> WriteRest(Parts parts);

  LoopContext& loop_;
  Milliseconds stalled_{0};

 public:
  net::Stream stream;
  net::Signal signal;
  net::Deadline deadline;
  net::Buffer input;
  bool keep_alive = true;
  bool watching = false;        // Gone() may look
  bool reset_on_close = false;  // an ordinary close would look like the end of the answer
};

// Sockets take most answers at once: only the others cost a coroutine.
class ClientConnection::Writing {
 public:
  Writing(ClientConnection& client, const Parts& parts) : client_(client), parts_(parts) {}
  [[nodiscard]] bool await_ready() {
    const net::IoStatus status = client_.WriteNow(parts_);
    written_ = status == net::IoStatus::kOk;
    return status != net::IoStatus::kAgain;
  }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter) {
    rest_.emplace(client_.WriteRest(parts_));
    return rest_->operator co_await().await_suspend(waiter);
  }
  [[nodiscard]] bool await_resume() const {
    return rest_.has_value() ? rest_->operator co_await().await_resume() : written_;
  }

 private:
  ClientConnection& client_;
  Parts parts_;
  bool written_ = false;
  std::optional<net::Task<bool>> rest_;
};

inline ClientConnection::Writing ClientConnection::WriteAll(std::string_view first,
                                                            std::string_view second,
                                                            std::string_view third) {
  return {*this, Parts{first, second, third}};
}

}  // namespace reliability::sidecar::proxy
