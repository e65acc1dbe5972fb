#include "sidecar/proxy/attempts.h"

#include <utility>

#include "libs/base/strings.h"
#include "sidecar/proxy/cancel_notice.h"
#include "sidecar/proxy/cost.h"
#include "sidecar/proxy/failure_answer.h"
#include "sidecar/proxy/response_relay.h"
#include "sidecar/proxy/tiers.h"
#include "sidecar/proxy/upstream_attempt.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using policy::RetryDecision;
using policy::TransportEvent;
using telemetry::Intervention;

class Attempts {
 public:
  Attempts(ExchangeState& state, CallOutcome& outcome) : state_(state), outcome_(outcome) {}
  // The place where the call begins; false: nothing can be asked, the call is answered.
  [[nodiscard]] bool Begin();
  void BeginAttempt();
  // How it ended; true: make another one.
  net::Task<bool> AfterFailure(UpstreamAttempt& attempt, TransportEvent event);
  net::Task<bool> AfterHead(UpstreamAttempt& attempt);
  void End();

 private:
  [[nodiscard]] policy::RetryFacts Facts(const UpstreamAttempt& attempt,
                                         ErrorClass error_class) const;
  // Books a failed attempt. True: it was waited and the next one may begin.
  net::Task<bool> MayRepeat(policy::RetryFacts facts);
  // Goes to the next place of the chain; false: there is none.
  [[nodiscard]] bool Advance(ErrorClass error_class);
  // The chain's last resort, if failures of this class have one.
  [[nodiscard]] bool Resort(ErrorClass error_class);
  // Lets the next place go on with a broken stream.
  [[nodiscard]] bool ResumeElsewhere(ErrorClass error_class);
  void RenameRequest();
  void AnswerInstead(const UpstreamAttempt& attempt, ErrorClass error_class,
                     const std::string& detail, bool replaced);
  // Observe: what Enforce would make of a failed answer that it cannot ask for again.
  void CountTwins(const ResponseRelay& relay, const policy::RetryFacts& facts);
  void AgentLeft();
  // Why the call moves.
  [[nodiscard]] ErrorClass Cause(ErrorClass error_class) const {
    return refused_ && error_class == ErrorClass::kInvalidRequest ? ErrorClass::kUntranslatable
                                                                  : error_class;
  }
  [[nodiscard]] bool Retried() const {
    const Admission& admission = state_.call.admission;
    return budget_refused_ || admission.stood_in ||
           admission.retries + admission.earlier_retries > 0;
  }

  ExchangeState& state_;
  CallOutcome& outcome_;
  MonotonicTime began_{};
  bool budget_refused_ = false;
  // By the last place, which the agent did not ask for: its key, its model or its words.
  bool refused_ = false;
  bool gone_ = false;
  bool began_answer_ = false;  // the agent has content of a stream
};

void Attempts::End() {
  outcome_.end.cut = began_answer_ && outcome_.end.outcome.error_class != ErrorClass::kNone;
  MaybeSendCancelNotice(state_, outcome_.end.outcome.error_class);
}

bool Attempts::Begin() {
  Admission& admission = state_.call.admission;
  Refusal refusal;
  if (admission.refusal.has_value()) {
    refusal = *admission.refusal;
    admission.refusal.reset();
  } else if (state_.call.offers.empty() || GoToOffer(state_)) {
    return true;
  } else {
    // It was to go where its turn's tools came from, and what it asks now has no words there.
    state_.loop.decisions.LeaveOffer(admission);
    refusal.error_class = ErrorClass::kUntranslatable;
  }
  if (Advance(refusal.error_class)) {
    return true;
  }
  const ErrorClass answered = refusal.error_class == ErrorClass::kUntranslatable
                                  ? ErrorClass::kAllTargetsFailed
                                  : refusal.error_class;
  outcome_.end.outcome = {.error_class = answered, .retry_after = {}};
  if (Resort(refusal.error_class)) {
    return false;
  }
  const bool spent = refusal.error_class == ErrorClass::kBudgetExhausted;
  inspect::ErrorReply reply =
      state_.Reply(spent ? ErrorClass::kBudgetExhausted : ErrorClass::kAllTargetsFailed);
  reply.resource = spent ? refusal.resource : reply.resource;
  reply.retry_after = refusal.retry_after;
  outcome_.answer = MakeAnswer(state_.call, reply);
  return false;
}

