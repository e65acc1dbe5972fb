#include "sidecar/proxy/cancel_notice.h"

#include <memory>
#include <string>
#include <utility>

#include "libs/base/strings.h"
#include "sidecar/proxy/heads.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr Milliseconds kNoticeLimit{1000};

bool GivenUp(policy::ErrorClass error_class) {
  switch (error_class) {
    case policy::ErrorClass::kTimeoutFirstToken:
    case policy::ErrorClass::kTimeoutIdle:
    case policy::ErrorClass::kTimeoutTotal:
    case policy::ErrorClass::kDeadlineExceeded:
      return true;
    default:
      return false;
  }
}

// Everything it needs by value: the exchange is over before it is sent.
struct Notice {
  Notice(LoopContext& context, config::SnapshotPtr owner, const Route& to)
      : loop(context),
        snapshot(std::move(owner)),
        route(to),
        signal(context.executor),
        deadline(context.deadlines, signal) {
    loop.background.insert(&signal);
  }
  ~Notice() {
    loop.background.erase(&signal);
    loop.background_ended();
  }
  Notice(const Notice&) = delete;
  Notice& operator=(const Notice&) = delete;

  net::Task<> Send();
  net::Task<bool> Connect(MonotonicTime limit);
  net::Task<bool> Write(MonotonicTime limit);
  net::Task<bool> WaitUntil(MonotonicTime limit);

  LoopContext& loop;
  const config::SnapshotPtr snapshot;
  const Route& route;
  net::Signal signal;
  net::Deadline deadline;
  net::Stream stream;  // ends before the signal that it stirs
  std::string message;
};

net::Task<bool> Notice::WaitUntil(MonotonicTime limit) {
  deadline.Set(limit);
  co_await signal.Wait();
  co_return loop.deadlines.Now() < limit && !loop.aborting;
}

net::Task<bool> Notice::Connect(MonotonicTime limit) {
  const auto names = loop.resolver.Resolve(route.url.host, loop.executor, [] {});
  if (names.addresses.empty()) {
    co_return false;
  }
  auto made = net::Stream::Connect(loop.executor, {names.addresses.front(), route.url.port});
  if (!made.has_value()) {
    co_return false;
  }
  stream = std::move(*made);
  stream.Attach(&signal);
  net::IoResult connected = stream.PollConnect();
  while (connected.status == net::IoStatus::kAgain) {
    stream.WantWrite();
    const bool in_time = co_await WaitUntil(limit);
    if (!in_time) {
      co_return false;
    }
    connected = stream.PollConnect();
  }
  if (connected.status != net::IoStatus::kOk || !route.url.tls) {
    co_return connected.status == net::IoStatus::kOk;
  }
  if (!stream.StartTls(*route.tls, route.url.host).has_value()) {
    co_return false;
  }
  net::IoResult shaken = stream.PollHandshake();
  while (shaken.status == net::IoStatus::kAgain) {
    stream.WantRead();
    const bool in_time = co_await WaitUntil(limit);
    if (!in_time) {
      co_return false;
    }
    shaken = stream.PollHandshake();
  }
  co_return shaken.status == net::IoStatus::kOk;
}

net::Task<bool> Notice::Write(MonotonicTime limit) {
  std::string_view rest = message;
  while (!rest.empty()) {
    const net::IoResult put = stream.Write(rest.data(), rest.size());
    if (put.status == net::IoStatus::kOk) {
      rest.remove_prefix(put.bytes);
      continue;
    }
    if (put.status != net::IoStatus::kAgain) {
      co_return false;
    }
    stream.WantWrite();
    const bool in_time = co_await WaitUntil(limit);
    if (!in_time) {
      co_return false;
    }
  }
  co_return true;
}

net::Task<> Notice::Send() {
  const MonotonicTime limit = loop.deadlines.Now() + kNoticeLimit;
  stream = loop.pool.Acquire(route.pool_key, net::ConnectionPool::Call::kOnce);
  if (!stream.open()) {
    const bool connected = co_await Connect(limit);
    if (!connected) {
      co_return;
    }
  }
  stream.Attach(&signal);
  const bool written = co_await Write(limit);
  // Its answer (202) says nothing; waiting for it keeps the server from seeing a reset.
  while (written && stream.PeekState() == net::Stream::Peek::kQuiet) {
    stream.WantRead();
    const bool in_time = co_await WaitUntil(limit);
    if (!in_time) {
      co_return;
    }
  }
}

net::Task<> Run(std::shared_ptr<Notice> notice) { co_await notice->Send(); }

}  // namespace

void MaybeSendCancelNotice(const ExchangeState& state, policy::ErrorClass error_class) {
  const Call& call = state.call;
  if (call.kind != CallKind::kMcpTool || call.stateless || call.mcp.id_json.empty() ||
      !GivenUp(error_class) || !state.enforce) {
    return;
  }
  auto notice = std::make_shared<Notice>(state.loop, state.snapshot, *call.route);
  const std::string body =
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
      (call.renamed ? call.renamed->id_json : call.mcp.id_json) + R"(,"reason":"timeout"}})";
  net::RequestHead head = state.request;
  // The message of another size and type of answer; the session and the credentials stay.
  std::erase_if(head.fields, [](const net::Field& field) {
    return EqualsIgnoreCase(field.name, "mcp-method") || EqualsIgnoreCase(field.name, "mcp-name");
  });
  HeadWriter message;
  WriteRequestHead(message, head, *call.route,
                   {.target = call.target, .identity_encoding = false, .deadline_ms = {}},
                   {.kind = OutFraming::Kind::kLength, .length = body.size()});
  message.Text(body);
  notice->message = message.view();
  net::Spawn(state.loop.executor, Run(std::move(notice)), [] {});
}

std::string_view McpSessionOf(const ExchangeState& state) {
  return state.request.Get("mcp-session-id");
}

void NameCancelledCall(ExchangeState& state) {
  Call& call = state.call;
  if (!state.enforce || call.mcp.kind != inspect::McpKind::kNotification ||
      call.mcp.method != "notifications/cancelled") {
    return;
  }
  const auto cancelled = inspect::ReadCancelledId(state.body.whole());
  if (!cancelled.has_value()) {
    return;
  }
  const auto known_as = state.loop.renamed_calls.UpstreamId(call.route->name, McpSessionOf(state),
                                                            cancelled->id_json);
  if (known_as.has_value()) {
    call.sent_body = inspect::WithCancelledId(state.body.whole(), *cancelled, *known_as);
  }
}

}  // namespace reliability::sidecar::proxy
