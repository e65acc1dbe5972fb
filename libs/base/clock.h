#pragma once
// Two kinds of time, as in Envoy: system time is shown and stored, monotonic time measures.
#include <chrono>
#include <memory>
#include <stop_token>

namespace reliability {

using SystemTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

// The only way to ask for the time or to sleep. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SystemTime SystemNow() const = 0;
  [[nodiscard]] virtual MonotonicTime MonotonicNow() const = 0;
  // Sleeps until `end` or until `stop` is requested; true if `end` was reached.
  virtual bool WaitUntil(MonotonicTime end, const std::stop_token& stop) = 0;
  bool WaitFor(Milliseconds duration, const std::stop_token& stop) {
    return WaitUntil(MonotonicNow() + duration, stop);
  }
};

[[nodiscard]] std::unique_ptr<Clock> MakeRealClock();

}  // namespace reliability
