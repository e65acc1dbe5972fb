#pragma once
// Keys that wait to be worked on (client-go's workqueue):
//   fair      first come, first served
//   stingy    a key added many times before it is taken is handed out once
//   exclusive a key is never with two workers; added while being worked on, it comes again after
//   delayed   AddAfter and AddRateLimited; of two delays for one key the earlier wins
// Thread-safe.
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/clock.h"

namespace reliability::kube {

struct WorkQueueOptions {
  Milliseconds retry_base{5};  // AddRateLimited waits base * 2^(failures so far), up to max
  Milliseconds retry_max{1'000'000};
};

class WorkQueue {
 public:
  using Key = std::string;

  // Starts one thread for the delays. `clock` must outlive the queue.
  explicit WorkQueue(Clock& clock, WorkQueueOptions options = {});
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void Add(std::string_view key);
  void AddAfter(std::string_view key, Milliseconds delay);
  // Counts one more failure of the key and adds it after its delay.
  void AddRateLimited(std::string_view key);
  // As AddRateLimited, but waits at least `at_least` (Retry-After).
  void AddRateLimited(std::string_view key, Milliseconds at_least);
  // Forgets the failures of the key.
  void Forget(std::string_view key);
  [[nodiscard]] int Failures(std::string_view key) const;

  // Blocks for a key; nullopt after ShutDown. Each key taken must be given back with Done.
  [[nodiscard]] std::optional<Key> Get();
  void Done(const Key& key);

  // Wakes all; keys that wait are dropped, those being worked on may still be given back.
  void ShutDown();

  [[nodiscard]] std::size_t Depth() const;    // ready to be taken
  [[nodiscard]] std::size_t Delayed() const;  // waiting for their time
  // True if nothing is ready or being worked on (delayed keys aside).
  [[nodiscard]] bool Idle() const;
  // Blocks until Idle() or ShutDown: replaces sleeping in tests.
  void AwaitIdle() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reliability::kube
