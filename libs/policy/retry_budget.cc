#include "libs/policy/retry_budget.h"

#include <algorithm>

namespace reliability::policy {

RetryBudget::Bucket& RetryBudget::Current(const RetryBudgetSettings& settings, MonotonicTime now) {
  const Milliseconds width = std::max(Milliseconds{1}, settings.interval / kPerInterval);
  const std::int64_t index = now.time_since_epoch() / width;
  Bucket& bucket = buckets_[static_cast<std::size_t>(index % std::ssize(buckets_))];
  if (bucket.index != index) {
    bucket = Bucket{index, 0, 0};
  }
  last_used_ = now;
  return bucket;
}

void RetryBudget::CountFirst(const RetryBudgetSettings& settings, MonotonicTime now) {
  ++Current(settings, now).firsts;
}

bool RetryBudget::Take(const RetryBudgetSettings& settings, MonotonicTime now) {
  Bucket& current = Current(settings, now);
  std::int64_t firsts = 0;
  std::int64_t retries = 0;
  for (const Bucket& bucket : buckets_) {
    const std::int64_t age = current.index - bucket.index;
    if (bucket.index >= 0 && age <= kPerInterval) {
      retries += bucket.retries;
      firsts += age < kPerInterval ? bucket.firsts : 0;
    }
  }
  const std::int64_t allowed =
      std::max<std::int64_t>(settings.min_retries, firsts * settings.percent / 100);
  if (retries >= allowed) {
    return false;
  }
  ++current.retries;
  return true;
}

void RetryBudgets::Configure(const RetryBudgetSettings& settings) {
  if (!(settings == settings_)) {
    settings_ = settings;
    budgets_.clear();
    last_ = nullptr;
  }
}

RetryBudget& RetryBudgets::Of(std::string_view target, MonotonicTime now) {
  if (last_ != nullptr && last_->first == target) {
    return last_->second;
  }
  if (const auto found = budgets_.find(target); found != budgets_.end()) {
    last_ = &*found;
    return last_->second;
  }
  // What was not used for an interval holds no counts any more.
  if (budgets_.size() >= kMaxTargets) {
    std::erase_if(budgets_, [&](const auto& entry) {
      return now - entry.second.last_used() > settings_.interval * 2;
    });
  }
  if (budgets_.size() >= kMaxTargets) {
    budgets_.erase(std::min_element(
        budgets_.begin(), budgets_.end(),
        [](const auto& a, const auto& b) { return a.second.last_used() < b.second.last_used(); }));
  }
  last_ = &*budgets_.try_emplace(std::string(target)).first;
  return last_->second;
}

void RetryBudgets::CountFirst(std::string_view target, MonotonicTime now) {
  Of(target, now).CountFirst(settings_, now);
}

bool RetryBudgets::Take(std::string_view target, MonotonicTime now) {
  return Of(target, now).Take(settings_, now);
}

}  // namespace reliability::policy
