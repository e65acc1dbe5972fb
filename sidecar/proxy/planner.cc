#include "sidecar/proxy/planner.h"

#include <algorithm>
#include <utility>

#include "libs/base/strings.h"
#include "libs/policy/replay.h"
#include "libs/sidecar_config/to_policy.h"
#include "sidecar/proxy/body_plan.h"
#include "sidecar/proxy/cancel_notice.h"
#include "sidecar/proxy/cost.h"
#include "sidecar/proxy/tiers.h"
#include "sidecar/proxy/turn_clues.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using policy::TransportEvent;
using sidecar_config::UpstreamKind;

constexpr std::string_view kStatelessMcp = "2026-07-28";

std::optional<std::string_view> Optional(const net::RequestHead& head, std::string_view name) {
  for (const net::Field& field : head.fields) {
    if (EqualsIgnoreCase(field.name, name)) {
      return field.value;
    }
  }
  return std::nullopt;
}

inspect::ErrorReply ReplyFor(const ExchangeState& state, const Refusal& refusal) {
  inspect::ErrorReply reply;
  reply.request_id = state.RequestId();
  reply.error_class = refusal.error_class;
  reply.resource = refusal.resource;
  reply.retry_after = refusal.retry_after;
  reply.remaining = refusal.remaining;
  return reply;
}

void Refuse(ExchangeState& state, Plan& plan, const Refusal& refusal) {
  plan.answer = MakeAnswer(state.call, ReplyFor(state, refusal));
  plan.refused_class = refusal.error_class;
}

// The agent's own message cannot be understood in one way only.
void RefuseRequest(ExchangeState& state, Plan& plan, const std::string& why) {
  inspect::ErrorReply reply;
  reply.request_id = state.RequestId();
  reply.error_class = ErrorClass::kInvalidRequest;
  reply.resource = ResourceName(state.call);
  reply.message = why;
  plan.answer = MakeAnswer(state.call, reply);
  plan.refused_class = ErrorClass::kInvalidRequest;
}

void BeginOther(ExchangeState& state, Plan& plan) {
  Call& call = state.call;
  const bool llm = call.kind == CallKind::kLlmOther;
  state.loop.decisions.BeginOther(*state.snapshot, *call.route,
                                  llm ? ClientLimit(state.request) : std::optional<Milliseconds>{},
                                  ClientRetries(state.request), call.offers, CostAskOf(state),
                                  call.admission);
  plan.begun = true;
}

// Waits until a rate limit that others ran into is over, instead of running into it as well.
net::Task<> AwaitHold(ExchangeState& state, Plan& plan) {
  Admission& admission = state.call.admission;
  while (admission.hold.has_value()) {
    const bool there = co_await state.Sleep(*admission.hold);
    if (!there) {
      plan.agent_gone = true;
      plan.refused_class = ErrorClass::kClientCancelled;
      co_return;
    }
    state.loop.decisions.Resume(*state.snapshot, admission);
  }
}

bool TraceNames(const ExchangeState& state) {
  return state.snapshot->policy.turn.identity == sidecar_config::TurnIdentity::kTrace;
}

void BeginLlm(ExchangeState& state, Plan& plan, bool readable, MonotonicTime now) {
  Call& call = state.call;
  const net::RequestHead& head = state.request;
  std::string baggage_turn;
  policy::LlmClues clues;
  static_cast<policy::TurnClues&>(clues) = ReadTurnClues(head, TraceNames(state), baggage_turn);
  if (readable) {
    clues.tool_call_ids = call.llm.tool_call_ids;
    clues.tool_call_after_user = call.llm.tool_call_after_user;
    clues.prefix_hash = call.llm.prefix_hash;
  }
  clues.retry_count = ClientRetries(head);
  state.loop.decisions.BeginLlm(*state.snapshot, *call.route, call.llm.model, clues,
                                head.Get(net::FieldId::kAgentSession), ClientLimit(head),
                                call.offers, CostAskOf(state), now, call.admission);
  plan.begun = true;
  if (call.admission.refusal.has_value() ||
      call.admission.limit.source == policy::LimitSource::kTurn) {
    SettleLaterOffers(state);
  }
}

void BeginTool(ExchangeState& state, Plan& plan) {
  Call& call = state.call;
  std::string baggage_turn;
  policy::ToolClues clues;
  static_cast<policy::TurnClues&>(clues) =
      ReadTurnClues(state.request, TraceNames(state), baggage_turn);
  clues.tool = call.mcp.tool;
  clues.arguments_hash = call.mcp.arguments_hash;
  state.loop.decisions.BeginTool(*state.snapshot, *call.route, clues, call.admission);
  plan.begun = true;
}

