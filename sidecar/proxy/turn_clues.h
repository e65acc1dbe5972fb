#pragma once
// What a request's head says of its turn and of its caller's patience. Pure.
#include <optional>
#include <string>

#include "libs/net/http_head.h"
#include "libs/policy/turn_tracker.h"

namespace reliability::sidecar::proxy {

// `baggage_turn` keeps the decoded baggage member; the views live as long as it and the head.
// `trace`: a traceparent names the turn, too (data-plane ruling 1).
[[nodiscard]] policy::TurnClues ReadTurnClues(const net::RequestHead& head, bool trace,
                                              std::string& baggage_turn);

// The smaller of X-Stainless-Timeout and X-Stainless-Read-Timeout; nullopt: neither says one.
[[nodiscard]] std::optional<Milliseconds> ClientLimit(const net::RequestHead& head);

// X-Stainless-Retry-Count, at most 100.
[[nodiscard]] int ClientRetries(const net::RequestHead& head);

}  // namespace reliability::sidecar::proxy
