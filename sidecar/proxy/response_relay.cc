#include "sidecar/proxy/response_relay.h"

#include <algorithm>
#include <utility>

#include "sidecar/inspect/llm_answer.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::TransportEvent;

constexpr std::size_t kMaxTranslatedAnswer = inspect::LlmAnswer::kMaxJsonBytes;
constexpr std::size_t kMaxHeldStream = std::size_t{256} * 1024;
constexpr Milliseconds kHoldComment{1000};
constexpr std::string_view kComment = ": hold\n\n";
constexpr std::string_view kCrlf = "\r\n";

}  // namespace

ResponseRelay::ResponseRelay(ExchangeState& state, UpstreamAttempt& attempt)
    : state_(state),
      attempt_(attempt),
      head_(attempt.response()),
      watch_(state.call, attempt.response()),
      decoder_(attempt.body_kind(), attempt.response().framing.content_length.value_or(0)),
      held_bytes_(state.loop),
      translates_(state.call.tier_api.has_value()),
      to_head_(state.request.method == "HEAD") {
  if (state.call.renamed) {
    swap_ = state.call.renamed->back;
  }
  hold_ = state_.enforce && WantsHold();
  PrepareLimits();
  PrepareStream();
}

bool ResponseRelay::WantsHold() const {
  if (state_.sent_head && !watch_.event_stream()) {
    return true;  // cannot follow the head of a stream
  }
  if (translates_) {
    return true;  // so a stream that fails before its content has a true status, too
  }
  if (decoder_.done()) {
    return false;
  }
  if (watch_.event_stream()) {
    return state_.call.may_replace && watch_.readable();
  }
  if (watch_.readable()) {
    return true;
  }
  if (state_.call.may_replace && head_.status >= 400) {
    return true;
  }
  return ShortToolAnswer();
}

void ResponseRelay::PrepareLimits() {
  Limits& limits = state_.limits;
  if (!watch_.event_stream()) {
    limits.Clear(Limits::kFirstToken);  // only a stream has one
    return;
  }
  // Other event streams of providers (Responses …) are bounded by silence only once they run.
  if (state_.call.kind == CallKind::kLlmOther && !watch_.readable()) {
    limits.Clear(Limits::kTotal);
  }
}

void ResponseRelay::OnProgress() {
  if (!watch_.event_stream() ||
      (state_.call.kind != CallKind::kLlm && state_.call.kind != CallKind::kLlmOther)) {
    return;
  }
  Limits& limits = state_.limits;
  if (!saw_first_token_ && watch_.first_token()) {
    saw_first_token_ = true;
    state_.call.admission.first_token = state_.loop.deadlines.Now();
    limits.Clear(Limits::kFirstToken);
    limits.Clear(Limits::kTotal);
    if (const auto& deadline = state_.call.admission.turn_deadline) {
      limits.Set(Limits::kTotal, *deadline - policy::kLastLlmMargin, TransportEvent::kDeadline);
    }
  }
  if (saw_first_token_) {
    limits.Set(Limits::kIdle, state_.loop.deadlines.Now() + state_.llm_times.idle,
               TransportEvent::kIdleTimeout);
  }
}

OutFraming ResponseRelay::Framing() const {
  const auto& length = head_.framing.content_length;
  if (attempt_.body_kind() == net::BodyKind::kNone) {
    // HEAD and 304 may say what the size would be.
    const bool says_zero = !to_head_ && head_.status != 204 && head_.status != 304;
    if (length.has_value() && head_.status != 204) {
      return {.kind = OutFraming::Kind::kLength, .length = *length};
    }
    return says_zero ? OutFraming{.kind = OutFraming::Kind::kLength, .length = 0} : OutFraming{};
  }
  if (length.has_value() && !swap_.active() && !gated_) {
    return {.kind = OutFraming::Kind::kLength, .length = *length};
  }
  return {.kind = state_.request.version >= 11 ? OutFraming::Kind::kChunked
                                               : OutFraming::Kind::kUntilClose};
}

void ResponseRelay::WriteHead(const OutFraming& framing) {
  framing_ = framing;
  if (framing.kind == OutFraming::Kind::kUntilClose) {
    state_.client.keep_alive = false;
    state_.client.reset_on_close = true;  // until the body was whole
  }
  committed_ = true;
  const Tier* tier = state_.call.tier;
  // A head that goes out before the content cannot say who will answer.
  const bool known = state_.enforce && tier != nullptr && !HoldsStream();
  WriteResponseHead(
      out_, head_,
      {.turn_id = state_.call.kind == CallKind::kLlm
                      ? std::string_view(state_.call.admission.turn_id)
                      : std::string_view{},
       .route = state_.call.route,
       .keep_alive = state_.client.keep_alive,
       .retried = retried_,
       .served_by = known ? std::string_view(tier->name) : std::string_view{},
       .degraded = known && (state_.call.admission.stood_in || state_.call.admission.pinned)
                       ? "fallback"
                       : "",
       .translated_type = translated_type_},
      framing);
}

