#pragma once
// Exponential backoff with full jitter (client-go reflector: 0.8 s to 30 s, x2). Pure.
#include "libs/base/clock.h"
#include "libs/base/rng.h"

namespace reliability {

class Backoff {
 public:
  Backoff(Milliseconds base, Milliseconds max) : base_(base), max_(max), next_(base) {}

  // The next wait: uniform in [ceiling / 2, ceiling], where the ceiling doubles up to max.
  [[nodiscard]] Milliseconds Next(Rng& rng) {
    const Milliseconds ceiling = next_;
    next_ = std::min(max_, next_ * 2);
    const double share = 0.5 + 0.5 * rng.Uniform();
    return Milliseconds{
        static_cast<Milliseconds::rep>(static_cast<double>(ceiling.count()) * share)};
  }
  void Reset() { next_ = base_; }

 private:
  Milliseconds base_;
  Milliseconds max_;
  Milliseconds next_;
};

}  // namespace reliability
