#pragma once
// Which share of a chain's calls each tier answered, over the last ten minutes in which there were
// any. Idle time changes nothing, so it causes no writes. Pure; not thread-safe.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "controllers/llm_fallback_chain/input.h"
#include "libs/base/clock.h"

namespace reliability::controllers::llm_fallback_chain {

class ServedShare {
 public:
  // `since`: what processes counted that started before it is not ours to judge: their first
  // counters are the baseline.
  explicit ServedShare(SystemTime since) : since_(since) {}

  // The newest counters of every pod; any number of times.
  void Update(const Input& input, MonotonicTime now);

  // In steps of 5; 0 only for none, 100 only for all. nullopt before the first call.
  [[nodiscard]] std::optional<std::int32_t> Percent(const std::string& tier) const;

 private:
  static constexpr std::size_t kMinutes = 10;

  using Served = std::map<std::string, std::uint64_t>;  // by tier; "" is the last resort
  struct Pod {
    std::string epoch;
    Served served;
  };
  struct Minute {
    std::int64_t number = 0;
    Served served;
  };

  // The counters of the pod; adds what it served since it was last seen.
  [[nodiscard]] Pod CountNew(const SidecarView& sidecar, const Pod* before, Served& added) const;

  SystemTime since_;
  std::map<std::string, Pod> pods_;  // by UID
  std::deque<Minute> minutes_;       // with calls, oldest first
};

}  // namespace reliability::controllers::llm_fallback_chain
