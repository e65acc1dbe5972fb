#pragma once
// The agent's side of one connection: its socket, the signal that its coroutine sleeps on, and the
// bytes that were read but not used yet. Loop thread only.
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

  // Writes all of them; false if the agent went away or stalls, and keep_alive is false then.
  [[nodiscard]] net::Task<bool> WriteAll(std::string_view first, std::string_view second = {},
                                         std::string_view third = {});
  // Whether the agent closed its side. Looks only when the loop said that something changed.
  [[nodiscard]] bool Gone();
  // Time spent waiting for the agent to read, since the last call: not the upstream's fault.
  [[nodiscard]] Milliseconds TakeStalled();

 private:
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

}  // namespace reliability::sidecar::proxy
