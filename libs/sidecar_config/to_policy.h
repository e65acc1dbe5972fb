#pragma once
// From the documents to the inputs of libs/policy, so that each mapping exists once. Pure.
#include <string>
#include <string_view>
#include <vector>

#include "libs/policy/breaker_table.h"
#include "libs/policy/cost_budget.h"
#include "libs/policy/mode_gate.h"
#include "libs/policy/retry.h"
#include "libs/policy/sli_classifier.h"
#include "libs/policy/turn_tracker.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config {

[[nodiscard]] policy::BreakerConfig ToBreakerConfig(const PolicyDocument& document);
[[nodiscard]] policy::CostSettings ToCostSettings(const PolicyDocument& document);
[[nodiscard]] policy::RetrySettings ToRetrySettings(const PolicyDocument& document);
[[nodiscard]] policy::TurnLimits ToTurnLimits(const PolicyDocument& document);
// Those of mode Degraded.
[[nodiscard]] policy::TurnLimits ToTurnLimits(const PolicyDocument& document,
                                              const policy::DegradeRule& degrade);
[[nodiscard]] std::vector<policy::SloRule> ToSloRules(const PolicyDocument& document);
// `pod_uid` decides whether a HalfOpen order makes this pod probe.
[[nodiscard]] policy::ModeOrder ToModeOrder(const ModeDocument& document, std::string_view pod_uid);

// Time-out of a tool call: of the long-running tool if it is one, else the override of (upstream,
// tool), else of the whole upstream, else the default. `tool` is empty for plain HTTP tools.
[[nodiscard]] Milliseconds ToolTimeoutOf(const Timeouts& timeouts, std::string_view upstream,
                                         std::string_view tool);
// Whether the clock of its turn stands still while this tool runs. Its time-out is
// ToolTimeoutOf().
[[nodiscard]] bool IsLongRunning(const Timeouts& timeouts, std::string_view upstream,
                                 std::string_view tool);
// Limits of an LLM call by the model that it goes to: the override, else those of every model.
struct LlmTimes {
  Milliseconds total{0};
  Milliseconds first_token{0};
  Milliseconds idle{0};
};
[[nodiscard]] LlmTimes LlmTimesOf(const Timeouts& timeouts, std::string_view model);
// Whether the policy says that this tool may be called twice. `tool` is empty for plain HTTP tools.
[[nodiscard]] bool IsIdempotentTool(const Retries& retries, std::string_view upstream,
                                    std::string_view tool);

}  // namespace reliability::sidecar_config