bool Attempts::Resort(ErrorClass error_class) {
  const bool fits = refused_ || error_class == ErrorClass::kLocalOutage ||
                    error_class == ErrorClass::kUntranslatable ||
                    CanStillAnswer(*state_.snapshot, error_class);
  // What a tier says of what is not the agent's is no reason to tell.
  const ErrorClass reason = refused_ || error_class == ErrorClass::kUntranslatable
                                ? ErrorClass::kAllTargetsFailed
                                : error_class;
  auto terminal = fits ? MakeTerminal(state_, reason) : std::nullopt;
  if (!terminal.has_value()) {
    return false;
  }
  state_.CountIntervention(Intervention::kTemplate);
  if (!state_.enforce) {
    return false;
  }
  outcome_.end.terminal = true;
  if (terminal->stream.empty()) {
    outcome_.answer = std::move(terminal->answer);
    return true;
  }
  const bool chunked = state_.sent_head->kind == OutFraming::Kind::kChunked;
  outcome_.last_bytes =
      chunked ? ChunkSize(terminal->stream.size()) + terminal->stream + "\r\n0\r\n\r\n"
              : terminal->stream;
  return true;
}

bool Attempts::ResumeElsewhere(ErrorClass error_class) {
  if (!Advance(error_class)) {
    return false;
  }
  state_.CountIntervention(Intervention::kRestart);
  state_.stream->Resume(TierFormatOf(state_.call), OriginOf(state_));
  state_.resumed = true;
  return true;
}

bool Attempts::Advance(ErrorClass error_class) {
  Call& call = state_.call;
  if (call.offers.empty()) {
    return false;
  }
  if (state_.enforce && (state_.snapshot->chain->MovesOn(error_class, StandsIn(call.admission)) ||
                         error_class == ErrorClass::kBudgetExhausted)) {
    SkipUntranslatable(state_);
  }
  Decisions& decisions = state_.loop.decisions;
  while (decisions.NextOffer(*state_.snapshot, call.admission, call.offers, error_class)) {
    if (GoToOffer(state_)) {
      if (state_.resumed) {
        state_.stream->Resume(TierFormatOf(call), OriginOf(state_));  // the last one said nothing
      }
      return true;
    }
    decisions.LeaveOffer(call.admission);
  }
  return false;
}

void Attempts::BeginAttempt() {
  const Call& call = state_.call;
  Admission& admission = state_.call.admission;
  outcome_.end.attempted = true;
  ++admission.attempts;
  AskForUsage(state_);
  refused_ = false;
  began_ = admission.passed_at;
  state_.snapshot->metrics->CountAttempt(call.route->index);
  state_.limits.ClearAll();
  state_.llm_times =
      sidecar_config::LlmTimesOf(state_.snapshot->policy.timeouts, admission.target.name);
  if (admission.limited && !call.unlimited) {
    state_.limits.Set(Limits::kTotal, began_ + admission.limit.limit,
                      admission.limit.source == policy::LimitSource::kComponent
                          ? TransportEvent::kTotalTimeout
                          : TransportEvent::kDeadline);
  }
  state_.call.may_repeat = state_.enforce && state_.MayFollow();
  state_.call.may_replace =
      call.may_repeat || StandsIn(admission) || (state_.enforce && HasTerminal(state_));
}

