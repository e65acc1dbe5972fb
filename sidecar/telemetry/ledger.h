#pragma once
// Counts good and bad events per SLO of this process, and keeps what earlier processes of the pod
// counted. Counters only grow; each process start is a new epoch from zero (operator ruling 18).
// Pure; event loop thread only. Files: ledger_file.h.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"
#include "libs/policy/error_class.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar::telemetry {

class Ledger {
 public:
  static constexpr std::size_t kMaxClosed = 8;

  // `earlier`: of the pod's processes before this one, newest last; from EarlierFrom().
  struct Earlier {
    std::vector<sidecar_config::LedgerEpoch> closed;
    std::optional<policy::DaySpend> spent;
  };
  Ledger(std::string pod_uid, std::string epoch, Earlier earlier);

  // Keys of the loaded policy start at zero; keys that left it keep their counts until the end of
  // the epoch, because the operator may not have read them yet.
  void Track(const std::vector<std::string>& keys);

  // Where a key is counted, at zero if it is new. Valid as long as the ledger.
  using Place = std::map<std::string, sidecar_config::SloCounts>::value_type*;
  [[nodiscard]] Place PlaceOf(const std::string& key) {
    return &*current_.slos.try_emplace(key).first;
  }
  // kNone does nothing.
  void Count(Place place, policy::SliVerdict verdict);
  void Count(const std::string& key, policy::SliVerdict verdict);

  // One call that the agent made and the attempts it took. For reading only: neither the file nor
  // version() follows it.
  void CountCall(const std::string& target, std::uint64_t attempts);

  // A report changed a verdict that was counted. Counters never go down, so the next event of the
  // wrong verdict is booked as the right one; sums are exact from then on. A `from` of kNone is
  // simply counted, a `to` of kNone changes nothing.
  void Correct(const std::string& key, policy::SliVerdict from, policy::SliVerdict to);

  // What the pod has spent today; written into the file, because it must survive a restart.
  void SetSpent(const policy::DaySpend& spent);
  [[nodiscard]] const std::optional<policy::DaySpend>& spent() const { return spent_; }

  // Fills pod_uid, current, closed and spent; the caller adds configuration and mode.
  [[nodiscard]] sidecar_config::LedgerDocument Document() const;
  // What the emptyDir file holds: one LedgerDocument.
  [[nodiscard]] std::string FileText() const;
  [[nodiscard]] std::string LastWords() const;
  // Grows with every change: write the file when it differs from the last written one.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  // The file of the process before us: its current epoch becomes the newest closed one. kInvalid
  // for a broken file; another pod's file gives none.
  [[nodiscard]] static Result<Earlier> EarlierFrom(std::string_view file_text,
                                                   std::string_view pod_uid);

 private:
  struct Owed {  // events booked as good that were bad, and the other way round
    std::uint64_t bad = 0;
    std::uint64_t good = 0;
  };
  const std::string pod_uid_;
  sidecar_config::LedgerEpoch current_;
  std::vector<sidecar_config::LedgerEpoch> closed_;
  std::optional<policy::DaySpend> spent_;
  std::map<std::string, Owed, std::less<>> owed_;
  std::map<std::string, sidecar_config::TrafficCounts> traffic_;
  std::uint64_t version_ = 0;
};

}  // namespace reliability::sidecar::telemetry
