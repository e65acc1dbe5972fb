#pragma once
// Everything between a parsed head and the first byte to the upstream: reads what must be read of
// the request, finds out what kind of call it is, and passes it through turn, mode, deadline and
// breaker. Loop thread only.
#include <optional>

#include "sidecar/proxy/exchange_state.h"

namespace reliability::sidecar::proxy {

struct Plan {
  // Answer this and send nothing. `refused_class` is what it counts as; kNone: not a call.
  std::optional<inspect::MadeAnswer> answer;
  policy::ErrorClass refused_class = policy::ErrorClass::kNone;
  bool begun = false;        // a Begin… of Decisions must be ended
  bool agent_gone = false;   // nothing can be answered
  bool agent_fault = false;  // broken or slow body: close afterwards
};

// Plans a call of `match`, which belongs to the state's snapshot. False: that takes waiting, and
// MakePlan() goes on with it.
[[nodiscard]] bool PlanAtOnce(ExchangeState& state, RouteMatch& match, std::string_view query,
                              Plan& plan);
[[nodiscard]] net::Task<> MakePlan(ExchangeState& state, Plan& plan);

// Tells Decisions how the call ended, and counts it.
void EndCall(ExchangeState& state, const CallEnd& end, MonotonicTime now);

}  // namespace reliability::sidecar::proxy
