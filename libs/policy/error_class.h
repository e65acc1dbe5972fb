#pragma once
// One enum for everything that can go wrong with a call: breakers, SLIs, metrics, logs and answers
// to the agent all read it, so they cannot disagree. Pure.
#include <cstdint>
#include <optional>
#include <string_view>

namespace reliability::policy {

// The members, their meaning and their columns stand in the table.
enum class ErrorClass : std::uint8_t {
#define ERROR_CLASS(member, ...) member,
#include "libs/policy/error_classes.inc"
#undef ERROR_CLASS
};

#define ERROR_CLASS(...) +1  // NOLINT(bugprone-macro-parentheses): a sum of the rows
inline constexpr int kErrorClassCount =
#include "libs/policy/error_classes.inc"
    ;
#undef ERROR_CLASS

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

// May the next target of a chain be asked after a failure of this class?
enum class NextTarget : std::uint8_t { kNo, kYes, kLargerContext };

// The columns of one class. Texts are static.
struct ClassTraits {
  std::string_view name;  // wire, log and label value: "timeout_total"
  BreakerEffect breaker;
  SliVerdict call_verdict;  // ToolCallSuccess
  bool spoils_turn;  // the last call of a tool ending so makes the turn bad (operator ruling 15)
  bool retryable;    // the same target may be asked again (data-plane.md 2.2)
  NextTarget next_target;
  bool may_have_acted;  // the upstream may have done what was asked although no good answer came
  int http_status;      // of an answer that we make; 0 = never made by us
  int anthropic_status;
  std::string_view openai_type;
  std::string_view anthropic_type;
  bool recoverable;             // the agent can go on in a useful way
  std::string_view suggestion;  // default advice to the model
};

[[nodiscard]] const ClassTraits& TraitsOf(ErrorClass error_class);
[[nodiscard]] std::string_view ErrorClassName(ErrorClass error_class);
[[nodiscard]] std::optional<ErrorClass> ParseErrorClass(std::string_view name);

}  // namespace reliability::policy
