#pragma once
// Errors that we make ourselves, in the caller's own format, each with error_type, recoverable,
// suggestion, retry_after_ms and remaining_ms (data-plane ruling 13). Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"

namespace reliability::sidecar::inspect {

struct ErrorReply {
  policy::ErrorClass error_class = policy::ErrorClass::kServerError;
  std::string message;     // for people; empty = made from class and resource
  std::string resource;    // "orders/search", "openai"
  std::string suggestion;  // for the model; empty = the class's default
  std::optional<Milliseconds> retry_after;
  std::optional<Milliseconds> remaining;  // of the turn
  std::string request_id;
  // The call was sent and may have changed something although no answer came: the model must look
  // before it calls again.
  bool outcome_unknown = false;
  bool too_large = false;  // the request is: 413
  bool too_slow = false;   // the request was: 408
};

using MadeField = std::pair<std::string_view, std::string>;  // the name is a literal

struct MadeAnswer {
  int status = 500;
  std::string content_type;
  std::vector<MadeField> headers;  // Retry-After, x-should-retry, …
  std::string body;
};

// The flat object: {"error_type":…,"recoverable":…,"retry_after_ms":…,"suggestion":…,…}.
[[nodiscard]] std::string ErrorFields(const ErrorReply& reply);

[[nodiscard]] MadeAnswer OpenAiError(const ErrorReply& reply);
[[nodiscard]] MadeAnswer AnthropicError(const ErrorReply& reply);
[[nodiscard]] MadeAnswer ProblemError(const ErrorReply& reply);  // RFC 9457, plain HTTP tools

// tools/call: HTTP 200 and a JSON-RPC *result* with isError, so that the model reads it.
// `stateless` = protocol 2026-07-28: adds resultType. `id_json` as in McpRequest.
[[nodiscard]] MadeAnswer McpToolError(const ErrorReply& reply, std::string_view id_json,
                                      bool stateless);
// Other MCP requests: the class's status with a JSON-RPC error object.
[[nodiscard]] MadeAnswer McpProtocolError(const ErrorReply& reply, std::string_view id_json);
// 400 / -32020: headers and body disagree.
[[nodiscard]] MadeAnswer McpHeaderMismatch(std::string_view id_json);

// Last bytes of a stream that cannot go on; then the connection is closed without the terminal
// event.
[[nodiscard]] std::string OpenAiStreamError(const ErrorReply& reply);
// Responses: the flat fields and an `error` object (data-plane ruling 15). `sequence` = the number
// of this event in its stream.
[[nodiscard]] std::string ResponsesStreamError(const ErrorReply& reply, std::int64_t sequence = 0);
[[nodiscard]] std::string AnthropicStreamError(const ErrorReply& reply);
[[nodiscard]] std::string McpStreamError(const ErrorReply& reply, std::string_view id_json,
                                         bool stateless);

// 400, 404, 408, 413, 431 … answered by the listener itself: problem+json with a fixed error_type.
[[nodiscard]] MadeAnswer PlainError(int status, std::string_view error_type,
                                    std::string_view detail);

}  // namespace reliability::sidecar::inspect
