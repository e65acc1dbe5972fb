#include "sidecar/proxy/exchange.h"

#include <optional>
#include <string>
#include <utility>

#include "libs/base/strings.h"
#include "sidecar/proxy/attempts.h"
#include "sidecar/proxy/exchange_state.h"
#include "sidecar/proxy/heads.h"
#include "sidecar/proxy/local_api.h"
#include "sidecar/proxy/origin_check.h"
#include "sidecar/proxy/planner.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;

class Exchange {
 public:
  Exchange(LoopContext& loop, ClientConnection& client, const net::RequestHead& head,
           std::size_t head_end, MonotonicTime began)
      : state_(loop, client, head, head_end, began) {}

  // What the head asks for: one of these.
  struct Aim {
    std::optional<RouteMatch> route;
    std::string_view query;
    std::optional<std::string> turn;  // whose outcome is reported
    inspect::MadeAnswer refused;
  };
  [[nodiscard]] Aim Find();
  net::Task<> Proxy(RouteMatch& match, std::string_view query);
  net::Task<> TakeReport(const std::string& turn);
  net::Task<> Write(inspect::MadeAnswer answer);
  // The request is answered: its head is not looked at any more.
  void Finish() {
    if (state_.body.done()) {
      state_.body.Finish();
    } else {
      state_.client.keep_alive = false;
    }
  }

 private:
  // What is wrong with the request before any route.
  [[nodiscard]] std::optional<inspect::MadeAnswer> Precheck() const;
  void Settle(const CallEnd& end);

  ExchangeState state_;
};

std::optional<inspect::MadeAnswer> Exchange::Precheck() const {
  const net::RequestHead& head = state_.request;
  telemetry::Metrics& metrics = state_.loop.metrics;
  if (!IsOwnHost(head.Get(net::FieldId::kHost), HostRule::kLoopback) ||
      IsCrossSite(head.Get(net::FieldId::kOrigin), head.Get(net::FieldId::kFetchSite))) {
    metrics.CountBad(telemetry::BadRequest::kForbidden);
    return inspect::PlainError(403, "forbidden", "only local agents may call this address");
  }
  // An h2c offer is ignored, a WebSocket cannot be served (data-plane ruling 54).
  if (EqualsIgnoreCase(head.Get(net::FieldId::kUpgrade), "websocket") || head.method == "CONNECT" ||
      head.method == "TRACE") {
    metrics.CountBad(telemetry::BadRequest::kUnsupported);
    return inspect::PlainError(501, "unsupported", "not something this proxy does");
  }
  return std::nullopt;
}

Exchange::Aim Exchange::Find() {
  const net::RequestHead& head = state_.request;
  Aim aim;
  state_.client.keep_alive = head.keep_alive && !state_.loop.draining;
  if (std::optional<inspect::MadeAnswer> refused = Precheck()) {
    aim.refused = std::move(*refused);
    return aim;
  }
  std::string_view target = head.target;
  if (target.starts_with("http://")) {  // absolute form: same as origin form here
    const std::size_t path = target.find('/', 7);
    if (!IsOwnHost(target.substr(7, path - 7), HostRule::kLoopback)) {
      state_.loop.metrics.CountBad(telemetry::BadRequest::kForbidden);
      aim.refused = inspect::PlainError(403, "forbidden", "not a forward proxy");
      return aim;
    }
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  aim.query = question == std::string_view::npos ? std::string_view{} : target.substr(question);
  aim.turn = TurnOfOutcomePath(path);
  if (aim.turn.has_value()) {
    return aim;
  }
  aim.route = state_.snapshot->routes.Match(path);
  if (!aim.route.has_value()) {
    state_.loop.metrics.CountBad(telemetry::BadRequest::kNotFound);
    aim.refused = inspect::PlainError(404, "not_found", "no upstream has this route");
  }
  return aim;
}

net::Task<> Exchange::TakeReport(const std::string& turn) {
  inspect::MadeAnswer answer = co_await AnswerOutcome(state_, turn);
  co_await Write(std::move(answer));
}

net::Task<> Exchange::Proxy(RouteMatch& match, std::string_view query) {
  Plan plan;
  if (!PlanAtOnce(state_, match, query, plan)) {
    co_await MakePlan(state_, plan);
  }
  if (plan.agent_gone) {
    if (plan.begun) {
      CallEnd end;
      end.outcome.error_class = plan.refused_class;
      Settle(end);
    }
    state_.client.keep_alive = false;
    co_return;
  }
  if (plan.answer.has_value()) {
    if (plan.begun) {
      CallEnd end;
      end.outcome.error_class = plan.refused_class;
      Settle(end);
    } else if (plan.refused_class != ErrorClass::kNone) {
      state_.snapshot->metrics->Count(state_.call.route->index, plan.refused_class,
                                      state_.loop.deadlines.Now() - state_.started);
    }
    if (plan.agent_fault) {
      state_.client.keep_alive = false;
    }
    co_await Write(std::move(*plan.answer));
    co_return;
  }
  CallOutcome outcome;
  co_await MakeAttempts(state_, outcome);
  Settle(outcome.end);
  if (outcome.answer.has_value()) {
    co_await Write(std::move(*outcome.answer));
    co_return;
  }
  if (!outcome.last_bytes.empty()) {
    const bool whole = outcome.end.terminal;
    (void)co_await state_.client.WriteAll(outcome.last_bytes);
    // A stream that failed must not look complete: it has no last chunk.
    state_.client.keep_alive = state_.client.keep_alive && whole;
    state_.client.reset_on_close = state_.client.reset_on_close && !whole;
  }
}

void Exchange::Settle(const CallEnd& end) {
  const MonotonicTime now = state_.loop.deadlines.Now();
  state_.snapshot->metrics->Count(state_.call.route->index, end.outcome.error_class,
                                  now - state_.started);
  EndCall(state_, end, now);
}

net::Task<> Exchange::Write(inspect::MadeAnswer answer) {
  // What is left of the request's body cannot be skipped safely: the connection ends with this.
  if (!state_.body.done()) {
    state_.client.keep_alive = false;
  }
  HeadWriter out;
  WriteMadeAnswer(out, answer,
                  state_.call.kind == CallKind::kLlm
                      ? std::string_view(state_.call.admission.turn_id)
                      : std::string_view{},
                  state_.client.keep_alive, state_.request.method == "HEAD");
  co_await state_.loop.batch.Turn();
  (void)co_await state_.client.WriteAll(out.view());
}

}  // namespace

net::Task<> Answer(LoopContext& loop, ClientConnection& client, const net::RequestHead& head,
                   std::size_t head_end, MonotonicTime began) {
  Exchange exchange(loop, client, head, head_end, began);
  Exchange::Aim aim = exchange.Find();
  if (aim.route.has_value()) {
    co_await exchange.Proxy(*aim.route, aim.query);
  } else if (aim.turn.has_value()) {
    co_await exchange.TakeReport(*aim.turn);
  } else {
    co_await exchange.Write(std::move(aim.refused));
  }
  exchange.Finish();
}

}  // namespace reliability::sidecar::proxy
