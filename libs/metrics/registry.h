#pragma once
// Prometheus metrics: series are resolved once (that allocates and locks), then counted through
// handles that cost a few nanoseconds. No prometheus-cpp type appears here.
//
//   metrics::Registry registry;
//   const metrics::Counter opened =
//       registry.GetCounter("agent_reliability_breaker_opened_total", "Breakers that opened.",
//                           {{"scope", "Tool"}});
//   opened.Add();
//
// Names and label names must be valid Prometheus names and label values come from configuration,
// never from requests; a wrong name is a programming error and ends the process.
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Gauge;
}  // namespace prometheus

namespace reliability::metrics {

class Registry;
class Scope;

using Labels = std::map<std::string, std::string>;

namespace detail {

// What was counted: a few instructions and no lock. Text() passes it on.
using CounterCell = std::atomic<double>;

struct HistogramCell {
  explicit HistogramCell(const std::vector<double>& buckets);
  void Observe(double value);

  const std::vector<double> bounds;
  std::vector<std::atomic<std::uint64_t>> counts;  // one more than bounds
  std::atomic<double> sum{0.0};
};

}  // namespace detail

// Handles are values: copy them freely. A default-constructed one counts nothing. Thread-safe.
// They are valid as long as the Registry, or as the Scope that made them.
class Counter {
 public:
  Counter() = default;
  void Add(double value = 1.0) const {
    if (counter_ != nullptr) {
      counter_->fetch_add(value, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] double Value() const {
    return counter_ == nullptr ? 0.0 : counter_->load(std::memory_order_relaxed);
  }

 private:
  friend class Registry;
  friend class Scope;
  explicit Counter(detail::CounterCell* counter) : counter_(counter) {}
  detail::CounterCell* counter_ = nullptr;
};

class Gauge {
 public:
  Gauge() = default;
  void Set(double value) const;
  void Add(double value) const;
  [[nodiscard]] double Value() const;

 private:
  friend class Registry;
  friend class Scope;
  explicit Gauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  prometheus::Gauge* gauge_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  void Observe(double value) const {
    if (histogram_ != nullptr) {
      histogram_->Observe(value);
    }
  }

 private:
  friend class Registry;
  friend class Scope;
  explicit Histogram(detail::HistogramCell* histogram) : histogram_(histogram) {}
  detail::HistogramCell* histogram_ = nullptr;
};

// Seconds, from 1 ms to 60 s.
[[nodiscard]] const std::vector<double>& LatencyBuckets();

// Owns all series. Thread-safe. Asking twice for the same name and labels gives the same series;
// `help` of the first call stays.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  [[nodiscard]] Counter GetCounter(const std::string& name, const std::string& help,
                                   const Labels& labels = {});
  [[nodiscard]] Gauge GetGauge(const std::string& name, const std::string& help,
                               const Labels& labels = {});
  [[nodiscard]] Histogram GetHistogram(const std::string& name, const std::string& help,
                                       const Labels& labels = {},
                                       const std::vector<double>& buckets = LatencyBuckets());

  // Runs before every exposition, to fill gauges from other places. Must not call Text().
  void OnCollect(std::function<void()> collector);
  // Text exposition format 0.0.4; serve it with kTextContentType.
  [[nodiscard]] std::string Text() const;

 private:
  friend class Scope;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr const char* kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

// A set of series that disappears as a whole, e.g. those of one AgentSLO or one loaded policy.
// A series that two scopes asked for stays until both are gone. Handles die with their scope.
// Not thread-safe itself; the Registry must outlive it.
class Scope {
 public:
  explicit Scope(Registry& registry) : registry_(&registry) {}
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  [[nodiscard]] Counter GetCounter(const std::string& name, const std::string& help,
                                   const Labels& labels);
  [[nodiscard]] Gauge GetGauge(const std::string& name, const std::string& help,
                               const Labels& labels);
  [[nodiscard]] Histogram GetHistogram(const std::string& name, const std::string& help,
                                       const Labels& labels,
                                       const std::vector<double>& buckets = LatencyBuckets());

 private:
  Registry* registry_;
  std::vector<const void*> series_;
};

}  // namespace reliability::metrics
