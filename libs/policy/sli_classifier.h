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

struct SloRule {
  std::string key;  // ledger key
  std::string name;
  SliKind kind = SliKind::kTaskSuccess;
  std::string tool;           // kToolCallSuccess: "<upstream>/<tool>", "<tool>"; empty = all
  Milliseconds threshold{0};  // kTurnLatency: good if <=
};

[[nodiscard]] SliVerdict ClassifyTurn(const SloRule& rule, const TurnRecord& turn);
[[nodiscard]] SliVerdict ClassifyToolCall(const SloRule& rule, const ToolCallRecord& call);

// A late report, for Ledger::Correct: only TaskSuccess changes.
[[nodiscard]] SliVerdict VerdictOf(TurnResult result);

}  // namespace reliability::policy
