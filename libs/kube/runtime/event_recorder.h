#pragma once
// Writes events.k8s.io/v1 Events, on its own thread, from a bounded queue.
//
// Repeats of one (object, type, reason, action) are a series: the first is written at once, later
// ones are counted and written at most once in 5 minutes: as a series patch of the first event, or
// as a new event if the note changed. Thread-safe; Record never blocks and never fails.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "libs/base/clock.h"

namespace reliability::kube {

class ApiClient;

// The object an event is about.
struct EventTarget {
  std::string api_version = {};
  std::string kind = {};
  std::string ns = {};  // empty: cluster-scoped, the event goes to "default"
  std::string name = {};
  std::string uid = {};
};

enum class EventType { kNormal, kWarning };

struct Event {
  EventTarget regarding;
  EventType type = EventType::kNormal;
  std::string reason = {};  // CamelCase
  std::string action = {};  // CamelCase: what was done or failed
  std::string note = {};    // numbers and the next step; cut at 1,024 bytes
  std::optional<EventTarget> related = {};
  // A state change that must be seen at once each time; the caller bounds how often it occurs.
  bool distinct = false;
};

struct EventRecorderOptions {
  std::string controller = "agentreliability.dev/operator";  // reportingController
  std::string instance = {};                                 // reportingInstance: the pod's name
  std::size_t queue_size = 1'000;
  std::size_t max_series = 4'096;  // remembered at once; beyond it the oldest are forgotten
  Milliseconds series_interval{5 * 60'000};
  std::uint64_t seed = 0;  // of event names; 0: random
};

struct EventRecorderStats {
  std::uint64_t written = 0;     // events created
  std::uint64_t aggregated = 0;  // repeats that were only counted
  std::uint64_t patched = 0;     // series patches
  std::uint64_t dropped = 0;     // queue full, or the server refused
};

// What controllers need; tests record in memory.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Record(Event event) = 0;
  void Record(EventTarget regarding, EventType type, std::string reason, std::string action,
              std::string note) {
    Record(Event{std::move(regarding), type, std::move(reason), std::move(action), std::move(note),
                 std::nullopt, false});
  }
};

class EventRecorder final : public EventSink {
 public:
  // References must outlive the recorder.
  EventRecorder(ApiClient& client, Clock& clock, EventRecorderOptions options);
  ~EventRecorder() override;
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void Start();
  // Writes what is queued (at most one attempt each), then ends.
  void Stop();

  using EventSink::Record;
  void Record(Event event) override;
  // Blocks until the queue is empty and its last event is written or dropped (tests, shutdown).
  void Flush();
  [[nodiscard]] EventRecorderStats Stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reliability::kube
