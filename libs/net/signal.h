#pragma once
// What a coroutine sleeps on: one waiter, many sources (socket readiness, a deadline, a resolved
// name, a stop request). A source only says "look again"; the coroutine then polls its sockets and
// deadlines. So one wait covers them all without cancelling anything (Asio 1.74 has neither
// cancellation slots nor awaitable operators).
//
//   while (!Finished()) {
//     if (!Progress()) co_await signal.Wait();
//   }
//
// Loop thread only. Must outlive its sources' registrations.
#include <optional>

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
  explicit Signal(Executor executor) : executor_(executor) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Returns when notified; at once if that happened since the last Wait().
  [[nodiscard]] Task<> Wait() {
    return boost::asio::async_initiate<UseTask, void()>(
        [this](Handler handler) {
          if (pending_) {
            pending_ = false;
            boost::asio::post(executor_, std::move(handler));
            return;
          }
          waiter_.emplace(std::move(handler));
        },
        token_);
  }

  // From anywhere on the loop thread; the waiter runs later.
  void Notify() override {
    if (waiter_.has_value()) {
      Handler handler = std::move(*waiter_);
      waiter_.reset();
      boost::asio::post(executor_, std::move(handler));
    } else {
      pending_ = true;
    }
  }

  // Only as the last act of a handler that the loop itself called: the waiter runs inside.
  void NotifyInline() {
    if (waiter_.has_value()) {
      Handler handler = std::move(*waiter_);
      waiter_.reset();
      std::move(handler)();
    } else {
      pending_ = true;
    }
  }

 private:
  using Handler = boost::asio::async_result<UseTask, void()>::handler_type;

  Executor executor_;
  UseTask token_;
  std::optional<Handler> waiter_;
  bool pending_ = false;
};

}  // namespace reliability::net
