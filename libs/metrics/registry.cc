#include "libs/metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <utility>

#include "libs/base/mutex.h"

namespace reliability::metrics {

detail::HistogramCell::HistogramCell(const std::vector<double>& buckets)
    : bounds(buckets), counts(buckets.size() + 1) {}

void detail::HistogramCell::Observe(double value) {
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
  counts[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum.fetch_add(value, std::memory_order_relaxed);
}

void Gauge::Set(double value) const {
  if (gauge_ != nullptr) {
    gauge_->Set(value);
  }
}
void Gauge::Add(double value) const {
  if (gauge_ != nullptr) {
    gauge_->Increment(value);
  }
}
double Gauge::Value() const { return gauge_ == nullptr ? 0.0 : gauge_->Value(); }

const std::vector<double>& LatencyBuckets() {
  static const std::vector<double> kBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                            0.5,   1.0,    2.5,   5.0,  10.0,  15.0, 30.0, 60.0};
  return kBuckets;
}

struct Registry::Impl {
  struct Use {
    int scopes = 0;
    bool permanent = false;         // asked for outside any scope: never removed
    std::function<void()> remove;   // from its family
    std::shared_ptr<void> cell;     // where it is counted; gauges have none
    std::function<void()> publish;  // passes on what was counted since the last time
  };

  prometheus::Registry registry;
  mutable Mutex mutex;
  // Held while series are resolved or removed, so that a scope cannot remove a series between
  // another one's look-up and its count.
  std::map<const void*, Use> uses GUARDED_BY(mutex);
  std::vector<std::function<void()>> collectors GUARDED_BY(mutex);

  // The series, and its use.
  template <class Family, class... Extra>
  auto Resolve(Family& family, bool scoped, const Labels& labels, const Extra&... extra)
      REQUIRES_LOCK(mutex) {
    auto* series = &family.Add(labels, extra...);
    Use& use = uses[series];
    if (scoped) {
      ++use.scopes;
    } else {
      use.permanent = true;
    }
    use.remove = [&family, series] { family.Remove(series); };
    return std::pair<decltype(series), Use&>(series, use);
  }

  void Release(const std::vector<const void*>& series) {
    const MutexLock lock(mutex);
    for (const void* one : series) {
      const auto it = uses.find(one);
      if (it == uses.end() || --it->second.scopes > 0 || it->second.permanent) {
        continue;
      }
      it->second.remove();
      uses.erase(it);
    }
  }

  void Publish() {
    const MutexLock lock(mutex);
    for (const auto& [series, use] : uses) {
      if (use.publish) {
        use.publish();
      }
    }
  }

  // A handle, and the series that it stands for.
  template <class Cell>
  struct Found {
    const void* series;
    Cell* cell;
  };
  Found<detail::CounterCell> FindCounter(bool scoped, const std::string& name,
                                         const std::string& help, const Labels& labels) {
    const MutexLock lock(mutex);
    auto [series, use] = Resolve(
        prometheus::BuildCounter().Name(name).Help(help).Register(registry), scoped, labels);
    if (use.cell == nullptr) {
      auto cell = std::make_shared<detail::CounterCell>(0.0);
      use.cell = cell;
      use.publish = [series = series, cell = cell.get()] {
        series->Increment(cell->load(std::memory_order_relaxed) - series->Value());
      };
    }
    return {series, static_cast<detail::CounterCell*>(use.cell.get())};
  }
  prometheus::Gauge* FindGauge(bool scoped, const std::string& name, const std::string& help,
                               const Labels& labels) {
    const MutexLock lock(mutex);
    return Resolve(prometheus::BuildGauge().Name(name).Help(help).Register(registry), scoped,
                   labels)
        .first;
  }
  Found<detail::HistogramCell> FindHistogram(bool scoped, const std::string& name,
                                             const std::string& help, const Labels& labels,
                                             const std::vector<double>& buckets) {
    const MutexLock lock(mutex);
    auto [series, use] =
        Resolve(prometheus::BuildHistogram().Name(name).Help(help).Register(registry), scoped,
                labels, buckets);
    if (use.cell == nullptr) {
      auto cell = std::make_shared<detail::HistogramCell>(buckets);
      use.cell = cell;
      use.publish = [series = series, cell = cell.get(),
                     told = std::vector<std::uint64_t>(cell->counts.size()),
                     told_sum = 0.0]() mutable {
        std::vector<double> fresh(told.size());
        for (std::size_t i = 0; i < told.size(); ++i) {
          const std::uint64_t count = cell->counts[i].load(std::memory_order_relaxed);
          fresh[i] = static_cast<double>(count - std::exchange(told[i], count));
        }
        const double sum = cell->sum.load(std::memory_order_relaxed);
        series->ObserveMultiple(fresh, sum - std::exchange(told_sum, sum));
      };
    }
    return {series, static_cast<detail::HistogramCell*>(use.cell.get())};
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::GetCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  return Counter(impl_->FindCounter(false, name, help, labels).cell);
}
Gauge Registry::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Gauge(impl_->FindGauge(false, name, help, labels));
}
Histogram Registry::GetHistogram(const std::string& name, const std::string& help,
                                 const Labels& labels, const std::vector<double>& buckets) {
  return Histogram(impl_->FindHistogram(false, name, help, labels, buckets).cell);
}

void Registry::OnCollect(std::function<void()> collector) {
  const MutexLock lock(impl_->mutex);
  impl_->collectors.push_back(std::move(collector));
}

std::string Registry::Text() const {
  std::vector<std::function<void()>> collectors;
  {
    const MutexLock lock(impl_->mutex);
    collectors = impl_->collectors;
  }
  for (const auto& collector : collectors) {
    collector();
  }
  impl_->Publish();
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

Scope::~Scope() { registry_->impl_->Release(series_); }

Counter Scope::GetCounter(const std::string& name, const std::string& help, const Labels& labels) {
  const auto found = registry_->impl_->FindCounter(true, name, help, labels);
  series_.push_back(found.series);
  return Counter(found.cell);
}
Gauge Scope::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto* series = registry_->impl_->FindGauge(true, name, help, labels);
  series_.push_back(series);
  return Gauge(series);
}
Histogram Scope::GetHistogram(const std::string& name, const std::string& help,
                              const Labels& labels, const std::vector<double>& buckets) {
  const auto found = registry_->impl_->FindHistogram(true, name, help, labels, buckets);
  series_.push_back(found.series);
  return Histogram(found.cell);
}

}  // namespace reliability::metrics