// What headers say about an MCP message whose body is too large to read.
void ReadMcpHeaders(ExchangeState& state) {
  Call& call = state.call;
  call.mcp.method = state.request.Get("mcp-method");
  if (call.mcp.method == "tools/call") {
    call.mcp.tool = inspect::DecodeMcpName(state.request.Get("mcp-name")).value_or("");
  }
}

// Kind, time limit and twins of an MCP request whose body was read (or not).
void ClassifyMcp(ExchangeState& state, Plan& plan, bool readable) {
  Call& call = state.call;
  if (readable) {
    auto read = inspect::ReadMcpRequest(state.body.whole(), RequestBody::kReadableBehind);
    if (!read.has_value()) {
      if (state.enforce) {
        call.kind = CallKind::kMcpOther;
        RefuseRequest(state, plan, read.error().message);
        return;
      }
      CountWouldReject(state);
    } else {
      call.mcp = std::move(*read);
      call.inspected = true;
      if (!inspect::HeadersAgree(call.mcp, Optional(state.request, "mcp-method"),
                                 Optional(state.request, "mcp-name"))) {
        state.loop.metrics.CountHeaderMismatch();
        if (state.enforce) {
          plan.answer = inspect::McpHeaderMismatch(call.mcp.id_json);
          plan.refused_class = ErrorClass::kInvalidRequest;
          return;
        }
      }
      NameCancelledCall(state);
    }
  } else {
    ReadMcpHeaders(state);
  }
  const bool tool_call = call.mcp.method == "tools/call" || call.mcp.tools_call_in_batch;
  call.kind = tool_call ? CallKind::kMcpTool : CallKind::kMcpOther;
  call.repeatable = policy::IsReplayable(
      {.nature = policy::CallNature::kMcp,
       .method = state.request.method,
       .path = {},
       .mcp_method = call.mcp.method,
       .listed = tool_call && sidecar_config::IsIdempotentTool(state.snapshot->policy.retries,
                                                               call.route->name, call.mcp.tool)});
  // Long-lived by design.
  call.unlimited = call.mcp.method == "subscriptions/listen";
}

// Below the route, without query.
std::string_view PathOf(const Call& call) {
  const std::string_view target = call.target;
  return target.substr(0, target.find('?')).substr(call.route->base_path.size());
}

// What kind of LLM call it is. True: one of a turn, whose body is read.
bool ClassifyLlm(ExchangeState& state) {
  Call& call = state.call;
  const std::string_view path = PathOf(call);
  const bool post = state.request.method == "POST";
  call.api = post ? inspect::LlmApiOfPath(path) : std::nullopt;
  call.answer_api = call.api;
  call.kind = call.api.has_value() ? CallKind::kLlm : CallKind::kLlmOther;
  call.repeatable = policy::IsReplayable(
      {.nature = call.api ? policy::CallNature::kLlmAnswer : policy::CallNature::kLlmOther,
       .method = state.request.method,
       .path = path,
       .mcp_method = {}});
  return call.api.has_value();
}

// `readable`: the body is there, since `now`, and may be read.
void PlanTurnCall(ExchangeState& state, Plan& plan, bool readable, MonotonicTime now) {
  Call& call = state.call;
  if (!readable) {
    if (!PassUnread(state, plan)) {
      return;
    }
  } else {
    auto read =
        inspect::ReadLlmRequest(*call.api, state.body.whole(), RequestBody::kReadableBehind);
    if (read.has_value()) {
      call.llm = std::move(*read);
    } else if (state.enforce) {
      RefuseRequest(state, plan, read.error().message);
      return;
    } else {
      CountWouldReject(state);
      readable = false;
    }
  }
  call.inspected = true;  // the answer is, even if the request is too large
  if (readable) {
    ListOffers(state);
  }
  BeginLlm(state, plan, readable, now);
}

net::Task<> PlanLlm(ExchangeState& state, Plan& plan) {
  if (ClassifyLlm(state)) {
    const bool readable = co_await TakeBody(state, plan);
    if (!plan.answer.has_value() && !plan.agent_gone) {
      PlanTurnCall(state, plan, readable, state.loop.deadlines.Now());
    }
    co_return;
  }
  if (state.call.repeatable) {
    const bool kept = co_await KeepBody(state, plan);
    if (!kept) {
      co_return;
    }
  }
  BeginOther(state, plan);
}

