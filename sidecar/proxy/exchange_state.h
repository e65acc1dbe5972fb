#pragma once
// One request and its answer: what the stages of the exchange share. Lives in the exchange's
// coroutine. Loop thread only.
#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/net/http_head.h"
#include "libs/sidecar_config/to_policy.h"
#include "sidecar/proxy/call.h"
#include "sidecar/proxy/client_connection.h"
#include "sidecar/proxy/heads.h"
#include "sidecar/proxy/limits.h"
#include "sidecar/proxy/loop_context.h"
#include "sidecar/proxy/request_body.h"
#include "sidecar/translate/stream_translator.h"

namespace reliability::sidecar::proxy {

// Expiring more than this late, the process itself was stopped: nobody's fault (ruling 24).
inline constexpr Milliseconds kOwnStall{1000};

enum class Interrupt { kNone, kLimit, kClientGone, kClientSlow };

struct ExchangeState {
  ExchangeState(LoopContext& context, ClientConnection& agent, const net::RequestHead& head,
                std::size_t head_end, MonotonicTime began)
      : loop(context),
        client(agent),
        request(head),
        snapshot(context.snapshot),
        enforce(snapshot->enforce()),
        started(began),
        body(context, agent, head, head_end) {}

  // Sleeps until a source stirs; then says whether the exchange must stop. kLimit: `expired` says
  // which. In Observe limits do not stop anything: their twins are counted. kClientSlow:
  // `agent_limit` passed.
  [[nodiscard]] auto Pause() {
    Arm();
    struct Awaiter {
      [[nodiscard]] bool await_ready() const noexcept { return wait.await_ready(); }
      void await_suspend(std::coroutine_handle<> waiter) const noexcept {
        wait.await_suspend(waiter);
      }
      [[nodiscard]] Interrupt await_resume() const { return state.Check(); }
      ExchangeState& state;
      net::Signal::Awaiter wait;
    };
    return Awaiter{*this, client.signal.Wait()};
  }

  // Waits between two attempts. False: the agent left, or everything ends.
  [[nodiscard]] net::Task<bool> Sleep(Milliseconds wait);
  // From now on the agent's leaving is noticed; its request was read to the end.
  void WatchAgent();

  // Counts what is done to an answer; in Observe, what Enforce would do, unless it would have acted
  // on the call before.
  void CountIntervention(telemetry::Intervention what);

  // All of the request's body is held, and small enough that the policy lets it be sent again.
  [[nodiscard]] bool BodyRepeatable() const;
  // Another attempt may follow the running one, as far as is known before it ends.
  [[nodiscard]] bool MayFollow() const;

  // The agent's x-request-id, or a fresh one: names an answer that we make.
  [[nodiscard]] std::string RequestId() const;
  // Class, resource and what the turn has left: the base of an error that we make.
  [[nodiscard]] inspect::ErrorReply Reply(policy::ErrorClass error_class) const;

  LoopContext& loop;
  ClientConnection& client;
  const net::RequestHead& request;
  const config::SnapshotPtr snapshot;
  const bool enforce;
  const MonotonicTime started;  // the head was complete
  RequestBody body;
  Call call;
  Limits limits;
  sidecar_config::LlmTimes llm_times;  // of the running attempt's model
  policy::TransportEvent expired = policy::TransportEvent::kTotalTimeout;
  bool would_expire = false;  // Observe: `expired` says which limit passed first, just now
  // While the agent's own body is awaited; holds in Observe, too.
  MonotonicTime agent_limit = MonotonicTime::max();
  // Pause() returns then, too.
  MonotonicTime wake_at = MonotonicTime::max();
  // The head that the agent got while an event stream was held, if it did: what follows goes into
  // that stream, whichever attempt it comes from.
  std::optional<OutFraming> sent_head;
  // Knows what the agent has of a stream, so that another tier can go on (RestartIfOnlyText);
  // `resumed`: it does, and what comes goes through it.
  std::unique_ptr<translate::StreamTranslator> stream;
  bool resumed = false;

 private:
  // Sets the deadline of the nearest limit.
  void Arm();
  [[nodiscard]] Interrupt Check();
};

}  // namespace reliability::sidecar::proxy
