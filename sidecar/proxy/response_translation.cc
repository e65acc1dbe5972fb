// Answers that are written anew: those of a tier of another format, and streams that another tier
// goes on with. Part of ResponseRelay.
#include <utility>

#include "sidecar/proxy/response_relay.h"
#include "sidecar/proxy/tiers.h"
#include "sidecar/translate/request.h"
#include "sidecar/translate/template_answer.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;
using translate::StreamTranslator;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kEventStream = "text/event-stream";

}  // namespace

void ResponseRelay::PrepareStream() {
  gated_ = state_.enforce && watch_.llm_stream();
  if (state_.resumed) {
    if (watch_.event_stream()) {
      hold_ = false;
      committed_ = true;
      framing_ = *state_.sent_head;
    }
    return;
  }
  state_.stream.reset();
  const Call& call = state_.call;
  if (!gated_ || !call.api.has_value() ||
      (!translates_ && !RestartsElsewhere() && !EndsWithNotice())) {
    return;
  }
  const translate::Format format = FormatOf(call);
  auto caller = translate::ReadCaller(format, state_.body.whole());
  if (translates_ && !(caller.has_value() && caller->stream)) {
    unreadable_ = "an event stream where a whole answer was asked for";
    return;
  }
  if (!caller.has_value()) {
    return;
  }
  translated_type_ = translates_ ? kEventStream : std::string_view{};
  state_.stream = std::make_unique<StreamTranslator>(
      translates_ ? TierFormatOf(call) : format, std::move(*caller), OriginOf(state_),
      translates_ ? StreamTranslator::Use::kTranslate : StreamTranslator::Use::kWatch);
}

void ResponseRelay::TranslateWhole(End& end) {
  const Call& call = state_.call;
  const translate::Format format = FormatOf(call);
  if (head_.status >= 400) {
    held_ = translate::TranslateError(format, head_.status, watch_.error(), state_.RequestId());
    translated_type_ = kJson;
    return;
  }
  if (end.error_class == ErrorClass::kNone) {
    const bool readable = head_.status < 300 && watch_.readable();
    auto caller = translate::ReadCaller(format, state_.body.whole());
    auto answer =
        readable ? translate::ReadAnswer(TierFormatOf(call), held_, OriginOf(state_))
                 : Result<translate::Answer>(Fail(Code::kInvalid, "an answer that cannot be read"));
    if (caller.has_value() && answer.has_value()) {
      held_ = caller->stream ? translate::StreamOf(*answer, *caller)
                             : translate::WriteAnswer(*answer, *caller);
      translated_type_ = caller->stream ? kEventStream : kJson;
      return;
    }
    end.error_class = ErrorClass::kMalformed;
    end.detail = answer.has_value() ? caller.error().message : answer.error().message;
  }
  end.answer_instead = true;
}

net::Task<ResponseRelay::End> ResponseRelay::FinishRewritten(Stop stop) {
  StreamTranslator& stream = *state_.stream;
  std::string last = std::exchange(held_, {});
  if (stop == Stop::kClean) {
    last += stream.End();
  }
  const bool whole = stop == Stop::kClean && stream.state() == StreamTranslator::State::kEnded;
  End end;
  if (!whole) {
    const ErrorClass seen = watch_.Class();
    const bool wrong = stream.failure().has_value() && stream.failure()->code == Code::kInvalid;
    end.error_class = stop == Stop::kLimit        ? policy::ClassifyTransport(state_.expired)
                      : seen != ErrorClass::kNone ? seen
                      : wrong                     ? ErrorClass::kMalformed
                                                  : ErrorClass::kStreamTruncated;
  }
  if (!committed_) {
    held_ = std::move(last);
    end.open = true;
    end.answer_instead = !whole;
    co_return end;
  }
  if (whole) {
    const bool chunked = framing_.kind == OutFraming::Kind::kChunked;
    const bool has_all = AgentHasAll() && last.empty();
    const bool written = co_await WriteChunk(last, chunked ? kLastChunk : std::string_view{});
    end.delivered = written || has_all;
    end.error_class = end.delivered
                          ? ErrorClass::kNone
                          : policy::ClassifyTransport(policy::TransportEvent::kClientGone);
    state_.client.reset_on_close = state_.client.reset_on_close && chunked;
    co_return end;
  }
  if (stop == Stop::kLimit) {
    end.delivered = co_await WriteNotice();
    if (end.delivered) {
      co_return end;
    }
  }
  if (!last.empty()) {
    (void)co_await WriteChunk(last, {});
  }
  end.resumable = RestartsElsewhere() && stream.can_resume();
  if (end.resumable) {
    state_.sent_head = framing_;
    co_return end;
  }
  co_return co_await FailStream(std::move(end));
}

}  // namespace reliability::sidecar::proxy
