#pragma once
// Runs a reconcile function for the keys of a WorkQueue, on N worker threads.
//
// Reconcile is level-based: it gets a key, reads everything else from stores, and may be called at
// any time, again, and after a restart. Never two calls for one key at once.
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/kube/runtime/work_queue.h"

namespace reliability::kube {

// Nothing to do until something changes.
struct Done {};
// Good so far; come back after `after`. Failures are forgotten.
struct RequeueAfter {
  Milliseconds after{0};
};
// Failed, try again with growing delay (not before error.retry_after).
struct Retry {
  Error error;
};
// Cannot go on until the object changes (a new generation): not retried.
struct Stalled {
  std::string reason;
  std::string message;
};
using Outcome = std::variant<Done, RequeueAfter, Retry, Stalled>;
inline constexpr std::array<std::string_view, 4> kOutcomeNames{"done", "requeue", "retry",
                                                               "stalled"};

struct ControllerOptions {
  std::string name = {};  // for logs and metrics
  int workers = 1;
  // A reconcile longer than this is logged.
  Milliseconds slow{5'000};
  WorkQueueOptions queue = {};
};

struct ControllerStats {
  std::array<std::uint64_t, 4> outcomes{};  // by Outcome's index
  std::uint64_t busy_ms = 0;                // sum over all calls
  std::size_t depth = 0;
  std::size_t delayed = 0;
};

class Controller {
 public:
  using Reconcile = std::function<Outcome(const std::string& key)>;

  // `clock` must outlive the controller.
  Controller(Clock& clock, ControllerOptions options, Reconcile reconcile);
  ~Controller();  // stops
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Keys may be added before Start (they wait) and from any thread.
  void Enqueue(std::string_view key) { queue_.Add(key); }
  void EnqueueAfter(std::string_view key, Milliseconds delay) { queue_.AddAfter(key, delay); }
  [[nodiscard]] WorkQueue& queue() { return queue_; }

  void Start();
  // Waits for running calls to return; keys that wait are dropped. May be called twice; a stopped
  // controller does not start again.
  void Stop();
  [[nodiscard]] ControllerStats Stats() const;
  [[nodiscard]] const std::string& name() const { return options_.name; }

 private:
  void Work();
  void Handle(const std::string& key, const Outcome& outcome);

  Clock& clock_;
  const ControllerOptions options_;
  const Reconcile reconcile_;
  WorkQueue queue_;
  std::array<std::atomic<std::uint64_t>, 4> outcomes_{};
  std::atomic<std::uint64_t> busy_ms_{0};
  struct Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace reliability::kube