net::Task<bool> Attempts::AfterFailure(UpstreamAttempt& attempt, TransportEvent event) {
  state_.limits.ClearAll();
  const ErrorClass error_class = policy::ClassifyTransport(event);
  outcome_.end.outcome = {.error_class = error_class, .retry_after = {}};
  attempt.stream().Close();  // closing is what cancels the call upstream
  if (attempt.client_fault() != 0) {
    state_.client.keep_alive = false;
    outcome_.answer = MakeBodyFault(
        state_, attempt.client_fault() == 408 ? BodyFault::kSlow : BodyFault::kBroken);
    co_return false;
  }
  if (event == TransportEvent::kClientGone) {
    state_.client.keep_alive = false;
    co_return false;
  }
  const bool again = co_await MayRepeat(Facts(attempt, error_class));
  if (!again && !gone_ && !Resort(error_class)) {
    AnswerInstead(attempt, error_class, attempt.detail(), false);
  }
  co_return again;
}

net::Task<bool> Attempts::AfterHead(UpstreamAttempt& attempt) {
  // Before the relay: it reuses the block that the head lies in.
  const std::optional<Milliseconds> retry_after =
      state_.snapshot->retries.honor_retry_after && MayAskToWait(attempt.response())
          ? ReadRetryAfter(attempt.response(), state_.loop.clock.SystemNow())
          : std::nullopt;
  const int status = attempt.response().status;
  const bool forbids = attempt.response().Get(net::FieldId::kShouldRetry) == "false";
  ResponseRelay relay(state_, attempt);
  ResponseRelay::End relayed;
  if (!relay.RunAtOnce(relayed)) {
    relayed = co_await relay.Run();
  }
  attempt.stream().Close();  // a kept connection is in the pool already
  began_answer_ = began_answer_ ||
                  (!relayed.open && relay.watch().event_stream() && relay.watch().first_token());
  state_.call.admission.usage = relay.watch().usage();
  outcome_.end.outcome = {.error_class = relayed.error_class, .retry_after = retry_after};
  refused_ =
      relayed.open && StandsIn(state_.call.admission) &&
      (RefusesPlace(relayed.error_class) || (state_.call.tier_api.has_value() && status == 400 &&
                                             relayed.error_class == ErrorClass::kInvalidRequest));
  if (relayed.error_class != ErrorClass::kNone &&
      relayed.error_class != ErrorClass::kClientCancelled) {
    policy::RetryFacts facts = Facts(attempt, relayed.error_class);
    facts.retry_after = retry_after;
    facts.upstream_forbids = forbids;
    // Observe holds nothing: what counts is whether Enforce could have held it.
    facts.committed = state_.enforce ? !relayed.open : !relay.EnforceWouldHold();
    const bool again = co_await MayRepeat(facts);
    if (again || gone_) {
      co_return again;
    }
    if (!state_.enforce) {
      CountTwins(relay, facts);
    }
    if (relayed.resumable) {
      if (ResumeElsewhere(relayed.error_class)) {
        co_return true;
      }
      relayed = co_await relay.FailStream(std::move(relayed));
    }
    if (state_.enforce && relayed.open && Resort(Cause(relayed.error_class))) {
      co_return false;
    }
    if (refused_) {
      relayed.answer_instead = true;
      outcome_.end.outcome.error_class = ErrorClass::kAllTargetsFailed;
    }
  }
  if (relayed.answer_instead) {
    AnswerInstead(attempt, relayed.error_class, relayed.detail, true);
    co_return false;
  }
  if (relayed.open) {
    const bool retried = relayed.error_class != ErrorClass::kNone && state_.enforce && Retried();
    if (relay.DeliversWhole(retried)) {
      co_await state_.loop.batch.Turn();
      const bool written = co_await state_.client.WriteAll(relay.head(), relay.body());
      relayed = relay.Delivered(written);
    } else {
      relayed = co_await relay.Deliver(retried);
    }
    outcome_.end.outcome.error_class = relayed.error_class;
  }
  if (relayed.delivered && relayed.error_class == ErrorClass::kNone) {
    outcome_.end.final_answer = relay.watch().final_answer();
    outcome_.end.tool_calls = relay.watch().tool_calls();
    outcome_.end.response_id = relay.watch().response_id();
  }
  if (const auto* tools = relay.watch().tools_list()) {
    state_.loop.decisions.ObserveTools(state_.call.route->name, *tools);
  }
  if (!relayed.delivered) {
    state_.client.keep_alive = false;
  }
  co_return false;
}

