#pragma once
// The upstream's answer on its way to the agent. Event streams and large bodies pass piece by piece
// (one block is the high-water mark: nothing more is read before it was written). Bodies that we
// read as JSON are held until they are whole, so that a cut or a late one can still be answered in
// the caller's format. Loop thread only; lives in the exchange's coroutine.
#include <optional>
#include <string>
#include <string_view>

#include "libs/net/http_body.h"
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
    // Nothing was written yet and something must be: answer this class in the caller's format.
    bool answer_instead = false;
    std::string detail;
  };
  [[nodiscard]] net::Task<End> Run();
  [[nodiscard]] const AnswerWatch& watch() const { return watch_; }

 private:
  enum class Stop { kNone, kClean, kCut, kBadFraming, kLimit, kClientGone };

  [[nodiscard]] bool WantsHold() const;
  void PrepareLimits();
  // Reads the body to its end; passes on what may be passed on.
  [[nodiscard]] net::Task<Stop> Pump();
  // Makes room in the attempt's input, which is empty.
  void PrepareInput();
  // Next bytes into the attempt's input; kNone: there are some.
  [[nodiscard]] net::Task<Stop> Refill();
  [[nodiscard]] net::Task<bool> Pass(std::string_view payload);
  void OnProgress();
  [[nodiscard]] OutFraming Framing() const;
  void WriteHead(const OutFraming& framing);
  // Gives up holding: head and held bytes go out, the rest streams.
  [[nodiscard]] net::Task<bool> Commit(std::string_view payload);
  [[nodiscard]] net::Task<End> FinishClean();
  [[nodiscard]] net::Task<End> FinishCut(Stop stop);
  [[nodiscard]] bool MustReplace(policy::ErrorClass error_class) const;

  ExchangeState& state_;
  UpstreamAttempt& attempt_;
  const net::ResponseHead& head_;
  AnswerWatch watch_;
  net::BodyDecoder decoder_;
  net::Buffer head_block_;  // keeps a large head readable until it is written
  HeldBytes held_bytes_;
  bool hold_ = false;
  bool committed_ = false;
  bool saw_first_token_ = false;
  bool to_head_ = false;
  OutFraming framing_;
  std::string out_;
  std::string held_;
};

}  // namespace reliability::sidecar::proxy
