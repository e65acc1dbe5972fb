#pragma once
// A clock that moves only when a test says so. Thread-safe.
#include <condition_variable>
#include <mutex>

#include "libs/base/clock.h"

namespace reliability::fakes {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(SystemTime start = SystemTime{Milliseconds{1'800'000'000'000}})
      : system_(start) {}

  SystemTime SystemNow() const override {
    const std::lock_guard lock(mutex_);
    return system_;
  }
  MonotonicTime MonotonicNow() const override {
    const std::lock_guard lock(mutex_);
    return monotonic_;
  }
  // Blocks until Advance() has passed the end of the wait, or stop is requested.
  bool WaitFor(Milliseconds duration, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    const MonotonicTime end = monotonic_ + duration;
    ++waiters_;
    wake_.notify_all();
    const bool passed = wake_.wait(lock, stop, [&] { return monotonic_ >= end; });
    --waiters_;
    return passed;
  }
  void Advance(Milliseconds duration) {
    const std::lock_guard lock(mutex_);
    system_ += duration;
    monotonic_ += duration;
    wake_.notify_all();
  }
  // Blocks until `count` threads wait in WaitFor: replaces sleeping in tests.
  void AwaitWaiters(int count) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return waiters_ >= count; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  SystemTime system_;
  MonotonicTime monotonic_{Milliseconds{1'000'000}};
  int waiters_ = 0;
};

}  // namespace reliability::fakes