bool ResponseRelay::Judge(std::string_view event) {
  const int before = watch_.malformed();
  const int usage_before = watch_.usage_events();
  watch_.Feed(event);
  if (watch_.malformed() == before) {
    // The agent did not ask for it.
    return !state_.call.asks_for_usage || watch_.usage_events() == usage_before;
  }
  state_.loop.metrics.CountDroppedEvent();
  state_.CountIntervention(telemetry::Intervention::kDroppedEvent);
  broken_call_ = broken_call_ || watch_.asks_for_tools();
  return false;
}

net::Task<bool> ResponseRelay::WriteChunk(std::string_view payload, std::string_view tail) {
  const bool chunked = framing_.kind == OutFraming::Kind::kChunked && !payload.empty();
  if (chunked) {
    out_.Hex(payload.size());
    out_.Word("\r\n");
  }
  const HeadWriter out = std::move(out_);
  const std::string end = (chunked ? std::string(kCrlf) : std::string{}) + std::string(tail);
  co_return co_await state_.client.WriteAll(out.view(), payload, end);
}

net::Task<bool> ResponseRelay::Commit(std::string_view payload) {
  hold_ = false;
  state_.wake_at = MonotonicTime::max();
  if (state_.sent_head) {
    framing_ = *state_.sent_head;  // the head of an earlier attempt's stream, or of this one's
    committed_ = true;
  } else {
    WriteHead(Framing());
  }
  std::string held = std::move(held_);
  if (held.empty()) {
    co_return co_await WriteChunk(payload, {});
  }
  held += payload;
  co_return co_await WriteChunk(held, {});
}

net::Task<bool> ResponseRelay::WriteHoldComment() {
  if (!state_.sent_head) {
    WriteHead(Framing());
    committed_ = false;  // a head is no commitment
    state_.sent_head = framing_;
  }
  framing_ = *state_.sent_head;
  state_.wake_at = state_.loop.deadlines.Now() + kHoldComment;
  co_return co_await WriteChunk(kComment, {});
}

std::optional<std::string_view> ResponseRelay::Take(std::string_view payload) {
  if (swap_.active()) {
    swapped_ = swap_.Feed(payload);
    payload = swapped_;
  }
  if (gated_) {
    payload = gate_.Feed(payload, [this](std::string_view event) { return Judge(event); });
  } else {
    watch_.Feed(payload);
    if (watch_.malformed() != broken_events_) [[unlikely]] {
      CountBrokenEvents();
    }
  }
  OnProgress();
  if (Rewrites()) {
    rewritten_ = state_.stream->Feed(payload);
    payload = rewritten_;
  } else if (state_.stream != nullptr && watch_.event_stream()) {
    (void)state_.stream->Feed(payload);  // only watches
  }
  if (state_.sent_head && !watch_.event_stream()) {
    return std::nullopt;
  }
  if (!committed_) {
    const bool stream = watch_.event_stream();
    const std::size_t most = stream        ? kMaxHeldStream
                             : translates_ ? kMaxTranslatedAnswer
                                           : kMaxHeldAnswer;
    const bool passes = stream && (Rewrites() ? state_.stream->has_content() : watch_.must_pass());
    if (hold_ && !passes && held_.size() + payload.size() <= most &&
        held_bytes_.Grow(payload.size())) {
      inspect::LlmAnswer::Append(held_, payload);
      return std::nullopt;
    }
    if (translates_ && !stream) {
      unreadable_ = "the answer is too large to be translated";
      return std::nullopt;
    }
    watch_.OwnBody(payload);
    passed_ += payload.size();
    return payload;
  }
  passed_ += payload.size();
  return payload.empty() ? std::nullopt : std::optional(payload);
}

void ResponseRelay::PrepareInput() {
  net::Buffer& input = attempt_.input();
  if (committed_) {
    input.Clear();
    return;
  }
  // The head is still to be written, and it lies at the start of this block.
  const std::size_t head_end = attempt_.head_end();
  if (head_block_.held()) {
    input.Clear();
  } else if (head_end <= net::kBlockBytes / 2) {
    input.RewindTo(head_end);
  } else {
    head_block_ = std::move(input);
    input = state_.loop.buffers.Acquire();
  }
}

