#pragma once
// The coroutine type of the data path. A Task starts when it is awaited, on the awaiter's thread,
// and its awaiter goes on where it ends: inside the await if the task never slept, else inside the
// event that woke it (net::Signal is all that tasks sleep on). Awaiting costs a frame and no trip
// through the loop; asio::awaitable costs several times as much, and a call awaits a dozen times.
//
// One io_context runs on one thread; everything built on these types belongs to that thread unless
// its header says otherwise. Nothing may throw out of a Task: that ends the process (only memory
// exhaustion does). A task that sleeps must be woken before its loop ends, else its frame leaks.
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "libs/net/asio.h"
#include "libs/net/frame_cache.h"

namespace reliability::net {

using IoContext = boost::asio::io_context;
// Concrete: any_io_executor would be paid for at every hop.
using Executor = boost::asio::io_context::executor_type;

template <class T>
class Task;

namespace detail {

class PromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return FrameCache::Take(bytes); }
  static void operator delete(void* frame, std::size_t bytes) { FrameCache::Give(frame, bytes); }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] auto final_suspend() const noexcept {
    struct Final {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<>) const noexcept {
        // The awaiter may destroy this frame: nothing of it is touched afterwards.
        if (awaiter) {
          awaiter.resume();
        }
      }
      void await_resume() const noexcept {}
      std::coroutine_handle<> awaiter;
    };
    return Final{awaiter_};
  }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  void set_awaiter(std::coroutine_handle<> awaiter) { awaiter_ = awaiter; }

 private:
  std::coroutine_handle<> awaiter_;
};

template <class T>
class Promise final : public PromiseBase {
 public:
  [[nodiscard]] Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  [[nodiscard]] T Take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  [[nodiscard]] Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void Take() const noexcept {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) {
      handle_.destroy();
    }
  }

  // Await it once.
  [[nodiscard]] auto operator co_await() const noexcept {
    struct Awaiter {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      [[nodiscard]] bool await_suspend(std::coroutine_handle<> awaiter) const {
        task.resume();
        if (task.done()) {
          return false;  // it never slept: go on at once
        }
        task.promise().set_awaiter(awaiter);
        return true;
      }
      T await_resume() const { return task.promise().Take(); }
      Handle task;
    };
    return Awaiter{handle_};
  }

 private:
  Handle handle_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// Owns itself.
struct Root {
  struct promise_type {  // NOLINT(readability-identifier-naming): the language asks for it
    [[nodiscard]] Root get_return_object() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

template <class Done>
Root RunRoot(Task<> task, Done done) {
  {
    const Task<> own = std::move(task);
    co_await own;
  }
  done();
}

}  // namespace detail

// Runs `task` on the loop of `executor`; `done` is called there once its frames are gone.
template <class Done>
void Spawn(const Executor& executor, Task<> task, Done done) {
  boost::asio::post(executor, [task = std::move(task), done = std::move(done)]() mutable {
    detail::RunRoot(std::move(task), std::move(done));
  });
}

}  // namespace reliability::net
