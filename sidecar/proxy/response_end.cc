// The end of an answer: whole, cut, or to be replaced. Part of ResponseRelay.
#include <utility>

#include "sidecar/proxy/response_relay.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using policy::TransportEvent;
using telemetry::Intervention;

constexpr std::string_view kNotice =
    "\n\n[The time for this request is over: the answer ends here, unfinished.]";
constexpr std::string_view kCrlf = "\r\n";
static_assert(net::kBlockPadding >= inspect::LlmAnswer::kReadBehind);  // whole_ lies in a block

}  // namespace

bool ResponseRelay::MustReplace(ErrorClass error_class) const {
  return state_.enforce && !committed_ && IsToReplace(error_class);
}

bool ResponseRelay::IsToReplace(ErrorClass error_class) const {
  if (error_class == ErrorClass::kMalformed || error_class == ErrorClass::kStreamTruncated) {
    return true;
  }
  // A tool that cannot answer now: the model reads why (data-plane ruling 18).
  return state_.call.kind == CallKind::kMcpTool &&
         (head_.status == 408 || head_.status == 429 || head_.status >= 500);
}

bool ResponseRelay::RestartsElsewhere() const {
  const ChainPlan* chain = state_.snapshot->chain.get();
  return chain != nullptr && !state_.call.offers.empty() &&
         chain->document.on_mid_stream_failure ==
             sidecar_config::MidStreamFailure::kRestartIfOnlyText;
}

bool ResponseRelay::EndsWithNotice() const {
  return state_.call.admission.turn_deadline.has_value() &&
         state_.snapshot->policy.turn.on_stream_deadline ==
             sidecar_config::StreamDeadline::kEndWithNotice;
}

bool ResponseRelay::AgentHasAll() const {
  if (!committed_ || !watch_.event_stream() || !watch_.complete() || !held_.empty()) {
    return false;
  }
  return !Rewrites() || state_.stream->state() == translate::StreamTranslator::State::kEnded;
}

bool ResponseRelay::RunAtOnce(End& end) {
  // Observe holds nothing; but what is there already need not go out in pieces.
  const bool fits = hold_ || (!state_.enforce && watch_.readable() && !decoder_.done());
  if (!fits || state_.sent_head || translates_ || swap_.active() || watch_.event_stream()) {
    return false;
  }
  net::BodyDecoder decoder = decoder_;
  const auto piece = decoder.Next(attempt_.input().view());
  if (piece.error || !decoder.done()) {
    return false;
  }
  decoder_ = decoder;
  attempt_.input().Consume(piece.consumed);
  whole_ = piece.payload;
  watch_.FeedWhole(whole_);
  state_.limits.ClearAll();
  attempt_.Keep();
  watch_.Finish(true);
  end = EndClean();
  return true;
}

ResponseRelay::End ResponseRelay::EndClean() {
  held_ += swap_.Finish();
  End end;
  end.error_class = watch_.Class();
  end.open = !committed_;
  end.answer_instead = MustReplace(end.error_class);
  // A stream was promised; nothing else can follow its head.
  if (end.open && state_.sent_head && !watch_.event_stream()) {
    end.error_class =
        end.error_class == ErrorClass::kNone ? ErrorClass::kMalformed : end.error_class;
    end.answer_instead = true;
  } else if (translates_) {
    TranslateWhole(end);
  }
  return end;
}

ResponseRelay::End ResponseRelay::EndUnmended() {
  if (watch_.lacks_end() && !MakeStreamEnd(state_.call).empty()) {
    state_.CountIntervention(Intervention::kStreamEnd);
  }
  state_.client.keep_alive = false;
  End end;
  end.error_class = watch_.Class();
  end.delivered = true;
  return end;
}

net::Task<ResponseRelay::End> ResponseRelay::FinishClean(End end) {
  if (end.open) {
    co_return end;
  }
  // A stream that stopped before its terminal event was cut, however clean its framing ended.
  if (watch_.event_stream() && end.error_class == ErrorClass::kStreamTruncated) {
    broke_ = true;
    if (state_.enforce) {
      co_return co_await FinishCut(Stop::kCut);
    }
  }
  if (framing_.kind == OutFraming::Kind::kChunked) {
    std::string missing =
        watch_.lacks_end() && !translates_ ? MakeStreamEnd(state_.call) : std::string{};
    if (!missing.empty()) {
      state_.CountIntervention(Intervention::kStreamEnd);
      if (!state_.enforce) {
        missing.clear();
      }
    }
    const bool has_all = AgentHasAll();
    const std::string rest = std::move(held_) + missing;  // of a swap
    const bool written = co_await WriteChunk(rest, kLastChunk);
    end.delivered = written || has_all;
  } else {
    const std::string rest = std::move(held_);
    end.delivered = co_await WriteChunk(rest, {});
    state_.client.reset_on_close = false;
  }
  if (!end.delivered) {
    end.error_class = policy::ClassifyTransport(TransportEvent::kClientGone);
  }
  co_return end;
}

