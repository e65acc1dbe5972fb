#include "libs/policy/slo_counters.h"

#include <algorithm>
#include <utility>

namespace reliability::policy {

CountedDelta SloCounters::Merge(std::string_view pod_uid, std::string_view epoch,
                                std::uint64_t good, std::uint64_t bad, SystemTime epoch_start,
                                SystemTime now) {
  const auto [pod, is_new_pod] = pods_.try_emplace(std::string(pod_uid));
  auto& epochs = pod->second.epochs;
  const auto [entry, is_new_epoch] = epochs.try_emplace(std::string(epoch));
  SystemTime from = pod->second.last_seen;
  if (is_new_pod) {
    from = epoch_start;
  } else if (is_new_epoch) {
    from = std::max(from, epoch_start);
  }
  from = std::min(from, now);
  if (is_new_pod) {
    pod->second.last_seen = from;
  }

  Epoch& stored = entry->second;
  CountedDelta delta{.counts = {}, .from = from};
  const std::uint64_t new_good = good > stored.good ? good - stored.good : 0;
  delta.counts.bad = bad > stored.bad ? bad - stored.bad : 0;
  delta.counts.events = new_good + delta.counts.bad;
  stored.good = std::max(stored.good, good);
  stored.bad = std::max(stored.bad, bad);
  stored.last_read = std::max(stored.last_read, now);
  if (epochs.size() > kEpochsPerPod) {
    epochs.erase(std::min_element(epochs.begin(), epochs.end(), [](const auto& a, const auto& b) {
      return a.second.last_read < b.second.last_read;
    }));
  }
  return delta;
}

void SloCounters::Seen(std::string_view pod_uid, SystemTime now) {
  Pod& pod = pods_.try_emplace(std::string(pod_uid)).first->second;
  pod.last_seen = std::max(pod.last_seen, now);
}

bool SloCounters::End(std::string_view pod_uid) {
  const auto pod = pods_.find(pod_uid);
  return pod != pods_.end() && !std::exchange(pod->second.ended, true);
}

std::vector<std::string> SloCounters::EndVanished(const std::set<std::string, std::less<>>& live) {
  std::vector<std::string> vanished;
  for (auto& [uid, pod] : pods_) {
    if (!live.contains(uid) && !std::exchange(pod.ended, true)) {
      vanished.push_back(uid);
    }
  }
  return vanished;
}

void SloCounters::Prune(const std::set<std::string, std::less<>>& live, SystemTime now) {
  std::erase_if(pods_, [&](const auto& pod) {
    return !live.contains(pod.first) && now - pod.second.last_seen > kKeepFor;
  });
}

void SloCounters::Save(ByteWriter& out, std::size_t max_pods) const {
  std::vector<std::pair<SystemTime, const decltype(pods_)::value_type*>> newest;
  newest.reserve(pods_.size());
  for (const auto& pod : pods_) {
    newest.emplace_back(pod.second.last_seen, &pod);
  }
  std::stable_sort(newest.begin(), newest.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  newest.resize(std::min(newest.size(), max_pods));

  out.Uint(newest.size());
  for (const auto& [seen, pod] : newest) {
    out.Text(pod->first);
    out.Time(seen);
    out.Uint(pod->second.ended ? 1 : 0);
    out.Uint(pod->second.epochs.size());
    for (const auto& [name, epoch] : pod->second.epochs) {
      out.Text(name);
      out.Uint(epoch.good);
      out.Uint(epoch.bad);
      out.Time(epoch.last_read);
    }
  }
}

void SloCounters::Load(ByteReader& in, std::uint64_t version) {
  pods_.clear();
  const std::uint64_t pods = in.Count(3);
  for (std::uint64_t i = 0; i < pods && in.ok(); ++i) {
    Pod& pod = pods_[in.Text()];
    pod.last_seen = in.Time();
    pod.ended = version < 2 || in.Uint() != 0;
    const std::uint64_t epochs = in.Count(4);
    for (std::uint64_t j = 0; j < epochs && in.ok(); ++j) {
      Epoch& epoch = pod.epochs[in.Text()];
      epoch.good = in.Uint();
      epoch.bad = in.Uint();
      epoch.last_read = in.Time();
    }
  }
}

}  // namespace reliability::policy
