// Attempts of a call: breakers, limits, retries, holds. Part of Decisions.
#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "libs/policy/rate_hold.h"
#include "sidecar/proxy/decisions.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using policy::RetryDecision;

// "mcp:orders/search" -> "orders/search"
std::string ResourceOf(const std::string& key) {
  const std::size_t colon = key.find(':');
  return colon == std::string::npos ? key : key.substr(colon + 1);
}

}  // namespace

std::optional<Milliseconds> Decisions::TimeLeft(const Admission& admission, const Now& now) const {
  std::optional<Milliseconds> left;
  if (const auto budget = turns_.Budget(admission.turn, now.mono);
      budget.has_value() && !admission.long_running) {
    const bool keeps_reserve = admission.tool || admission.later_offer;
    left = budget->remaining - (keeps_reserve ? budget->reserve : policy::kLastLlmMargin);
  }
  if (admission.client_deadline.has_value()) {
    const Milliseconds client = *admission.client_deadline - now.mono;
    left = left.has_value() ? std::min(*left, client) : client;
  }
  return left;
}

void Decisions::ResolveLimit(Admission& admission, const Now& now) {
  if (admission.turn_over) {
    admission.limit = {.allowed = false, .source = policy::LimitSource::kTurn};
    return;
  }
  const auto budget = turns_.Budget(admission.turn, now.mono);
  std::optional<Milliseconds> client;
  if (admission.client_deadline.has_value()) {
    client = std::max(Milliseconds{1}, *admission.client_deadline - now.mono);
  }
  // Too little is left to save the reserve for another place: this one may spend it.
  if (admission.later_offer && budget.has_value() &&
      budget->remaining - budget->reserve < policy::kMinRetryAttempt) {
    admission.later_offer = false;
  }
  admission.limited = true;
  if (admission.long_running) {
    admission.limit = policy::ResolveLongRunningLimit(admission.component, budget);
  } else {
    admission.limit = admission.tool ? policy::ResolveToolLimit(admission.component, budget, client)
                                     : policy::ResolveLlmLimit(admission.component, budget,
                                                               admission.later_offer, client);
  }
  ShortenProbe(admission);
}

void Decisions::ShortenProbe(Admission& admission) {
  if (admission.probe && admission.limit.allowed) {
    admission.limit =
        policy::ShortenForProbe(admission.limit, admission.component, admission.later_offer);
  }
}

bool Decisions::MayHold(const config::Snapshot& snapshot, const Admission& admission,
                        const policy::GuardAdmission& guard, const Now& now) const {
  return policy::DecideHold(snapshot.retries, {.refusal = guard.refusal,
                                               .ends_in = guard.retry_after,
                                               .later_target = admission.later_offer,
                                               .stood_in = admission.stood_in,
                                               .retries_done = admission.retries,
                                               .waited = admission.held,
                                               .time_left = TimeLeft(admission, now),
                                               .attempt_limit = admission.component}) ==
         policy::HoldDecision::kWait;
}

void Decisions::PassBreaker(const config::Snapshot& snapshot, Admission& admission,
                            const Now& now) {
  admission.passed_at = now.mono;
  const std::string* target_key = nullptr;
  if (admission.breakers) {
    policy::GuardAdmission guard = breakers_.Admit(admission.target, now.mono);
    target_key = guard.target_key;
    Announce(guard.events, admission.turn_id);
    if (!guard.admitted && snapshot.enforce()) {
      if (MayHold(snapshot, admission, guard, now)) {
        // Those who wait for the same moment do not come back at the same moment.
        admission.hold = policy::Backoff(snapshot.retries, 0, guard.retry_after, rng_->Uniform());
        admission.held += *admission.hold;
        return;
      }
      const auto budget = turns_.Budget(admission.turn, now.mono);
      Refusal refusal{.error_class = guard.refusal,
                      .resource = ResourceOf(guard.refused_by),
                      .retry_after = WaitOf(guard),
                      .remaining = {}};
      if (budget.has_value()) {
        refusal.remaining = budget->remaining;
      }
      admission.refusal = std::move(refusal);
      return;
    }
    if (!guard.admitted) {
      CountWould(admission, guard.refusal);
    } else if (guard.would_refuse != ErrorClass::kNone) {
      metrics_.CountWould(guard.would_refuse);
    }
    admission.guarded = true;
    admission.first_token.reset();
    admission.first_token_limit = Milliseconds{0};
    admission.probe = guard.probe;
    ShortenProbe(admission);
    admission.ticket = std::move(guard.ticket);
  }
  // A fallback belongs to the same call: it is no retry, and earns none (data-plane.md 2.7).
  if (admission.retries == 0 && admission.client_retries == 0 && !admission.stood_in) {
    budgets_.CountFirst(target_key != nullptr ? *target_key : breakers_.TargetKey(admission.target),
                        now.mono);
  }
}

