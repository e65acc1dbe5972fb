#pragma once
// How many events, and how many bad ones, fell into any window of the last 30 days, in fixed memory
// and constant time.
//
// Four rings of buckets: 10 s x 360, 1 m x 360, 10 m x 432, 2 h x 360. A bucket holds the running
// total at its start (two u32, modulo 2^32), so the sum of a window is one subtraction. A window of
// w ends at the last Advance or Record and begins at a bucket border at most one bucket later than
// w ago.
//
// Not thread-safe. Time never goes back: an earlier `now` counts as the latest one seen.
#include <vector>

#include "libs/policy/slo_bytes.h"
#include "libs/policy/slo_types.h"

namespace reliability::policy {

class SloRing {
 public:
  SloRing(Milliseconds bucket, std::size_t size);

  // Precondition: from <= now, and now never earlier than before. A delta counts as spread evenly
  // over (from, now].
  void Record(EventCounts delta, SystemTime from, SystemTime now);
  void Advance(SystemTime now);
  // Sum of the newest `buckets` buckets; 1 <= buckets <= size().
  [[nodiscard]] EventCounts Sum(std::size_t buckets) const;

  [[nodiscard]] Milliseconds bucket() const { return bucket_; }
  [[nodiscard]] std::size_t size() const { return cells_.size(); }
  [[nodiscard]] Milliseconds span() const { return bucket_ * static_cast<int>(cells_.size()); }

  void Save(ByteWriter& out) const;
  void Load(ByteReader& in);  // a failure shows in in.ok()

 private:
  struct Cell {
    std::uint32_t events = 0;
    std::uint32_t bad = 0;
  };
  [[nodiscard]] Cell& At(std::int64_t index) {
    return cells_[static_cast<std::size_t>(index) % cells_.size()];
  }
  [[nodiscard]] const Cell& At(std::int64_t index) const {
    return cells_[static_cast<std::size_t>(index) % cells_.size()];
  }

  Milliseconds bucket_;
  std::vector<Cell> cells_;  // totals at the start of bucket i, at i modulo size
  Cell total_;
  std::int64_t head_ = 0;  // newest bucket, counted from the epoch of SystemTime
};

class SloRings {
 public:
  // Only the rings that this budget window needs are kept.
  explicit SloRings(SloWindow window);

  // `delta` happened evenly between `from` (the last successful read) and `now`.
  void Record(EventCounts delta, SystemTime from, SystemTime now);
  void Advance(SystemTime now);
  // Precondition: window is at most the budget window.
  [[nodiscard]] EventCounts Sum(Milliseconds window) const;
  // The newest stretch that is at least `at_least` long and holds at least `min_events` (ruling
  // 22); what there is, if the whole history holds fewer.
  [[nodiscard]] EventCounts Newest(std::uint64_t min_events, Milliseconds at_least) const;

  void Save(ByteWriter& out) const;
  void Load(ByteReader& in);

 private:
  std::vector<SloRing> rings_;  // finest first
  SystemTime latest_{};
};

}  // namespace reliability::policy
