#pragma once
// How long an upstream asks us to wait, from the headers of a failed answer (data-plane.md 2.7).
// Pure.
#include <optional>
#include <string_view>

#include "libs/base/clock.h"

namespace reliability::policy {

// Header values as received; empty = absent.
struct WaitHeaders {
  std::string_view retry_after_ms;            // retry-after-ms
  std::string_view retry_after;               // Retry-After: seconds or HTTP date
  std::string_view reset_requests;            // x-ratelimit-reset-requests: "6m0s", "250ms"
  std::string_view reset_tokens;              // x-ratelimit-reset-tokens
  std::string_view anthropic_reset_requests;  // anthropic-ratelimit-requests-reset: RFC 3339
  std::string_view anthropic_reset_tokens;    // anthropic-ratelimit-tokens-reset
};

// The first that is present and understood, in the order above (of a pair the longer one); a time
// that has passed is 0. At most a day.
[[nodiscard]] std::optional<Milliseconds> WaitHint(const WaitHeaders& headers, SystemTime now);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 IMF-fixdate; the obsolete forms are not read).
[[nodiscard]] std::optional<SystemTime> ParseHttpDate(std::string_view text);

}  // namespace reliability::policy
