#pragma once
// A repeated MCP request is a new request: it needs a new id and a new progress token (data-plane
// ruling 27), which the answer's are mapped back from (token_swap.h), and which a cancellation of
// it must name. Pure.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/result.h"
#include "sidecar/inspect/token_swap.h"

namespace reliability::sidecar::inspect {

struct RenamedRequest {
  std::string body;
  std::string id_json;  // the new one
  TokenSwap back;       // from the new tokens to those of `body` as it was
};

// `fresh` makes the new tokens unique: letters and digits. kInvalid: no JSON object with an id.
[[nodiscard]] Result<RenamedRequest> RenameMcpRequest(std::string_view body,
                                                      std::string_view fresh);

// The request that a `notifications/cancelled` is about.
struct CancelledId {
  std::string id_json;  // as written
  std::size_t at = 0;   // where
};
// nullopt: it names none, or not in one way only.
[[nodiscard]] std::optional<CancelledId> ReadCancelledId(std::string_view body);
// The same notification about another request.
[[nodiscard]] std::string WithCancelledId(std::string_view body, const CancelledId& old,
                                          std::string_view id_json);

}  // namespace reliability::sidecar::inspect
