#include "libs/policy/error_class.h"

#include <array>

namespace reliability::policy {
namespace {

using Effect = BreakerEffect;
using Verdict = SliVerdict;

constexpr std::string_view kGoOn = "answer with what you have and say what could not be checked";
constexpr std::string_view kFixRequest = "correct the request before you send it again";

// One row per class, in the order of the enum. Wire columns: data-plane.md 2.3.
constexpr std::array<ClassTraits, kErrorClassCount> kTraits = {{
    {"none", Effect::kSuccess, Verdict::kGood, false, 0, "", "", true, ""},
    {"connect", Effect::kFailure, Verdict::kBad, true, 502, "server_error", "api_error", true,
     kGoOn},
    {"reset_before_headers", Effect::kFailure, Verdict::kBad, true, 502, "server_error",
     "api_error", true, kGoOn},
    {"timeout_connect", Effect::kFailure, Verdict::kBad, true, 504, "timeout_error",
     "timeout_error", true, kGoOn},
    {"timeout_first_token", Effect::kFailure, Verdict::kBad, true, 504, "timeout_error",
     "timeout_error", true, kGoOn},
    {"timeout_idle", Effect::kFailure, Verdict::kBad, true, 504, "timeout_error", "timeout_error",
     true, kGoOn},
    {"timeout_total", Effect::kFailure, Verdict::kBad, true, 504, "timeout_error", "timeout_error",
     true, kGoOn},
    {"rate_limited", Effect::kHold, Verdict::kBad, true, 429, "rate_limit_error",
     "rate_limit_error", true, "wait before the next call, or answer with what you have"},
    {"quota_exhausted", Effect::kQuotaOpen, Verdict::kBad, true, 429, "insufficient_quota",
     "billing_error", false, "the quota is used up; a person has to raise it"},
    {"overloaded", Effect::kFailure, Verdict::kBad, true, 503, "server_error", "overloaded_error",
     true, kGoOn},
    {"server_error", Effect::kFailure, Verdict::kBad, true, 502, "server_error", "api_error", true,
     kGoOn},
    {"stream_truncated", Effect::kFailure, Verdict::kBad, true, 502, "server_error", "api_error",
     true, "the answer was cut off: do not use it as if it were complete"},
    {"malformed", Effect::kFailure, Verdict::kBad, true, 502, "server_error", "api_error", true,
     kGoOn},
    {"invalid_request", Effect::kNone, Verdict::kBad, false, 400, "invalid_request_error",
     "invalid_request_error", true, kFixRequest},
    {"auth", Effect::kNone, Verdict::kBad, false, 401, "authentication_error",
     "authentication_error", false, "the credentials were refused; a person has to correct them"},
    {"not_found", Effect::kNone, Verdict::kBad, false, 404, "not_found_error", "not_found_error",
     true, "check the name; list what exists before you try again"},
    {"content_filter", Effect::kNone, Verdict::kBad, false, 400, "invalid_request_error",
     "invalid_request_error", false, "the provider refuses this content; do not send it again"},
    {"context_length", Effect::kNone, Verdict::kBad, false, 400, "invalid_request_error",
     "invalid_request_error", true, "shorten the conversation before you send it again"},
    {"tool_error_transient", Effect::kFailure, Verdict::kBad, true, 502, "server_error",
     "api_error", true, kGoOn},
    {"tool_error_permanent", Effect::kNone, Verdict::kBad, false, 400, "invalid_request_error",
     "invalid_request_error", true, kFixRequest},
    {"circuit_open", Effect::kNone, Verdict::kBad, true, 503, "server_error", "overloaded_error",
     true, kGoOn},
    {"deadline_exceeded", Effect::kNone, Verdict::kBad, true, 504, "timeout_error", "timeout_error",
     true, "no time is left in this turn: answer now with what you have"},
    {"throttled", Effect::kNone, Verdict::kNone, false, 503, "server_error", "overloaded_error",
     false, "the agent is throttled; try again after retry_after_ms"},
    {"paused", Effect::kNone, Verdict::kNone, false, 503, "server_error", "overloaded_error", false,
     "the agent is paused by its error budget; try again after retry_after_ms"},
    {"local_outage", Effect::kNeutral, Verdict::kBad, true, 503, "server_error", "api_error", true,
     kGoOn},
    {"client_cancelled", Effect::kNeutral, Verdict::kNone, false, 0, "", "", true, ""},
    {"deferred", Effect::kNeutral, Verdict::kNone, false, 0, "", "", true,
     "the answer comes later"},
}};

}  // namespace

const ClassTraits& TraitsOf(ErrorClass error_class) {
  return kTraits[static_cast<std::size_t>(error_class)];
}

std::string_view ErrorClassName(ErrorClass error_class) { return TraitsOf(error_class).name; }

std::optional<ErrorClass> ParseErrorClass(std::string_view name) {
  for (std::size_t i = 0; i < kTraits.size(); ++i) {
    if (kTraits[i].name == name) {
      return static_cast<ErrorClass>(i);
    }
  }
  return std::nullopt;
}

}  // namespace reliability::policy
