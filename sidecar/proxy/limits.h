#pragma once
// Until when one attempt may run, by what it waits for. Pure.
#include <algorithm>
#include <array>

#include "libs/base/clock.h"
#include "libs/policy/classifier.h"

namespace reliability::sidecar::proxy {

struct Limit {
  MonotonicTime at = MonotonicTime::max();  // max = none
  policy::TransportEvent event = policy::TransportEvent::kTotalTimeout;
};

class Limits {
 public:
  enum Kind : std::size_t { kConnect, kFirstToken, kIdle, kTotal };

  void Set(Kind kind, MonotonicTime at, policy::TransportEvent event) {
    limits_[kind] = {at, event};
  }
  void Clear(Kind kind) { limits_[kind] = {}; }
  void ClearAll() { limits_ = {}; }
  [[nodiscard]] Kind NearestKind() const {
    const auto nearest = std::min_element(
        limits_.begin(), limits_.end(), [](const Limit& a, const Limit& b) { return a.at < b.at; });
    return static_cast<Kind>(nearest - limits_.begin());
  }
  [[nodiscard]] const Limit& Nearest() const { return limits_[NearestKind()]; }
  // Waiting for a slow agent is not the upstream's time.
  void Extend(Milliseconds by) {
    for (Limit& limit : limits_) {
      if (limit.at != MonotonicTime::max() && limit.event != policy::TransportEvent::kDeadline) {
        limit.at += by;
      }
    }
  }

 private:
  std::array<Limit, 4> limits_{};
};

}  // namespace reliability::sidecar::proxy
