#include "sidecar/proxy/failure_answer.h"

#include <algorithm>
#include <utility>

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using telemetry::Intervention;

std::string LastBytes(ExchangeState& state, const inspect::ErrorReply& reply) {
  const std::string last =
      state.resumed ? state.stream->Fail(reply) : MakeStreamError(state.call, reply);
  if (state.sent_head->kind == OutFraming::Kind::kChunked && !last.empty()) {
    return ChunkSize(last.size()) + last + "\r\n";
  }
  return last;
}

// Observe does not tell SDKs what to do: they retry as without us.
void AdviseNothingInObserve(const ExchangeState& state, inspect::MadeAnswer& answer) {
  if (!state.enforce) {
    std::erase_if(answer.headers,
                  [](const auto& field) { return field.first == "x-should-retry"; });
  }
}

}  // namespace

inspect::MadeAnswer MakeBodyFault(const ExchangeState& state, BodyFault fault) {
  inspect::ErrorReply reply = state.Reply(ErrorClass::kInvalidRequest);
  reply.too_slow = fault == BodyFault::kSlow;
  reply.message = reply.too_slow ? "the body did not arrive in time" : "broken framing of the body";
  inspect::MadeAnswer answer = MakeAnswer(state.call, reply);
  AdviseNothingInObserve(state, answer);
  return answer;
}

void AnswerFailure(ExchangeState& state, const FailedCall& failed, CallOutcome& outcome) {
  const Call& call = state.call;
  inspect::ErrorReply reply =
      state.Reply(failed.several_places ? ErrorClass::kAllTargetsFailed : failed.error_class);
  if (!failed.detail.empty()) {
    reply.message.append(reply.resource).append(": ").append(failed.detail);
  }
  const bool tool = call.kind == CallKind::kMcpTool || call.kind == CallKind::kHttpTool;
  reply.outcome_unknown = tool && !call.repeatable && failed.sent &&
                          policy::TraitsOf(failed.error_class).may_have_acted;
  if (state.sent_head) {
    outcome.last_bytes = LastBytes(state, reply);
    if (!outcome.last_bytes.empty()) {
      state.CountIntervention(Intervention::kStreamError);
    }
    return;
  }
  if (call.kind == CallKind::kMcpTool && !call.mcp.id_json.empty()) {
    state.CountIntervention(Intervention::kToolError);
  } else if (failed.replaced) {
    state.CountIntervention(Intervention::kErrorAnswer);
  }
  inspect::MadeAnswer answer = state.enforce || call.kind != CallKind::kMcpTool
                                   ? MakeAnswer(call, reply)
                                   : inspect::McpProtocolError(reply, call.mcp.id_json);
  AdviseNothingInObserve(state, answer);
  outcome.answer = std::move(answer);
}

}  // namespace reliability::sidecar::proxy
