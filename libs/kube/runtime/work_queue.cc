#include "libs/kube/runtime/work_queue.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "libs/base/mutex.h"

namespace reliability::kube {

struct WorkQueue::State {
  State(Clock& clock_in, WorkQueueOptions options_in) : clock(clock_in), options(options_in) {}

  // Adds a key unless it waits already; a key being worked on waits until it is given back.
  void AddLocked(const Key& key) REQUIRES_LOCK(mutex) {
    if (shut_down || !dirty.insert(key).second) {
      return;
    }
    if (!processing.contains(key)) {
      ready.push_back(key);
      wake.notify_one();
    }
  }

  // Moves due keys; the time of the next one, if there is one.
  std::optional<MonotonicTime> MoveDueLocked(MonotonicTime now) REQUIRES_LOCK(mutex) {
    while (!by_time.empty() && by_time.begin()->first <= now) {
      const Key key = by_time.begin()->second;
      due.erase(key);
      by_time.erase(by_time.begin());
      AddLocked(key);
    }
    if (by_time.empty()) {
      return std::nullopt;
    }
    return by_time.begin()->first;
  }

  // The timer's thread. An earlier key interrupts the wait through `interrupt`.
  void RunTimer(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::stop_token interrupted;
      MonotonicTime end;
      {
        const MutexLock lock(mutex);
        if (shut_down) {
          return;
        }
        interrupt = std::stop_source();
        interrupted = interrupt.get_token();
        const MonotonicTime now = clock.MonotonicNow();
        constexpr Milliseconds kNothing{3'600'000};
        end = MoveDueLocked(now).value_or(now + kNothing);
      }
      clock.WaitUntil(end, interrupted);
    }
  }

  void AddAfter(std::string_view key_in, Milliseconds delay) {
    const MonotonicTime time = clock.MonotonicNow() + delay;
    Key key(key_in);
    std::stop_source to_interrupt(std::nostopstate);
    {
      const MutexLock lock(mutex);
      if (shut_down) {
        return;
      }
      const auto it = due.find(key);
      if (it != due.end()) {
        if (it->second <= time) {
          return;
        }
        by_time.erase({it->second, key});
      }
      due[key] = time;
      by_time.emplace(time, key);
      if (by_time.begin()->second == key) {
        to_interrupt = interrupt;
      }
    }
    to_interrupt.request_stop();
  }

  Clock& clock;
  const WorkQueueOptions options;

  mutable Mutex mutex;
  mutable std::condition_variable_any wake;  // a key is ready, or shut_down
  mutable std::condition_variable_any idle;  // Idle() became true, or shut_down
  bool shut_down GUARDED_BY(mutex) = false;
  std::deque<Key> ready GUARDED_BY(mutex);
  std::unordered_set<Key> dirty GUARDED_BY(mutex);       // to be worked on (again)
  std::unordered_set<Key> processing GUARDED_BY(mutex);  // with a worker
  std::unordered_map<Key, int> failures GUARDED_BY(mutex);
  std::unordered_map<Key, MonotonicTime> due GUARDED_BY(mutex);
  std::set<std::pair<MonotonicTime, Key>> by_time GUARDED_BY(mutex);
  std::stop_source interrupt GUARDED_BY(mutex);
  std::jthread timer;  // last: it uses all of the above
};

WorkQueue::WorkQueue(Clock& clock, WorkQueueOptions options)
    : state_(std::make_unique<State>(clock, options)) {
  state_->timer =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->RunTimer(stop); });
}

WorkQueue::~WorkQueue() { ShutDown(); }

void WorkQueue::Add(std::string_view key) {
  const MutexLock lock(state_->mutex);
  state_->AddLocked(Key(key));
}

void WorkQueue::AddAfter(std::string_view key, Milliseconds delay) {
  if (delay.count() <= 0) {
    Add(key);
    return;
  }
  state_->AddAfter(key, delay);
}

void WorkQueue::AddRateLimited(std::string_view key) { AddRateLimited(key, Milliseconds{0}); }

void WorkQueue::AddRateLimited(std::string_view key, Milliseconds at_least) {
  Milliseconds delay = state_->options.retry_base;
  {
    const MutexLock lock(state_->mutex);
    int& failures = state_->failures[Key(key)];
    for (int i = 0; i < failures && delay < state_->options.retry_max; ++i) {
      delay *= 2;
    }
    ++failures;
  }
  AddAfter(key, std::max(std::min(delay, state_->options.retry_max), at_least));
}

void WorkQueue::Forget(std::string_view key) {
  const MutexLock lock(state_->mutex);
  state_->failures.erase(Key(key));
}

int WorkQueue::Failures(std::string_view key) const {
  const MutexLock lock(state_->mutex);
  const auto it = state_->failures.find(Key(key));
  return it == state_->failures.end() ? 0 : it->second;
}

std::optional<WorkQueue::Key> WorkQueue::Get() {
  std::unique_lock lock(state_->mutex);
  state_->wake.wait(lock, [&] { return state_->shut_down || !state_->ready.empty(); });
  if (state_->shut_down) {
    return std::nullopt;
  }
  Key key = std::move(state_->ready.front());
  state_->ready.pop_front();
  state_->dirty.erase(key);
  state_->processing.insert(key);
  return key;
}

void WorkQueue::Done(const Key& key) {
  const MutexLock lock(state_->mutex);
  state_->processing.erase(key);
  if (state_->dirty.contains(key) && !state_->shut_down) {
    state_->ready.push_back(key);
    state_->wake.notify_one();
  }
  if (state_->ready.empty() && state_->processing.empty()) {
    state_->idle.notify_all();
  }
}

void WorkQueue::ShutDown() {
  std::stop_source interrupt(std::nostopstate);
  {
    const MutexLock lock(state_->mutex);
    state_->shut_down = true;
    state_->ready.clear();
    state_->dirty.clear();
    state_->due.clear();
    state_->by_time.clear();
    interrupt = state_->interrupt;
    state_->wake.notify_all();
    state_->idle.notify_all();
  }
  state_->timer.request_stop();
  interrupt.request_stop();
}

std::size_t WorkQueue::Depth() const {
  const MutexLock lock(state_->mutex);
  return state_->ready.size();
}

std::size_t WorkQueue::Delayed() const {
  const MutexLock lock(state_->mutex);
  return state_->due.size();
}

bool WorkQueue::Idle() const {
  const MutexLock lock(state_->mutex);
  return state_->ready.empty() && state_->processing.empty();
}

void WorkQueue::AwaitIdle() const {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [&] {
    return state_->shut_down || (state_->ready.empty() && state_->processing.empty());
  });
}

}  // namespace reliability::kube
