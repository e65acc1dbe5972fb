#pragma once
// The sidecar's Prometheus series. Every series is made when the process or a policy is loaded and
// starts at 0; labels come from the policy or from enums, never from requests. Counting is
// thread-safe and takes nanoseconds.
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/metrics/registry.h"
#include "libs/policy/circuit_breaker.h"
#include "libs/policy/cost_budget.h"
#include "libs/policy/error_class.h"
#include "libs/policy/mode_gate.h"
#include "libs/policy/retry.h"
#include "libs/policy/turn_record.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar::telemetry {

// calls_total{kind,name,result} and attempts_total{kind,name} of one loaded policy, by index of its
// upstream.
class CallMetrics {
 public:
  CallMetrics(metrics::Registry& registry, const sidecar_config::PolicyDocument& policy);
  void Count(std::size_t upstream, policy::ErrorClass error_class, Milliseconds duration) const;
  void CountAttempt(std::size_t upstream) const { upstreams_[upstream].attempts.Add(); }

 private:
  metrics::Scope scope_;
  struct Upstream {
    std::array<metrics::Counter, policy::kErrorClassCount> by_class;
    metrics::Counter attempts;
    metrics::Histogram duration;
  };
  std::vector<Upstream> upstreams_;
};

// Requests that end before they reach a route.
enum class BadRequest : std::uint8_t {
  kMalformed,
  kTimeout,
  kTooLarge,
  kVersion,
  kForbidden,
  kNotFound,
  kUnsupported,
};
inline constexpr int kBadRequestCount = 7;

// Why the body of a request that is looked into elsewhere was relayed unread.
enum class UnreadBody : std::uint8_t {
  kTooLarge,  // kept for a retry all the same, if the policy allows its size
  kEncoded,   // likewise
  kMemory,    // not even kept
};
inline constexpr int kUnreadBodyCount = 3;

// What Enforce makes of an answer that Observe passes on as it comes.
enum class Intervention : std::uint8_t {
  kTemplate,      // the chain's last resort answered
  kDroppedEvent,  // of an LLM stream: no JSON
  kStreamEnd,     // a whole stream got the end that it lacked
  kStreamError,   // a broken one ends with an error event
  kNotice,        // or, at its turn's deadline, in words
  kRestart,       // another tier went on with it
  kToolError,     // a failed call of an MCP tool became a result that says so
  kErrorAnswer,   // a broken answer became an error in the caller's format
};
inline constexpr int kInterventionCount = 8;

enum class ConfigDocument : std::uint8_t { kPolicy, kMode };

class Metrics {
 public:
  Metrics();

  void CountTurn(const policy::TurnRecord& turn);
  void CountWould(policy::ErrorClass refusal);
  // What was decided about a failure that may pass. In Observe a retry is one that Enforce would
  // have made.
  void CountRetry(policy::ErrorClass error_class, policy::RetryDecision decision, bool enforce);
  // How a call that was retried ended.
  void CountRetried(bool rescued) { retried_[rescued ? 1 : 0].Add(); }
  // A failure was answered elsewhere (in Observe: would have been).
  void CountFallback(policy::ErrorClass error_class, bool enforce);
  // An answer was mended or replaced (in Observe: would have been).
  void CountIntervention(Intervention what, bool enforce, int times = 1) {
    (enforce ? interventions_ : would_intervene_)[static_cast<std::size_t>(what)].Add(times);
  }
  // Counts calls of a chain that a tier answered, or its last resort ("terminal").
  [[nodiscard]] metrics::Counter ServedBy(const std::string& tier);
  // A turn that began in mode Degraded (in Observe: would have been shortened or moved).
  void CountDegraded(bool enforce) { degraded_[enforce ? 1 : 0].Add(); }
  // What LLM answers were billed, as far as it is known.
  void CountTokens(const policy::TokenCounts& tokens);
  void CountCost(const policy::CostBudgets::Billed& billed);
  // A tier of another format was passed over: the request has no counterpart there.
  void CountUntranslatable(const std::string& tier);
  void CountTransition(policy::BreakerEventKind kind);
  void CountBad(BadRequest reason);
  void CountUnread(UnreadBody why) { unread_[static_cast<std::size_t>(why)].Add(); }
  void CountConfig(bool loaded);
  // Fields of the document in force that only a newer sidecar knows.
  void SetIgnoredFields(ConfigDocument document, int count) {
    ignored_fields_[static_cast<std::size_t>(document)].Set(count);
  }
  // An event of an LLM stream that is no JSON was not passed on.
  void CountDroppedEvent() { dropped_events_.Add(); }
  void CountHeaderMismatch() { header_mismatch_.Add(); }
  void AddConnections(int delta) { connections_.Add(delta); }

