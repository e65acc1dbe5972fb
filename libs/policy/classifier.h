#pragma once
// From what was seen on the wire to one ErrorClass. Pure; texts are only read.
//
// Classifies by body, because status codes alone get quota, context length and content filters
// wrong (data-plane.md 2.2). sidecar/inspect fills the structs here from JSON.
#include <cstdint>
#include <optional>
#include <string>

#include "libs/policy/error_class.h"

namespace reliability::policy {

enum class Protocol : std::uint8_t { kOpenAI, kAnthropic, kMcp, kHttp };

// Error fields of a provider's body; empty = absent.
struct ProviderError {
  std::string type;         // error.type
  std::string code;         // error.code
  std::string detail_code;  // error.details.error_code (Anthropic)
  std::string message;      // error.message
};

// Class of a complete response head with (for 4xx, 5xx) its parsed body. 2xx is kNone: the body's
// watcher may still find an embedded error.
[[nodiscard]] ErrorClass ClassifyResponse(Protocol protocol, int status,
                                          const ProviderError& error);

// An error object inside a 200 (SSE `error` event, `data: {"error":…}`).
[[nodiscard]] ErrorClass ClassifyEmbedded(Protocol protocol, const ProviderError& error);

// A JSON-RPC error object. HTTP status decides first (data-plane ruling 17).
[[nodiscard]] ErrorClass ClassifyJsonRpcError(int http_status, std::int64_t code);

// What a tool result with `isError: true` says about itself.
struct ToolErrorHint {
  std::optional<bool> retryable;
  std::optional<bool> recoverable;
  std::string error_type;
};

// Transient only by a structured hint. `error_type` speaks first, then `retryable`; `recoverable`
// alone last, because a model can recover from many permanent errors (a missing file).
[[nodiscard]] ErrorClass ClassifyToolError(const ToolErrorHint& hint);

// What happened to the connection of one attempt.
enum class TransportEvent : std::uint8_t {
  kConnectFailed,  // DNS answer negative, refused, TLS failure, zero bytes written
  kReset,          // closed or reset before the response head
  kCutBody,        // closed inside the body or before the stream's terminal event
  kProtocolError,  // response head or framing not understood
  kConnectTimeout,
  kFirstTokenTimeout,
  kIdleTimeout,
  kTotalTimeout,  // the component's own limit passed
  kDeadline,      // the turn's or the caller's limit passed first
  kLocalFailure,  // EAI_AGAIN, ENETUNREACH, EMFILE, EADDRNOTAVAIL, or our own stall > 1 s
  kClientGone,    // the agent closed its side
};

[[nodiscard]] ErrorClass ClassifyTransport(TransportEvent event);

}  // namespace reliability::policy
