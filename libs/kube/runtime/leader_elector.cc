#include "libs/kube/runtime/leader_elector.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "libs/base/duration.h"
#include "libs/base/log.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/kube/client/api_client.h"

namespace reliability::kube {
namespace {

using nlohmann::json;

constexpr Milliseconds kReleaseDeadline{3'000};
// Like client-go: followers ask at slightly different times.
constexpr double kFollowerJitter = 1.2;

std::string Suffix(Rng& rng) {
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "_%08x", static_cast<unsigned>(rng.Next() & 0xFFFFFFFFU));
  return text.data();
}

// What a Lease says; absent members read as empty or 0.
struct LeaseView {
  std::string holder;
  std::int64_t transitions = 0;
  Milliseconds duration{0};
};

LeaseView View(const json& spec) {
  LeaseView view;
  if (const auto it = spec.find("holderIdentity"); it != spec.end() && it->is_string()) {
    view.holder = it->get<std::string>();
  }
  if (const auto it = spec.find("leaseTransitions"); it != spec.end() && it->is_number_integer()) {
    view.transitions = it->get<std::int64_t>();
  }
  if (const auto it = spec.find("leaseDurationSeconds");
      it != spec.end() && it->is_number_integer()) {
    view.duration =
        std::chrono::seconds{std::clamp<std::int64_t>(it->get<std::int64_t>(), 0, 3600)};
  }
  return view;
}

}  // namespace

class LeaderElector::Impl {
 public:
  Impl(ApiClient& client, Clock& clock, LeaderElectorOptions options, LeaderCallbacks callbacks)
      : client_(client),
        clock_(clock),
        options_(std::move(options)),
        callbacks_(std::move(callbacks)),
        rng_(MakeRng(options_.seed)),
        identity_(options_.identity + Suffix(*rng_)),
        ref_{resources::kLeases, options_.ns, options_.name} {}

