#pragma once
// Who waits for one thing on which event loop. Not thread-safe: its owner's lock guards it.
#include <functional>
#include <utility>
#include <vector>

#include "libs/net/task.h"

namespace reliability::net {

class Waiters {
 public:
  // `executor` runs `ready` after the next Wake().
  void Add(const Executor& executor, std::function<void()> ready) {
    waiters_.emplace_back(executor, std::move(ready));
  }
  // Everyone, once. Runs nothing itself, so the owner may hold its lock: then no executor is
  // touched after a Clear() that came first.
  void Wake() {
    for (auto& [executor, ready] : std::exchange(waiters_, {})) {
      boost::asio::post(executor, std::move(ready));
    }
  }
  // Nobody waits any more; what was woken still runs.
  void Clear() { waiters_.clear(); }

 private:
  std::vector<std::pair<Executor, std::function<void()>>> waiters_;
};

}  // namespace reliability::net
