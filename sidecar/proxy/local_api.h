#pragma once
// The agents' own API on the proxy port: POST /v1/turns/{id}/outcome {result, reason} says how a
// turn really went (operator ruling 14). Loop thread only.
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/inspect/error_body.h"
#include "sidecar/proxy/exchange_state.h"

namespace reliability::sidecar::proxy {

// The decoded turn id of such a path; nullopt for other paths.
[[nodiscard]] std::optional<std::string> TurnOfOutcomePath(std::string_view path);

[[nodiscard]] net::Task<inspect::MadeAnswer> AnswerOutcome(ExchangeState& state,
                                                           std::string turn_id);

struct OutcomeReport {
  policy::ReportedResult result = policy::ReportedResult::kSuccess;
  std::string reason;
};
// kInvalid: {"result":"Success"|"Failure","reason"?:string} and nothing else.
[[nodiscard]] Result<OutcomeReport> ReadOutcome(std::string_view json);

}  // namespace reliability::sidecar::proxy
