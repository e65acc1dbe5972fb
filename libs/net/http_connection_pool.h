#pragma once
// Idle keep-alive connections to upstreams of one loop. A connection is handed out again only if it
// is younger than the idle limit and shows no end of stream (data-plane ruling 11: an ordinary idle
// close must not become an ambiguous failure). While idle it is watched; asking the socket itself
// costs a system call, and is left out where the watch is enough: for a call that may be made
// again, on a connection that has served more than one. Loop thread only.
#include <string>
#include <unordered_map>
#include <vector>

#include "libs/base/clock.h"
#include "libs/net/deadlines.h"
#include "libs/net/stream.h"

namespace reliability::net {

inline constexpr Milliseconds kMaxIdle{4000};
// For a call that must not be sent twice: a server that closes idle connections does it later.
inline constexpr Milliseconds kMaxIdleUnrepeatable{1000};
inline constexpr std::size_t kMaxIdlePerOrigin = 64;

class ConnectionPool final : public Wakeable {
 public:
  explicit ConnectionPool(Deadlines& deadlines) : deadlines_(deadlines), purge_(deadlines, *this) {}

  // A live connection for `key`; not open() if there is none. A call that must not be made twice
  // gets none that was idle for kMaxIdleUnrepeatable.
  enum class Call { kRepeatable, kOnce };
  [[nodiscard]] Stream Acquire(const std::string& key, Call call);
  // Keeps a connection on which a complete exchange has ended. `reused`: it was not the first one.
  void Release(const std::string& key, Stream stream, bool reused);
  void Clear() { idle_.clear(); }
  [[nodiscard]] std::size_t idle() const;

  void Notify() override;  // closes what has been idle too long

 private:
  struct Idle {
    Stream stream;
    MonotonicTime since;
    // A server that closes after each answer without saying so closes before it was used again; the
    // watch can miss an end that came together with the answer.
    bool proven = false;
  };
  Deadlines& deadlines_;
  Deadline purge_;
  std::unordered_map<std::string, std::vector<Idle>> idle_;  // newest last
};

}  // namespace reliability::net
