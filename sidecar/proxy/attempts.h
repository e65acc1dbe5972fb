#pragma once
// An admitted call at its upstream: one attempt after the other, with waits between them, until an
// answer was passed on or is given up. What is decided about a failure: libs/policy/retry.h.
// Loop thread only; lives in the exchange's coroutine.
#include <optional>
#include <string>

#include "sidecar/proxy/exchange_state.h"

namespace reliability::sidecar::proxy {

struct CallOutcome {
  CallEnd end;
  // To be written: nothing of an answer was passed on. Absent: it was, or nobody is there to read.
  std::optional<inspect::MadeAnswer> answer;
  // The same if a stream's head was passed on: its last bytes, then the connection ends.
  std::string last_bytes;
};

[[nodiscard]] net::Task<> MakeAttempts(ExchangeState& state, CallOutcome& outcome);

}  // namespace reliability::sidecar::proxy
