// Random traces against a plain model of data-plane.md 2.4: lists of events instead of buckets, and
// rules written down as they read.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "libs/policy/circuit_breaker.h"

namespace reliability::policy {
namespace {

class Model {
 public:
  explicit Model(const BreakerParameters& p) : p_(p) {}

  struct Call {
    bool admitted = false;
    int era = 0;
    int probe = -1;
    ErrorClass refusal = ErrorClass::kNone;
  };

  Call Admit(std::int64_t now) {
    if (open_ && now < open_until_) {
      return {false, 0, -1, ErrorClass::kCircuitOpen};
    }
    if (now < held_until_) {
      return {false, 0, -1, ErrorClass::kRateLimited};
    }
    if (open_) {
      open_ = false;
      half_open_ = true;
      ++era_;
      successes_ = 0;
      leases_.clear();
    }
    if (!half_open_) {
      return {true, era_, -1, ErrorClass::kNone};
    }
    std::erase_if(leases_, [&](const auto& lease) { return lease.second <= now; });
    if (std::ssize(leases_) >= p_.max_probes) {
      return {false, 0, -1, ErrorClass::kCircuitOpen};
    }
    leases_[next_probe_] = now + p_.probe_lease.count();
    return {true, era_, next_probe_++, ErrorClass::kNone};
  }

  void Settle(const Call& call, const AttemptOutcome& seen, std::int64_t now, double jitter) {
    const ErrorClass outcome = seen.error_class;
    const std::int64_t retry_after = seen.retry_after->count();
    const std::int64_t took = seen.took.count();
    const double slow_from = p_.slow_after.count() > 0
                                 ? static_cast<double>(p_.slow_after.count())
                                 : std::floor(0.8 * static_cast<double>(seen.limit.count()));
    const bool slow =
        p_.slow_percent > 0 && slow_from > 0 && static_cast<double>(took) >= slow_from;
    const bool too_long = p_.mean_latency.count() > 0 && took >= p_.mean_latency.count();
    if (!call.admitted || call.era != era_) {
      return;
    }
    if (call.probe >= 0) {
      std::erase_if(leases_, [&](const auto& lease) { return lease.second <= now; });
      if (leases_.erase(call.probe) == 0) {
        return;
      }
    }
    const BreakerEffect effect = TraitsOf(outcome).breaker;
    if (effect == BreakerEffect::kHold) {
      held_until_ = std::max(held_until_, retry_after == 0 ? 0 : now + retry_after);
    } else if (effect == BreakerEffect::kQuotaOpen) {
      Open(p_.quota_hold.count(), retry_after, now);
    } else if (half_open_ && (effect == BreakerEffect::kFailure ||
                              (effect == BreakerEffect::kSuccess && (slow || too_long)))) {
      OpenNormally(retry_after, now, jitter);
    } else if (effect == BreakerEffect::kSuccess && half_open_) {
      if (++successes_ >= p_.successes) {
        half_open_ = false;
        ++era_;
        in_a_row_ = 0;
        openings_ = 0;
        history_.clear();
      }
    } else if (effect == BreakerEffect::kFailure || effect == BreakerEffect::kSuccess) {
      const bool failed = effect == BreakerEffect::kFailure;
      in_a_row_ = failed ? in_a_row_ + 1 : 0;
      history_.push_back({now, failed, slow, took});
      if (Trips(now)) {
        OpenNormally(retry_after, now, jitter);
      }
    }
  }

  std::size_t leases(std::int64_t now) {
    std::erase_if(leases_, [&](const auto& lease) { return lease.second <= now; });
    return half_open_ ? leases_.size() : 0;
  }
  BreakerState state() const {
    return open_ ? BreakerState::kOpen
                 : (half_open_ ? BreakerState::kHalfOpen : BreakerState::kClosed);
  }

 private:
  bool Trips(std::int64_t now) const {
    if (p_.consecutive_failures > 0 && in_a_row_ >= p_.consecutive_failures) {
      return true;
    }
    // The window is the current tenth and the nine before it.
    const std::int64_t width = p_.window.count() / 10;
    int calls = 0;
    int failures = 0;
    int slow_calls = 0;
    double took_in_all = 0;
    for (const auto& [at, failed, slow, took] : history_) {
      if (at / width > now / width - 10) {
        ++calls;
        failures += failed ? 1 : 0;
        slow_calls += slow ? 1 : 0;
        took_in_all += static_cast<double>(took);
      }
    }
    if (calls < p_.min_calls) {
      return false;
    }
    const auto share = [&](int count, int percent) {
      return percent > 0 && count > 0 && 100.0 * count / calls >= percent - 1e-9;
    };
    return share(failures, p_.failure_percent) || share(slow_calls, p_.slow_percent) ||
           (p_.mean_latency.count() > 0 &&
            took_in_all / calls >= static_cast<double>(p_.mean_latency.count()) - 1e-9);
  }
  void OpenNormally(std::int64_t retry_after, std::int64_t now, double jitter) {
    const double doubled =
        static_cast<double>(p_.open_for.count()) * std::pow(2.0, std::min(openings_, 40));
    const double cap = static_cast<double>(p_.max_open_for.count());
    const double wait = std::min(std::min(doubled, cap) * (0.8 + 0.4 * jitter), cap);
    ++openings_;
    Open(std::llround(wait), retry_after, now);
  }
  void Open(std::int64_t wait, std::int64_t retry_after, std::int64_t now) {
    open_ = true;
    half_open_ = false;
    ++era_;
    open_until_ = now + std::max(wait, retry_after);
    leases_.clear();
  }

