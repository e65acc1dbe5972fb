#pragma once
// MCP protocols of 2025: closing the connection does not cancel a call, so when we gave one up the
// server is told with `notifications/cancelled` (data-plane ruling 25). Best effort, at most 1 s,
// in the background. From 2026-07-28 on the close itself cancels. Loop thread only.
#include "sidecar/proxy/exchange_state.h"

namespace reliability::sidecar::proxy {

// Sends it if `error_class` says that we stopped waiting for a call of such a protocol.
void MaybeSendCancelNotice(const ExchangeState& state, policy::ErrorClass error_class);

}  // namespace reliability::sidecar::proxy
