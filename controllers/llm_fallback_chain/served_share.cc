#include "controllers/llm_fallback_chain/served_share.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "controllers/pod_reports/pod_reports.h"

namespace reliability::controllers::llm_fallback_chain {
namespace {

constexpr std::uint64_t kStep = 5;

}  // namespace

ServedShare::Pod ServedShare::CountNew(const SidecarView& sidecar, const Pod* before,
                                       Served& added) const {
  Pod pod{sidecar.epoch, {}};
  pod.served[""] = sidecar.counts->terminal_served;
  for (const sidecar_config::TierCounts& tier : sidecar.counts->tiers) {
    pod.served[tier.name] = tier.served;
  }
  const bool same = before != nullptr && before->epoch == sidecar.epoch;
  const auto start = EpochStart(sidecar.epoch);
  if (!same && (!start.has_value() || *start < since_)) {
    return pod;  // the baseline
  }
  for (const auto& [tier, served] : pod.served) {
    const std::uint64_t base = same && before->served.count(tier) > 0 ? before->served.at(tier) : 0;
    if (served > base) {
      added[tier] += served - base;
    }
  }
  return pod;
}

void ServedShare::Update(const Input& input, MonotonicTime now) {
  Served added;
  std::map<std::string, Pod> pods;
  for (const Use& use : input.uses) {
    for (const SidecarView& sidecar : use.sidecars) {
      const auto it = pods_.find(sidecar.uid);
      const Pod* before = it == pods_.end() ? nullptr : &it->second;
      if (sidecar.counts.has_value()) {
        pods.insert_or_assign(sidecar.uid, CountNew(sidecar, before, added));
      } else if (before != nullptr) {
        // It may come back with the same counters, for example after a change of the policy.
        pods.emplace(sidecar.uid, *before);
      }
    }
  }
  pods_ = std::move(pods);
  if (added.empty()) {
    return;
  }
  const auto number =
      std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count();
  if (minutes_.empty() || minutes_.back().number != number) {
    minutes_.push_back({number, {}});
    if (minutes_.size() > kMinutes) {
      minutes_.pop_front();
    }
  }
  for (const auto& [tier, count] : added) {
    minutes_.back().served[tier] += count;
  }
}

std::optional<std::int32_t> ServedShare::Percent(const std::string& tier) const {
  std::uint64_t all = 0;
  std::uint64_t of_tier = 0;
  for (const Minute& minute : minutes_) {
    for (const auto& [name, count] : minute.served) {
      all += count;
      of_tier += name == tier ? count : 0;
    }
  }
  if (all == 0) {
    return std::nullopt;
  }
  if (of_tier == 0 || of_tier == all) {
    return of_tier == 0 ? 0 : 100;
  }
  const std::uint64_t nearest = (of_tier * 100 + all * kStep / 2) / (all * kStep) * kStep;
  return static_cast<std::int32_t>(std::clamp<std::uint64_t>(nearest, kStep, 100 - kStep));
}

}  // namespace reliability::controllers::llm_fallback_chain
