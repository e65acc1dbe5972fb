#pragma once
// What a coroutine sleeps on: one waiter, many sources (socket readiness, a deadline, a resolved
// name, a stop request). A source only says "look again"; the coroutine then polls its sockets and
// deadlines. So one wait covers them all without cancelling anything. It may be woken without need.
//
//   while (!Finished()) {
//     if (!Progress()) co_await signal.Wait();
//   }
//
// Loop thread only. Must outlive its sources' registrations.
#include <coroutine>
#include <utility>

#include "libs/net/task.h"

namespace reliability::net {

// What a deadline wakes.
class Wakeable {
 public:
  // Loop thread. May change deadlines, must not run coroutines.
  virtual void Notify() = 0;

 protected:
  ~Wakeable() = default;
};

class Signal final : public Wakeable {
 public:
  explicit Signal(Executor executor) : executor_(std::move(executor)) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  struct Awaiter {
    [[nodiscard]] bool await_ready() const noexcept {
      return std::exchange(signal.pending_, false);
    }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { signal.waiter_ = waiter; }
    void await_resume() const noexcept {}
    Signal& signal;
  };
  // co_await signal.Wait() returns when notified; at once if that happened since the last wait.
  [[nodiscard]] Awaiter Wait() { return {*this}; }

  // From anywhere on the loop thread; the waiter runs later.
  void Notify() override {
    if (waiter_) {
      boost::asio::post(executor_, [waiter = std::exchange(waiter_, nullptr)] { waiter.resume(); });
    } else {
      pending_ = true;
    }
  }

  // Only as the last act of a handler that the loop itself called: the waiter runs inside.
  void NotifyInline() {
    if (waiter_) {
      std::exchange(waiter_, nullptr).resume();
    } else {
      pending_ = true;
    }
  }

 private:
  Executor executor_;
  std::coroutine_handle<> waiter_;
  bool pending_ = false;
};

}  // namespace reliability::net
