#include "libs/policy/sli_classifier.h"

#include <string_view>

namespace reliability::policy {
namespace {

bool ToolMatches(std::string_view wanted, const ToolCallRecord& call) {
  if (wanted.empty()) {
    return true;
  }
  const std::string_view tool = call.tool.empty() ? call.upstream : call.tool;
  if (wanted == tool) {
    return true;
  }
  // "<upstream>/<tool>"; tool names may contain slashes themselves.
  return wanted.size() == call.upstream.size() + 1 + tool.size() &&
         wanted.starts_with(call.upstream) && wanted[call.upstream.size()] == '/' &&
         wanted.ends_with(tool);
}

SliVerdict TaskVerdict(const SloRule& rule, TurnResult result, Degraded degraded) {
  if (degraded != Degraded::kNone && rule.degraded_is != DegradedIs::kDefault) {
    return rule.degraded_is == DegradedIs::kGood ? SliVerdict::kGood : SliVerdict::kBad;
  }
  return VerdictOf(result);
}

}  // namespace

SliVerdict BookedVerdict(const SloRule& rule, const TurnCorrection& correction) {
  return TaskVerdict(rule, correction.from, correction.degraded);
}

SliVerdict VerdictOf(TurnResult result) {
  switch (result) {
    case TurnResult::kSuccess:
      return SliVerdict::kGood;
    case TurnResult::kFailure:
      return SliVerdict::kBad;
    case TurnResult::kNone:
      break;
  }
  return SliVerdict::kNone;
}

SliVerdict ClassifyTurn(const SloRule& rule, const TurnRecord& turn) {
  switch (rule.kind) {
    case SliKind::kTaskSuccess:
      return TaskVerdict(rule, turn.result, turn.degraded);
    case SliKind::kTurnLatency:
      if (turn.result == TurnResult::kNone) {
        return SliVerdict::kNone;  // cancelled or cut: nobody waited to the end
      }
      return turn.answered && turn.duration <= rule.threshold ? SliVerdict::kGood
                                                              : SliVerdict::kBad;
    case SliKind::kToolCallSuccess:
      break;
  }
  return SliVerdict::kNone;
}

SliVerdict ClassifyToolCall(const SloRule& rule, const ToolCallRecord& call) {
  if (rule.kind != SliKind::kToolCallSuccess || !ToolMatches(rule.tool, call)) {
    return SliVerdict::kNone;
  }
  return TraitsOf(call.error_class).call_verdict;
}

}  // namespace reliability::policy
