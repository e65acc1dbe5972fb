#pragma once
// From facts to the status of one AgentSLO, and the events that a change of it means. Pure.
//
// Without data (no policy, no sidecar, no answer) the measured part of the status stays as it was:
// no data neither escalates nor releases, and what was never measured is Unknown (ruling 17).
#include <string>
#include <string_view>
#include <vector>

#include "controllers/agent_slo/input.h"
#include "libs/api/event_reasons.h"

namespace reliability::controllers::agent_slo {

struct EventDraft {
  bool warning = false;
  api::EventReason reason;
  std::string action;
  std::string note;
  bool repeats = false;  // may come again and again: counted in one series
};

struct Decision {
  // What the API server should have; equal to Input.previous unless `write`.
  api::AgentSloStatus status;
  // A band, state or condition changed; or a point of budget and a minute passed.
  bool write = false;
  // To be recorded once `status` is written.
  std::vector<EventDraft> events;
  // What enforcement may rely on; false: hold.
  bool telemetry_healthy = false;
};

[[nodiscard]] Decision Decide(const Input& input);

// Parts of Decide (conditions.cc, events.cc).
struct Telemetry {
  bool live = false;  // the assessment is about the present
  api::Condition condition;
};
[[nodiscard]] Telemetry JudgeTelemetry(const Input& input);
[[nodiscard]] api::Condition JudgeAccepted(const Input& input);
// Evaluable, SLOMet, BudgetExhausted, FastBurn of live data.
[[nodiscard]] std::vector<api::Condition> JudgeMeasured(const Input& input);
[[nodiscard]] std::vector<EventDraft> EventsOf(const Input& input,
                                               const api::AgentSloStatus& after);

}  // namespace reliability::controllers::agent_slo
