#include "libs/policy/tier_memory.h"

namespace reliability::policy {

void TierMemory::Configure(const std::string& chain, Milliseconds sticky) {
  sticky_ = sticky;
  if (chain != chain_) {
    chain_ = chain;
    stand_in_.reset();
    turns_.clear();
  }
}

std::optional<std::size_t> TierMemory::Start(TurnHandle turn, MonotonicTime now) const {
  if (const auto found = turns_.find(turn); turn != 0 && found != turns_.end()) {
    return found->second;
  }
  return stand_in_ && now < until_ ? stand_in_ : std::nullopt;
}

void TierMemory::Served(TurnHandle turn, std::size_t tier, bool stood_in, bool asks_for_tools,
                        MonotonicTime now) {
  // A call that began there does not prolong it: the first tier is tried again once a while.
  if (stood_in) {
    stand_in_ = tier;
    until_ = now + sticky_;
  }
  if (turn == 0) {
    return;
  }
  if (asks_for_tools) {
    turns_[turn] = tier;
  } else {
    turns_.erase(turn);
  }
}

}  // namespace reliability::policy
