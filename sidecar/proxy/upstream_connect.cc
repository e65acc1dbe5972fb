// How an attempt gets its connection: name, address, TLS. Part of UpstreamAttempt.
#include <utility>

#include "libs/net/connect_race.h"
#include "sidecar/proxy/upstream_attempt.h"

namespace reliability::sidecar::proxy {

using policy::TransportEvent;

net::Task<UpstreamAttempt::Failure> UpstreamAttempt::Connect() {
  LoopContext& loop = state_.loop;
  if (state_.body.done()) {
    state_.WatchAgent();  // an agent that leaves takes a slow connection with it
  }
  state_.limits.Set(Limits::kConnect,
                    loop.deadlines.Now() + state_.snapshot->policy.timeouts.connect,
                    TransportEvent::kConnectTimeout);
  if (const auto& tls = state_.call.upstream->tls; tls != nullptr) {
    tls->Want();
  }
  net::Addresses addresses;
  Failure failure = co_await FindAddresses(addresses);
  if (failure.has_value()) {
    co_return failure;
  }
  failure = co_await ConnectToOneOf(std::move(addresses));
  state_.limits.Clear(Limits::kConnect);
  if (failure.has_value() && *failure != TransportEvent::kClientGone) {
    loop.resolver.Refresh(state_.call.upstream->url.host);
  }
  co_return failure;
}

std::function<void()> UpstreamAttempt::Waker() {
  if (wake_ == nullptr) {
    wake_ = std::make_shared<net::Signal*>(&state_.client.signal);
  }
  return [wake = wake_] {
    if (*wake != nullptr) {
      (*wake)->Notify();
    }
  };
}

net::Task<UpstreamAttempt::Failure> UpstreamAttempt::FindAddresses(net::Addresses& found) {
  LoopContext& loop = state_.loop;
  while (true) {
    net::Resolver::Answer names =
        loop.resolver.Resolve(state_.call.upstream->url.host, loop.executor, Waker());
    if (names.state == net::Resolver::State::kReady) {
      found = std::move(names.addresses);
      co_return std::nullopt;
    }
    if (names.state == net::Resolver::State::kFailed) {
      detail_ = names.error.message;
      co_return names.error.code == Code::kExhausted ? TransportEvent::kLocalFailure
                                                     : TransportEvent::kConnectFailed;
    }
    state_.wake_at = names.ask_again_at;
    const Interrupt interrupt = co_await state_.Pause();
    state_.wake_at = MonotonicTime::max();
    if (interrupt != Interrupt::kNone) {
      co_return After(interrupt);
    }
  }
}

net::Task<UpstreamAttempt::Failure> UpstreamAttempt::ConnectToOneOf(net::Addresses addresses) {
  LoopContext& loop = state_.loop;
  const net::Url& url = state_.call.upstream->url;
  const bool v4_first = addresses.front().is_v4();
  net::ConnectRace race(loop.executor, state_.client.signal, std::move(addresses), url.port);
  while (true) {
    const net::IoStatus status = race.Poll(loop.deadlines.Now());
    if (status == net::IoStatus::kError) {
      detail_ = race.error().message;
      co_return race.error().code == Code::kExhausted ? TransportEvent::kLocalFailure
                                                      : TransportEvent::kConnectFailed;
    }
    if (status == net::IoStatus::kOk) {
      stream_ = race.TakeWinner();
      if (race.winner().is_v4() != v4_first) {
        loop.resolver.Prefer(url.host, race.winner());
      }
      if (!url.tls) {
        co_return std::nullopt;
      }
      const Failure failure = co_await SecureConnection();
      if (failure != TransportEvent::kConnectFailed || race.exhausted()) {
        co_return failure;
      }
      stream_.Close();  // another address may have a server that speaks TLS as it should
      continue;
    }
    state_.wake_at = race.next_at();
    const Interrupt interrupt = co_await state_.Pause();
    state_.wake_at = MonotonicTime::max();
    if (interrupt != Interrupt::kNone) {
      co_return After(interrupt);
    }
  }
}

net::Task<UpstreamAttempt::Failure> UpstreamAttempt::SecureConnection() {
  const Route& route = *state_.call.upstream;
  while (!route.tls->WhenLoaded(state_.loop.executor, Waker())) {
    const Interrupt interrupt = co_await state_.Pause();
    if (interrupt != Interrupt::kNone) {
      co_return After(interrupt);
    }
  }
  if (const Status started = stream_.StartTls(*route.tls, route.url.host); !started.has_value()) {
    detail_ = started.error().message;
    co_return TransportEvent::kConnectFailed;
  }
  while (true) {
    const net::IoResult result = stream_.PollHandshake();
    if (result.status == net::IoStatus::kOk) {
      co_return std::nullopt;
    }
    if (result.status != net::IoStatus::kAgain) {
      detail_ = "TLS: " + stream_.tls_error();
      co_return TransportEvent::kConnectFailed;
    }
    stream_.WantRead();
    const Interrupt interrupt = co_await state_.Pause();
    if (interrupt != Interrupt::kNone) {
      co_return After(interrupt);
    }
  }
}

}  // namespace reliability::sidecar::proxy
