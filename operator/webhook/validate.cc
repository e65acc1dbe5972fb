#include "operator/webhook/validate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "controllers/agent_policy/render.h"
#include "libs/api/decode.h"
#include "libs/base/duration.h"
#include "libs/policy/burn_tiers.h"
#include "libs/policy/retry.h"
#include "libs/sidecar_config/to_policy.h"
#include "operator/webhook/validate_cost.h"

namespace reliability::webhook {
namespace {

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", share * 100.0);
  return text;
}

policy::SloWindow ToPolicy(api::SloWindow window) {
  switch (window) {
    case api::SloWindow::k1h:
      return policy::SloWindow::k1h;
    case api::SloWindow::k1d:
      return policy::SloWindow::k1d;
    case api::SloWindow::k7d:
      return policy::SloWindow::k7d;
    case api::SloWindow::k28d:
      return policy::SloWindow::k28d;
    case api::SloWindow::k30d:
      break;
  }
  return policy::SloWindow::k30d;
}

// "tool 14s + synthesisReserve 3s = 17s > turn 15s"
void WarnIfCut(const std::string& path, Milliseconds limit, const sidecar_config::Turn& turn,
               std::vector<std::string>& out) {
  const Milliseconds sum = limit + turn.synthesis_reserve;
  if (sum > turn.timeout) {
    out.push_back(path + " " + FormatDuration(limit) + " + turn.synthesisReserve " +
                  FormatDuration(turn.synthesis_reserve) + " = " + FormatDuration(sum) +
                  " does not fit into turn.timeout " + FormatDuration(turn.timeout) +
                  ": calls are cut after " + FormatDuration(turn.timeout - turn.synthesis_reserve));
  }
}

// Retries that a turn cannot hold, with the worked sum; defaults are not worth a warning. Failures
// that are repeated take at most onFailureWithin each; waits are at their longest; then one more
// attempt must fit.
void WarnOfRetries(const api::RetriesSpec& spec, const sidecar_config::PolicyDocument& document,
                   std::vector<std::string>& out) {
  const api::RetriesSpec usual;
  const Milliseconds turn = document.turn.timeout;
  const Milliseconds failure = std::min(spec.on_failure_within, document.timeouts.llm);
  Milliseconds sum{0};
  Milliseconds wait = spec.backoff.base;
  std::string schedule;
  for (int i = 0; i < spec.max_retries; ++i) {
    sum += failure + std::min(wait, spec.backoff.max);
    schedule += (i > 0 ? " + " : "") + FormatDuration(failure) + " + wait " +
                FormatDuration(std::min(wait, spec.backoff.max));
    wait = std::min(wait * 2, spec.backoff.max);
  }
  sum += policy::kMinRetryAttempt;
  const bool chosen =
      spec.max_retries != usual.max_retries || spec.backoff.base != usual.backoff.base ||
      spec.backoff.max != usual.backoff.max || spec.on_failure_within != usual.on_failure_within;
  if (chosen && spec.max_retries > 0 && sum > turn) {
    out.push_back("the last of spec.retries.maxRetries " + std::to_string(spec.max_retries) +
                  " does not fit into a turn of slow failures: " + schedule + " + attempt " +
                  FormatDuration(policy::kMinRetryAttempt) + " = " + FormatDuration(sum) +
                  " > turn.timeout " + FormatDuration(turn) +
                  "; retries end when the turn has no time left");
  }
  const Milliseconds named = spec.retry_after.max + policy::kMinRetryAttempt;
  if (spec.retry_after.max != usual.retry_after.max && named > turn) {
    out.push_back("spec.retries.retryAfter.max " + FormatDuration(spec.retry_after.max) +
                  " + attempt " + FormatDuration(policy::kMinRetryAttempt) + " = " +
                  FormatDuration(named) + " > turn.timeout " + FormatDuration(turn) +
                  ": no turn can wait that long");
  }
}

// A model's own limits that can never be reached, or that leave no time for a tool.
void WarnOfModel(const api::LlmOverride& one, std::size_t index,
                 const sidecar_config::PolicyDocument& document, std::vector<std::string>& out) {
  const std::string path =
      "spec.timeouts.llmOverrides[" + std::to_string(index) + "] (" + one.model + ")";
  const sidecar_config::LlmTimes times = sidecar_config::LlmTimesOf(document.timeouts, one.model);
  if (one.first_token.has_value() && *one.first_token > times.total) {
    out.push_back(path + " waits for the first token for " + FormatDuration(*one.first_token) +
                  ", but the whole call ends after timeouts.llm " + FormatDuration(times.total) +
                  ": set total, too");
  }
  const Milliseconds sum = times.total + document.timeouts.tool + document.turn.synthesis_reserve;
  if (one.total.has_value() && sum > document.turn.timeout) {
    out.push_back(path +
                  ": one slow call of this model and one slow tool call do not fit into a "
                  "turn: total " +
                  FormatDuration(times.total) + " + tool " +
                  FormatDuration(document.timeouts.tool) + " + synthesisReserve " +
                  FormatDuration(document.turn.synthesis_reserve) + " = " + FormatDuration(sum) +
                  " > turn.timeout " + FormatDuration(document.turn.timeout));
  }
}

bool MatchesAll(const api::BreakerMatch& match) {
  return match.upstreams.empty() && match.tools.empty() && match.models.empty();
}

// Rules of a breaker that no call can meet, and decisions that a person took away from it.
void WarnOfBreaker(const api::CircuitBreakerSpec& spec, const std::string& path,
                   const sidecar_config::PolicyDocument& document, std::vector<std::string>& out) {
  const bool tool = spec.scope == api::BreakerScope::kTool;
  Milliseconds longest = tool ? document.timeouts.tool : document.timeouts.llm;
  for (const sidecar_config::ToolTimeout& one : document.timeouts.tool_overrides) {
    longest = tool ? std::max(longest, one.timeout) : longest;
  }
  const auto& slow = spec.trip.slow_call_duration;
  if (slow.has_value() && *slow > longest) {
    out.push_back(path + ".trip.slowCallDuration " + FormatDuration(*slow) + " > timeouts." +
                  (tool ? "tool " : "llm ") + FormatDuration(longest) +
                  ": calls time out before they are slow");
  }
  const auto& mean = spec.trip.mean_latency;
  if (mean.has_value() && *mean > document.turn.timeout) {
    out.push_back(path + ".trip.meanLatency " + FormatDuration(*mean) + " > turn.timeout " +
                  FormatDuration(document.turn.timeout) + ": no turn takes that long");
  }
  const std::string what =
      spec.scope == api::BreakerScope::kAgent ? "new turn" : "call that it matches";
  if (spec.operation == api::BreakerOperation::kForcedOpen) {
    out.push_back(path + " (" + spec.name + ") is ForcedOpen: every " + what +
                  (document.enforcement == sidecar_config::Enforcement::kEnforce
                       ? " is refused until operation changes"
                       : " would be refused, but enforcement is Observe"));
  }
  if (spec.operation == api::BreakerOperation::kDisabled) {
    out.push_back(path + " (" + spec.name + ") is Disabled: no " + what +
                  " is guarded by a breaker of its scope");
  }
}

}  // namespace

