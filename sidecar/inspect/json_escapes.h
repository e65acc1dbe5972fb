#pragma once
// Resolves the escapes of a JSON string. Pure. Internal to json_scanner.h.
#include <cstddef>
#include <optional>
#include <string_view>

namespace reliability::sidecar::inspect {

// Writes the text that `raw` stands for to `out` and returns its size. `raw` is followed by its
// quote and has a character behind each backslash. Up to 16 bytes behind `raw`, and behind as many
// at `out`, may be touched. nullopt: an escape that there is not, or half of a surrogate pair.
[[nodiscard]] std::optional<std::size_t> UnescapeJson(std::string_view raw, char* out);

}  // namespace reliability::sidecar::inspect
