#pragma once
// What the connections of one worker share. Loop thread only, except where a member says otherwise.
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/rng.h"
#include "libs/net/buffer_pool.h"
#include "libs/net/deadlines.h"
#include "libs/net/http_connection_pool.h"
#include "libs/net/http_head.h"
#include "libs/net/resolver.h"
#include "libs/net/write_batch.h"
#include "sidecar/config/snapshot.h"
#include "sidecar/proxy/decisions.h"
#include "sidecar/proxy/renamed_calls.h"
#include "sidecar/telemetry/metrics.h"

namespace reliability::sidecar::proxy {

// Request and response bodies that are held in memory at one time, over all connections of a
// worker; beyond it messages are relayed without being read (data-plane ruling 56).
inline constexpr std::size_t kHeldBytes = std::size_t{32} * 1024 * 1024;

// How long an agent may take over its own part of HTTP, whatever the policy says.
struct AgentLimits {
  Milliseconds head{10'000};         // from the first byte of a head to its last -> 408
  Milliseconds body_stall{30'000};   // between two reads of a body -> 408
  Milliseconds write_stall{60'000};  // an agent that does not read is given up
  Milliseconds idle{600'000};        // between requests
  Milliseconds linger{1'000};        // after an answer to a request that was not read
};

struct LoopContext {
  LoopContext(const net::Executor& loop, const Clock& time, net::Resolver& names, Decisions& policy,
              RenamedCalls& renamed, telemetry::Metrics& counters)
      : executor(loop),
        clock(time),
        deadlines(loop, time),
        pool(deadlines),
        batch(loop),
        resolver(names),
        decisions(policy),
        renamed_calls(renamed),
        metrics(counters),
        rng(MakeRng(0)) {}
  LoopContext(const LoopContext&) = delete;
  LoopContext& operator=(const LoopContext&) = delete;

  net::Executor executor;
  const Clock& clock;
  net::Deadlines deadlines;
  net::BufferPool buffers;
  net::ConnectionPool pool;
  net::WriteBatch batch;
  net::Resolver& resolver;      // thread-safe
  Decisions& decisions;         // thread-safe
  RenamedCalls& renamed_calls;  // thread-safe
  telemetry::Metrics& metrics;  // thread-safe
  const std::unique_ptr<Rng> rng;
  AgentLimits agent_limits;
  config::SnapshotPtr snapshot;
  std::size_t held_bytes = 0;
  // The memory of an answer's fields, for the next one.
  static constexpr std::size_t kSpareFields = 32;
  std::vector<net::Field> spare_fields;
  // Coroutines without a connection of an agent; stirred when the loop ends.
  std::unordered_set<net::Signal*> background;
  std::function<void()> background_ended;
  bool draining = false;  // finish what runs, begin nothing
  bool aborting = false;  // end everything now
};

// A share of LoopContext::held_bytes, given back with it.
class HeldBytes {
 public:
  explicit HeldBytes(LoopContext& loop) : loop_(loop) {}
  ~HeldBytes() { loop_.held_bytes -= bytes_; }
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;
  // False: the worker holds too much already.
  [[nodiscard]] bool Grow(std::size_t bytes) {
    if (loop_.held_bytes + bytes > kHeldBytes) {
      return false;
    }
    loop_.held_bytes += bytes;
    bytes_ += bytes;
    return true;
  }

 private:
  LoopContext& loop_;
  std::size_t bytes_ = 0;
};

}  // namespace reliability::sidecar::proxy
