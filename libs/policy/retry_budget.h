#pragma once
// How many retries one pod may spend on one target, so that a long outage is not multiplied: in
// any interval at most `percent` of the first attempts, or `min_retries` if that is more
// (data-plane ruling 22). What clients repeat themselves is no first attempt. Pure; one owner, no
// locks.
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "libs/base/clock.h"

namespace reliability::policy {

struct RetryBudgetSettings {
  int percent = 20;
  Milliseconds interval{10000};
  int min_retries = 3;
  friend bool operator==(const RetryBudgetSettings&, const RetryBudgetSettings&) = default;
};

// Counts in buckets of a tenth of the interval. First attempts are summed over ten buckets, retries
// over eleven: rounding never allows more than the rule does.
class RetryBudget {
 public:
  void CountFirst(const RetryBudgetSettings& settings, MonotonicTime now);
  // Takes one retry; false if none is left.
  [[nodiscard]] bool Take(const RetryBudgetSettings& settings, MonotonicTime now);
  [[nodiscard]] MonotonicTime last_used() const { return last_used_; }

 private:
  static constexpr std::int64_t kPerInterval = 10;
  struct Bucket {
    std::int64_t index = -1;
    int firsts = 0;
    int retries = 0;
  };
  Bucket& Current(const RetryBudgetSettings& settings, MonotonicTime now);

  std::array<Bucket, kPerInterval + 1> buckets_{};
  MonotonicTime last_used_{};
};

// One budget per target. Bounded: the least recently used one is forgotten, whose counts have
// mostly run out.
class RetryBudgets {
 public:
  static constexpr std::size_t kMaxTargets = 256;

  RetryBudgets() = default;
  RetryBudgets(const RetryBudgets&) = delete;
  RetryBudgets& operator=(const RetryBudgets&) = delete;

  // Other settings start all counts anew.
  void Configure(const RetryBudgetSettings& settings);
  void CountFirst(std::string_view target, MonotonicTime now);
  [[nodiscard]] bool Take(std::string_view target, MonotonicTime now);
  [[nodiscard]] std::size_t size() const { return budgets_.size(); }

 private:
  RetryBudget& Of(std::string_view target, MonotonicTime now);

  RetryBudgetSettings settings_;
  using Budgets = std::map<std::string, RetryBudget, std::less<>>;
  Budgets budgets_;
  Budgets::value_type* last_ = nullptr;  // asked for; mostly the next one, too
};

}  // namespace reliability::policy
