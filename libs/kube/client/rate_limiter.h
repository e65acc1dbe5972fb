#pragma once
// Token bucket that hands out waiting times. Thread-safe; first come, first served.
#include <algorithm>

#include "libs/base/clock.h"
#include "libs/base/mutex.h"

namespace reliability::kube {

class RateLimiter {
 public:
  // `per_second` 0: no limit.
  RateLimiter(double per_second, int burst) : per_second_(per_second), burst_(burst) {}

  // Takes one token and says how long to wait before using it.
  [[nodiscard]] Milliseconds Reserve(MonotonicTime now) {
    if (per_second_ <= 0) {
      return Milliseconds{0};
    }
    const MutexLock lock(mutex_);
    if (!started_) {
      started_ = true;
      tokens_ = burst_;
      updated_ = now;
    }
    const double passed = std::chrono::duration<double>(now - updated_).count();
    tokens_ = std::min<double>(burst_, tokens_ + std::max(0.0, passed) * per_second_);
    updated_ = std::max(updated_, now);
    tokens_ -= 1;
    if (tokens_ >= 0) {
      return Milliseconds{0};
    }
    return std::chrono::ceil<Milliseconds>(std::chrono::duration<double>(-tokens_ / per_second_));
  }

 private:
  const double per_second_;
  const int burst_;
  Mutex mutex_;
  bool started_ GUARDED_BY(mutex_) = false;
  double tokens_ GUARDED_BY(mutex_) = 0;
  MonotonicTime updated_ GUARDED_BY(mutex_){};
};

}  // namespace reliability::kube
