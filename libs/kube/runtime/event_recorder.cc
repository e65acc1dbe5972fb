#include "libs/kube/runtime/event_recorder.h"

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/base/strings.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/runtime/event_series.h"

namespace reliability::kube {
namespace {

// Pauses before a second and third attempt; then the event is dropped and counted.
constexpr std::array<Milliseconds, 2> kRetries{Milliseconds{1'000}, Milliseconds{3'000}};
constexpr std::size_t kMaxNamePrefix = 236;  // 253 - '.' - 16 hexadecimal digits
constexpr Milliseconds kLongWait{3'600'000};

bool WorthRetrying(Code code) {
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kExhausted;
}

}  // namespace

class EventRecorder::Impl {
 public:
  Impl(ApiClient& client, Clock& clock, EventRecorderOptions options)
      : client_(client),
        clock_(clock),
        options_(std::move(options)),
        rng_(MakeRng(options_.seed)),
        table_(options_.series_interval, options_.max_series) {}

  void Start() {
    const MutexLock lock(mutex_);
    started_ = true;
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }

  void Stop() {
    std::stop_source interrupt(std::nostopstate);
    {
      const MutexLock lock(mutex_);
      if (!started_) {
        return;
      }
      interrupt = interrupt_;
    }
    thread_.request_stop();
    interrupt.request_stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  void Record(Event event) {
    std::stop_source interrupt(std::nostopstate);
    {
      const MutexLock lock(mutex_);
      if (queue_.size() >= options_.queue_size) {
        ++stats_.dropped;
        return;
      }
      queue_.push_back(std::move(event));
      interrupt = interrupt_;
    }
    interrupt.request_stop();
  }

  void Flush() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return queue_.empty() && !busy_; });
  }

  EventRecorderStats Stats() const {
    const MutexLock lock(mutex_);
    return stats_;
  }

 private:
  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::deque<Event> batch;
      std::stop_token interrupted;
      {
        const MutexLock lock(mutex_);
        batch.swap(queue_);
        busy_ = !batch.empty();
        interrupt_ = std::stop_source();
        interrupted = interrupt_.get_token();
        if (!busy_) {
          idle_.notify_all();
        }
      }
      if (!batch.empty()) {
        Write(batch, stop);
      }
      for (EventSeries& series : table_.TakeDue(clock_.MonotonicNow())) {
        WriteSeries(std::move(series), stop);
      }
      if (batch.empty() && !stop.stop_requested()) {
        const MonotonicTime now = clock_.MonotonicNow();
        clock_.WaitUntil(now + table_.NextDue(now).value_or(kLongWait), interrupted);
      }
    }
    Finish(stop);
  }

  // What waits at the end is written once, without retries.
  void Finish(const std::stop_token& stop) {
    std::deque<Event> batch;
    {
      const MutexLock lock(mutex_);
      batch.swap(queue_);
      busy_ = true;
    }
    Write(batch, stop);
    for (EventSeries& series : table_.TakePending()) {
      WriteSeries(std::move(series), stop);
    }
    const MutexLock lock(mutex_);
    busy_ = false;
    idle_.notify_all();
  }

  void Write(const std::deque<Event>& batch, const std::stop_token& stop) {
    for (const Event& event : batch) {
      const MonotonicTime now = clock_.MonotonicNow();
      const SystemTime system_now = clock_.SystemNow();
      if (table_.Repeat(event, now, system_now) != nullptr) {
        const MutexLock lock(mutex_);
        ++stats_.aggregated;
        continue;
      }
      const std::string name = NewName(event.regarding.name);
      // Remembered also if the server refuses it: a refused event must not be tried each time.
      table_.Begin(event, name, now, system_now);
      Create(event, name, system_now, system_now, 1, stop);
    }
  }

  void WriteSeries(EventSeries series, const std::stop_token& stop) {
    const std::string ns = EventNamespace(series.event.regarding);
    bool written = false;
    if (series.note == series.event.note) {
      const ObjectRef ref{resources::kEvents, ns, series.name};
      const ApiRequest patch = BuildMergePatch(ref, EncodeSeriesPatch(series.count, series.last));
      const Status status = Send(patch, stop);
      written = status.has_value();
      if (written) {
        const MutexLock lock(mutex_);
        ++stats_.patched;
      } else if (status.error().code != Code::kNotFound) {
        NoteDropped(series.event, status.error());
        written = true;
      }
    }
    if (!written) {
      // Another note (Events are immutable but for the series), or the first event is gone.
      series.name = NewName(series.event.regarding.name);
      series.note = series.event.note;
      Create(series.event, series.name, series.first, series.last, series.count, stop);
    }
    table_.Put(std::move(series), clock_.MonotonicNow());
  }

  void Create(const Event& event, const std::string& name, SystemTime first, SystemTime last,
              int count, const std::stop_token& stop) {
    const ApiRequest request = BuildCreate(resources::kEvents, EventNamespace(event.regarding),
                                           EncodeEvent(event, name, options_, first, last, count));
    const Status status = Send(request, stop);
    if (status || status.error().code == Code::kAlreadyExists) {
      // AlreadyExists: an attempt that seemed to fail had worked; names are unique.
      const MutexLock lock(mutex_);
      ++stats_.written;
      return;
    }
    NoteDropped(event, status.error());
  }

  Status Send(const ApiRequest& request, const std::stop_token& stop) {
    for (std::size_t attempt = 0;; ++attempt) {
      const Result<std::string> body = client_.Call(request);
      if (body) {
        return {};
      }
      if (!WorthRetrying(body.error().code) || attempt >= kRetries.size() ||
          stop.stop_requested()) {
        return Fail(body.error());
      }
      clock_.WaitFor(
          std::max(kRetries[attempt], body.error().retry_after.value_or(Milliseconds{0})), stop);
    }
  }

  void NoteDropped(const Event& event, const Error& error) {
    {
      const MutexLock lock(mutex_);
      ++stats_.dropped;
    }
    log::Warn("event_dropped", {{"kind", event.regarding.kind},
                                {"namespace", event.regarding.ns},
                                {"name", event.regarding.name},
                                {"reason", event.reason},
                                {"note", event.note},
                                {"error", ToString(error)}});
  }

  std::string NewName(const std::string& object) {
    return object.substr(0, kMaxNamePrefix) + "." + Hex16(rng_->Next());
  }

  ApiClient& client_;
  Clock& clock_;
  const EventRecorderOptions options_;

  // The recorder's thread only.
  const std::unique_ptr<Rng> rng_;
  EventSeriesTable table_;

  mutable Mutex mutex_;
  std::condition_variable_any idle_;
  std::deque<Event> queue_ GUARDED_BY(mutex_);
  std::stop_source interrupt_ GUARDED_BY(mutex_);  // ends the current wait
  bool busy_ GUARDED_BY(mutex_) = false;
  bool started_ GUARDED_BY(mutex_) = false;
  EventRecorderStats stats_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses all of the above
};

EventRecorder::EventRecorder(ApiClient& client, Clock& clock, EventRecorderOptions options)
    : impl_(std::make_unique<Impl>(client, clock, std::move(options))) {}
EventRecorder::~EventRecorder() { Stop(); }
void EventRecorder::Start() { impl_->Start(); }
void EventRecorder::Stop() { impl_->Stop(); }
void EventRecorder::Record(Event event) { impl_->Record(std::move(event)); }
void EventRecorder::Flush() { impl_->Flush(); }
EventRecorderStats EventRecorder::Stats() const { return impl_->Stats(); }

}  // namespace reliability::kube
