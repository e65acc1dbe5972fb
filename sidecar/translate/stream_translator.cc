#include "sidecar/translate/stream_translator.h"

#include <utility>

#include "sidecar/inspect/sse_splitter.h"
#include "sidecar/translate/stream_reader.h"
#include "sidecar/translate/stream_writer.h"

namespace reliability::sidecar::translate {
namespace {

constexpr std::string_view kChatEnd = "data: [DONE]\n\n";
constexpr std::string_view kMessagesEnd =
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

}  // namespace

struct StreamTranslator::Impl {
  Impl(Format tier_format, Caller caller, Origin origin, Use how)
      : caller_format(caller.format), use(how), tier(tier_format), writer(std::move(caller)) {
    Read(tier_format, std::move(origin));
  }

  void Read(Format format, Origin origin) {
    tier = format;
    splitter.emplace(kMaxEventBytes);
    reader.emplace(format, std::move(origin), writer);
  }

  void OnEvent(const inspect::SseSplitter::Event& event) {
    if (state != State::kStreaming) {
      return;
    }
    if (const Status read = reader->OnEvent(event); !read) {
      FailWith(read.error().code, read.error().message);
    } else if (writer.diverged()) {
      FailWith(Code::kConflict, "the next tier says something else");
    } else if (reader->terminal()) {
      Conclude();
    }
  }

  void Conclude() {
    if (const Status flushed = reader->Flush(); !flushed) {
      FailWith(flushed.error().code, flushed.error().message);
      return;
    }
    writer.Finish(reader->finish(), reader->usage());
    if (writer.diverged()) {
      FailWith(Code::kConflict, "the next tier says something else");
      return;
    }
    state = State::kEnded;
  }

  void FailWith(Code code, std::string message) {
    if (state == State::kStreaming) {
      state = State::kFailed;
      failure = reliability::Fail(code, std::move(message)).value();
    }
  }

  // The caller got the tier's own events, with its numbers and maybe more blocks.
  void Adopt() {
    if (use != Use::kWatch) {
      return;
    }
    if (reader->last_index() >= 0) {
      writer.AdoptIndex(reader->last_index());
    }
    if (tier == Format::kResponses) {
      writer.AdoptItems(reader->item_ids(), reader->last_sequence());
    }
  }

  [[nodiscard]] bool complete() const {
    return state == State::kEnded || reader->finish() != Finish::kNone;
  }

  const Format caller_format;
  Use use;
  Format tier;
  StreamWriter writer;
  std::optional<StreamReader> reader;  // of the tier that answers now
  std::optional<inspect::SseSplitter> splitter;
  State state = State::kStreaming;
  std::optional<Error> failure;
  int malformed_before = 0;  // of tiers that were given up
};

StreamTranslator::StreamTranslator(Format tier, Caller caller, Origin origin, Use use)
    : impl_(std::make_unique<Impl>(tier, std::move(caller), std::move(origin), use)) {}
StreamTranslator::~StreamTranslator() = default;
StreamTranslator::StreamTranslator(StreamTranslator&&) noexcept = default;
StreamTranslator& StreamTranslator::operator=(StreamTranslator&&) noexcept = default;

std::string StreamTranslator::Feed(std::string_view bytes) {
  impl_->splitter->Feed(
      bytes, [this](const inspect::SseSplitter::Event& event) { impl_->OnEvent(event); });
  if (impl_->splitter->oversized() > 0) {  // text is missing now
    impl_->FailWith(Code::kExhausted, "an event is too large");
  }
  if (impl_->use == Use::kWatch) {
    (void)impl_->writer.Take();
    return {};
  }
  return impl_->writer.Take();
}

std::string StreamTranslator::End() {
  impl_->reader->EndBetweenItems();
  if (impl_->state == State::kStreaming && impl_->complete()) {
    if (impl_->use == Use::kWatch && impl_->caller_format != Format::kResponses) {
      impl_->state = State::kEnded;
      return std::string(impl_->caller_format == Format::kMessages ? kMessagesEnd : kChatEnd);
    }
    impl_->Adopt();
    impl_->Conclude();
  }
  impl_->FailWith(Code::kUnavailable, "the stream ended before the answer did");
  return impl_->writer.Take();
}

std::string StreamTranslator::Fail(const inspect::ErrorReply& reply) {
  if (impl_->state == State::kEnded) {
    return {};
  }
  impl_->FailWith(Code::kCancelled, "given up");
  impl_->Adopt();
  impl_->writer.Error(reply);
  return impl_->writer.Take();
}

std::optional<std::string> StreamTranslator::Explain(std::string_view text) {
  if (impl_->state != State::kStreaming || impl_->reader->saw_tool_call() ||
      !impl_->reader->blocks_match()) {
    return std::nullopt;
  }
  impl_->Adopt();
  if (!impl_->reader->Flush()) {
    return std::nullopt;
  }
  impl_->writer.Explain(text);
  impl_->writer.Finish(Finish::kLength, impl_->reader->usage());
  impl_->state = State::kEnded;
  return impl_->writer.Take();
}

bool StreamTranslator::can_resume() const {
  const StreamReader& reader = *impl_->reader;
  const bool only_text =
      impl_->use == Use::kTranslate ? reader.only_text_shown() : reader.only_text();
  return impl_->state != State::kEnded && only_text && impl_->writer.can_resume();
}

bool StreamTranslator::has_content() const { return impl_->writer.blocks() > 0; }

void StreamTranslator::Resume(Format tier, Origin origin) {
  impl_->Adopt();
  impl_->malformed_before = malformed_events();
  impl_->writer.Resume();
  impl_->use = Use::kTranslate;
  impl_->Read(tier, std::move(origin));
  impl_->state = State::kStreaming;
  impl_->failure.reset();
}

StreamTranslator::State StreamTranslator::state() const { return impl_->state; }

bool StreamTranslator::complete() const { return impl_->complete(); }

const std::optional<Error>& StreamTranslator::failure() const { return impl_->failure; }

const std::optional<policy::ProviderError>& StreamTranslator::provider_error() const {
  return impl_->reader->error();
}

const Usage& StreamTranslator::usage() const { return impl_->reader->usage(); }

const std::string& StreamTranslator::model() const { return impl_->reader->head().model; }

int StreamTranslator::malformed_events() const {
  return impl_->malformed_before + impl_->reader->malformed();
}

bool StreamTranslator::asks_for_tools() const { return impl_->reader->saw_tool_call(); }

}  // namespace reliability::sidecar::translate
