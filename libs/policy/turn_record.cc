#include "libs/policy/turn_record.h"

namespace reliability::policy {

std::string_view IdentitySourceName(IdentitySource source) {
  switch (source) {
    case IdentitySource::kNone:
      return "none";
    case IdentitySource::kHeader:
      return "header";
    case IdentitySource::kBaggage:
      return "baggage";
    case IdentitySource::kTrace:
      return "trace";
    case IdentitySource::kToolCallId:
      return "tool_call_id";
    case IdentitySource::kPrefix:
      return "prefix";
    case IdentitySource::kToolName:
      return "tool_name";
  }
  return "";
}

std::string_view TurnEndName(TurnEnd end) {
  switch (end) {
    case TurnEnd::kAnswered:
      return "answered";
    case TurnEnd::kTemplate:
      return "template";
    case TurnEnd::kCut:
      return "cut";
    case TurnEnd::kReported:
      return "reported";
    case TurnEnd::kDeadline:
      return "deadline";
    case TurnEnd::kAbandoned:
      return "abandoned";
    case TurnEnd::kCancelled:
      return "cancelled";
    case TurnEnd::kTerminated:
      return "terminated";
    case TurnEnd::kEvicted:
      return "evicted";
    case TurnEnd::kRefused:
      return "refused";
  }
  return "";
}

std::string_view TurnResultName(TurnResult result) {
  switch (result) {
    case TurnResult::kNone:
      return "none";
    case TurnResult::kSuccess:
      return "success";
    case TurnResult::kFailure:
      return "failure";
  }
  return "";
}

}  // namespace reliability::policy