  void Start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }
  void Stop() {
    thread_.request_stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  // Also false for a leader that was asleep for longer than its lease.
  bool IsLeader() const {
    const MonotonicTime now = clock_.MonotonicNow();
    const MutexLock lock(mutex_);
    return leader_ && now - renewed_at_ < options_.lease_duration;
  }
  std::int64_t epoch() const {
    const MutexLock lock(mutex_);
    return epoch_;
  }
  std::string holder() const {
    const MutexLock lock(mutex_);
    return holder_;
  }
  const std::string& identity() const { return identity_; }

 private:
  enum class Step { kHeld, kNotHeld, kOthers };

  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const MonotonicTime start = clock_.MonotonicNow();
      const Result<Step> step = TryAcquireOrRenew(Deadline(start));
      if (!step) {
        log::Warn("lease_request_failed",
                  {{"lease", ref_.name}, {"error", ToString(step.error())}});
      }
      if (step && *step == Step::kHeld) {
        BecomeLeader(start);
      } else if (MustGiveUp(step)) {
        Lose();
        return;
      }
      clock_.WaitFor(Pause(), stop);
    }
    Release();
  }

  // A renewal must come back before the moment at which we would have to give up.
  Milliseconds Deadline(MonotonicTime now) const {
    const MutexLock lock(mutex_);
    if (!leader_) {
      return options_.renew_deadline;
    }
    const Milliseconds left = renewed_at_ + options_.renew_deadline - now;
    return std::clamp(left, options_.retry_period, options_.renew_deadline);
  }

  Milliseconds Pause() {
    const MutexLock lock(mutex_);
    if (leader_) {
      return options_.retry_period;
    }
    const double factor = 1.0 + (kFollowerJitter - 1.0) * rng_->Uniform();
    return Milliseconds{static_cast<Milliseconds::rep>(
        static_cast<double>(options_.retry_period.count()) * factor)};
  }

  void BecomeLeader(MonotonicTime renewed_at) {
    bool started = false;
    std::int64_t epoch = 0;
    {
      const MutexLock lock(mutex_);
      renewed_at_ = renewed_at;
      started = !leader_;
      leader_ = true;
      epoch_ = View(lease_["spec"]).transitions;
      epoch = epoch_;
    }
    if (started) {
      log::Info("leadership_acquired",
                {{"lease", ref_.name}, {"identity", identity_}, {"epoch", epoch}});
      if (callbacks_.on_started) {
        callbacks_.on_started(epoch);
      }
    }
  }

  bool MustGiveUp(const Result<Step>& step) const {
    const MonotonicTime now = clock_.MonotonicNow();
    const MutexLock lock(mutex_);
    if (!leader_) {
      return false;
    }
    return (step && *step == Step::kOthers) || now - renewed_at_ >= options_.renew_deadline;
  }

  void Lose() {
    {
      const MutexLock lock(mutex_);
      leader_ = false;
    }
    log::Error("leadership_lost", {{"lease", ref_.name}, {"identity", identity_}});
    if (callbacks_.on_lost) {
      callbacks_.on_lost();
    }
  }

  Result<Step> TryAcquireOrRenew(Milliseconds deadline) {
    if (!lease_.is_null() && View(lease_["spec"]).holder == identity_) {
      // We hold what we last saw: one write is enough, if nobody wrote in between.
      Result<Step> step = Write(deadline);
      if (step || step.error().code != Code::kConflict) {
        return step;
      }
    }
    ApiRequest get = BuildGet(ref_);
    get.deadline = deadline;
    const Result<std::string> body = client_.Call(get);
    if (!body) {
      if (body.error().code == Code::kNotFound) {
        return Create(deadline);
      }
      return Fail(body.error());
    }
    RELIABILITY_TRY(Observe(*body));
    const LeaseView view = View(lease_["spec"]);
    const bool free = view.holder.empty() || view.holder == identity_ ||
                      clock_.MonotonicNow() >= observed_at_ + view.duration;
    if (!free) {
      return Step::kOthers;
    }
    Result<Step> step = Write(deadline);
    if (!step && step.error().code == Code::kConflict) {
      return Step::kNotHeld;  // somebody was faster
    }
    return step;
  }

  // Remembers the Lease; a change of what it says restarts the local count to its expiry.
  Status Observe(const std::string& body) {
    json lease = json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!lease.is_object() || !lease.contains("metadata")) {
      return Fail(Code::kInvalid, "the Lease is not readable");
    }
    if (!lease["spec"].is_object()) {
      lease["spec"] = json::object();
    }
    const std::string said = lease["spec"].dump();
    if (said != said_) {
      said_ = said;
      observed_at_ = clock_.MonotonicNow();
    }
    lease_ = std::move(lease);
    const std::string holder = View(lease_["spec"]).holder;
    bool changed = false;
    {
      const MutexLock lock(mutex_);
      changed = holder != holder_;
      holder_ = holder;
    }
    if (changed && !holder.empty() && callbacks_.on_new_leader) {
      callbacks_.on_new_leader(holder);
    }
    return {};
  }

  Result<Step> Create(Milliseconds deadline) {
    const std::string now = FormatRfc3339Micro(clock_.SystemNow());
    const json lease{{"apiVersion", ref_.resource.ApiVersion()},
                     {"kind", ref_.resource.kind},
                     {"metadata", {{"name", ref_.name}, {"namespace", ref_.ns}}},
                     {"spec",
                      {{"holderIdentity", identity_},
                       {"leaseDurationSeconds", DurationSeconds()},
                       {"acquireTime", now},
                       {"renewTime", now},
                       {"leaseTransitions", 1}}}};
    ApiRequest request = BuildCreate(ref_.resource, ref_.ns, lease.dump());
    request.deadline = deadline;
    const Result<std::string> body = client_.Call(request);
    if (!body) {
      if (body.error().code == Code::kAlreadyExists) {
        return Step::kNotHeld;
      }
      return Fail(body.error());
    }
    RELIABILITY_TRY(Observe(*body));
    return Step::kHeld;
  }

  // Writes us as the holder, on condition that nobody wrote since lease_ was read.
  Result<Step> Write(Milliseconds deadline) {
    json lease = lease_;
    json& spec = lease["spec"];
    const LeaseView before = View(spec);
    const std::string now = FormatRfc3339Micro(clock_.SystemNow());
    if (before.holder != identity_) {
      spec["acquireTime"] = now;
      spec["leaseTransitions"] = before.transitions + 1;
    }
    spec["holderIdentity"] = identity_;
    spec["leaseDurationSeconds"] = DurationSeconds();
    spec["renewTime"] = now;
    ApiRequest request = BuildReplace(ref_, lease.dump());
    request.deadline = deadline;
    const Result<std::string> body = client_.Call(request);
    if (!body) {
      return Fail(body.error());
    }
    RELIABILITY_TRY(Observe(*body));
    return Step::kHeld;
  }

  void Release() {
    {
      const MutexLock lock(mutex_);
      if (!leader_) {
        return;
      }
      leader_ = false;
    }
    Status released = WriteReleased();
    if (!released && released.error().code == Code::kConflict) {
      // Somebody edited the Lease since our last renewal; it is still ours to give up.
      ApiRequest get = BuildGet(ref_);
      get.deadline = kReleaseDeadline;
      const Result<std::string> body = client_.Call(get);
      if (body && Observe(*body) && View(lease_["spec"]).holder == identity_) {
        released = WriteReleased();
      }
    }
    if (!released) {
      log::Warn("lease_not_released",
                {{"lease", ref_.name}, {"error", ToString(released.error())}});
      return;
    }
    log::Info("leadership_released", {{"lease", ref_.name}, {"identity", identity_}});
  }

  Status WriteReleased() {
    json lease = lease_;
    json& spec = lease["spec"];
    spec["holderIdentity"] = "";
    spec["leaseDurationSeconds"] = 1;
    spec["renewTime"] = FormatRfc3339Micro(clock_.SystemNow());
    ApiRequest request = BuildReplace(ref_, lease.dump());
    request.deadline = kReleaseDeadline;
    const Result<std::string> body = client_.Call(request);
    if (!body) {
      return Fail(body.error());
    }
    return {};
  }

  std::int64_t DurationSeconds() const {
    return std::max<std::int64_t>(1, options_.lease_duration.count() / 1000);
  }

  ApiClient& client_;
  Clock& clock_;
  const LeaderElectorOptions options_;
  const LeaderCallbacks callbacks_;
  const std::unique_ptr<Rng> rng_;  // the elector's thread only (after construction)
  const std::string identity_;
  const ObjectRef ref_;

  // The elector's thread only.
  json lease_;                   // as last seen
  std::string said_;             // its spec
  MonotonicTime observed_at_{};  // when said_ changed

  mutable Mutex mutex_;
  bool leader_ GUARDED_BY(mutex_) = false;
  MonotonicTime renewed_at_ GUARDED_BY(mutex_){};  // start of the last good renewal
  std::int64_t epoch_ GUARDED_BY(mutex_) = 0;
  std::string holder_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses all of the above
};

LeaderElector::LeaderElector(ApiClient& client, Clock& clock, LeaderElectorOptions options,
                             LeaderCallbacks callbacks)
    : impl_(std::make_unique<Impl>(client, clock, std::move(options), std::move(callbacks))) {}
LeaderElector::~LeaderElector() { Stop(); }
void LeaderElector::Start() { impl_->Start(); }
void LeaderElector::Stop() { impl_->Stop(); }
bool LeaderElector::IsLeader() const { return impl_->IsLeader(); }
std::int64_t LeaderElector::epoch() const { return impl_->epoch(); }
std::string LeaderElector::holder() const { return impl_->holder(); }
const std::string& LeaderElector::identity() const { return impl_->identity(); }

}  // namespace reliability::kube
