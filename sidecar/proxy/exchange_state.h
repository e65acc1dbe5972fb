#pragma once
// One request and its answer: what the stages of the exchange share. Lives in the exchange's
// coroutine. Loop thread only.
#include <optional>
#include <string>
#include <string_view>

#include "libs/net/http_head.h"
#include "sidecar/proxy/call.h"
#include "sidecar/proxy/client_connection.h"
#include "sidecar/proxy/limits.h"
#include "sidecar/proxy/loop_context.h"
#include "sidecar/proxy/request_body.h"

namespace reliability::sidecar::proxy {

// Expiring more than this late, the process itself was stopped: nobody's fault (ruling 24).
inline constexpr Milliseconds kOwnStall{1000};

enum class Interrupt { kNone, kLimit, kClientGone, kClientSlow };

struct ExchangeState {
  ExchangeState(LoopContext& context, ClientConnection& agent, const net::RequestHead& head,
                std::size_t head_end)
      : loop(context),
        client(agent),
        request(head),
        snapshot(context.snapshot),
        enforce(snapshot->enforce()),
        started(context.deadlines.Now()),
        body(context, agent, head, head_end) {}

  // Sleeps until a source stirs; then says whether the exchange must stop. kLimit: `expired` says
  // which. In Observe limits do not stop anything: their twins are counted. kClientSlow:
  // `agent_limit` passed.
  [[nodiscard]] net::Task<Interrupt> Pause();

  // The agent's x-request-id, or a fresh one: names an answer that we make.
  [[nodiscard]] std::string RequestId() const;

  LoopContext& loop;
  ClientConnection& client;
  const net::RequestHead& request;
  const config::SnapshotPtr snapshot;
  const bool enforce;
  const MonotonicTime started;
  RequestBody body;
  Call call;
  Limits limits;
  policy::TransportEvent expired = policy::TransportEvent::kTotalTimeout;
  // While the agent's own body is awaited; holds in Observe, too.
  MonotonicTime agent_limit = MonotonicTime::max();

 private:
  [[nodiscard]] Interrupt Check();
};

}  // namespace reliability::sidecar::proxy