policy::RetryVerdict Decisions::AttemptFailed(const config::Snapshot& snapshot,
                                              Admission& admission, policy::RetryFacts facts) {
  const Now now = Time();
  const bool enforce = snapshot.enforce();
  const MutexLock lock(mutex_);
  SettleBreaker(admission, {.error_class = facts.error_class, .retry_after = facts.retry_after},
                now);
  admission.guarded = false;  // settled: the end of the call does not book it again
  BookUsage(admission, now);
  admission.usage = {};
  NoteTier(admission, facts.error_class);
  if (!enforce && admission.would_act) {
    return {};
  }
  facts.retries_done = admission.retries;
  facts.client_retries = admission.client_retries;
  facts.probe = admission.probe;
  facts.time_left = TimeLeft(admission, now);
  facts.attempt_limit = admission.component;
  policy::RetryVerdict verdict = policy::DecideRetry(snapshot.retries, facts, rng_->Uniform());
  if (verdict.decision == RetryDecision::kRetry && admission.breakers &&
      breakers_.Refuses(admission.target, now.mono + verdict.wait)) {
    verdict.decision = RetryDecision::kBreaker;
  }
  const std::string target = breakers_.TargetKey(admission.target);
  if (verdict.decision == RetryDecision::kRetry && !budgets_.Take(target, now.mono)) {
    verdict.decision = RetryDecision::kBudget;
  }
  metrics_.CountRetry(facts.error_class, verdict.decision, enforce);
  if (!enforce) {
    admission.would_act = verdict.decision == RetryDecision::kRetry;
    return {};
  }
  if (verdict.decision == RetryDecision::kRetry || verdict.decision == RetryDecision::kBudget) {
    log::Info(verdict.decision == RetryDecision::kRetry ? "retry" : "retry_budget_exhausted",
              {{"resource", target},
               {"class", policy::ErrorClassName(facts.error_class)},
               {"attempt", admission.retries + 1},
               {"wait_ms", verdict.wait.count()},
               {"turn", admission.turn_id}});
  }
  return verdict;
}

bool Decisions::Retry(const config::Snapshot& snapshot, Admission& admission) {
  const Now now = Time();
  const MutexLock lock(mutex_);
  const auto left = TimeLeft(admission, now);
  ResolveLimit(admission, now);
  if (!admission.limit.allowed || (left.has_value() && left->count() <= 0)) {
    return false;
  }
  ++admission.retries;
  PassBreaker(snapshot, admission, now);
  if (admission.refusal.has_value()) {
    admission.refusal.reset();
    --admission.retries;
    return false;
  }
  return true;
}

void Decisions::Resume(const config::Snapshot& snapshot, Admission& admission) {
  const Now now = Time();
  const MutexLock lock(mutex_);
  admission.hold.reset();
  ResolveLimit(admission, now);
  PassLimit(admission, snapshot.enforce(), ResourceOf(breakers_.TargetKey(admission.target)), now);
  if (!admission.refusal.has_value()) {
    PassBreaker(snapshot, admission, now);
  }
}

void Decisions::CountCall(const Admission& admission, const CallEnd& end) {
  ledger_.CountCall(admission.called->traffic,
                    static_cast<std::uint64_t>(end.attempted ? admission.attempts : 0));
  if (admission.retries + admission.earlier_retries > 0) {
    metrics_.CountRetried(end.outcome.error_class == ErrorClass::kNone);
  }
}

}  // namespace reliability::sidecar::proxy
