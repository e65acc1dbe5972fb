#pragma once
// The upstream's answer on its way to the agent. Event streams and large bodies pass piece by piece
// (one block is the high-water mark: nothing more is read before it was written). Bodies that we
// read as JSON are held until they are whole, so that a cut or a late one can still be answered in
// the caller's format. While another attempt or the chain's template may answer instead, failures
// of any kind are held as well, and event streams until their first content; after a second the
// agent of a held stream gets its head and a comment now and then (data-plane rulings 9, 10).
// Answers of a tier of another format are written anew: streams event by event, under the same
// rules; others when they are whole. In Observe nothing is held (data-plane ruling 46). Loop thread
// only; lives in the exchange's coroutine.
#include <optional>
#include <string>
#include <string_view>

#include "libs/net/http_body.h"
#include "sidecar/inspect/event_gate.h"
#include "sidecar/proxy/answer_watch.h"
#include "sidecar/proxy/exchange_state.h"
#include "sidecar/proxy/heads.h"
#include "sidecar/proxy/upstream_attempt.h"

namespace reliability::sidecar::proxy {

class ResponseRelay {
 public:
  ResponseRelay(ExchangeState& state, UpstreamAttempt& attempt);

  struct End {
    policy::ErrorClass error_class = policy::ErrorClass::kNone;
    bool delivered = false;  // the whole answer was written to the agent
    // Nothing of this answer was passed on yet: Deliver() does it, or another attempt takes its
    // place.
    bool open = false;
    // `open`, and it must not be passed on: answer this class in the caller's format.
    bool answer_instead = false;
    std::string detail;
    // A stream that broke after content, and that another tier can go on with: Resume… or
    // FailStream() must follow.
    bool resumable = false;
  };
  // The end of an answer that came in one piece with its head, as short ones do, and that would be
  // held; false: Run() must follow.
  [[nodiscard]] bool RunAtOnce(End& end);
  // Reads the answer to its end, or until it must be passed on and was.
  [[nodiscard]] net::Task<End> Run();
  // Passes on what is open. `retried`: the agent's SDK need not repeat what was repeated here.
  [[nodiscard]] net::Task<End> Deliver(bool retried);
  // The same for a held answer that is whole: false, and Deliver() does it, or the agent is to be
  // sent head() and body(), and Delivered() follows.
  [[nodiscard]] bool DeliversWhole(bool retried);
  [[nodiscard]] std::string_view head() const { return out_.view(); }
  [[nodiscard]] std::string_view body() const { return whole_.empty() ? held_ : whole_; }
  [[nodiscard]] End Delivered(bool written) const;
  // Ends a stream of which the agent has content: an error event, never the end of a whole one.
  [[nodiscard]] net::Task<End> FailStream(End end);
  [[nodiscard]] const AnswerWatch& watch() const { return watch_; }
  // Observe, which holds and changes nothing: whether Enforce would have passed on nothing of this
  // answer yet; whether another tier could go on with it, now that it broke; what Enforce would
  // make of it, failed with this class.
  [[nodiscard]] bool EnforceWouldHold() const;
  [[nodiscard]] bool CouldRestart() const;
  [[nodiscard]] std::optional<telemetry::Intervention> Twin(policy::ErrorClass error_class) const;

 private:
  static constexpr std::size_t kMaxHeldAnswer = std::size_t{1024} * 1024;

  enum class Stop { kNone, kClean, kCut, kBadFraming, kLimit, kClientGone, kClientHasAll };

