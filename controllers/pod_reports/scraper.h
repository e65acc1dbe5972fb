#pragma once
// Reads every sidecar's ledger and fills the PodReports board.
//
//   every 5 s with jitter            GET http://<pod IP>:15190/ledger
//   every 200 ms for 5 s             after Burst (an order or a policy changed: ruling 4)
//   at once                          when a pod gets a deletionTimestamp (ruling 19)
//   from the pod's status            last words in container termination messages
//
// A body whose podUID is not the pod's is dropped: IPs are reused. Runs on the leader only.
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "controllers/pod_reports/pod_reports.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/http/transport.h"
#include "libs/kube/runtime/controller.h"
#include "libs/kube/runtime/store.h"

namespace reliability::controllers {

struct ScraperOptions {
  Milliseconds interval{5'000};
  double jitter = 0.2;  // of the interval, either way
  Milliseconds deadline{2'000};
  Milliseconds burst_interval{200};
  Milliseconds burst_for{5'000};
  int workers = 8;
  std::size_t max_body_bytes = std::size_t{1} << 20U;
  std::uint64_t seed = 0;
};

class Scraper {
 public:
  // References must outlive the scraper. Construct before the pods' reflector starts.
  Scraper(http::Transport& transport, kube::Store<api::Pod>& pods, PodReports& reports,
          Clock& clock, ScraperOptions options = {});

  void Start();
  void Stop();
  // Reads the pod soon, and often for a while.
  void Burst(std::string_view pod_uid);

  struct Stats {
    std::uint64_t reads = 0;
    std::uint64_t failures = 0;
    std::uint64_t foreign = 0;  // bodies of another pod
  };
  [[nodiscard]] Stats GetStats() const;

  // One read of the pod with this key ("ns/name"); what the workers run. Public for tests.
  [[nodiscard]] kube::Outcome ScrapeOnce(const std::string& pod_key);

 private:
  void OnPodChange(const kube::Change<api::Pod>& change);
  void ReadLastWords(const api::Pod& pod);
  void Fetch(const api::Pod& pod);
  [[nodiscard]] Milliseconds NextDelay(std::string_view uid);

  http::Transport& transport_;
  kube::Store<api::Pod>& pods_;
  PodReports& reports_;
  Clock& clock_;
  const ScraperOptions options_;
  mutable Mutex mutex_;
  std::unique_ptr<Rng> rng_ GUARDED_BY(mutex_);
  std::map<std::string, MonotonicTime, std::less<>> burst_until_ GUARDED_BY(mutex_);
  std::map<std::string, std::string, std::less<>> key_of_ GUARDED_BY(mutex_);  // by pod UID
  std::atomic<bool> running_{false};
  std::atomic<std::uint64_t> reads_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> foreign_{0};
  kube::Controller controller_;
};

}  // namespace reliability::controllers
