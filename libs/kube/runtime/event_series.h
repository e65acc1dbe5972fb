#pragma once
// Which events are written when: repeats become a series. Pure; one thread.
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "libs/base/clock.h"
#include "libs/kube/runtime/event_recorder.h"

namespace reliability::kube {

// The event of one series that was written last, and what came since.
struct EventSeries {
  Event event;           // the newest occurrence
  std::string name;      // of the written Event object
  std::string note;      // as written; notes of Events are immutable
  int count = 1;         // occurrences, the first included
  bool pending = false;  // occurrences came since the last write
  MonotonicTime written{};
  SystemTime first{};
  SystemTime last{};
};

class EventSeriesTable {
 public:
  EventSeriesTable(Milliseconds interval, std::size_t max_series)
      : interval_(interval), max_series_(max_series) {}

  // The series that this occurrence only adds to; null: write it as a new event and call Begin.
  [[nodiscard]] EventSeries* Repeat(const Event& event, MonotonicTime now, SystemTime system_now);
  void Begin(const Event& event, std::string name, MonotonicTime now, SystemTime system_now);

  // Forgets series without repeats since their last write, and takes those that are due to be
  // written; give each back with Put after writing.
  [[nodiscard]] std::vector<EventSeries> TakeDue(MonotonicTime now);
  // All that have something to write, at the end.
  [[nodiscard]] std::vector<EventSeries> TakePending();
  void Put(EventSeries series, MonotonicTime now);

  // Time until TakeDue has work; nullopt: nothing is remembered.
  [[nodiscard]] std::optional<Milliseconds> NextDue(MonotonicTime now) const;
  [[nodiscard]] std::size_t size() const { return series_.size(); }

 private:
  [[nodiscard]] static std::string KeyOf(const Event& event);
  void EvictOldest();

  const Milliseconds interval_;
  const std::size_t max_series_;
  std::unordered_map<std::string, EventSeries> series_;
};

// The Event object to create; `series_count` above 1 adds a series.
[[nodiscard]] std::string EncodeEvent(const Event& event, const std::string& name,
                                      const EventRecorderOptions& options, SystemTime first,
                                      SystemTime last, int series_count);
// The merge patch that updates the series of a written event.
[[nodiscard]] std::string EncodeSeriesPatch(int count, SystemTime last);
// The namespace an event lives in.
[[nodiscard]] std::string EventNamespace(const EventTarget& regarding);

}  // namespace reliability::kube
