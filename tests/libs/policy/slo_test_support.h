#pragma once
// An SLO that is fed and judged every 5 s, for the tests of its state and of its checkpoint.
#include <gtest/gtest.h>

#include "libs/policy/slo_state.h"

namespace reliability::policy {

inline constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};

inline SloSettings Settings(const char* objective, SloWindow window = SloWindow::k30d) {
  SloSettings settings;
  settings.objective = *Objective::ParsePercent(objective);
  settings.window = window;
  return settings;
}

// One pod that is read every 5 s.
class SloStateTest : public ::testing::Test {
 protected:
  void Run(SloState& state, EventCounts per_tick, Milliseconds duration) {
    for (const SystemTime end = now_ + duration; now_ < end;) {
      const SystemTime before = now_;
      now_ += std::chrono::seconds{5};
      state.Record({per_tick, before}, now_);
      (void)state.Tick(now_);
    }
  }
  SystemTime now_ = kStart;
};

}  // namespace reliability::policy
