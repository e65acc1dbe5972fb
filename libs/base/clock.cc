#include "libs/base/clock.h"

#include <condition_variable>
#include <mutex>

namespace reliability {
namespace {

class RealClock final : public Clock {
 public:
  [[nodiscard]] SystemTime SystemNow() const override {
    return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
  }
  [[nodiscard]] MonotonicTime MonotonicNow() const override {
    return std::chrono::time_point_cast<Milliseconds>(std::chrono::steady_clock::now());
  }
  bool WaitUntil(MonotonicTime end, const std::stop_token& stop) override {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    // No predicate but the stop request: a wake-up before the time is a stop.
    return !wake.wait_until(lock, stop, end, [&stop] { return stop.stop_requested(); }) &&
           !stop.stop_requested();
  }
};

}  // namespace

std::unique_ptr<Clock> MakeRealClock() { return std::make_unique<RealClock>(); }

}  // namespace reliability