  [[nodiscard]] bool WantsHold() const;  // in Enforce
  // Of known size: a cut one becomes a proper error instead.
  [[nodiscard]] bool ShortToolAnswer() const;
  // An event stream that is held until its first content.
  [[nodiscard]] bool HoldsStream() const { return hold_ && watch_.event_stream(); }
  void PrepareLimits();
  // Reads the body to its end; passes on what may be passed on.
  [[nodiscard]] net::Task<Stop> Pump();
  // Makes room in the attempt's input, which is empty.
  void PrepareInput();
  // Next bytes into the attempt's input; kNone: there are some.
  [[nodiscard]] net::Task<Stop> Refill();
  // Reads what came of the body. What must be written of it now; nullopt: nothing, or it is held.
  [[nodiscard]] std::optional<std::string_view> Take(std::string_view payload);
  // Head (once) and a comment, so that the agent of a held stream sees that something happens.
  [[nodiscard]] net::Task<bool> WriteHoldComment();
  [[nodiscard]] net::Task<bool> WriteChunk(std::string_view payload, std::string_view tail);
  void OnProgress();
  // Another tier may go on with a broken stream.
  [[nodiscard]] bool RestartsElsewhere() const;
  // A stream that is running at its turn's deadline is ended in words (data-plane ruling 6).
  [[nodiscard]] bool EndsWithNotice() const;
  [[nodiscard]] net::Task<bool> WriteNotice();
  // Whether a whole event may pass.
  [[nodiscard]] bool Judge(std::string_view event);
  void PrepareStream();
  // The stream passes through the exchange's translator: it is another format's, or goes on with
  // one that broke.
  [[nodiscard]] bool Rewrites() const {
    return watch_.event_stream() && state_.stream != nullptr && (state_.resumed || translates_);
  }
  // Another format's answer that cannot be shown to the agent, however it goes on.
  [[nodiscard]] bool Unreadable() const { return !unreadable_.empty(); }
  // Puts the agent's format in the place of a whole answer or error, or says why it cannot.
  void TranslateWhole(End& end);
  [[nodiscard]] net::Task<End> FinishRewritten(Stop stop);
  [[nodiscard]] OutFraming Framing() const;
  void WriteHead(const OutFraming& framing);
  // Gives up holding: head and held bytes go out, the rest streams.
  [[nodiscard]] net::Task<bool> Commit(std::string_view payload);
  [[nodiscard]] End EndClean();
  // Observe: the answer is whole, and its framing ends as broken as it came.
  [[nodiscard]] End EndUnmended();
  [[nodiscard]] net::Task<End> FinishClean(End end);
  [[nodiscard]] net::Task<End> FinishCut(Stop stop);
  [[nodiscard]] bool MustReplace(policy::ErrorClass error_class) const;
  // The same in Enforce, if it is not too late.
  [[nodiscard]] bool IsToReplace(policy::ErrorClass error_class) const;
  // Counts events that Enforce would drop.
  void CountBrokenEvents();
  // Counts what Enforce would end a running stream with, as a limit has passed.
  void CountLateEnd();
  [[nodiscard]] bool HasStreamError() const;
  // The stream's last event was written. Who leaves now has what it wanted: the OpenAI SDK closes
  // at `[DONE]`, before the body's own end.
  [[nodiscard]] bool AgentHasAll() const;

  ExchangeState& state_;
  UpstreamAttempt& attempt_;
  const net::ResponseHead& head_;
  AnswerWatch watch_;
  net::BodyDecoder decoder_;
  net::Buffer head_block_;  // keeps a large head readable until it is written
  HeldBytes held_bytes_;
  inspect::TokenSwap swap_;  // of a repeated MCP request: its tokens back to the agent's
  std::string swapped_;
  const bool translates_;  // the tier speaks another format than the agent
  std::string rewritten_;
  std::string_view translated_type_;  // of what is written; empty = as it came
  std::string unreadable_;            // why
  inspect::EventGate gate_;
  bool gated_ = false;
  bool broken_call_ = false;  // an event was lost inside a tool call
  bool hold_ = false;
  bool cut_ = false;  // Observe: what came is passed on, and no end
  policy::ErrorClass cut_class_ = policy::ErrorClass::kNone;
  bool retried_ = false;
  bool committed_ = false;
  bool saw_first_token_ = false;
  bool to_head_ = false;
  bool broke_ = false;      // Observe: a stream without a proper end
  int broken_events_ = 0;   // Observe: counted
  std::size_t passed_ = 0;  // bytes of the body that were not held
  OutFraming framing_;
  HeadWriter out_;
  std::string held_;
  std::string_view whole_;  // in its place, if nothing of it had to be kept: in the attempt's input
};

}  // namespace reliability::sidecar::proxy