std::vector<std::string> Warnings(const api::AgentReliabilityPolicy& policy) {
  std::vector<std::string> out;
  const sidecar_config::PolicyDocument document = controllers::agent_policy::Render(policy, {});
  if (policy.spec.timeouts.tool.has_value()) {
    WarnIfCut("spec.timeouts.tool", *policy.spec.timeouts.tool, document.turn, out);
  }
  for (std::size_t i = 0; i < policy.spec.timeouts.tool_overrides.size(); ++i) {
    WarnIfCut("spec.timeouts.toolOverrides[" + std::to_string(i) + "]",
              policy.spec.timeouts.tool_overrides[i].timeout, document.turn, out);
  }
  for (std::size_t i = 0; i < policy.spec.timeouts.llm_overrides.size(); ++i) {
    WarnOfModel(policy.spec.timeouts.llm_overrides[i], i, document, out);
  }
  // A turn that uses a tool needs two LLM calls: one that asks for it, one that answers.
  const Milliseconds schedule =
      document.timeouts.llm + document.timeouts.tool + document.turn.synthesis_reserve;
  if (policy.spec.timeouts.llm.has_value() && policy.spec.timeouts.tool.has_value() &&
      schedule > document.turn.timeout) {
    out.push_back("one slow LLM call and one slow tool call do not fit into a turn: llm " +
                  FormatDuration(document.timeouts.llm) + " + tool " +
                  FormatDuration(document.timeouts.tool) + " + synthesisReserve " +
                  FormatDuration(document.turn.synthesis_reserve) + " = " +
                  FormatDuration(schedule) + " > turn.timeout " +
                  FormatDuration(document.turn.timeout));
  }
  WarnOfRetries(policy.spec.retries, document, out);
  WarnOfCost(policy.spec, out);
  std::set<api::BreakerScope> closed;
  for (std::size_t i = 0; i < policy.spec.circuit_breakers.size(); ++i) {
    const api::CircuitBreakerSpec& breaker = policy.spec.circuit_breakers[i];
    if (closed.count(breaker.scope) > 0) {
      out.push_back("spec.circuitBreakers[" + std::to_string(i) + "] (" + breaker.name +
                    ") is never used: an earlier entry of its scope matches every call");
    }
    WarnOfBreaker(breaker, "spec.circuitBreakers[" + std::to_string(i) + "]", document, out);
    if (MatchesAll(breaker.match)) {
      closed.insert(breaker.scope);
    }
  }
  return out;
}

