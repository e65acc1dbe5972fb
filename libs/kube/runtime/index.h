#pragma once
// A second way into a Store: from a name that objects carry (the workload they target, their owner)
// to their keys. Thread-safe.
//
//   Index<AgentSlo> by_target(slos, [](const AgentSlo& slo) { return Keys{TargetKey(slo)}; });
//   by_target.Find("support/Deployment/refunds-agent");
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/kube/runtime/store.h"

namespace reliability::kube {

template <class T>
class Index {
 public:
  using Names = std::function<std::vector<std::string>(const T& object)>;

  // Make it before the store's reflector starts; the store keeps a reference to it.
  Index(Store<T>& store, Names names) : store_(store), names_(std::move(names)) {
    store.OnChange([this](const Change<T>& change) { Update(change); });
  }
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  // The objects that carry `name`, by key.
  [[nodiscard]] std::vector<typename Store<T>::Ptr> Find(std::string_view name) const {
    std::vector<typename Store<T>::Ptr> out;
    for (const std::string& key : Keys(name)) {
      if (auto object = store_.Get(key); object != nullptr) {
        out.push_back(std::move(object));
      }
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> Keys(std::string_view name) const {
    const MutexLock lock(mutex_);
    const auto it = keys_.find(name);
    return it == keys_.end() ? std::vector<std::string>()
                             : std::vector<std::string>(it->second.begin(), it->second.end());
  }
  [[nodiscard]] bool Has(std::string_view name) const {
    const MutexLock lock(mutex_);
    return keys_.find(name) != keys_.end();
  }

 private:
  void Update(const Change<T>& change) {
    const MutexLock lock(mutex_);
    if (change.before != nullptr) {
      for (const std::string& name : names_(*change.before)) {
        const auto it = keys_.find(name);
        if (it != keys_.end() && it->second.erase(change.key) > 0 && it->second.empty()) {
          keys_.erase(it);
        }
      }
    }
    if (change.after != nullptr) {
      for (const std::string& name : names_(*change.after)) {
        keys_[name].insert(change.key);
      }
    }
  }

  const Store<T>& store_;
  const Names names_;
  mutable Mutex mutex_;
  std::map<std::string, std::set<std::string>, std::less<>> keys_ GUARDED_BY(mutex_);
};

}  // namespace reliability::kube
