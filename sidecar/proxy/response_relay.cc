#include "sidecar/proxy/response_relay.h"

#include <algorithm>
#include <utility>

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using policy::TransportEvent;

constexpr std::size_t kMaxHeldAnswer = std::size_t{1024} * 1024;
constexpr std::size_t kMaxHeldToolAnswer = std::size_t{64} * 1024;
constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::string_view kCrlf = "\r\n";

}  // namespace

ResponseRelay::ResponseRelay(ExchangeState& state, UpstreamAttempt& attempt)
    : state_(state),
      attempt_(attempt),
      head_(attempt.response()),
      watch_(state.call, attempt.response()),
      decoder_(attempt.body_kind(), attempt.response().framing.content_length.value_or(0)),
      held_bytes_(state.loop),
      to_head_(state.request.method == "HEAD") {}

bool ResponseRelay::WantsHold() const {
  if (watch_.event_stream() || decoder_.done()) {
    return false;
  }
  if (watch_.readable()) {
    return true;
  }
  // A short tool answer of known size: a cut one becomes a proper error instead.
  const auto& length = head_.framing.content_length;
  return state_.call.kind == CallKind::kHttpTool && state_.enforce && length.has_value() &&
         *length <= kMaxHeldToolAnswer;
}

void ResponseRelay::PrepareLimits() {
  Limits& limits = state_.limits;
  if (!watch_.event_stream()) {
    limits.Clear(Limits::kFirstToken);  // only a stream has one
    return;
  }
  // Other event streams of providers (Responses …) are bounded by silence only once they run.
  if (state_.call.kind == CallKind::kLlmOther) {
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
    limits.Clear(Limits::kFirstToken);
    limits.Clear(Limits::kTotal);
    if (const auto& deadline = state_.call.admission.turn_deadline) {
      limits.Set(Limits::kTotal, *deadline - policy::kLastLlmMargin, TransportEvent::kDeadline);
    }
  }
  if (saw_first_token_) {
    limits.Set(Limits::kIdle,
               state_.loop.deadlines.Now() + state_.snapshot->policy.timeouts.stream_idle,
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
  if (length.has_value()) {
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
  WriteResponseHead(out_, head_,
                    {.turn_id = state_.call.kind == CallKind::kLlm
                                    ? std::string_view(state_.call.admission.turn_id)
                                    : std::string_view{},
                     .route = state_.call.route,
                     .keep_alive = state_.client.keep_alive},
                    framing);
}

net::Task<bool> ResponseRelay::Commit(std::string_view payload) {
  hold_ = false;
  WriteHead(Framing());
  const std::string held = std::move(held_);
  const std::size_t size = held.size() + payload.size();
  if (framing_.kind == OutFraming::Kind::kChunked && size > 0) {
    out_ += ChunkSize(size);
  }
  out_ += held;
  const std::string out = std::exchange(out_, {});
  co_return co_await state_.client.WriteAll(
      out, payload,
      framing_.kind == OutFraming::Kind::kChunked && size > 0 ? kCrlf : std::string_view{});
}

net::Task<bool> ResponseRelay::Pass(std::string_view payload) {
  watch_.Feed(payload);
  OnProgress();
  if (!committed_) {
    if (hold_ && held_.size() + payload.size() <= kMaxHeldAnswer &&
        held_bytes_.Grow(payload.size())) {
      held_ += payload;
      co_return true;
    }
    co_return co_await Commit(payload);
  }
  if (framing_.kind != OutFraming::Kind::kChunked) {
    co_return co_await state_.client.WriteAll(payload);
  }
  out_ = ChunkSize(payload.size());
  co_return co_await state_.client.WriteAll(out_, payload, kCrlf);
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
      co_return Stop::kClientGone;
    }
    last_look = interrupt == Interrupt::kLimit;
  }
}

net::Task<ResponseRelay::Stop> ResponseRelay::Pump() {
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
      const bool passed = co_await Pass(piece.payload);
      if (!passed) {
        co_return Stop::kClientGone;
      }
      state_.limits.Extend(state_.client.TakeStalled());
    }
  }
  co_return Stop::kClean;
}

net::Task<ResponseRelay::End> ResponseRelay::Run() {
  hold_ = WantsHold();
  PrepareLimits();
  const Stop stop = co_await Pump();
  state_.limits.ClearAll();
  if (stop == Stop::kClean) {
    attempt_.Keep();
    watch_.Finish(true);
    co_return co_await FinishClean();
  }
  // What is whole is whole, even if the upstream did not end it properly.
  if ((stop == Stop::kLimit || stop == Stop::kCut) && watch_.event_stream() && watch_.complete()) {
    watch_.Finish(false);
    state_.client.keep_alive =
        state_.client.keep_alive && framing_.kind == OutFraming::Kind::kChunked;
    co_return co_await FinishClean();
  }
  watch_.Finish(false);
  co_return co_await FinishCut(stop);
}

