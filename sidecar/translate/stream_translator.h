#pragma once
// One tier's event stream as the caller's, piece by piece: bytes in, bytes out, no I/O, no clock.
// Bounded: an event, the arguments of tool calls and the number of blocks have limits. One thread.
//
//   StreamTranslator stream(Format::kMessages, caller, origin);
//   for each piece of the tier's body:  send(stream.Feed(piece));
//   at the end of the body:             send(stream.End());
//   if (stream.state() == State::kFailed) send(stream.Fail(reply));   // never looks like success
//
// With Use::kWatch it writes nothing while the caller gets the tier's own bytes (both speak the
// same format); so it knows what the caller has, and can end the stream properly (End, Fail,
// Explain) or let another tier go on (Resume).
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/result.h"
#include "sidecar/inspect/error_body.h"
#include "sidecar/translate/answer.h"

namespace reliability::sidecar::translate {

class StreamTranslator {
 public:
  static constexpr std::size_t kMaxEventBytes = 8U << 20U;

  enum class Use : std::uint8_t { kTranslate, kWatch };
  enum class State : std::uint8_t {
    kStreaming,
    kEnded,   // the terminal event was written
    kFailed,  // see failure(); no more bytes but those of Fail
  };

  // `tier`: kChat or kMessages; kWatch: the caller's format, any.
  StreamTranslator(Format tier, Caller caller, Origin origin, Use use = Use::kTranslate);
  ~StreamTranslator();
  StreamTranslator(StreamTranslator&&) noexcept;
  StreamTranslator& operator=(StreamTranslator&&) noexcept;

  // What the caller gets for these bytes; may be empty. After kEnded and kFailed: nothing.
  [[nodiscard]] std::string Feed(std::string_view bytes);
  // The tier's body ended, or nobody waits for its end any more. A complete answer gets the
  // terminal event that it lacks (scenario S11); another one fails. kWatch: only that event. A
  // Responses stream that breaks off behind a whole item counts as complete, its usage unknown.
  [[nodiscard]] std::string End();
  // The envelope for a stream that cannot go on (data-plane 2.3, ruling 15).
  [[nodiscard]] std::string Fail(const inspect::ErrorReply& reply);
  // Ends the answer early, in words: `text` behind what was said, finish `length` or `max_tokens`
  // (data-plane ruling 6). nullopt: the answer asks for tools, so words would not help.
  [[nodiscard]] std::optional<std::string> Explain(std::string_view text);

  // Something of the answer was written, not only its head: no other answer can take its place.
  [[nodiscard]] bool has_content() const;
  // Another tier answers instead, translated. It has to repeat what was said; what goes beyond is
  // sent on. If it says something else, the stream fails (kConflict). Only if can_resume().
  void Resume(Format tier, Origin origin);
  [[nodiscard]] bool can_resume() const;

  [[nodiscard]] State state() const;
  // Whole by what the tier said, even if its terminal event has not come.
  [[nodiscard]] bool complete() const;
  // Why state() is kFailed.
  [[nodiscard]] const std::optional<Error>& failure() const;
  // An error event inside the stream, if that is why.
  [[nodiscard]] const std::optional<policy::ProviderError>& provider_error() const;
  [[nodiscard]] const Usage& usage() const;        // as far as it is known
  [[nodiscard]] const std::string& model() const;  // of the tier that answers now
  [[nodiscard]] int malformed_events() const;      // dropped
  [[nodiscard]] bool asks_for_tools() const;       // has begun to

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reliability::sidecar::translate
