#pragma once
// One enum for everything that can go wrong with a call: breakers, SLIs, metrics, logs and answers
// to the agent all read it, so they cannot disagree. Pure.
#include <cstdint>
#include <optional>
#include <string_view>

namespace reliability::policy {

enum class ErrorClass : std::uint8_t {
  kNone,  // the call succeeded
  // The upstream could not be reached, or did not answer in time.
  kConnect,
  kResetBeforeHeaders,
  kTimeoutConnect,
  kTimeoutFirstToken,
  kTimeoutIdle,
  kTimeoutTotal,
  // The upstream answered with a failure of its own.
  kRateLimited,
  kQuotaExhausted,
  kOverloaded,
  kServerError,
  kStreamTruncated,
  kMalformed,
  // The request was at fault.
  kInvalidRequest,
  kAuth,
  kNotFound,
  kContentFilter,
  kContextLength,
  // The tool ran and failed.
  kToolErrorTransient,
  kToolErrorPermanent,
  // Decided here, without asking the upstream.
  kCircuitOpen,
  kDeadlineExceeded,
  kThrottled,
  kPaused,
  // Says nothing about the upstream.
  kLocalOutage,
  kClientCancelled,
  // No failure: the server asks the user first (MCP -32042, input_required), or the client resumes
  // the stream.
  kDeferred,
};
inline constexpr int kErrorClassCount = 27;

// What an outcome of this class does to a circuit breaker.
enum class BreakerEffect : std::uint8_t {
  kSuccess,    // only kNone
  kFailure,    // counts towards a trip; fails a probe
  kHold,       // no failure, but no call before the time the upstream named
  kQuotaOpen,  // opens at once for the quota hold
  kNeutral,    // says nothing: frees a probe's slot
  kNone,       // the caller's fault or decided here: not counted, frees a probe's slot
};

// Ledger verdict of one event for one SLO.
enum class SliVerdict : std::uint8_t { kNone, kGood, kBad };

// The columns of one class. Texts are static.
struct ClassTraits {
  std::string_view name;  // wire, log and label value: "timeout_total"
  BreakerEffect breaker;
  SliVerdict call_verdict;  // ToolCallSuccess
  bool spoils_turn;  // the last call of a tool ending so makes the turn bad (operator ruling 15)
  int http_status;   // of an answer that we make; 0 = never made by us
  std::string_view openai_type;
  std::string_view anthropic_type;
  bool recoverable;             // the agent can go on in a useful way
  std::string_view suggestion;  // default advice to the model
};

[[nodiscard]] const ClassTraits& TraitsOf(ErrorClass error_class);
[[nodiscard]] std::string_view ErrorClassName(ErrorClass error_class);
[[nodiscard]] std::optional<ErrorClass> ParseErrorClass(std::string_view name);

}  // namespace reliability::policy
