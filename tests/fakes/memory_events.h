#pragma once
// An event recorder that keeps what it is told, in order. Any thread.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/kube/runtime/event_recorder.h"

namespace reliability::fakes {

class MemoryEvents final : public kube::EventSink {
 public:
  using EventSink::Record;
  void Record(kube::Event event) override {
    const MutexLock lock(mutex_);
    events_.push_back(std::move(event));
  }
  [[nodiscard]] std::vector<kube::Event> all() const {
    const MutexLock lock(mutex_);
    return events_;
  }
  // Reasons of the events about this kind (empty: any).
  [[nodiscard]] std::vector<std::string> Reasons(std::string_view kind = {}) const {
    std::vector<std::string> out;
    for (const kube::Event& event : all()) {
      if (kind.empty() || event.regarding.kind == kind) {
        out.push_back(event.reason);
      }
    }
    return out;
  }
  [[nodiscard]] int Count(std::string_view reason, std::string_view kind) const {
    const std::vector<std::string> reasons = Reasons(kind);
    return static_cast<int>(std::count(reasons.begin(), reasons.end(), reason));
  }

 private:
  mutable Mutex mutex_;
  std::vector<kube::Event> events_ GUARDED_BY(mutex_);
};

}  // namespace reliability::fakes
