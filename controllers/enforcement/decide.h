#pragma once
// What to do about one workload: a pure state machine over the stored AgentEnforcement.
//
//   Normal ----throttle rule----> Throttled --calm for holdFor--> Normal
//   Normal, Throttled --pause or scale-down rule--> Paused --thenScaleDownAfter--> ScaledDown
//   Paused, ScaledDown --openFor, automatic--> HalfOpen --evidence--> (restoring) Normal
//                          ^                      |
//                          +--second bad turn-----+   trip + 1, openFor doubled
//   any --Release, Observe, policy or rule gone, object deleted--> (restoring) Normal
//
// Every step is first stored in status and then carried out, so that whoever reads the status goes
// on with the same step:
//   hold      status (ledger, order) -> mode.json -> status (target) -> /scale -> status
//   restore   status (Restoring, target) -> /scale -> status (order) -> mode.json -> status (ledger
//             cleared)
// The caller stores `status`, then writes what `scale_to` and `publish` say, then calls again.
#include <optional>
#include <string>
#include <vector>

#include "controllers/enforcement/input.h"
#include "libs/api/event_reasons.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::controllers::enforcement {

struct EventDraft {
  bool warning = false;
  api::EventReason reason;
  std::string action;
  std::string note;
  std::string slo;       // also told to this AgentSLO; empty: to the workload alone
  bool repeats = false;  // may come again and again: counted in one series
};

struct Decision {
  api::AgentEnforcementStatus status;
  // The finalizer must be there (something is held) or must not.
  bool finalizer = false;
  // The workload has no accepted policy and nothing is held: delete the object.
  bool remove_object = false;

  // After the status is stored:
  std::optional<std::int32_t> scale_to;                 // write /scale
  std::optional<sidecar_config::ModeDocument> publish;  // write mode.json
  std::vector<std::string> close_incidents;             // names of AgentSLOs
  std::vector<EventDraft> events;
  std::optional<SystemTime> wake_at;  // when time alone changes something
};

[[nodiscard]] Decision Decide(const Input& input);

// The mode.json that a stored status asks for.
[[nodiscard]] sidecar_config::ModeDocument ModeDocumentOf(
    const Input& input, const api::AgentEnforcementStatus& status);

// A hold or an order other than Normal is in force, or was not taken back completely.
[[nodiscard]] bool IsHeld(const api::AgentEnforcementStatus& status);

}  // namespace reliability::controllers::enforcement
