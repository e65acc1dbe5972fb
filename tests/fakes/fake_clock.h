#pragma once
// A clock that moves only when a test says so. Thread-safe.
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <set>

#include "libs/base/clock.h"

namespace reliability::fakes {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(SystemTime start = SystemTime{Milliseconds{1'800'000'000'000}},
                     MonotonicTime monotonic = MonotonicTime{Milliseconds{1'000'000}})
      : system_(start), monotonic_(monotonic) {}

  SystemTime SystemNow() const override {
    const std::lock_guard lock(mutex_);
    return system_;
  }
  MonotonicTime MonotonicNow() const override {
    const std::lock_guard lock(mutex_);
    return monotonic_;
  }
  // Blocks until Advance() has reached the end of the wait, or stop is requested.
  bool WaitUntil(MonotonicTime end, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    const auto mine = ends_.insert(end);
    wake_.notify_all();
    const bool passed = wake_.wait(lock, stop, [&] { return monotonic_ >= end; });
    ends_.erase(mine);
    return passed;
  }
  void Advance(Milliseconds duration) {
    const std::lock_guard lock(mutex_);
    system_ += duration;
    monotonic_ += duration;
    wake_.notify_all();
  }
  // Blocks until `count` threads wait for a time yet to come: replaces sleeping in
  // tests.
  void AwaitWaiters(int count) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return WaitingLocked() >= count; });
  }
  // Threads that wait for a time yet to come.
  int Waiting() const {
    const std::lock_guard lock(mutex_);
    return WaitingLocked();
  }

 private:
  int WaitingLocked() const {
    return static_cast<int>(std::distance(ends_.upper_bound(monotonic_), ends_.end()));
  }

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  SystemTime system_;
  MonotonicTime monotonic_;
  std::multiset<MonotonicTime> ends_;  // of the waits under way
};

}  // namespace reliability::fakes
