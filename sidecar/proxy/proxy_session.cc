#include "sidecar/proxy/proxy_session.h"

#include <string>
#include <utility>
#include <vector>

#include "sidecar/proxy/exchange.h"
#include "sidecar/proxy/heads.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr std::size_t kKeptFields = 32;

}  // namespace

net::Task<> ProxySession::Run() {
  while (true) {
    const Next next = co_await ReadHead();
    if (next != Next::kRequest) {
      break;
    }
    if (loop_.snapshot == nullptr) {
      (void)co_await RefuseHead(503, "no policy is loaded yet", telemetry::BadRequest::kNotFound);
      break;
    }
    co_await Answer(loop_, client_, head_, head_end_, head_at_);
    client_.watching = false;
    client_.deadline.Clear();
    if (!client_.keep_alive || loop_.draining) {
      unread_ = unread_ || !client_.keep_alive;
      break;
    }
    if (client_.input.empty()) {
      client_.input.Release();
    } else {
      client_.input.Compact();  // the next request came with this one
    }
    if (head_.fields.capacity() > kKeptFields) {
      head_.fields = std::vector<net::Field>();
    }
  }
  if (client_.reset_on_close) {
    client_.stream.CloseWithReset();
  } else {
    if (unread_ && !loop_.aborting) {
      co_await Linger();
    }
    client_.stream.Close();
  }
}

net::Task<ProxySession::Next> ProxySession::ReadHead() {
  std::size_t scanned = 0;
  bool started = client_.input.held();
  MonotonicTime now = loop_.deadlines.Now();
  MonotonicTime limit = now + (started ? loop_.agent_limits.head : loop_.agent_limits.idle);
  bool wait_first = !started;
  while (true) {
    if (client_.input.held() && !client_.input.empty()) {
      const net::HeadResult result = net::ParseRequestHead(client_.input.view(), scanned, head_);
      switch (result.status) {
        case net::HeadStatus::kComplete:
          client_.input.Consume(result.bytes);
          head_end_ = client_.input.begin();
          head_at_ = now;
          co_return Next::kRequest;
        case net::HeadStatus::kIncomplete:
          break;
        case net::HeadStatus::kBad:
          co_return co_await RefuseHead(400, result.reason, telemetry::BadRequest::kMalformed);
        case net::HeadStatus::kTooLarge:
          co_return co_await RefuseHead(431, result.reason, telemetry::BadRequest::kTooLarge);
        case net::HeadStatus::kBadVersion:
          co_return co_await RefuseHead(505, result.reason, telemetry::BadRequest::kVersion);
      }
    }
    if (wait_first || client_.stream.read_pending()) {
      wait_first = false;
      client_.stream.WantRead();
      client_.deadline.Set(limit);
      co_await client_.signal.Wait();
      now = loop_.deadlines.Now();
      if (loop_.aborting || (loop_.draining && !started)) {
        co_return Next::kClose;
      }
      if (now >= limit) {
        if (started) {
          co_return co_await RefuseHead(408, "the head did not arrive in time",
                                        telemetry::BadRequest::kTimeout);
        }
        co_return Next::kClose;
      }
      if (client_.stream.read_pending()) {
        continue;  // woken for another reason
      }
    }
    if (!client_.input.held()) {
      client_.input = loop_.buffers.Acquire();
    }
    const net::IoResult got =
        client_.stream.Read(client_.input.space(), client_.input.space_bytes());
    if (got.status == net::IoStatus::kOk) {
      client_.input.Commit(got.bytes);
      if (!started) {
        started = true;
        limit = now + loop_.agent_limits.head;
      }
      continue;
    }
    if (got.status != net::IoStatus::kAgain) {
      co_return Next::kClose;
    }
    if (client_.input.empty()) {
      client_.input.Release();
    }
    wait_first = true;
  }
}

net::Task<ProxySession::Next> ProxySession::RefuseHead(int status, const char* reason,
                                                       telemetry::BadRequest counted) {
  loop_.metrics.CountBad(counted);
  client_.keep_alive = false;
  unread_ = true;
  HeadWriter out;
  WriteMadeAnswer(out, inspect::PlainError(status, "invalid_request", reason), {}, false, false);
  (void)co_await client_.WriteAll(out.view());
  co_return Next::kClose;
}

net::Task<> ProxySession::Linger() {
  // Closing with unread bytes would reset the connection and could destroy our answer on its way.
  client_.stream.ShutdownSend();
  const MonotonicTime limit = loop_.deadlines.Now() + loop_.agent_limits.linger;
  char scrap[4096];
  while (true) {
    const net::IoResult got = client_.stream.Read(scrap, sizeof(scrap));
    if (got.status == net::IoStatus::kOk) {
      if (loop_.deadlines.Now() >= limit) {
        co_return;
      }
      continue;
    }
    if (got.status != net::IoStatus::kAgain) {
      co_return;
    }
    client_.stream.WantRead();
    client_.deadline.Set(limit);
    co_await client_.signal.Wait();
    if (loop_.aborting || loop_.deadlines.Now() >= limit) {
      co_return;
    }
  }
}

}  // namespace reliability::sidecar::proxy
