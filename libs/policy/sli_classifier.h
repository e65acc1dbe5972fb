#pragma once
// Good, bad or no event: what a turn or a tool call means for one SLO (operator rulings 15, 16).
// Pure.
#include <cstdint>
#include <string>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"
#include "libs/policy/turn_record.h"

namespace reliability::policy {

enum class SliKind : std::uint8_t { kTaskSuccess, kToolCallSuccess, kTurnLatency };

// What an answer of a fallback chain is to a TaskSuccess SLO (data-plane ruling 4). kDefault:
// another tier's is good, the template's is bad.
enum class DegradedIs : std::uint8_t { kDefault, kGood, kBad };

struct SloRule {
  std::string key;  // ledger key
  std::string name;
  SliKind kind = SliKind::kTaskSuccess;
  std::string tool;           // kToolCallSuccess: "<upstream>/<tool>", "<tool>"; empty = all
  Milliseconds threshold{0};  // kTurnLatency: good if <=
  DegradedIs degraded_is = DegradedIs::kDefault;
};

[[nodiscard]] SliVerdict ClassifyTurn(const SloRule& rule, const TurnRecord& turn);
[[nodiscard]] SliVerdict ClassifyToolCall(const SloRule& rule, const ToolCallRecord& call);

// For Ledger::Correct after a late report, where only TaskSuccess changes: what was booked, and
// what the report says.
[[nodiscard]] SliVerdict BookedVerdict(const SloRule& rule, const TurnCorrection& correction);
[[nodiscard]] SliVerdict VerdictOf(TurnResult result);

}  // namespace reliability::policy
