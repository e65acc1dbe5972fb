#pragma once
// Counts each outcome exactly once, however often a sidecar's ledger is read (rulings 18 and 21).
//
// One object per SLO. For every (pod UID, epoch) the highest counters seen are stored; a read adds
// only what is above them. A lower value is a stale read and adds nothing: every process start has
// its own epoch, so counters of one epoch never go back. Not thread-safe. Pure.
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/policy/slo_bytes.h"
#include "libs/policy/slo_types.h"

namespace reliability::policy {

// What a merge found, and since when it can have happened.
struct CountedDelta {
  EventCounts counts;
  SystemTime from{};
};

class SloCounters {
 public:
  // A vanished pod's counters are kept this long: its last words can still be read (ruling 20).
  static constexpr Milliseconds kKeepFor = std::chrono::hours{1};
  // A sidecar serves its current epoch and at most 8 closed ones.
  static constexpr std::size_t kEpochsPerPod = 24;

  // `good` and `bad` as the ledger says. The delta spreads from the last read of this pod, for a
  // new pod or process from `epoch_start`.
  CountedDelta Merge(std::string_view pod_uid, std::string_view epoch, std::uint64_t good,
                     std::uint64_t bad, SystemTime epoch_start, SystemTime now);
  // The pod answered (whether or not it had counters for this SLO): moves "last read" on.
  void Seen(std::string_view pod_uid, SystemTime now);
  // The pod gave its last counters. True the first time, for a pod that is known.
  bool End(std::string_view pod_uid);
  // Pods that are not `live` and of which nobody saw the end: ended from now on. Returns their
  // UIDs.
  [[nodiscard]] std::vector<std::string> EndVanished(
      const std::set<std::string, std::less<>>& live);
  // Drops pods that are not `live` any more and were last read kKeepFor ago. `live` = UIDs of all
  // pods that exist; pass it only from a synced cache, or a pod would count twice.
  void Prune(const std::set<std::string, std::less<>>& live, SystemTime now);

  [[nodiscard]] std::size_t pods() const { return pods_.size(); }
  // Saves the `max_pods` most recently read pods.
  void Save(ByteWriter& out, std::size_t max_pods) const;
  // `version` of the checkpoint: before 2, ends were not saved, and count as seen.
  void Load(ByteReader& in, std::uint64_t version);

 private:
  struct Epoch {
    std::uint64_t good = 0;
    std::uint64_t bad = 0;
    SystemTime last_read{};
  };
  struct Pod {
    SystemTime last_seen{};
    bool ended = false;
    std::map<std::string, Epoch, std::less<>> epochs;
  };
  std::map<std::string, Pod, std::less<>> pods_;
};

}  // namespace reliability::policy
