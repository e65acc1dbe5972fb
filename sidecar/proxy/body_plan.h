#pragma once
// How much of a request's body is read before it is sent: to look into it, and to send it again.
// Part of planning. Loop thread only.
#include "sidecar/proxy/exchange_state.h"
#include "sidecar/proxy/planner.h"

namespace reliability::sidecar::proxy {

// True: all of it, small enough to look into and not encoded. False: it is relayed as it comes, or
// the agent is answered or gone, as `plan` says.
[[nodiscard]] net::Task<bool> TakeBody(ExchangeState& state, Plan& plan);

// A body that is not looked into is kept if it may be sent again. False: nothing to send, as `plan`
// says.
[[nodiscard]] net::Task<bool> KeepBody(ExchangeState& state, Plan& plan);

// After TakeBody() was false for a body that should have been looked into. False: the policy wants
// it answered, with 413.
[[nodiscard]] bool PassUnread(ExchangeState& state, Plan& plan);

// Observe: Enforce would refuse the agent's message.
void CountWouldReject(ExchangeState& state);

}  // namespace reliability::sidecar::proxy
