#pragma once
// One event loop with its thread, listener, connections and upstream pool. Workers share nothing
// but Decisions, renamed calls, metrics and the resolver.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>

#include "libs/base/result.h"
#include "libs/net/listener.h"
#include "sidecar/proxy/loop_context.h"
#include "sidecar/proxy/proxy_session.h"

namespace reliability::sidecar::proxy {

class Worker {
 public:
  Worker(const Clock& clock, net::Resolver& resolver, Decisions& decisions, RenamedCalls& renamed,
         telemetry::Metrics& metrics);
  ~Worker();  // aborts and joins
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before Start().
  void SetAgentLimits(const AgentLimits& limits) { loop_.agent_limits = limits; }
  // Before Start(). kUnavailable: the address cannot be bound.
  [[nodiscard]] Status Listen(const std::string& host, std::uint16_t port, bool shared);
  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }
  void Start();

  // The rest from any thread.
  // Requests that begin from now on use it.
  void Use(config::SnapshotPtr snapshot);
  // This worker also ends turns that are due; `at` is when to look.
  void HousekeepAt(MonotonicTime at);
  // Accepts nothing more, closes idle connections, finishes what runs; then calls `done` once.
  void Drain(std::function<void()> done);
  // Ends everything at once; then the thread ends.
  void Abort();
  void Join();

 private:
  class Housekeeper final : public net::Wakeable {
   public:
    explicit Housekeeper(LoopContext& loop) : loop_(loop), deadline_(loop.deadlines, *this) {}
    void Notify() override;
    void At(MonotonicTime at);

   private:
    LoopContext& loop_;
    net::Deadline deadline_;
  };

  void Accept(int descriptor);
  void Ended(ProxySession* session);
  void StirAll();
  // Says that nothing runs any more, if that was asked for.
  void CheckEmpty();
  static net::Task<> Serve(std::shared_ptr<ProxySession> session);

  // One thread does all I/O; others only post.
  net::IoContext io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  boost::asio::executor_work_guard<net::Executor> work_;
  LoopContext loop_;
  Housekeeper housekeeper_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_set<ProxySession*> sessions_;  // loop thread only
  std::function<void()> drained_;               // loop thread only
  std::jthread thread_;
};

}  // namespace reliability::sidecar::proxy