std::vector<std::string> Warnings(const api::AgentSlo& slo) {
  std::vector<std::string> out;
  const double objective = slo.spec.objective.value();
  const std::string shown = api::FormatPercent(slo.spec.objective);
  if (objective < 0.01) {
    out.push_back("spec.objective is a percentage: \"" + shown + "\" means " + shown +
                  " % of events good. Did you mean \"" +
                  api::FormatPercent(api::Ratio::FromDouble(objective * 100.0)) + "\"?");
  }
  if (objective >= 0.99 && slo.spec.sli.type == api::SliType::kTaskSuccess) {
    out.push_back("spec.objective " + shown +
                  " % for TaskSuccess: agents on open tasks seldom complete 99 %; one bad turn in "
                  "100 spends the whole budget");
  }
  const auto window = ToPolicy(slo.spec.window);
  for (const policy::BurnTier& tier : policy::BurnTiers(window)) {
    const policy::TierThreshold threshold = policy::ThresholdOf(tier, 1.0 - objective);
    if (threshold.capped()) {
      out.push_back("tier " + std::string(policy::Name(tier.tier)) + " fires at " +
                    Percent(threshold.bad_ratio) + " bad instead of " + Percent(threshold.classic) +
                    ": with objective " + shown + " % the usual burn rate could hardly be reached");
      break;
    }
  }
  return out;
}

std::vector<std::string> Warnings(const api::ReliabilityOverride& object, SystemTime now) {
  std::vector<std::string> out;
  if (object.spec.expires_at <= now) {
    out.push_back("spec.expiresAt " + FormatRfc3339(object.spec.expires_at) +
                  " is in the past: the override has no effect");
  } else if (object.spec.expires_at > now + std::chrono::hours{7 * 24}) {
    out.push_back(
        "spec.expiresAt is more than 7 days away: the override ends 7 days after its "
        "creation");
  }
  return out;
}

std::vector<std::string> WarningsFor(std::string_view plural, std::string_view json,
                                     SystemTime now) {
  if (plural == api::Traits<api::AgentReliabilityPolicy>::kPlural) {
    const auto object = api::Decode<api::AgentReliabilityPolicy>(json);
    return object.has_value() ? Warnings(*object) : std::vector<std::string>();
  }
  if (plural == api::Traits<api::AgentSlo>::kPlural) {
    const auto object = api::Decode<api::AgentSlo>(json);
    return object.has_value() ? Warnings(*object) : std::vector<std::string>();
  }
  if (plural == api::Traits<api::ReliabilityOverride>::kPlural) {
    const auto object = api::Decode<api::ReliabilityOverride>(json);
    return object.has_value() ? Warnings(*object, now) : std::vector<std::string>();
  }
  return {};
}

}  // namespace reliability::webhook
