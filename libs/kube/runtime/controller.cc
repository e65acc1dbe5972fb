#include "libs/kube/runtime/controller.h"

#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "libs/base/log.h"

namespace reliability::kube {

struct Controller::Threads {
  std::vector<std::jthread> workers;
};

Controller::Controller(Clock& clock, ControllerOptions options, Reconcile reconcile)
    : clock_(clock),
      options_(std::move(options)),
      reconcile_(std::move(reconcile)),
      queue_(clock, options_.queue),
      threads_(std::make_unique<Threads>()) {}

Controller::~Controller() { Stop(); }

void Controller::Start() {
  for (int i = 0; i < options_.workers; ++i) {
    threads_->workers.emplace_back([this] { Work(); });
  }
}

void Controller::Stop() {
  queue_.ShutDown();
  threads_->workers.clear();  // joins
}

ControllerStats Controller::Stats() const {
  ControllerStats stats;
  for (std::size_t i = 0; i < stats.outcomes.size(); ++i) {
    stats.outcomes[i] = outcomes_[i].load();
  }
  stats.busy_ms = busy_ms_.load();
  stats.depth = queue_.Depth();
  stats.delayed = queue_.Delayed();
  return stats;
}

void Controller::Work() {
  while (const std::optional<std::string> key = queue_.Get()) {
    const MonotonicTime start = clock_.MonotonicNow();
    Outcome outcome = Done{};
    // A thread's entry: one bad object must not take the whole process down.
    try {
      outcome = reconcile_(*key);
    } catch (const std::exception& e) {
      outcome = Retry{Error{Code::kInternal, std::string("exception: ") + e.what(), {}, {}}};
    }
    const Milliseconds took = clock_.MonotonicNow() - start;
    busy_ms_ += static_cast<std::uint64_t>(took.count());
    if (took > options_.slow) {
      log::Warn("reconcile_slow",
                {{"controller", options_.name}, {"key", *key}, {"ms", took.count()}});
    }
    Handle(*key, outcome);
    queue_.Done(*key);
  }
}

void Controller::Handle(const std::string& key, const Outcome& outcome) {
  ++outcomes_[outcome.index()];
  if (const auto* retry = std::get_if<Retry>(&outcome)) {
    queue_.AddRateLimited(key, retry->error.retry_after.value_or(Milliseconds{0}));
    log::Warn("reconcile_failed", {{"controller", options_.name},
                                   {"key", key},
                                   {"failures", queue_.Failures(key)},
                                   {"error", ToString(retry->error)}});
    return;
  }
  queue_.Forget(key);
  if (const auto* again = std::get_if<RequeueAfter>(&outcome)) {
    queue_.AddAfter(key, again->after);
  } else if (const auto* stalled = std::get_if<Stalled>(&outcome)) {
    log::Info("reconcile_stalled", {{"controller", options_.name},
                                    {"key", key},
                                    {"reason", stalled->reason},
                                    {"message", stalled->message}});
  }
}

}  // namespace reliability::kube
