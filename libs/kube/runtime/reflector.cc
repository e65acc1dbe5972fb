#include "libs/kube/runtime/reflector.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <utility>

#include "libs/base/backoff.h"
#include "libs/base/hash.h"
#include "libs/base/log.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/core/list_page.h"
#include "libs/kube/core/object_peek.h"

namespace reliability::kube {
namespace {

// client-go's reflector, with a third of its 30 s cap: a dozen reflectors in two replicas are no
// herd, and what an operator does not see after an outage it does not act on.
constexpr Milliseconds kBackoffBase{800};
constexpr Milliseconds kBackoffMax{10'000};
constexpr Milliseconds kHealthyFor{120'000};
// A watch that ends sooner, without an event, is suspicious: some servers close a watch they cannot
// serve without saying so (kubernetes/kubernetes#104171).
constexpr Milliseconds kShortWatch{1'000};
constexpr int kShortWatchesUntilRelist = 3;

std::uint64_t Fingerprint(const ObjectPeek& peek) {
  return Fnv1a(peek.resource_version, Fnv1a(peek.uid));
}

}  // namespace

class ReflectorLoop::Impl {
 public:
  Impl(ApiClient& client, Clock& clock, ObjectSink& sink, ReflectorOptions options)
      : client_(client),
        clock_(clock),
        sink_(sink),
        options_(std::move(options)),
        rng_(MakeRng(options_.seed)),
        backoff_(kBackoffBase, kBackoffMax) {}

  void Start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }
  void Stop() {
    thread_.request_stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  bool HasSynced() const {
    const MutexLock lock(mutex_);
    return synced_;
  }
  bool WaitSynced(Milliseconds timeout, const std::stop_token& stop) const {
    std::unique_lock lock(mutex_);
    return synced_wake_.wait_for(lock, stop, timeout, [&] { return synced_; });
  }
  ReflectorStats Stats() const {
    const MutexLock lock(mutex_);
    return stats_;
  }
  std::string LastError() const {
    const MutexLock lock(mutex_);
    return last_error_;
  }
  const Resource& resource() const { return options_.resource; }

 private:
  struct Known {
    std::uint64_t fingerprint = 0;  // 0: could not be decoded
    std::uint64_t list = 0;         // the last list that had it
  };

  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Status done = version_.empty() ? List(stop) : Watch(stop);
      if (done) {
        NoteSuccess();
        continue;
      }
      if (stop.stop_requested()) {
        return;
      }
      clock_.WaitFor(AfterFailure(done.error()), stop);
    }
  }

  // Decides where to go on, and after which pause.
  Milliseconds AfterFailure(const Error& error) {
    const bool watching = !version_.empty();
    const bool expired = error.code == Code::kExpired;
    // From here the version may be wrong for good: too old (410), newer than the server has (the
    // watch stays silent until it times out), or the stream is not what we think it is.
    if (expired || error.code == Code::kTimeout || error.code == Code::kInvalid ||
        error.code == Code::kNotFound || error.code == Code::kDenied) {
      version_.clear();
    }
    // A first 410 comes from a server that works: what its absence taught the backoff is over.
    const MonotonicTime now = clock_.MonotonicNow();
    if (now - last_failure_ > kHealthyFor || (expired && !last_expired_)) {
      backoff_.Reset();
    }
    last_failure_ = now;
    last_expired_ = expired;
    const Milliseconds pause =
        std::max(backoff_.Next(*rng_), error.retry_after.value_or(Milliseconds{0}));
    {
      const MutexLock lock(mutex_);
      ++(expired ? stats_.expired : stats_.errors);
      last_error_ = ToString(error);
    }
    log::Write(expired ? log::Level::kInfo : log::Level::kWarn, "reflector_interrupted",
               {{"resource", options_.resource.plural},
                {"during", watching ? "watch" : "list"},
                {"error", ToString(error)},
                {"pause_ms", pause.count()}});
    return pause;
  }

  void NoteSuccess() {
    const MonotonicTime now = clock_.MonotonicNow();
    const MutexLock lock(mutex_);
    stats_.last_contact = now;
    last_error_.clear();
  }

  Status List(const std::stop_token& stop) {
    ++list_;
    ListOptions page;
    page.label_selector = options_.label_selector;
    page.field_selector = options_.field_selector;
    page.limit = options_.page_size;
    std::string version;
    do {
      RELIABILITY_ASSIGN_OR_RETURN(std::string body,
                                   client_.List(options_.resource, options_.ns, page));
      RELIABILITY_ASSIGN_OR_RETURN(
          const ListPage decoded,
          DecodeListPage(body, [this](std::string_view item) { Listed(item); }));
      page.continue_token = decoded.continue_token;
      version = decoded.resource_version;
      if (stop.stop_requested()) {
        return Fail(Code::kCancelled, "stopped");
      }
    } while (!page.continue_token.empty());
    if (version.empty()) {
      return Fail(Code::kInvalid, "the list has no resourceVersion");
    }
    EraseVanished();
    version_ = std::move(version);
    sink_.MarkSynced();
    const MutexLock lock(mutex_);
    ++stats_.lists;
    synced_ = true;
    synced_wake_.notify_all();
    return {};
  }

  void EraseVanished() {
    for (auto it = known_.begin(); it != known_.end();) {
      if (it->second.list == list_) {
        ++it;
        continue;
      }
      const std::string key = it->first;
      it = known_.erase(it);
      sink_.Erase(key);
    }
  }

  void Listed(std::string_view raw_json) {
    Result<ObjectPeek> peek = PeekObject(raw_json, /*padded=*/true);
    if (!peek || peek->name.empty()) {
      NoteUndecodable("", "no metadata.name");
      return;
    }
    Known& known = known_[MakeKey(peek->ns, peek->name)];
    known.list = list_;
    if (known.fingerprint != Fingerprint(*peek)) {
      Decode(*peek, raw_json, known);
    }
  }

  void Decode(const ObjectPeek& peek, std::string_view raw_json, Known& known) {
    const std::string key = MakeKey(peek.ns, peek.name);
    const Status set = sink_.Set(key, raw_json);
    known.fingerprint = set ? Fingerprint(peek) : 0;
    if (!set) {
      NoteUndecodable(key, ToString(set.error()));
    }
  }

  void NoteUndecodable(const std::string& key, const std::string& error) {
    {
      const MutexLock lock(mutex_);
      ++stats_.decode_failures;
    }
    log::Warn("object_undecodable",
              {{"resource", options_.resource.plural}, {"key", key}, {"error", error}});
  }

  Status Watch(const std::stop_token& stop) {
    WatchOptions watch;
    watch.label_selector = options_.label_selector;
    watch.field_selector = options_.field_selector;
    watch.resource_version = version_;
    const double spread = static_cast<double>((options_.watch_max - options_.watch_min).count());
    watch.timeout =
        options_.watch_min + Milliseconds{static_cast<Milliseconds::rep>(spread * rng_->Uniform())};
    {
      const MutexLock lock(mutex_);
      ++stats_.watches;
    }
    const MonotonicTime start = clock_.MonotonicNow();
    std::uint64_t events = 0;
    const Status done = client_.Watch(
        BuildWatch(options_.resource, options_.ns, watch),
        [&](const WatchEvent& event) {
          ++events;
          Apply(event);
        },
        stop);
    if (!done) {
      return done;
    }
    if (events > 0 || clock_.MonotonicNow() - start >= kShortWatch) {
      short_watches_ = 0;
      return {};
    }
    if (++short_watches_ >= kShortWatchesUntilRelist) {
      short_watches_ = 0;
      return Fail(Code::kExpired, "the server keeps closing the watch without an event");
    }
    return Fail(Code::kUnavailable, "the server closed the watch at once");
  }

  void Apply(const WatchEvent& event) {
    const Result<ObjectPeek> peek = PeekObject(event.object, /*padded=*/true);
    const bool bookmark = event.type == WatchType::kBookmark;
    if (!peek || (peek->name.empty() && !bookmark)) {
      NoteUndecodable("", "no metadata.name");
      return;
    }
    if (!peek->resource_version.empty()) {
      version_ = peek->resource_version;
    }
    {
      const MonotonicTime now = clock_.MonotonicNow();
      const MutexLock lock(mutex_);
      stats_.last_contact = now;
      last_error_.clear();
    }
    if (bookmark) {
      return;
    }
    const std::string key = MakeKey(peek->ns, peek->name);
    if (event.type == WatchType::kDeleted) {
      known_.erase(key);
      sink_.Erase(key);
      return;
    }
    Known& known = known_[key];
    known.list = list_;
    if (known.fingerprint != Fingerprint(*peek)) {
      Decode(*peek, event.object, known);
    }
  }

  ApiClient& client_;
  Clock& clock_;
  ObjectSink& sink_;
  const ReflectorOptions options_;

  // The reflector's thread only.
  const std::unique_ptr<Rng> rng_;
  Backoff backoff_;
  MonotonicTime last_failure_{};
  bool last_expired_ = false;
  std::string version_;  // where to watch from; empty: list
  std::unordered_map<std::string, Known> known_;
  std::uint64_t list_ = 0;
  int short_watches_ = 0;

  mutable Mutex mutex_;
  mutable std::condition_variable_any synced_wake_;
  bool synced_ GUARDED_BY(mutex_) = false;
  ReflectorStats stats_ GUARDED_BY(mutex_);
  std::string last_error_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses all of the above
};

ReflectorLoop::ReflectorLoop(ApiClient& client, Clock& clock, ObjectSink& sink,
                             ReflectorOptions options)
    : impl_(std::make_unique<Impl>(client, clock, sink, std::move(options))) {}
ReflectorLoop::~ReflectorLoop() { Stop(); }
void ReflectorLoop::Start() { impl_->Start(); }
void ReflectorLoop::Stop() { impl_->Stop(); }
bool ReflectorLoop::HasSynced() const { return impl_->HasSynced(); }
bool ReflectorLoop::WaitSynced(Milliseconds timeout, const std::stop_token& stop) const {
  return impl_->WaitSynced(timeout, stop);
}
ReflectorStats ReflectorLoop::Stats() const { return impl_->Stats(); }
std::string ReflectorLoop::LastError() const { return impl_->LastError(); }
const Resource& ReflectorLoop::resource() const { return impl_->resource(); }

}  // namespace reliability::kube