net::Task<ResponseRelay::Stop> ResponseRelay::Refill() {
  net::Buffer& input = attempt_.input();
  PrepareInput();
  bool last_look = false;
  while (true) {
    const net::IoResult result = attempt_.stream().Read(input.space(), input.space_bytes());
    switch (result.status) {
      case net::IoStatus::kOk:
        input.Commit(result.bytes);
        co_return Stop::kNone;
      case net::IoStatus::kEof:
        co_return decoder_.OnEof() ? Stop::kClean : Stop::kCut;
      case net::IoStatus::kError:
        co_return Stop::kCut;
      case net::IoStatus::kAgain:
        break;
    }
    if (last_look) {
      co_return Stop::kLimit;
    }
    attempt_.stream().WantRead();
    const Interrupt interrupt = co_await state_.Pause();
    if (interrupt == Interrupt::kClientGone) {
      co_return AgentHasAll() ? Stop::kClientHasAll : Stop::kClientGone;
    }
    last_look = interrupt == Interrupt::kLimit;
    if (state_.would_expire) [[unlikely]] {
      CountLateEnd();
    }
    if (HoldsStream() && state_.loop.deadlines.Now() >= state_.wake_at) {
      const bool written = co_await WriteHoldComment();
      if (!written) {
        co_return Stop::kClientGone;
      }
    }
  }
}

net::Task<ResponseRelay::Stop> ResponseRelay::Pump() {
  if (Unreadable()) {
    co_return Stop::kBadFraming;
  }
  if (!hold_ && attempt_.input().empty() && !decoder_.done()) {
    const bool written = co_await Commit(std::string_view{});
    if (!written) {
      co_return Stop::kClientGone;  // the agent sees the head as soon as we have it
    }
  }
  while (!decoder_.done()) {
    if (attempt_.input().empty()) {
      const Stop stop = co_await Refill();
      if (stop != Stop::kNone) {
        co_return stop;
      }
    }
    const auto piece = decoder_.Next(attempt_.input().view());
    attempt_.input().Consume(piece.consumed);
    if (piece.error) {
      co_return Stop::kBadFraming;
    }
    if (!piece.payload.empty()) {
      const std::optional<std::string_view> out = Take(piece.payload);
      if (out.has_value()) {
        bool written = false;
        if (committed_) {
          written = co_await WriteChunk(*out, {});
        } else {
          written = co_await Commit(*out);
        }
        if (!written) {
          co_return Stop::kClientGone;
        }
      }
      state_.limits.Extend(state_.client.TakeStalled());
      if (broken_call_ || Unreadable() || (Rewrites() && state_.stream->failure().has_value())) {
        co_return Stop::kBadFraming;
      }
    }
  }
  co_return Stop::kClean;
}

net::Task<ResponseRelay::End> ResponseRelay::Run() {
  if (hold_ && !state_.sent_head) {
    watch_.ShareBody(held_);
  }
  if (HoldsStream()) {
    state_.wake_at = state_.loop.deadlines.Now() + kHoldComment;
  }
  const Stop stop = co_await Pump();
  state_.limits.ClearAll();
  state_.wake_at = MonotonicTime::max();
  if (stop == Stop::kClean) {
    attempt_.Keep();
    std::string rest = gate_.TakeRest();  // the last event may lack its blank line
    if (!rest.empty() && Judge(rest)) {
      held_ += Rewrites() ? state_.stream->Feed(rest) : rest;
    }
    watch_.Finish(true);
    if (Rewrites()) {
      co_return co_await FinishRewritten(stop);
    }
    End end = EndClean();
    if (end.open) {
      co_return end;
    }
    co_return co_await FinishClean(std::move(end));
  }
  // What is whole is whole, even if the upstream did not end it properly.
  if ((stop == Stop::kLimit || stop == Stop::kCut) && watch_.event_stream() && watch_.complete()) {
    watch_.Finish(false);
    if (Rewrites()) {
      co_return co_await FinishRewritten(Stop::kClean);
    }
    if (!watch_.lacks_end()) {  // else its end is counted where it is written
      state_.CountIntervention(telemetry::Intervention::kStreamEnd);
    }
    if (!state_.enforce) {
      co_return EndUnmended();
    }
    state_.client.keep_alive =
        state_.client.keep_alive && (framing_.kind == OutFraming::Kind::kChunked || !committed_);
    End end = EndClean();
    co_return co_await FinishClean(std::move(end));
  }
  watch_.Finish(false);
  if (stop == Stop::kClientHasAll) {
    state_.client.keep_alive = false;
    End end;
    end.error_class = watch_.Class();
    end.delivered = true;
    co_return end;
  }
  if (Rewrites() && stop != Stop::kClientGone) {
    co_return co_await FinishRewritten(stop);
  }
  co_return co_await FinishCut(stop);
}

}  // namespace reliability::sidecar::proxy
