#include "libs/policy/circuit_breaker.h"

#include <algorithm>
#include <cmath>

#include "libs/policy/timeouts.h"

namespace reliability::policy {
namespace {

Milliseconds Left(MonotonicTime until, MonotonicTime now) {
  return std::max(Milliseconds{0}, until - now);
}

Milliseconds NamedWait(const AttemptOutcome& outcome) {
  return std::clamp(outcome.retry_after.value_or(Milliseconds{0}), Milliseconds{0},
                    CircuitBreaker::kMaxNamedWait);
}

BreakerEffect EffectOf(const AttemptOutcome& outcome) {
  return outcome.effect.value_or(TraitsOf(outcome.error_class).breaker);
}

}  // namespace

CircuitBreaker::CircuitBreaker(const BreakerParameters& parameters, std::uint64_t first_generation)
    : parameters_(parameters), generation_(first_generation) {}

BreakerAdmission CircuitBreaker::Admit(MonotonicTime now) {
  switch (operation_) {
    case BreakerOperation::kForcedOpen:
      return Refuse(ErrorClass::kCircuitOpen, Milliseconds{0}, BreakerCause::kForcedOpen);
    case BreakerOperation::kDisabled:
      return {};
    case BreakerOperation::kMetricsOnly: {
      BreakerAdmission admission = Decide(now);
      admission.would_refuse = !admission.admitted;
      admission.admitted = true;
      return admission;
    }
    case BreakerOperation::kAutomatic:
      break;
  }
  return Decide(now);
}

BreakerAdmission CircuitBreaker::Decide(MonotonicTime now) {
  if (state_ == BreakerState::kOpen && now < open_until_) {
    return Refuse(ErrorClass::kCircuitOpen, Left(std::max(open_until_, hold_until_), now), cause_);
  }
  if (now < hold_until_) {
    return Refuse(ErrorClass::kRateLimited, Left(hold_until_, now), BreakerCause::kRateLimit);
  }
  BreakerAdmission admission;
  if (state_ == BreakerState::kOpen) {
    state_ = BreakerState::kHalfOpen;
    ++generation_;
    probe_successes_ = 0;
    probes_.clear();
    admission.event = BreakerEvent{BreakerEventKind::kHalfOpened, cause_};
  }
  if (state_ == BreakerState::kHalfOpen) {
    DropExpiredProbes(now);
    if (std::ssize(probes_) >= parameters_.max_probes) {
      return Refuse(ErrorClass::kCircuitOpen, Milliseconds{0}, cause_);
    }
    admission.ticket.probe = next_probe_++;
    probes_.push_back({admission.ticket.probe, now + parameters_.probe_lease});
  }
  admission.ticket.generation = generation_;
  admission.ticket.counted = true;
  return admission;
}

std::optional<BreakerEvent> CircuitBreaker::Settle(const BreakerTicket& ticket,
                                                   const AttemptOutcome& outcome, MonotonicTime now,
                                                   double jitter) {
  if (!ticket.counted || ticket.generation != generation_ ||
      operation_ == BreakerOperation::kDisabled) {
    return std::nullopt;  // refused, or of a state that is over
  }
  if (ticket.probe != 0) {
    return SettleProbe(ticket, outcome, now, jitter);
  }
  switch (EffectOf(outcome)) {
    case BreakerEffect::kSuccess:
      Record(false, outcome, now);
      break;
    case BreakerEffect::kFailure:
      Record(true, outcome, now);
      break;
    case BreakerEffect::kHold:
      return Hold(outcome, now);
    case BreakerEffect::kQuotaOpen:
      return Open(BreakerEventKind::kOpened, BreakerCause::kQuota, outcome, now, jitter);
    case BreakerEffect::kNeutral:
    case BreakerEffect::kNone:
      return std::nullopt;
  }
  const auto cause = Tripped(now);
  if (!cause) {
    return std::nullopt;
  }
  return Open(BreakerEventKind::kOpened, *cause, outcome, now, jitter);
}

std::optional<BreakerEvent> CircuitBreaker::SettleProbe(const BreakerTicket& ticket,
                                                        const AttemptOutcome& outcome,
                                                        MonotonicTime now, double jitter) {
  DropExpiredProbes(now);
  const auto probe = std::find_if(probes_.begin(), probes_.end(),
                                  [&](const Probe& p) { return p.id == ticket.probe; });
  if (probe == probes_.end()) {
    return std::nullopt;  // its lease ended, or it settled before
  }
  probes_.erase(probe);
  switch (EffectOf(outcome)) {
    case BreakerEffect::kSuccess:
      if (IsSlow(outcome) || TooLong(outcome)) {
        return Open(BreakerEventKind::kReopened, BreakerCause::kProbeFailed, outcome, now, jitter);
      }
      if (++probe_successes_ >= parameters_.successes) {
        return Close();
      }
      return std::nullopt;
    case BreakerEffect::kFailure:
      return Open(BreakerEventKind::kReopened, BreakerCause::kProbeFailed, outcome, now, jitter);
    case BreakerEffect::kHold:
      return Hold(outcome, now);
    case BreakerEffect::kQuotaOpen:
      return Open(BreakerEventKind::kReopened, BreakerCause::kQuota, outcome, now, jitter);
    case BreakerEffect::kNeutral:
    case BreakerEffect::kNone:
      break;
  }
  return std::nullopt;
}

BreakerAdmission CircuitBreaker::Refuse(ErrorClass refusal, Milliseconds retry_after,
                                        BreakerCause cause) {
  BreakerAdmission admission;
  admission.admitted = false;
  admission.refusal = refusal;
  admission.retry_after = retry_after;
  admission.cause = cause;
  return admission;
}

bool CircuitBreaker::IsSlow(const AttemptOutcome& outcome) const {
  if (parameters_.slow_percent == 0) {
    return false;
  }
  const Milliseconds threshold =
      parameters_.slow_after.count() > 0 ? parameters_.slow_after : SlowShareOf(outcome.limit);
  return threshold.count() > 0 && outcome.took >= threshold;
}

bool CircuitBreaker::TooLong(const AttemptOutcome& outcome) const {
  return parameters_.mean_latency.count() > 0 && outcome.took >= parameters_.mean_latency;
}

void CircuitBreaker::Record(bool failed, const AttemptOutcome& outcome, MonotonicTime now) {
  consecutive_ = failed ? consecutive_ + 1 : 0;
  const std::int64_t index = now.time_since_epoch() / BucketWidth();
  Bucket& bucket = buckets_[static_cast<std::size_t>(index % std::ssize(buckets_))];
  if (bucket.index != index) {
    bucket = Bucket{index, {}};
  }
  const bool slow = IsSlow(outcome);
  ++bucket.totals.calls;
  bucket.totals.failures += failed ? 1 : 0;
  bucket.totals.slow += slow ? 1 : 0;
  if (failed || slow) {
    last_bad_ = now;
  }
  bucket.totals.took_ms += outcome.took.count();
}

CircuitBreaker::Totals CircuitBreaker::WindowTotals(MonotonicTime now) const {
  const std::int64_t newest = now.time_since_epoch() / BucketWidth();
  Totals totals;
  for (const Bucket& bucket : buckets_) {
    if (bucket.index >= 0 && bucket.index > newest - std::ssize(buckets_)) {
      totals.calls += bucket.totals.calls;
      totals.failures += bucket.totals.failures;
      totals.slow += bucket.totals.slow;
      totals.took_ms += bucket.totals.took_ms;
    }
  }
  return totals;
}

bool CircuitBreaker::MayHoldBad(MonotonicTime now) const {
  return last_bad_.has_value() && now - *last_bad_ < BucketWidth() * std::ssize(buckets_);
}

std::optional<BreakerCause> CircuitBreaker::Tripped(MonotonicTime now) const {
  if (parameters_.consecutive_failures > 0 && consecutive_ >= parameters_.consecutive_failures) {
    return BreakerCause::kConsecutiveFailures;
  }
  if (parameters_.mean_latency.count() == 0 && !MayHoldBad(now)) {
    return std::nullopt;  // the other rules count what is bad
  }
  const Totals totals = WindowTotals(now);
  if (totals.calls < std::max(1, parameters_.min_calls)) {
    return std::nullopt;
  }
  const auto reached = [&](int count, int percent) {
    return percent > 0 && count > 0 && count * 100 >= percent * totals.calls;
  };
  if (reached(totals.failures, parameters_.failure_percent)) {
    return BreakerCause::kFailureRate;
  }
  if (reached(totals.slow, parameters_.slow_percent)) {
    return BreakerCause::kSlowCalls;
  }
  if (parameters_.mean_latency.count() > 0 &&
      totals.took_ms >= parameters_.mean_latency.count() * totals.calls) {
    return BreakerCause::kMeanLatency;
  }
  return std::nullopt;
}

BreakerEvent CircuitBreaker::Open(BreakerEventKind kind, BreakerCause cause,
                                  const AttemptOutcome& outcome, MonotonicTime now, double jitter) {
  BreakerEvent event{kind, cause, outcome.error_class};
  const Totals totals = WindowTotals(now);
  event.failures = cause == BreakerCause::kFailureRate ? totals.failures
                   : cause == BreakerCause::kSlowCalls ? totals.slow
                                                       : consecutive_;
  event.calls = totals.calls;
  event.mean = Milliseconds{totals.calls == 0 ? 0 : totals.took_ms / totals.calls};
  Milliseconds wait = parameters_.quota_hold;
  if (cause != BreakerCause::kQuota) {
    wait = parameters_.open_for;
    for (int i = 0; i < openings_ && wait < parameters_.max_open_for; ++i) {
      wait *= 2;
    }
    wait = std::min(wait, parameters_.max_open_for);
    const double spread = static_cast<double>(wait.count()) * (0.8 + 0.4 * jitter);
    wait = std::min(Milliseconds{std::llround(spread)}, parameters_.max_open_for);
    ++openings_;
  }
  wait = std::max(wait, NamedWait(outcome));
  event.open_for = wait;
  open_until_ = now + wait;
  state_ = BreakerState::kOpen;
  cause_ = cause;
  ++generation_;
  probes_.clear();
  return event;
}

std::optional<BreakerEvent> CircuitBreaker::Trip(BreakerCause cause, int failures, int calls,
                                                 MonotonicTime now, double jitter) {
  if (state_ != BreakerState::kClosed || operation_ == BreakerOperation::kDisabled) {
    return std::nullopt;
  }
  BreakerEvent event = Open(BreakerEventKind::kOpened, cause, AttemptOutcome{}, now, jitter);
  event.failures = failures;
  event.calls = calls;
  return event;
}

std::optional<BreakerEvent> CircuitBreaker::SetOperation(BreakerOperation operation) {
  if (operation == operation_) {
    return std::nullopt;
  }
  operation_ = operation;
  switch (operation) {
    case BreakerOperation::kMetricsOnly:
      return BreakerEvent{BreakerEventKind::kMetricsOnly};
    case BreakerOperation::kForcedOpen:
      return BreakerEvent{BreakerEventKind::kForcedOpen, BreakerCause::kForcedOpen};
    case BreakerOperation::kDisabled:
      return BreakerEvent{BreakerEventKind::kDisabled};
    case BreakerOperation::kAutomatic:
      break;
  }
  return BreakerEvent{BreakerEventKind::kAutomatic};
}

BreakerEvent CircuitBreaker::Close() {
  const BreakerEvent event{BreakerEventKind::kClosed, cause_};
  state_ = BreakerState::kClosed;
  cause_ = BreakerCause::kNone;
  ++generation_;
  consecutive_ = 0;
  openings_ = 0;
  probes_.clear();
  last_bad_.reset();
  buckets_.fill(Bucket{});  // failures from before the recovery must not trip again
  return event;
}

std::optional<BreakerEvent> CircuitBreaker::Hold(const AttemptOutcome& outcome, MonotonicTime now) {
  const Milliseconds wait = NamedWait(outcome);
  if (wait.count() == 0 || now + wait <= hold_until_ || operation_ == BreakerOperation::kDisabled) {
    return std::nullopt;  // no time is known (data-plane ruling 23), or held for longer already
  }
  hold_until_ = now + wait;
  BreakerEvent event{BreakerEventKind::kHeld, BreakerCause::kRateLimit, outcome.error_class};
  event.open_for = wait;
  return event;
}

void CircuitBreaker::DropExpiredProbes(MonotonicTime now) {
  std::erase_if(probes_, [now](const Probe& probe) { return probe.expires <= now; });
}

Milliseconds CircuitBreaker::RetryAfter(MonotonicTime now) const {
  const MonotonicTime open = state_ == BreakerState::kOpen ? open_until_ : now;
  return Left(std::max(open, hold_until_), now);
}

bool CircuitBreaker::Refuses(MonotonicTime at) const {
  switch (operation_) {
    case BreakerOperation::kForcedOpen:
      return true;
    case BreakerOperation::kMetricsOnly:
    case BreakerOperation::kDisabled:
      return false;
    case BreakerOperation::kAutomatic:
      break;
  }
  return RetryAfter(at).count() > 0;
}

bool CircuitBreaker::Restricts(MonotonicTime now) const {
  return state_ != BreakerState::kClosed || now < hold_until_;
}

int CircuitBreaker::ProbesInFlight(MonotonicTime now) const {
  return static_cast<int>(std::count_if(probes_.begin(), probes_.end(),
                                        [now](const Probe& p) { return p.expires > now; }));
}

}  // namespace reliability::policy
