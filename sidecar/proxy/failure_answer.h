#pragma once
// What the agent is told when every attempt of a call failed, or its own message was no good. Loop
// thread only.
#include <cstdint>
#include <string_view>

#include "sidecar/proxy/attempts.h"

namespace reliability::sidecar::proxy {

struct FailedCall {
  policy::ErrorClass error_class = policy::ErrorClass::kServerError;  // of the last attempt
  bool several_places = false;  // then that class would mislead
  bool sent = false;            // something of the last attempt
  bool replaced = false;        // there is an answer, but it must not be passed on
  std::string_view detail;      // for people; may be empty
};

// What is wrong with the body of the agent's own request.
enum class BodyFault : std::uint8_t { kBroken, kSlow };
// 400 or 408 in the caller's format.
[[nodiscard]] inspect::MadeAnswer MakeBodyFault(const ExchangeState& state, BodyFault fault);

// Fills in `outcome.answer`, or `outcome.last_bytes` if the head of a stream was passed on.
void AnswerFailure(ExchangeState& state, const FailedCall& failed, CallOutcome& outcome);

}  // namespace reliability::sidecar::proxy
