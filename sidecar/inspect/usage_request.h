#pragma once
// A streamed chat completion says what it used only if it is asked to. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace reliability::sidecar::inspect {

// `body` with stream_options.include_usage, everything else byte for byte. nullopt: it asks for
// that itself, or is no JSON object with fields.
[[nodiscard]] std::optional<std::string> WithUsage(std::string_view body);

}  // namespace reliability::sidecar::inspect
