#pragma once
// On which tier of a fallback chain a call begins: where its turn's pending tool calls came from
// (data-plane ruling 37), else the tier that stood in a short while ago, else the caller's own.
// Pure; one owner, no locks. Bounded by the number of live turns.
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "libs/base/clock.h"
#include "libs/policy/turn_tracker.h"

namespace reliability::policy {

class TierMemory {
 public:
  // Another chain is another memory; an equal one keeps it. `chain` tells chains apart.
  void Configure(const std::string& chain, Milliseconds sticky);

  // nullopt: where the caller asks. `turn` may be 0.
  [[nodiscard]] std::optional<std::size_t> Start(TurnHandle turn, MonotonicTime now) const;

  // The turn waits for results of tools that a tier asked for.
  [[nodiscard]] bool Holds(TurnHandle turn) const { return turn != 0 && turns_.contains(turn); }

  // `tier` answered. `stood_in`: another one was asked before it in this call. `asks_for_tools`:
  // the turn goes on, and stays there until it ends.
  void Served(TurnHandle turn, std::size_t tier, bool stood_in, bool asks_for_tools,
              MonotonicTime now);
  void TurnEnded(TurnHandle turn) { turns_.erase(turn); }

  [[nodiscard]] std::size_t size() const { return turns_.size(); }

 private:
  std::string chain_;
  Milliseconds sticky_{0};
  std::optional<std::size_t> stand_in_;
  MonotonicTime until_{};
  std::map<TurnHandle, std::size_t> turns_;
};

}  // namespace reliability::policy
