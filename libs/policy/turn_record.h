#pragma once
// The one record that each turn ends in; SLIs, the access log and metrics read it. Values only.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"

namespace reliability::policy {

enum class IdentitySource : std::uint8_t {
  kNone,
  kHeader,
  kBaggage,
  kTrace,
  kToolCallId,
  kPrefix,
  kToolName
};
[[nodiscard]] std::string_view IdentitySourceName(IdentitySource source);

enum class TurnEnd : std::uint8_t {
  kAnswered,    // a complete answer without tool calls was delivered
  kTemplate,    // the chain's last resort stood in for the answer
  kCut,         // its answer broke off after the agent had got some of it
  kReported,    // POST /v1/turns/{id}/outcome
  kDeadline,    // no final answer in time
  kAbandoned,   // a call of it was still out 60 s after the deadline
  kCancelled,   // the agent went away
  kTerminated,  // the pod ended first
  kEvicted,     // too many turns at once
  kRefused,     // never began: the breaker of the whole agent is open
};
[[nodiscard]] std::string_view TurnEndName(TurnEnd end);

enum class TurnResult : std::uint8_t { kNone, kSuccess, kFailure };
[[nodiscard]] std::string_view TurnResultName(TurnResult result);

// Who answered in the model's place; only what decides the verdict: a turn that is bad anyhow has
// none.
enum class Degraded : std::uint8_t { kNone, kTier, kTemplate };

struct TurnRecord {
  std::uint64_t handle = 0;  // TurnHandle
  std::string id;            // as in x-agent-turn-id
  IdentitySource source = IdentitySource::kNone;
  TurnEnd end = TurnEnd::kAnswered;
  TurnResult result = TurnResult::kNone;       // kNone: no SLO event
  ErrorClass error_class = ErrorClass::kNone;  // why kFailure
  std::string failed_tool;                     // the tool whose last call failed, if that is why
  Degraded degraded = Degraded::kNone;
  bool answered = false;
  bool reported = false;
  bool resumed = false;
  Milliseconds duration{0};  // first request byte to last answer byte, else to the end
  int llm_calls = 0;
  int tool_calls = 0;
};

// A report that came after the turn was counted.
struct TurnCorrection {
  std::string id;
  TurnResult from = TurnResult::kNone;  // kNone: was not counted
  TurnResult to = TurnResult::kNone;
  Degraded degraded = Degraded::kNone;  // with `from`
};

// One tool call as it was answered to the agent.
struct ToolCallRecord {
  std::string upstream;
  std::string tool;  // empty for plain HTTP tools
  ErrorClass error_class = ErrorClass::kNone;
};

}  // namespace reliability::policy
