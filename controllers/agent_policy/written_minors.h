#pragma once
// Which schema minor the policy.json of each workload has, as far as the policy controller has seen
// or written it: sidecars that have not answered yet are taken to know no more. Thread-safe.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/mutex.h"

namespace reliability::controllers::agent_policy {

class WrittenMinors {
 public:
  void Set(const std::string& workload, int minor) {
    const MutexLock lock(mutex_);
    minors_[workload] = minor;
  }
  void Erase(const std::string& workload) {
    const MutexLock lock(mutex_);
    minors_.erase(workload);
  }
  [[nodiscard]] std::optional<int> Get(std::string_view workload) const {
    const MutexLock lock(mutex_);
    const auto it = minors_.find(workload);
    return it == minors_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, int, std::less<>> minors_ GUARDED_BY(mutex_);
};

}  // namespace reliability::controllers::agent_policy