net::Task<> PlanMcp(ExchangeState& state, Plan& plan) {
  Call& call = state.call;
  call.kind = CallKind::kMcpOther;
  call.repeatable = policy::IsReplayable({.nature = policy::CallNature::kMcp,
                                          .method = state.request.method,
                                          .path = {},
                                          .mcp_method = {}});
  call.stateless = state.request.Get("mcp-protocol-version") >= kStatelessMcp;
  if (state.request.method == "POST") {
    const bool whole = co_await TakeBody(state, plan);
    if (plan.answer.has_value() || plan.agent_gone) {
      co_return;
    }
    if (!whole && !PassUnread(state, plan)) {
      co_return;
    }
    ClassifyMcp(state, plan, whole);
    if (plan.answer.has_value()) {
      co_return;
    }
  } else {
    call.unlimited = state.request.method == "GET";  // the server's own event stream
  }
  if (call.kind == CallKind::kMcpTool) {
    BeginTool(state, plan);
  } else {
    BeginOther(state, plan);
  }
}

net::Task<> PlanHttpTool(ExchangeState& state, Plan& plan) {
  Call& call = state.call;
  call.kind = CallKind::kHttpTool;
  call.repeatable =
      policy::IsReplayable({.nature = policy::CallNature::kHttpTool,
                            .method = state.request.method,
                            .path = {},
                            .mcp_method = {},
                            .idempotency_key = !state.request.Get("idempotency-key").empty(),
                            .listed = sidecar_config::IsIdempotentTool(
                                state.snapshot->policy.retries, call.route->name, {})});
  if (call.repeatable) {
    const bool kept = co_await KeepBody(state, plan);
    if (!kept) {
      co_return;
    }
  }
  BeginTool(state, plan);
}

// What the stages decided becomes an answer, unless a chain can still give another one.
void Judge(ExchangeState& state, Plan& plan) {
  const Call& call = state.call;
  const auto& refusal = call.admission.refusal;
  // What a chain can still answer is not refused yet: attempts.h.
  const bool can_move = state.enforce && !call.offers.empty() && refusal.has_value() &&
                        CanStillAnswer(*state.snapshot, refusal->error_class);
  if (plan.begun && refusal.has_value() && !can_move) {
    Refuse(state, plan, *refusal);
  }
  if (plan.begun && !plan.answer.has_value() && !call.route->configured && call.offers.empty()) {
    inspect::ErrorReply reply;
    reply.request_id = state.RequestId();
    reply.error_class = ErrorClass::kConnect;
    reply.resource = call.route->name;
    reply.message = "no URL is known for this upstream: set " + UpstreamVariable(call.route->name);
    plan.answer = MakeAnswer(call, reply);
    plan.refused_class = ErrorClass::kConnect;
  }
}

}  // namespace

bool PlanAtOnce(ExchangeState& state, RouteMatch& match, std::string_view query, Plan& plan) {
  Call& call = state.call;
  call.route = match.route;
  call.upstream = match.route;
  call.target = std::move(match.path);
  call.target += query;
  if (call.route->kind != UpstreamKind::kLlm || !ClassifyLlm(state) ||
      !state.body.TakeInPlace(inspect::kMaxInspectedRequest)) {
    return false;
  }
  PlanTurnCall(state, plan, true, state.started);
  if (plan.begun && call.admission.hold.has_value()) {
    return false;
  }
  Judge(state, plan);
  return true;
}

net::Task<> MakePlan(ExchangeState& state, Plan& plan) {
  if (!plan.begun) {
    switch (state.call.route->kind) {
      case UpstreamKind::kLlm:
        co_await PlanLlm(state, plan);
        break;
      case UpstreamKind::kMcp:
        co_await PlanMcp(state, plan);
        break;
      case UpstreamKind::kHttp:
        co_await PlanHttpTool(state, plan);
        break;
    }
  }
  if (plan.begun && state.call.admission.hold.has_value()) {
    co_await AwaitHold(state, plan);
  }
  Judge(state, plan);
}

void EndCall(ExchangeState& state, const CallEnd& end, MonotonicTime now) {
  const Call& call = state.call;
  switch (call.kind) {
    case CallKind::kLlm:
      state.loop.decisions.EndLlm(call.admission, end, now);
      break;
    case CallKind::kLlmOther:
    case CallKind::kMcpOther:
      state.loop.decisions.EndOther(call.admission, end, now);
      break;
    case CallKind::kMcpTool:
    case CallKind::kHttpTool:
      state.loop.decisions.EndTool(*state.snapshot, *call.route, call.mcp.tool, call.admission, end,
                                   now);
      break;
  }
}

}  // namespace reliability::sidecar::proxy
