#include "libs/metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "libs/base/mutex.h"

namespace reliability::metrics {

void Counter::Add(double value) const {
  if (counter_ != nullptr) {
    counter_->Increment(value);
  }
}
double Counter::Value() const { return counter_ == nullptr ? 0.0 : counter_->Value(); }

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

void Histogram::Observe(double value) const {
  if (histogram_ != nullptr) {
    histogram_->Observe(value);
  }
}

const std::vector<double>& LatencyBuckets() {
  static const std::vector<double> kBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                            0.5,   1.0,    2.5,   5.0,  10.0,  15.0, 30.0, 60.0};
  return kBuckets;
}

struct Registry::Impl {
  struct Use {
    int scopes = 0;
    bool permanent = false;        // asked for outside any scope: never removed
    std::function<void()> remove;  // from its family
  };

  prometheus::Registry registry;
  mutable Mutex mutex;
  // Held while series are resolved or removed, so that a scope cannot remove a series between
  // another one's look-up and its count.
  std::map<const void*, Use> uses GUARDED_BY(mutex);
  std::vector<std::function<void()>> collectors GUARDED_BY(mutex);

  template <class Family, class... Extra>
  auto* Resolve(Family& family, bool scoped, const Labels& labels, const Extra&... extra) {
    const MutexLock lock(mutex);
    auto* series = &family.Add(labels, extra...);
    Use& use = uses[series];
    if (scoped) {
      ++use.scopes;
    } else {
      use.permanent = true;
    }
    use.remove = [&family, series] { family.Remove(series); };
    return series;
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

  prometheus::Counter* FindCounter(bool scoped, const std::string& name, const std::string& help,
                                   const Labels& labels) {
    return Resolve(prometheus::BuildCounter().Name(name).Help(help).Register(registry), scoped,
                   labels);
  }
  prometheus::Gauge* FindGauge(bool scoped, const std::string& name, const std::string& help,
                               const Labels& labels) {
    return Resolve(prometheus::BuildGauge().Name(name).Help(help).Register(registry), scoped,
                   labels);
  }
  prometheus::Histogram* FindHistogram(bool scoped, const std::string& name,
                                       const std::string& help, const Labels& labels,
                                       const std::vector<double>& buckets) {
    return Resolve(prometheus::BuildHistogram().Name(name).Help(help).Register(registry), scoped,
                   labels, buckets);
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::GetCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  return Counter(impl_->FindCounter(false, name, help, labels));
}
Gauge Registry::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Gauge(impl_->FindGauge(false, name, help, labels));
}
Histogram Registry::GetHistogram(const std::string& name, const std::string& help,
                                 const Labels& labels, const std::vector<double>& buckets) {
  return Histogram(impl_->FindHistogram(false, name, help, labels, buckets));
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
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

Scope::~Scope() { registry_->impl_->Release(series_); }

Counter Scope::GetCounter(const std::string& name, const std::string& help, const Labels& labels) {
  auto* series = registry_->impl_->FindCounter(true, name, help, labels);
  series_.push_back(series);
  return Counter(series);
}
Gauge Scope::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto* series = registry_->impl_->FindGauge(true, name, help, labels);
  series_.push_back(series);
  return Gauge(series);
}
Histogram Scope::GetHistogram(const std::string& name, const std::string& help,
                              const Labels& labels, const std::vector<double>& buckets) {
  auto* series = registry_->impl_->FindHistogram(true, name, help, labels, buckets);
  series_.push_back(series);
  return Histogram(series);
}

}  // namespace reliability::metrics
