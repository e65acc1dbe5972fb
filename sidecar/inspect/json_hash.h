#pragma once
// A 64-bit hash of a JSON value that does not depend on key order, whitespace, escapes or number
// spelling (1, 1.0, 1e0), so that arguments written by a model and by its SDK compare equal. Pure.
// Not for untrusted equality: it joins calls to turns, it does not authorise.
#include <cstdint>
#include <optional>
#include <string_view>

namespace reliability::sidecar::inspect {

// nullopt: not JSON, or nested deeper than 64. An empty text is `{}` (models leave it out).
[[nodiscard]] std::optional<std::uint64_t> JsonHash(std::string_view json);

}  // namespace reliability::sidecar::inspect
