#pragma once
// Durations as Gateway API (GEP-2257) writes them: "1h30m", "250ms"; and RFC 3339 instants.
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/base/result.h"

namespace reliability {

// ^([0-9]{1,5}(h|m|s|ms)){1,4}$ ; kInvalid names the text.
[[nodiscard]] Result<Milliseconds> ParseDuration(std::string_view text);
// Shortest form with at most four units: 90000 ms -> "1m30s", 0 -> "0s".
[[nodiscard]] std::string FormatDuration(Milliseconds duration);

// "2026-01-01T00:00:00Z", with or without a fraction or a numeric offset.
[[nodiscard]] Result<SystemTime> ParseRfc3339(std::string_view text);
[[nodiscard]] std::string FormatRfc3339(SystemTime time);       // whole seconds (metav1.Time)
[[nodiscard]] std::string FormatRfc3339Micro(SystemTime time);  // six digits (metav1.MicroTime)

}  // namespace reliability
