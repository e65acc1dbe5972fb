#include "sidecar/proxy/body_plan.h"

#include <algorithm>

#include "sidecar/inspect/error_body.h"
#include "sidecar/inspect/llm_request.h"
#include "sidecar/proxy/failure_answer.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using telemetry::UnreadBody;

// Failed calls may be made again.
bool Repeats(const ExchangeState& state) {
  return state.enforce && state.snapshot->policy.retries.max_retries > 0;
}

// Prompts are large; of other messages no more is held than what is looked into (data-plane ruling
// 56).
std::size_t KeptBytes(const ExchangeState& state) {
  const bool prompts = state.call.route->kind == sidecar_config::UpstreamKind::kLlm;
  return std::max(inspect::kMaxInspectedRequest,
                  prompts && Repeats(state)
                      ? static_cast<std::size_t>(state.snapshot->policy.retries.max_request_bytes)
                      : std::size_t{0});
}

}  // namespace

void CountWouldReject(ExchangeState& state) {
  state.loop.metrics.CountWould(ErrorClass::kInvalidRequest);
  state.call.admission.would_act = true;
}

net::Task<bool> TakeBody(ExchangeState& state, Plan& plan) {
  auto take = RequestBody::Take::kTooLarge;
  if (!state.body.encoded() || Repeats(state)) {
    take = co_await state.body.TakeWhole(KeptBytes(state));
  }
  switch (take) {
    case RequestBody::Take::kComplete:
      co_return !state.body.encoded() && state.body.whole().size() <= inspect::kMaxInspectedRequest;
    case RequestBody::Take::kTooLarge:
      co_return false;
    case RequestBody::Take::kBad:
      plan.answer = MakeBodyFault(state, BodyFault::kBroken);
      plan.agent_fault = true;
      state.loop.metrics.CountBad(telemetry::BadRequest::kMalformed);
      co_return false;
    case RequestBody::Take::kTimeout:
      plan.answer = MakeBodyFault(state, BodyFault::kSlow);
      plan.agent_fault = true;
      state.loop.metrics.CountBad(telemetry::BadRequest::kTimeout);
      co_return false;
    case RequestBody::Take::kGone:
      break;
  }
  plan.agent_gone = true;
  co_return false;
}

net::Task<bool> KeepBody(ExchangeState& state, Plan& plan) {
  const auto most = std::min(
      KeptBytes(state), static_cast<std::size_t>(state.snapshot->policy.retries.max_request_bytes));
  if (Repeats(state) && !state.body.none() && state.body.length().value_or(UINT64_MAX) <= most) {
    (void)co_await TakeBody(state, plan);
  }
  co_return !plan.answer.has_value() && !plan.agent_gone;
}

bool PassUnread(ExchangeState& state, Plan& plan) {
  const UnreadBody why = state.body.lacked_room() ? UnreadBody::kMemory
                         : state.body.encoded()   ? UnreadBody::kEncoded
                                                  : UnreadBody::kTooLarge;
  state.loop.metrics.CountUnread(why);
  if (state.snapshot->policy.inspection.on_oversize != sidecar_config::OnOversize::kReject) {
    return true;
  }
  if (!state.enforce) {
    CountWouldReject(state);
    return true;
  }
  inspect::ErrorReply reply = state.Reply(ErrorClass::kInvalidRequest);
  reply.too_large = true;
  reply.message =
      why == UnreadBody::kEncoded
          ? "a body with a Content-Encoding cannot be read, and the policy rejects such requests"
      : why == UnreadBody::kMemory
          ? "too many large requests at once, and the policy rejects those that cannot be read"
          : "a body of more than 1 MiB is not read, and the policy rejects such requests";
  plan.answer = MakeAnswer(state.call, reply);
  plan.refused_class = ErrorClass::kInvalidRequest;
  return false;
}

}  // namespace reliability::sidecar::proxy
