#include "libs/net/write_batch.h"

namespace reliability::net {

void WriteBatch::Hold(std::coroutine_handle<> writer) {
  held_.push_back(writer);
  if (held_.size() == 1) {
    // The loop runs it behind all that is ready now, and behind one more look at the sockets.
    boost::asio::post(executor_, [this] { Flush(); });
  }
}

void WriteBatch::Flush() {
  holding_ = held_.size() >= kWorthwhile;
  leaving_.swap(held_);
  for (const std::coroutine_handle<> writer : leaving_) {
    writer.resume();  // may hold the next message: that one waits for the next turn
  }
  leaving_.clear();
}

}  // namespace reliability::net
