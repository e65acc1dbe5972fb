// Circuit breakers of attempts and of the whole agent: what is booked and told. Part of Decisions.
#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "sidecar/proxy/decisions.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;

const policy::CallTarget kWholeAgent{policy::TargetKind::kAgent, {}, {}};

std::string CauseText(const policy::BreakerEvent& event) {
  if (event.kind != policy::BreakerEventKind::kOpened &&
      event.kind != policy::BreakerEventKind::kReopened) {
    return std::string(policy::BreakerCauseName(event.cause));  // the numbers were told then
  }
  const std::string last(policy::ErrorClassName(event.last_class));
  switch (event.cause) {
    case policy::BreakerCause::kConsecutiveFailures:
      return std::to_string(event.failures) + " consecutive " + last;
    case policy::BreakerCause::kFailureRate:
      return std::to_string(event.failures) + " of " + std::to_string(event.calls) +
             " calls failed, last " + last;
    case policy::BreakerCause::kProbeFailed:
      return event.last_class == ErrorClass::kNone ? "probe too slow" : "probe failed: " + last;
    case policy::BreakerCause::kSlowCalls:
      return std::to_string(event.failures) + " of " + std::to_string(event.calls) +
             " calls were slow";
    case policy::BreakerCause::kMeanLatency:
      return std::to_string(event.calls) + " turns took " + std::to_string(event.mean.count()) +
             " ms on average";
    case policy::BreakerCause::kToolsOpen:
      return std::to_string(event.failures) + " of " + std::to_string(event.calls) +
             " tools are open";
    case policy::BreakerCause::kForcedOpen:
    case policy::BreakerCause::kQuota:
    case policy::BreakerCause::kRateLimit:
    case policy::BreakerCause::kNone:
      break;
  }
  return std::string(policy::BreakerCauseName(event.cause));
}

}  // namespace

std::optional<Milliseconds> WaitOf(const policy::GuardAdmission& guard) {
  return guard.cause == policy::BreakerCause::kForcedOpen ? std::nullopt
                                                          : std::optional(guard.retry_after);
}

void Decisions::SettleBreaker(const Admission& admission, policy::AttemptOutcome outcome,
                              const Now& now) {
  if (!admission.guarded) {
    return;
  }
  // A stream is as slow as its first content: how long it goes on is the answer's length.
  outcome.took = admission.first_token.value_or(now.mono) - admission.passed_at;
  outcome.limit = admission.component;
  if (admission.first_token.has_value() && admission.first_token_limit.count() > 0) {
    outcome.limit = std::min(outcome.limit, admission.first_token_limit);
  }
  Announce(breakers_.Settle(admission.ticket, outcome, now.mono, rng_->Uniform()),
           admission.turn_id);
}

void Decisions::PassAgent(Admission& admission, bool enforce, const Now& now,
                          policy::GuardTicket& ticket) {
  policy::GuardAdmission guard = breakers_.Admit(kWholeAgent, now.mono);
  Announce(guard.events, {});
  if (guard.would_refuse != ErrorClass::kNone) {
    metrics_.CountWould(guard.would_refuse);
  }
  if (guard.admitted) {
    ticket = std::move(guard.ticket);
    return;
  }
  if (!enforce) {
    CountWould(admission, guard.refusal);
    return;
  }
  admission.refusal = Refusal{.error_class = guard.refusal,
                              .resource = "agent",
                              .retry_after = WaitOf(guard),
                              .remaining = {}};
  // The user got no answer: a bad turn for the SLOs, though it never began. An SDK that asks again
  // asks for the same one.
  if (admission.client_retries == 0) {
    policy::TurnRecord refused;
    refused.end = policy::TurnEnd::kRefused;
    refused.result = policy::TurnResult::kFailure;
    refused.error_class = guard.refusal;
    CountTurn(refused);
  }
}

void Decisions::SettleAgent(const policy::TurnRecord& turn, const Now& now) {
  const auto found = agent_tickets_.find(turn.handle);
  if (found == agent_tickets_.end()) {
    return;
  }
  policy::AttemptOutcome outcome;
  outcome.error_class = turn.error_class;
  outcome.took = turn.duration;
  outcome.effect = turn.result == policy::TurnResult::kSuccess   ? policy::BreakerEffect::kSuccess
                   : turn.result == policy::TurnResult::kFailure ? policy::BreakerEffect::kFailure
                                                                 : policy::BreakerEffect::kNeutral;
  Announce(breakers_.Settle(found->second, outcome, now.mono, rng_->Uniform()), turn.id);
  agent_tickets_.erase(found);
}

void Decisions::Announce(const std::vector<policy::KeyedBreakerEvent>& events,
                         const std::string& turn_id) {
  for (const policy::KeyedBreakerEvent& keyed : events) {
    metrics_.CountTransition(keyed.event.kind);
    log::Info(policy::BreakerEventName(keyed.event.kind),
              {{"resource", keyed.key},
               {"cause", CauseText(keyed.event)},
               {"open_for_ms", keyed.event.open_for.count()},
               {"breaker", keyed.rule},
               {"turn", turn_id}});
  }
}

}  // namespace reliability::sidecar::proxy
