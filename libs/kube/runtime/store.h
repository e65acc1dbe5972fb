#pragma once
// The cache of one resource: immutable typed objects by key "ns/name".
//
// Written by one Reflector, read by everybody. Thread-safe; readers get shared_ptr<const T> and
// may keep it. What T does not decode (managedFields above all) is never kept.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libs/base/mutex.h"

namespace reliability::kube {

// Transparent hashing: look-ups by string_view without a copy.
struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

template <class T>
struct Change {
  std::string key;
  std::shared_ptr<const T> before;  // null: new
  std::shared_ptr<const T> after;   // null: deleted
};

// New, gone, replaced, being deleted, or another spec: false for a change of status or labels
// alone, such as a controller's own status write.
template <class T>
[[nodiscard]] bool SpecChanged(const Change<T>& change) {
  return change.before == nullptr || change.after == nullptr ||
         change.before->metadata.uid != change.after->metadata.uid ||
         change.before->metadata.generation != change.after->metadata.generation ||
         change.before->metadata.deletion_timestamp != change.after->metadata.deletion_timestamp;
}

template <class T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  using Handler = std::function<void(const Change<T>& change)>;

  // Null if there is none.
  [[nodiscard]] Ptr Get(std::string_view key) const {
    const MutexLock lock(mutex_);
    const auto it = objects_.find(key);
    return it == objects_.end() ? nullptr : it->second;
  }
  // A snapshot, in no order.
  [[nodiscard]] std::vector<Ptr> List() const {
    const MutexLock lock(mutex_);
    std::vector<Ptr> out;
    out.reserve(objects_.size());
    for (const auto& [key, object] : objects_) {
      out.push_back(object);
    }
    return out;
  }
  [[nodiscard]] std::vector<std::pair<std::string, Ptr>> Entries() const {
    const MutexLock lock(mutex_);
    return {objects_.begin(), objects_.end()};
  }
  [[nodiscard]] std::size_t size() const {
    const MutexLock lock(mutex_);
    return objects_.size();
  }
  // True after the first complete list; never false again.
  [[nodiscard]] bool HasSynced() const { return synced_.load(); }

  // Register before the reflector starts. Handlers run on the writer's thread, after the store
  // shows the change and without its lock: enqueue a key and return.
  void OnChange(Handler handler) { handlers_.push_back(std::move(handler)); }

  // For the reflector, and for tests that fill a cache by hand.
  void Set(const std::string& key, Ptr object) {
    Change<T> change{key, nullptr, object};
    {
      const MutexLock lock(mutex_);
      Ptr& slot = objects_[key];
      change.before = std::exchange(slot, std::move(object));
    }
    Notify(change);
  }
  void Erase(std::string_view key) {
    Change<T> change{std::string(key), nullptr, nullptr};
    {
      const MutexLock lock(mutex_);
      const auto it = objects_.find(key);
      if (it == objects_.end()) {
        return;
      }
      change.before = std::move(it->second);
      objects_.erase(it);
    }
    Notify(change);
  }
  void MarkSynced() { synced_.store(true); }

 private:
  void Notify(const Change<T>& change) const {
    for (const Handler& handler : handlers_) {
      handler(change);
    }
  }

  mutable Mutex mutex_;
  std::unordered_map<std::string, Ptr, KeyHash, std::equal_to<>> objects_ GUARDED_BY(mutex_);
  std::atomic<bool> synced_{false};
  std::vector<Handler> handlers_;  // constant after the reflector starts
};

}  // namespace reliability::kube
