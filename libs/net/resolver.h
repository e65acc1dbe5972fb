#pragma once
// Names to addresses for the event loops, which never wait here: a NameSource looks names up on its
// own thread, answers are cached. An answer serves for its TTL, at least 5 s and at most 300 s, and
// is renewed in the last fifth of that; afterwards it serves, up to 10 minutes, while a new look-up
// fails or takes long. A failure is remembered for 1 s (data-plane ruling 53). Thread-safe.
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/net/name_source.h"
#include "libs/net/waiters.h"

namespace reliability::net {

class Resolver {
 public:
  explicit Resolver(const Clock& clock);  // by DNS
  Resolver(const Clock& clock, std::unique_ptr<NameSource> source);
  ~Resolver() { Close(); }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  enum class State { kReady, kPending, kFailed };
  struct Answer {
    State state = State::kPending;
    // If ready, in the order to try. If pending: of an older answer, for whoever cannot wait.
    Addresses addresses;
    Error error;  // if failed; kExhausted: this machine's or its name servers' trouble
    // If pending with addresses: ask again then, they will do.
    MonotonicTime ask_again_at = MonotonicTime::max();
  };
  // Never blocks. kPending: `executor` runs `ready` once when it is worth asking again.
  [[nodiscard]] Answer Resolve(const std::string& host, const Executor& executor,
                               std::function<void()> ready);
  // Ends look-ups; no `ready` is run or posted any more. Call before the executors end.
  void Close();
  // A connection to one of the addresses failed: look again in the background.
  void Refresh(const std::string& host);
  // An address that was not the first to try answered first: its family begins from now on.
  void Prefer(const std::string& host, const boost::asio::ip::address& address);

 private:
  struct Entry {
    Addresses addresses;
    MonotonicTime answered_at{};
    MonotonicTime renew_at{};
    MonotonicTime fresh_until{};
    Error error;
    MonotonicTime failed_at{};
    bool failed = false;
    MonotonicTime asked_at{};
    bool asked = false;
    std::optional<bool> v4_first;
    Waiters waiters;
  };
  // All under mutex_.
  static void Reorder(Entry& entry);
  void Ask(const std::string& host, Entry& entry);
  void AskQuietly(const std::string& host, Entry& entry);  // at most once a second
  // Locks it itself.
  void Answered(const std::string& host, Result<NameAnswer> answer);

  const Clock& clock_;
  const std::unique_ptr<NameSource> source_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  bool closed_ = false;
};

}  // namespace reliability::net
