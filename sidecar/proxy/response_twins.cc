// What Enforce would do with an answer, for Observe, which only passes it on. Part of
// ResponseRelay.
#include "sidecar/proxy/response_relay.h"
#include "sidecar/proxy/tiers.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using telemetry::Intervention;

constexpr std::size_t kMaxHeldToolAnswer = std::size_t{64} * 1024;

}  // namespace

bool ResponseRelay::ShortToolAnswer() const {
  const auto& length = head_.framing.content_length;
  return state_.call.kind == CallKind::kHttpTool && length.has_value() &&
         *length <= kMaxHeldToolAnswer;
}

bool ResponseRelay::EnforceWouldHold() const {
  if (watch_.event_stream()) {
    return !watch_.must_pass();
  }
  const bool empty = attempt_.body_kind() == net::BodyKind::kNone ||
                     head_.framing.content_length == std::uint64_t{0};
  return empty || (passed_ <= kMaxHeldAnswer &&
                   (watch_.readable() || head_.status >= 400 || ShortToolAnswer()));
}

bool ResponseRelay::CouldRestart() const {
  return broke_ && watch_.llm_stream() && state_.call.api.has_value() && watch_.first_token() &&
         !watch_.asks_for_tools() && RestartsElsewhere();
}

bool ResponseRelay::HasStreamError() const {
  const Call& call = state_.call;
  return call.kind == CallKind::kLlm ||
         (call.kind == CallKind::kMcpTool && !call.mcp.id_json.empty());
}

std::optional<Intervention> ResponseRelay::Twin(ErrorClass error_class) const {
  const Call& call = state_.call;
  const bool held =
      EnforceWouldHold() && (!watch_.event_stream() ||
                             (watch_.readable() && (state_.MayFollow() || HasTerminal(state_))));
  if (watch_.event_stream() && (!broke_ || (!held && !HasStreamError()))) {
    return std::nullopt;
  }
  if (watch_.event_stream() && !held) {
    return Intervention::kStreamError;
  }
  if (!held || (!watch_.event_stream() && !IsToReplace(error_class))) {
    return std::nullopt;
  }
  const bool tool = call.kind == CallKind::kMcpTool && !call.mcp.id_json.empty();
  return tool ? Intervention::kToolError : Intervention::kErrorAnswer;
}

void ResponseRelay::CountBrokenEvents() {
  const int more = watch_.malformed() - broken_events_;
  broken_events_ += more;
  if (state_.call.admission.would_act) {
    return;
  }
  // A stream that lacks an event goes on, unless its place is inside a tool call.
  state_.loop.metrics.CountIntervention(Intervention::kDroppedEvent, false, more);
  if (watch_.asks_for_tools()) {
    state_.CountIntervention(Intervention::kStreamError);
  }
}

void ResponseRelay::CountLateEnd() {
  state_.would_expire = false;
  if (!watch_.event_stream() || !watch_.must_pass() || !HasStreamError()) {
    return;  // nothing was shown: the class says it all
  }
  const bool text = watch_.llm_stream() && state_.call.api.has_value() && !watch_.asks_for_tools();
  const bool deadline = state_.expired == policy::TransportEvent::kDeadline;
  if (text && deadline && EndsWithNotice()) {
    state_.loop.metrics.CountIntervention(Intervention::kNotice, false);
  } else if (!text || deadline || !RestartsElsewhere()) {
    state_.loop.metrics.CountIntervention(Intervention::kStreamError, false);
  }
}

}  // namespace reliability::sidecar::proxy
