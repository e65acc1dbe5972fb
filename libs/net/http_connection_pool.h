#pragma once
// Idle keep-alive connections to upstreams of one loop. A connection is handed out again only if it
// is younger than the idle limit and shows no end of stream (data-plane ruling 11: an ordinary idle
// close must not become an ambiguous failure). Loop thread only.
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

  // A live connection for `key`, idle for less than `max_idle`; not open() if there is none.
  [[nodiscard]] Stream Acquire(const std::string& key, Milliseconds max_idle);
  // Keeps a connection on which a complete exchange has ended.
  void Release(const std::string& key, Stream stream);
  void Clear() { idle_.clear(); }
  [[nodiscard]] std::size_t idle() const;

  void Notify() override;  // closes what has been idle too long

 private:
  struct Idle {
    Stream stream;
    MonotonicTime since;
  };
  Deadlines& deadlines_;
  Deadline purge_;
  std::unordered_map<std::string, std::vector<Idle>> idle_;  // newest last
};

}  // namespace reliability::net
