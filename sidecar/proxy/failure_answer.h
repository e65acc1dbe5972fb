#pragma once
// What the agent is told when every attempt of a call failed. Loop thread only.
#include <string_view>

#include "sidecar/proxy/attempts.h"

namespace reliability::sidecar::proxy {

struct FailedCall {
  policy::ErrorClass error_class = policy::ErrorClass::kServerError;  // of the last attempt
  bool several_places = false;  // then that class would mislead
  bool sent = false;            // something of the last attempt
  std::string_view detail;      // for people; may be empty
};

// Fills in `outcome.answer`, or `outcome.last_bytes` if the head of a stream was passed on.
void AnswerFailure(ExchangeState& state, const FailedCall& failed, CallOutcome& outcome);

}  // namespace reliability::sidecar::proxy
