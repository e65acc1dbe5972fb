#pragma once
// Labels, annotations and ConfigMap data: a small map of strings, kept as a sorted vector because
// caches hold thousands of them and a node per entry would cost more than the text.
#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reliability::api {

// Not thread-safe for writers. Iterates in key order.
class StringMap {
 public:
  using Entry = std::pair<std::string, std::string>;
  StringMap() = default;
  StringMap(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) {
      Set(entry.first, entry.second);
    }
  }

  // nullptr if absent; valid until the next change.
  [[nodiscard]] const std::string* Find(std::string_view key) const {
    const auto it = LowerBound(key);
    return it != entries_.end() && it->first == key ? &it->second : nullptr;
  }
  [[nodiscard]] bool Has(std::string_view key) const { return Find(key) != nullptr; }
  // Empty if absent.
  [[nodiscard]] std::string_view Get(std::string_view key) const {
    const std::string* value = Find(key);
    return value == nullptr ? std::string_view() : std::string_view(*value);
  }
  void Set(std::string key, std::string value) {
    const auto it = LowerBound(key);
    if (it != entries_.end() && it->first == key) {
      entries_[static_cast<std::size_t>(it - entries_.begin())].second = std::move(value);
      return;
    }
    entries_.insert(it, Entry(std::move(key), std::move(value)));
  }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }
  friend bool operator==(const StringMap&, const StringMap&) = default;

 private:
  [[nodiscard]] std::vector<Entry>::const_iterator LowerBound(std::string_view key) const {
    return std::lower_bound(entries_.begin(), entries_.end(), key,
                            [](const Entry& entry, std::string_view k) { return entry.first < k; });
  }

  std::vector<Entry> entries_;
};

}  // namespace reliability::api
