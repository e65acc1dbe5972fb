#pragma once
// Coarse deadlines for one loop: an intrusive list and a single timer that is armed for the
// earliest of them and never sooner than 10 ms from now (data-plane ruling 60: no idle wake-ups).
// Setting or clearing one costs a few instructions and no system call in the steady state, because
// the timer is not moved for a later deadline. A deadline fires at most 10 ms late, unless the
// whole process was stalled: compare `at()` with the clock to notice that (ruling 24).
//
// Loop thread only.
#include "libs/base/clock.h"
#include "libs/net/signal.h"

namespace reliability::net {

class Deadlines;

inline constexpr Milliseconds kDeadlineTick{10};

// One pending deadline; notifies its target once when it passes. Unset when made.
class Deadline {
 public:
  Deadline(Deadlines& owner, Wakeable& target) : owner_(&owner), target_(&target) {}
  ~Deadline() { Clear(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void Set(MonotonicTime at);
  void Clear();
  [[nodiscard]] bool set() const { return linked_; }
  [[nodiscard]] MonotonicTime at() const { return at_; }

 private:
  friend class Deadlines;
  Deadlines* owner_;
  Wakeable* target_;
  Deadline* previous_ = nullptr;
  Deadline* next_ = nullptr;
  MonotonicTime at_{};
  bool linked_ = false;
};

class Deadlines {
 public:
  Deadlines(const Executor& executor, const Clock& clock) : clock_(clock), timer_(executor) {}
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  [[nodiscard]] MonotonicTime Now() const { return clock_.MonotonicNow(); }
  // Wake-ups so far: the test of ruling 60.
  [[nodiscard]] std::uint64_t wakeups() const { return wakeups_; }

 private:
  friend class Deadline;
  using Timer = boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  void Arm(MonotonicTime at);
  void OnTimer();

  const Clock& clock_;
  Timer timer_;
  Deadline* head_ = nullptr;
  MonotonicTime armed_for_{};
  bool armed_ = false;
  std::uint64_t wakeups_ = 0;
};

}  // namespace reliability::net
