#pragma once
// Under load, messages that are ready leave together: whoever writes asks Turn() first, and is held
// until the loop has run everything that its last look at the sockets found. Peers on this machine
// then find a row of messages instead of being woken for each (a wake-up costs the sender 1 to 2
// µs). With little to do nobody is held: then a wait would cost a look at the sockets and win
// nothing.
//
//   co_await batch.Turn();
//   stream.Write(...);
//
// How it knows: each kProbe-th message is held whatever happens. When held messages go out, their
// number says whether to go on holding. Loop thread only.
#include <coroutine>
#include <cstddef>
#include <utility>
#include <vector>

#include "libs/net/task.h"

namespace reliability::net {

class WriteBatch {
 public:
  static constexpr unsigned kProbe = 32;
  static constexpr std::size_t kWorthwhile = 4;  // messages together

  explicit WriteBatch(Executor executor) : executor_(std::move(executor)) {}
  WriteBatch(const WriteBatch&) = delete;
  WriteBatch& operator=(const WriteBatch&) = delete;

  struct Awaiter {
    [[nodiscard]] bool await_ready() const noexcept { return batch.GoesAtOnce(); }
    void await_suspend(std::coroutine_handle<> writer) const { batch.Hold(writer); }
    void await_resume() const noexcept {}
    WriteBatch& batch;
  };
  // co_await it in front of a write. The writer must not be destroyed while it is held: like every
  // sleeping task it ends only by running on.
  [[nodiscard]] Awaiter Turn() { return {*this}; }

  [[nodiscard]] bool holding() const { return holding_; }

 private:
  [[nodiscard]] bool GoesAtOnce() { return !holding_ && held_.empty() && ++count_ % kProbe != 0; }
  void Hold(std::coroutine_handle<> writer);
  void Flush();

  Executor executor_;
  std::vector<std::coroutine_handle<>> held_;
  std::vector<std::coroutine_handle<>> leaving_;
  unsigned count_ = 0;
  bool holding_ = false;
};

}  // namespace reliability::net