net::Task<ResponseRelay::End> ResponseRelay::Deliver(bool retried) {
  retried_ = retried;
  End end;
  // A translated stream that is not whole is never delivered.
  end.error_class = Rewrites() ? ErrorClass::kNone : watch_.Class();
  if (cut_) {
    end.error_class = cut_class_;
    (void)co_await Commit(std::string_view{});
    co_return end;
  }
  const bool written = co_await Commit(std::string_view{});
  if (written) {
    co_return co_await FinishClean(std::move(end));
  }
  end.error_class = policy::ClassifyTransport(TransportEvent::kClientGone);
  co_return end;
}

bool ResponseRelay::DeliversWhole(bool retried) {
  const bool whole = hold_ || !whole_.empty();
  if (cut_ || !whole || watch_.event_stream()) {
    return false;
  }
  retried_ = retried;
  WriteHead({.kind = OutFraming::Kind::kLength, .length = body().size()});
  return true;
}

ResponseRelay::End ResponseRelay::Delivered(bool written) const {
  End end;
  end.delivered = written;
  end.error_class =
      written ? watch_.Class() : policy::ClassifyTransport(TransportEvent::kClientGone);
  return end;
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
      end.detail =
          unreadable_.empty() ? std::string("broken framing of the response's body") : unreadable_;
      break;
    case Stop::kNone:
    case Stop::kClean:
    case Stop::kClientHasAll:
    case Stop::kCut:
      // An error event names its class; then the stream was not just cut.
      end.error_class = watch_.event_stream() && !committed_
                            ? watch_.Class()
                            : policy::ClassifyTransport(TransportEvent::kCutBody);
      end.detail = "the connection was closed inside the answer";
      break;
  }
  broke_ = watch_.event_stream();
  if (!committed_ && state_.enforce) {
    end.open = true;
    end.answer_instead = true;
    co_return end;
  }
  if (stop == Stop::kLimit && committed_) {
    end.delivered = co_await WriteNotice();
    if (end.delivered) {
      co_return end;
    }
  }
  if (committed_ && watch_.event_stream() && state_.enforce && state_.stream != nullptr &&
      RestartsElsewhere() && state_.stream->can_resume()) {
    state_.sent_head = framing_;
    end.resumable = true;
    co_return end;  // the connection stays: its head said so, and the stream may yet end well
  }
  state_.client.keep_alive = false;
  if (!committed_) {
    // Observe: what came, and no end, as without us.
    cut_ = true;
    cut_class_ = end.error_class;
    end.open = true;
    co_return end;
  }
  if (!watch_.event_stream() || !state_.enforce) {
    co_return end;
  }
  co_return co_await FailStream(std::move(end));
}

net::Task<bool> ResponseRelay::WriteNotice() {
  if (state_.expired != TransportEvent::kDeadline || state_.stream == nullptr ||
      !EndsWithNotice()) {
    co_return false;
  }
  const std::optional<std::string> last = state_.stream->Explain(kNotice);
  if (!last.has_value()) {
    co_return false;
  }
  const bool chunked = framing_.kind == OutFraming::Kind::kChunked;
  const bool written = co_await WriteChunk(*last, chunked ? kLastChunk : std::string_view{});
  state_.client.reset_on_close = state_.client.reset_on_close && !written;
  state_.CountIntervention(Intervention::kNotice);
  co_return written;
}

net::Task<ResponseRelay::End> ResponseRelay::FailStream(End end) {
  end.resumable = false;
  state_.client.keep_alive = false;
  const inspect::ErrorReply reply = state_.Reply(end.error_class);
  const std::string last =
      Rewrites() ? state_.stream->Fail(reply) : MakeStreamError(state_.call, reply);
  if (last.empty()) {
    co_return end;
  }
  state_.CountIntervention(Intervention::kStreamError);
  const bool chunked = framing_.kind == OutFraming::Kind::kChunked;
  // An MCP error event is the whole response to the request: it ends the stream in order. An LLM
  // stream must not look complete.
  const bool ends = chunked && state_.call.kind == CallKind::kMcpTool;
  const std::string size = chunked ? ChunkSize(last.size()) : std::string{};
  const std::string tail =
      chunked ? std::string(kCrlf) + (ends ? std::string(kLastChunk) : std::string{})
              : std::string{};
  const bool written = co_await state_.client.WriteAll(size, last, tail);
  end.delivered = written && ends;
  co_return end;
}

}  // namespace reliability::sidecar::proxy
