#pragma once
// What each sidecar last said about itself: the board that all controllers read.
//
// Filled by the Scraper; an entry outlives its pod for a while, so that its last words are counted.
// Thread-safe; reports are immutable.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/api/pod.h"
#include "libs/base/clock.h"
#include "libs/base/mutex.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::controllers {

struct PodReport {
  std::string uid;
  std::string ns;
  std::string name;
  api::StringMap labels;
  // The last ledger that was read; null if none ever was.
  std::shared_ptr<const sidecar_config::LedgerDocument> ledger;
  SystemTime read_at{};  // of `ledger`
  // From container termination messages, oldest first.
  std::vector<sidecar_config::LedgerEpoch> last_words;
  // Why the last read failed; empty while it works. `failing_since` is the first of a row.
  std::string error;
  std::optional<SystemTime> failing_since;
  // The sidecar has ended for good, or the pod is gone: nothing more will come.
  std::optional<SystemTime> final_at;

  // All epochs that are known, each once, with the highest counts (ruling 18).
  [[nodiscard]] std::vector<sidecar_config::LedgerEpoch> Epochs() const;
};

// When the process of this epoch started ("<start ms>-<random>"), if the name says so.
[[nodiscard]] std::optional<SystemTime> EpochStart(std::string_view epoch);

class PodReports {
 public:
  using Ptr = std::shared_ptr<const PodReport>;
  using Handler = std::function<void(const PodReport& report)>;

  // A vanished pod's report is kept this long.
  static constexpr Milliseconds kKeepFinal = std::chrono::minutes{10};

  // Register before the scraper starts. Called on its threads, without locks.
  void OnReport(Handler handler) { handlers_.push_back(std::move(handler)); }

  [[nodiscard]] Ptr Get(std::string_view uid) const;
  // All reports of a namespace.
  [[nodiscard]] std::vector<Ptr> InNamespace(std::string_view ns) const;
  [[nodiscard]] std::size_t size() const;

  // The pod exists (or its labels changed): makes an entry for it.
  void Register(const api::Pod& pod);
  void RecordLedger(std::string_view uid, sidecar_config::LedgerDocument ledger, SystemTime now);
  void RecordError(std::string_view uid, std::string error, SystemTime now);
  // True if these words are new.
  bool RecordLastWords(std::string_view uid, sidecar_config::LedgerEpoch epoch);
  // Nothing more will come from this pod.
  void MarkFinal(std::string_view uid, SystemTime now);
  // Forgets final reports older than kKeepFinal.
  void Prune(SystemTime now);

 private:
  // Replaces a report by a changed copy and tells the handlers. False without such a report.
  bool Change(std::string_view uid, const std::function<bool(PodReport&)>& change);

  mutable Mutex mutex_;
  std::map<std::string, Ptr, std::less<>> reports_ GUARDED_BY(mutex_);
  std::vector<Handler> handlers_;  // constant after start
};

}  // namespace reliability::controllers
