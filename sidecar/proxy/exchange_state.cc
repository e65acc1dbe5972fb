#include "sidecar/proxy/exchange_state.h"

#include <algorithm>
#include <utility>

#include "libs/base/strings.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr std::size_t kMaxRequestId = 128;

}  // namespace

void ExchangeState::Arm() {
  const MonotonicTime nearest = std::min({limits.Nearest().at, agent_limit, wake_at});
  if (nearest == MonotonicTime::max()) {
    client.deadline.Clear();
  } else {
    client.deadline.Set(nearest);
  }
}

void ExchangeState::WatchAgent() {
  client.watching = true;
  if (!client.stream.read_pending()) {
    client.stream.WantRead();
  }
}

net::Task<bool> ExchangeState::Sleep(Milliseconds wait) {
  const MonotonicTime until = loop.deadlines.Now() + wait;
  if (body.done()) {
    WatchAgent();
  }
  while (loop.deadlines.Now() < until) {
    client.deadline.Set(until);
    co_await client.signal.Wait();
    if (loop.aborting || client.Gone()) {
      co_return false;
    }
  }
  co_return true;
}

std::string ExchangeState::RequestId() const {
  const std::string_view given = request.Get(net::FieldId::kRequestId);
  if (!given.empty() && given.size() <= kMaxRequestId) {
    return std::string(given);
  }
  return "req_" + Hex16(loop.rng->Next());
}

inspect::ErrorReply ExchangeState::Reply(policy::ErrorClass error_class) const {
  inspect::ErrorReply reply;
  reply.request_id = RequestId();
  reply.error_class = error_class;
  reply.resource = ResourceName(call);
  if (const auto& deadline = call.admission.turn_deadline) {
    reply.remaining = std::max(Milliseconds{0}, *deadline - loop.deadlines.Now());
  }
  return reply;
}

void ExchangeState::CountIntervention(telemetry::Intervention what) {
  if (enforce || !std::exchange(call.admission.would_act, true)) {
    loop.metrics.CountIntervention(what, enforce);
  }
}

bool ExchangeState::BodyRepeatable() const {
  if (body.none()) {
    return true;
  }
  return body.done() && body.intact() &&
         static_cast<std::int64_t>(body.whole().size()) <=
             snapshot->policy.retries.max_request_bytes;
}

bool ExchangeState::MayFollow() const {
  const Admission& admission = call.admission;
  const int left = snapshot->retries.max_retries - admission.client_retries - admission.retries;
  const bool may_move = left > 0 && !admission.probe;
  return (may_move || admission.later_offer) && call.repeatable && !call.unlimited &&
         BodyRepeatable();
}

Interrupt ExchangeState::Check() {
  if (loop.aborting || client.Gone()) {
    return Interrupt::kClientGone;
  }
  const MonotonicTime now = loop.deadlines.Now();
  if (agent_limit <= now) {
    return Interrupt::kClientSlow;
  }
  while (true) {
    const Limits::Kind kind = limits.NearestKind();
    const Limit limit = limits.Nearest();
    if (limit.at > now) {
      return Interrupt::kNone;
    }
    if (enforce) {
      expired = now - limit.at > kOwnStall ? policy::TransportEvent::kLocalFailure : limit.event;
      return Interrupt::kLimit;
    }
    if (!std::exchange(call.admission.would_act, true)) {
      loop.metrics.CountWould(policy::ClassifyTransport(limit.event));
      expired = limit.event;
      would_expire = true;
    }
    limits.Clear(kind);
  }
}

}  // namespace reliability::sidecar::proxy
