#pragma once
// Leader election with a Lease, as client-go does it (15 s / 10 s / 2 s).
//
//   FOLLOWER --lease free, or unchanged for its duration as seen here--> LEADER
//   LEADER --not renewed for `renew_deadline`, or somebody else holds it--> LOST (final)
//   LEADER --Stop()--> released
//
// Expiry counts from the moment when we saw the Lease change, never from the times written in it:
// clocks of other machines do not matter. A lease is no lock: a paused process may act for a
// moment after another took over, so writes carry the epoch or a resourceVersion.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "libs/base/clock.h"
#include "libs/base/result.h"

namespace reliability::kube {

class ApiClient;

struct LeaderElectorOptions {
  std::string ns = {};
  std::string name = {};
  // The pod's name; a random suffix makes it unique per process.
  std::string identity = {};
  Milliseconds lease_duration{15'000};
  Milliseconds renew_deadline{10'000};
  Milliseconds retry_period{2'000};
  std::uint64_t seed = 0;  // of suffix and jitter; 0: random
};

// Called on the elector's thread: return soon, renewing waits for them.
struct LeaderCallbacks {
  // `epoch` is the Lease's leaseTransitions: greater for each new leader, at least 1.
  std::function<void(std::int64_t epoch)> on_started = {};
  // Leadership is lost (not after Stop). The process should stop writing and exit.
  std::function<void()> on_lost = {};
  std::function<void(const std::string& holder)> on_new_leader = {};  // optional
};

class LeaderElector {
 public:
  // References must outlive the elector.
  LeaderElector(ApiClient& client, Clock& clock, LeaderElectorOptions options,
                LeaderCallbacks callbacks);
  ~LeaderElector();
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  void Start();
  // Gives the Lease up, so that another takes over at once. Stop all writers first.
  void Stop();

  [[nodiscard]] bool IsLeader() const;
  [[nodiscard]] std::int64_t epoch() const;  // of our leadership; 0 if never leader
  [[nodiscard]] std::string holder() const;  // last seen
  [[nodiscard]] const std::string& identity() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reliability::kube