  // Refreshed at each exposition.
  struct Gauges {
    policy::GateMode mode = policy::GateMode::kNormal;
    bool mode_stale = false;
    double throttle_probability = 0.0;
    std::size_t turns_running = 0;
    struct Breaker {
      std::string key;
      policy::BreakerState state = policy::BreakerState::kClosed;
      policy::BreakerOperation operation = policy::BreakerOperation::kAutomatic;
    };
    std::vector<Breaker> breakers;
    bool budgets = false;  // `day_limit` and `day` are shown
    policy::BudgetLimit day_limit{};
    policy::CostBudgets::DayView day{};
  };
  void OnCollect(std::function<Gauges()> read);

  [[nodiscard]] metrics::Registry& registry() { return registry_; }
  [[nodiscard]] std::string Text() const { return registry_.Text(); }

 private:
  void Publish(const Gauges& gauges);
  void PublishBreaker(const Gauges::Breaker& breaker);
  void PublishBudgets(const Gauges& gauges);
  void MakeRetrySeries();
  void MakeInterventionSeries();
  void MakeCostSeries();

  metrics::Registry registry_;
  std::array<metrics::Counter, 3> turns_;  // by TurnResult
  metrics::Counter turn_deadline_;
  metrics::Histogram turn_duration_;
  std::array<metrics::Counter, policy::kErrorClassCount> would_;
  // Only classes that may pass have series.
  std::array<std::array<metrics::Counter, policy::kRetryDecisionCount>, policy::kErrorClassCount>
      retries_;
  std::array<metrics::Counter, policy::kErrorClassCount> would_retry_;
  std::array<metrics::Counter, 2> retried_;
  std::array<metrics::Counter, policy::kErrorClassCount> fallback_;
  std::array<metrics::Counter, policy::kErrorClassCount> would_fallback_;
  std::array<metrics::Counter, kInterventionCount> interventions_;
  std::array<metrics::Counter, kInterventionCount> would_intervene_;
  std::array<metrics::Counter, policy::kBreakerEventKindCount> transitions_;
  std::array<metrics::Counter, kBadRequestCount> bad_;
  std::array<metrics::Counter, kUnreadBodyCount> unread_;
  metrics::Counter tokens_input_;
  metrics::Counter tokens_output_;
  metrics::Counter cost_usd_;
  metrics::Counter cost_unknown_;
  metrics::Counter usage_estimated_;
  metrics::Counter config_loaded_;
  metrics::Counter config_rejected_;
  std::array<metrics::Gauge, 2> ignored_fields_;  // by ConfigDocument
  metrics::Counter header_mismatch_;
  metrics::Counter dropped_events_;
  metrics::Gauge connections_;
  std::array<metrics::Gauge, policy::kGateModeCount> mode_;
  std::array<metrics::Counter, 2> degraded_;  // in Observe, in Enforce
  metrics::Gauge mode_stale_;
  metrics::Gauge throttle_;
  metrics::Gauge turns_running_;
  metrics::Gauge log_dropped_;
  std::set<std::string> breakers_;  // with series; of the thread that collects
};

}  // namespace reliability::sidecar::telemetry