  BreakerParameters p_;
  bool open_ = false;
  bool half_open_ = false;
  int era_ = 0;
  int in_a_row_ = 0;
  int openings_ = 0;
  int successes_ = 0;
  int next_probe_ = 0;
  std::int64_t open_until_ = 0;
  std::int64_t held_until_ = 0;
  std::map<int, std::int64_t> leases_;
  struct Seen {
    std::int64_t at;
    bool failed;
    bool slow;
    std::int64_t took;
  };
  std::vector<Seen> history_;
};

BreakerParameters RandomParameters(std::mt19937_64& rng) {
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(rng);
  };
  BreakerParameters p;
  p.consecutive_failures = pick(0, 6);
  p.failure_percent = pick(0, 4) * 25;
  p.min_calls = pick(1, 12);
  p.window = Milliseconds{pick(1, 60) * 1000};
  p.open_for = Milliseconds{pick(1, 60) * 500};
  p.max_open_for = p.open_for * pick(1, 6);
  p.max_probes = pick(1, 4);
  p.successes = pick(1, 4);
  p.probe_lease = Milliseconds{pick(1, 20) * 300};
  p.quota_hold = Milliseconds{pick(1, 30) * 1000};
  p.slow_percent = pick(0, 1) * pick(1, 4) * 25;
  p.slow_after = Milliseconds{pick(0, 1) * pick(1, 1000)};
  p.mean_latency = Milliseconds{pick(0, 3) == 0 ? pick(300, 900) : 0};
  return p;
}

TEST(CircuitBreakerProperty, AgreesWithThePlainModelOnRandomTraces) {
  constexpr std::uint64_t kSeed = 20261125;
  std::cout << "seed " << kSeed << ", 1000 traces\n";
  constexpr std::array kOutcomes = {
      ErrorClass::kNone,          ErrorClass::kNone,        ErrorClass::kServerError,
      ErrorClass::kTimeoutTotal,  ErrorClass::kServerError, ErrorClass::kInvalidRequest,
      ErrorClass::kRateLimited,   ErrorClass::kConnect,     ErrorClass::kClientCancelled,
      ErrorClass::kQuotaExhausted};
  for (int trace = 0; trace < 1000; ++trace) {
    SCOPED_TRACE(testing::Message() << "trace " << trace);
    std::mt19937_64 rng(kSeed + static_cast<std::uint64_t>(trace));
    const BreakerParameters parameters = RandomParameters(rng);
    CircuitBreaker breaker(parameters);
    Model model(parameters);
    struct InFlight {
      BreakerTicket ticket;
      Model::Call call;
    };
    std::vector<InFlight> in_flight;
    std::int64_t now = 1'000'000;
    for (int step = 0; step < 300; ++step) {
      now += static_cast<std::int64_t>(rng() % (rng() % 8 == 0 ? 20'000 : 300));
      const MonotonicTime at{Milliseconds{now}};
      if (in_flight.empty() || rng() % 2 == 0) {
        const BreakerAdmission admission = breaker.Admit(at);
        const Model::Call call = model.Admit(now);
        ASSERT_EQ(admission.admitted, call.admitted) << "step " << step;
        ASSERT_EQ(admission.refusal, call.refusal) << "step " << step;
        in_flight.push_back({admission.ticket, call});
      } else {
        const std::size_t index = rng() % in_flight.size();
        const InFlight done = in_flight[index];
        // Now and then an outcome is told twice.
        if (rng() % 10 != 0) {
          in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(index));
        }
        const ErrorClass outcome = kOutcomes[rng() % (rng() % 4 == 0 ? kOutcomes.size() : 6)];
        const std::int64_t retry_after =
            rng() % 3 == 0 ? static_cast<std::int64_t>(rng() % 9000) : 0;
        const double jitter = std::uniform_real_distribution<double>(0.0, 1.0)(rng);
        // Only probes settle once; a counted call of the closed state is the caller's duty.
        if (done.ticket.probe == 0 && index < in_flight.size()) {
          in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(index));
        }
        const AttemptOutcome seen{.error_class = outcome,
                                  .retry_after = Milliseconds{retry_after},
                                  .took = Milliseconds{rng() % 1000},
                                  .limit = Milliseconds{rng() % 3 * 600}};
        breaker.Settle(done.ticket, seen, at, jitter);
        model.Settle(done.call, seen, now, jitter);
      }
      ASSERT_EQ(breaker.state(), model.state()) << "step " << step;
      ASSERT_LE(breaker.ProbesInFlight(at), parameters.max_probes) << "step " << step;
      ASSERT_EQ(static_cast<std::size_t>(breaker.ProbesInFlight(at)), model.leases(now));
    }
  }
}

TEST(CircuitBreakerProperty, NeverMoreThanMaxProbesAtOnce) {
  for (int max_probes = 1; max_probes <= 5; ++max_probes) {
    std::mt19937_64 rng(static_cast<std::uint64_t>(max_probes));
    BreakerParameters parameters;
    parameters.max_probes = max_probes;
    parameters.successes = 1000;
    CircuitBreaker breaker(parameters);
    MonotonicTime now{Milliseconds{1}};
    for (int i = 0; i < 3; ++i) {
      breaker.Settle(breaker.Admit(now).ticket, {ErrorClass::kConnect, std::nullopt}, now, 0.5);
    }
    now += parameters.open_for;
    std::vector<BreakerTicket> running;
    for (int step = 0; step < 2000; ++step) {
      now += Milliseconds{rng() % 5};
      if (running.empty() || rng() % 3 != 0) {
        if (const BreakerAdmission admission = breaker.Admit(now); admission.admitted) {
          running.push_back(admission.ticket);
        }
      } else {
        breaker.Settle(running.back(), {ErrorClass::kNone, std::nullopt}, now, 0.5);
        running.pop_back();
      }
      ASSERT_LE(std::ssize(running), max_probes);
    }
  }
}

}  // namespace
}  // namespace reliability::policy
