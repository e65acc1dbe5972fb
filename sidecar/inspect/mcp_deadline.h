#pragma once
// A tools/call that says how much time it has, for servers that plan with it. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reliability::sidecar::inspect {

// `body`, one JSON-RPC request, with params._meta["agentreliability.dev/deadline-ms"] set to `ms`,
// everything else byte for byte. nullopt: that cannot be said without changing what the request
// means: no params, or `_meta` is no object, or one of these names stands twice.
[[nodiscard]] std::optional<std::string> WithDeadline(std::string_view body, std::int64_t ms);

}  // namespace reliability::sidecar::inspect
