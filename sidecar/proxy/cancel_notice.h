#pragma once
// MCP protocols of 2025: closing the connection does not cancel a call, so when we gave one up the
// server is told with `notifications/cancelled` (data-plane ruling 25). Best effort, at most 1 s,
// in the background. From 2026-07-28 on the close itself cancels. An agent that cancels a call
// itself is passed on, with the id that the server knows. Loop thread only.
#include <string_view>

#include "sidecar/proxy/exchange_state.h"

namespace reliability::sidecar::proxy {

// Sends it if `error_class` says that we stopped waiting for a call of such a protocol.
void MaybeSendCancelNotice(const ExchangeState& state, policy::ErrorClass error_class);

// The header that says which MCP client it is; empty = none.
[[nodiscard]] std::string_view McpSessionOf(const ExchangeState& state);

// If the request cancels a call that was sent again, what is sent names the call's new id (ruling
// 27). The body is there; Observe changes nothing.
void NameCancelledCall(ExchangeState& state);

}  // namespace reliability::sidecar::proxy
