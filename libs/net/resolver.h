#pragma once
// Names to addresses, off the loop: getaddrinfo runs on one thread of this class, answers are
// cached. An answer is fresh for 30 s; an older one is still served, up to 10 minutes, while it is
// looked up again; a failure is remembered for 1 s (data-plane ruling 53). Thread-safe.
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libs/base/clock.h"
#include "libs/net/stream.h"

namespace reliability::net {

class Resolver {
 public:
  using Addresses = std::vector<boost::asio::ip::address>;
  // The blocking look-up, replaced in tests. kUnavailable: temporary; kNotFound: no such name.
  using Lookup = std::function<Result<Addresses>(const std::string& host)>;

  explicit Resolver(const Clock& clock, Lookup lookup = SystemLookup);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  enum class State { kReady, kPending, kFailed };
  struct Answer {
    State state = State::kPending;
    Addresses addresses;  // if ready
    Error error;          // if failed
  };
  // Never blocks. kPending: `executor` runs `ready` once when it is worth asking again.
  [[nodiscard]] Answer Resolve(const std::string& host, const Executor& executor,
                               std::function<void()> ready);
  // No `ready` is run or posted any more; call before the executors end.
  void Close();
  // A connection to one of the addresses failed: look again in the background.
  void Refresh(const std::string& host);

  [[nodiscard]] static Result<Addresses> SystemLookup(const std::string& host);

 private:
  struct Entry {
    Addresses addresses;
    MonotonicTime resolved_at{};
    Error error;
    MonotonicTime failed_at{};
    bool failed = false;
    bool queued = false;
    std::vector<std::pair<Executor, std::function<void()>>> waiters;
  };
  void Enqueue(const std::string& host, Entry& entry);  // under mutex_
  void Run(const std::stop_token& stop);

  const Clock& clock_;
  const Lookup lookup_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::deque<std::string> queue_;
  bool closed_ = false;
  std::jthread thread_;  // started with the first name that is no address
};

}  // namespace reliability::net
