#include "sidecar/proxy/client_connection.h"

#include <algorithm>

namespace reliability::sidecar::proxy {

net::IoStatus ClientConnection::WriteNow(Parts& parts) {
  while (!std::all_of(parts.begin(), parts.end(), [](auto part) { return part.empty(); })) {
    const net::IoStatus status = stream.WriteParts(parts).status;
    if (status != net::IoStatus::kOk) {
      keep_alive = keep_alive && status == net::IoStatus::kAgain;
      return status;
    }
  }
  return net::IoStatus::kOk;
}

net::Task<bool> ClientConnection::WriteRest(Parts parts) {
  while (true) {
    const MonotonicTime begin = loop_.deadlines.Now();
    const MonotonicTime limit = begin + loop_.agent_limits.write_stall;
    stream.WantWrite();
    deadline.Set(limit);
    co_await signal.Wait();
    const MonotonicTime now = loop_.deadlines.Now();
    stalled_ += now - begin;
    if (loop_.aborting || now >= limit) {
      keep_alive = false;
      co_return false;
    }
    const net::IoStatus status = WriteNow(parts);
    if (status != net::IoStatus::kAgain) {
      co_return status == net::IoStatus::kOk;
    }
  }
}

bool ClientConnection::Gone() {
  if (!watching || stream.read_pending()) {
    return false;
  }
  switch (stream.PeekState()) {
    case net::Stream::Peek::kQuiet:
      stream.WantRead();
      return false;
    case net::Stream::Peek::kData:
      watching = false;  // the next request: whether the agent still listens shows when we write
      return false;
    case net::Stream::Peek::kClosed:
      return true;
  }
  return false;
}

Milliseconds ClientConnection::TakeStalled() {
  const Milliseconds stalled = stalled_;
  stalled_ = Milliseconds{0};
  return stalled;
}

}  // namespace reliability::sidecar::proxy
