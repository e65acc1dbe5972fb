#include "sidecar/proxy/client_connection.h"

#include <algorithm>
#include <array>

namespace reliability::sidecar::proxy {

net::IoStatus ClientConnection::WriteNow(Parts& parts) {
  while (!parts[0].empty() || !parts[1].empty() || !parts[2].empty()) {
    std::array<iovec, 3> pieces;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    }
    const net::IoResult result = stream.Write(pieces);
    if (result.status == net::IoStatus::kAgain) {
      return result.status;
    }
    if (result.status != net::IoStatus::kOk) {
      keep_alive = false;
      return result.status;
    }
    std::size_t gone = result.bytes;
    for (std::string_view& part : parts) {
      const std::size_t take = std::min(gone, part.size());
      part.remove_prefix(take);
      gone -= take;
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