bool ResponseRelay::MustReplace(ErrorClass error_class) const {
  if (!state_.enforce || committed_) {
    return false;
  }
  if (error_class == ErrorClass::kMalformed || error_class == ErrorClass::kStreamTruncated) {
    return true;
  }
  // A tool that cannot answer now: the model reads why (data-plane ruling 18).
  return state_.call.kind == CallKind::kMcpTool &&
         (head_.status == 408 || head_.status == 429 || head_.status >= 500);
}

net::Task<ResponseRelay::End> ResponseRelay::FinishClean() {
  End end{.error_class = watch_.Class(), .delivered = false, .answer_instead = false, .detail = {}};
  if (MustReplace(end.error_class)) {
    end.answer_instead = true;
    co_return end;
  }
  // A stream that stopped before its terminal event was cut, however clean its framing ended.
  if (state_.enforce && watch_.event_stream() && end.error_class == ErrorClass::kStreamTruncated) {
    co_return co_await FinishCut(Stop::kCut);
  }
  if (!committed_) {
    WriteHead(hold_ ? OutFraming{.kind = OutFraming::Kind::kLength, .length = held_.size()}
                    : Framing());
    const std::string out = std::exchange(out_, {});
    end.delivered = co_await state_.client.WriteAll(out, held_);
  } else if (framing_.kind == OutFraming::Kind::kChunked) {
    std::string tail;
    if (state_.enforce && watch_.lacks_end()) {
      const std::string missing = MakeStreamEnd(state_.call);
      tail = ChunkSize(missing.size()) + missing + std::string(kCrlf);
    }
    end.delivered = co_await state_.client.WriteAll(tail, kLastChunk);
  } else {
    state_.client.reset_on_close = false;
    end.delivered = true;
  }
  if (!end.delivered) {
    end.error_class = policy::ClassifyTransport(TransportEvent::kClientGone);
  }
  co_return end;
}

net::Task<ResponseRelay::End> ResponseRelay::FinishCut(Stop stop) {
  End end;
  switch (stop) {
    case Stop::kClientGone:
      end.error_class = policy::ClassifyTransport(TransportEvent::kClientGone);
      state_.client.keep_alive = false;
      co_return end;
    case Stop::kLimit:
      end.error_class = policy::ClassifyTransport(state_.expired);
      break;
    case Stop::kBadFraming:
      end.error_class = policy::ClassifyTransport(TransportEvent::kProtocolError);
      end.detail = "broken framing of the response's body";
      break;
    case Stop::kNone:
    case Stop::kClean:
    case Stop::kCut:
      end.error_class = policy::ClassifyTransport(TransportEvent::kCutBody);
      end.detail = "the connection was closed inside the answer";
      break;
  }
  if (!committed_ && state_.enforce) {
    end.answer_instead = true;
    co_return end;
  }
  state_.client.keep_alive = false;
  if (!committed_) {
    // Observe: what came, and no end, as without us.
    (void)co_await Commit(std::string_view{});
    co_return end;
  }
  if (watch_.event_stream() && state_.enforce) {
    const auto left = state_.call.admission.turn_deadline;
    inspect::ErrorReply reply;
    reply.request_id = state_.RequestId();
    reply.error_class = end.error_class;
    reply.resource = ResourceName(state_.call);
    if (left.has_value()) {
      reply.remaining = std::max(Milliseconds{0}, *left - state_.loop.deadlines.Now());
    }
    const std::string last = MakeStreamError(state_.call, reply);
    if (!last.empty()) {
      const bool chunked = framing_.kind == OutFraming::Kind::kChunked;
      // An MCP error event is the whole response to the request: it ends the stream in order. An
      // LLM stream must not look complete.
      const bool ends = chunked && state_.call.kind == CallKind::kMcpTool;
      const std::string size = chunked ? ChunkSize(last.size()) : std::string{};
      const std::string tail =
          chunked ? std::string(kCrlf) + (ends ? std::string(kLastChunk) : std::string{})
                  : std::string{};
      const bool written = co_await state_.client.WriteAll(size, last, tail);
      end.delivered = written && ends;
    }
  }
  co_return end;
}

}  // namespace reliability::sidecar::proxy