policy::RetryFacts Attempts::Facts(const UpstreamAttempt& attempt, ErrorClass error_class) const {
  const Call& call = state_.call;
  policy::RetryFacts facts;
  facts.error_class = error_class;
  facts.replayable = call.repeatable && !call.unlimited && state_.BodyRepeatable();
  // Proven to have reached nobody, and all of it can still be sent.
  facts.sent = attempt.sent_any() || call.unlimited || !state_.body.intact();
  facts.took = state_.loop.deadlines.Now() - began_;
  return facts;
}

net::Task<bool> Attempts::MayRepeat(policy::RetryFacts facts) {
  Decisions& decisions = state_.loop.decisions;
  Admission& admission = state_.call.admission;
  SettleLaterOffers(state_);
  const policy::RetryVerdict verdict = decisions.AttemptFailed(*state_.snapshot, admission, facts);
  budget_refused_ = verdict.decision == RetryDecision::kBudget;
  if (verdict.decision == RetryDecision::kRetry) {
    const bool there = co_await state_.Sleep(verdict.wait);
    if (!there) {
      AgentLeft();
      co_return false;
    }
    if (decisions.Retry(*state_.snapshot, admission)) {
      if (facts.sent) {
        RenameRequest();
      }
      co_return true;
    }
  }
  co_return !facts.committed && Advance(Cause(facts.error_class));
}

void Attempts::RenameRequest() {
  Call& call = state_.call;
  const bool mcp = call.kind == CallKind::kMcpTool || call.kind == CallKind::kMcpOther;
  if (!mcp || call.mcp.id_json.empty()) {
    return;
  }
  auto renamed = inspect::RenameMcpRequest(state_.body.whole(), Hex16(state_.loop.rng->Next()));
  if (renamed.has_value()) {
    call.renamed = std::move(*renamed);
    call.known_as = state_.loop.renamed_calls.Add(call.route->name, McpSessionOf(state_),
                                                  call.mcp.id_json, call.renamed->id_json);
  }
}

void Attempts::CountTwins(const ResponseRelay& relay, const policy::RetryFacts& facts) {
  const Admission& admission = state_.call.admission;
  if (admission.would_act) {
    return;
  }
  if (relay.CouldRestart()) {
    (void)Advance(facts.error_class);
    if (admission.would_act) {  // there is a tier that would have gone on
      state_.loop.metrics.CountIntervention(Intervention::kRestart, false);
      return;
    }
  }
  if (!facts.committed) {
    (void)Resort(facts.error_class);
  }
  if (const auto twin = relay.Twin(facts.error_class)) {
    state_.CountIntervention(*twin);
  }
}

void Attempts::AnswerInstead(const UpstreamAttempt& attempt, ErrorClass error_class,
                             const std::string& detail, bool replaced) {
  AnswerFailure(state_,
                {.error_class = error_class,
                 .several_places = state_.call.admission.stood_in || refused_,
                 .sent = attempt.sent_any(),
                 .replaced = replaced,
                 .detail = detail},
                outcome_);
}

void Attempts::AgentLeft() {
  gone_ = true;
  state_.client.keep_alive = false;
  outcome_.end.outcome = {.error_class = ErrorClass::kClientCancelled, .retry_after = {}};
}

}  // namespace

net::Task<> MakeAttempts(ExchangeState& state, CallOutcome& outcome) {
  Attempts attempts(state, outcome);
  bool again = attempts.Begin();
  while (again) {
    attempts.BeginAttempt();
    UpstreamAttempt attempt(state);
    UpstreamAttempt::Failure failure;
    co_await state.loop.batch.Turn();
    if (attempt.SendAtOnce()) {
      failure = co_await attempt.ReceiveHead();
    } else {
      failure = co_await attempt.Run();
    }
    if (failure.has_value()) {
      again = co_await attempts.AfterFailure(attempt, *failure);
    } else {
      again = co_await attempts.AfterHead(attempt);
    }
  }
  attempts.End();
}

}  // namespace reliability::sidecar::proxy
