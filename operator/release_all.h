#pragma once
// The command release-all: gives every held workload back before the operator is uninstalled
// (operator ruling 30).
//
// Deleting an AgentEnforcement makes the leader restore its workload and then drop the finalizer.
// If no leader runs, this process becomes it for as long as that takes.
#include <string>
#include <vector>

#include "libs/api/agent_enforcement.h"
#include "libs/base/clock.h"
#include "libs/kube/client/api_client.h"
#include "operator/options.h"

namespace reliability::op {

// The exit code: 0 if nothing is held any more, 1 if something is (named on stderr), 2 if the API
// server cannot be used.
[[nodiscard]] int ReleaseAll(const Options& options, Clock& clock);

struct HeldWorkload {
  std::string ns;
  std::string name;  // of the AgentEnforcement
  std::string uid;
  std::string text;  // "support/Deployment/refunds-agent: Paused by refunds-completed/stop"
};

// What is held now.
[[nodiscard]] Result<std::vector<HeldWorkload>> ListHeld(kube::ApiClient& client);
// Deletes each and waits until all are gone; what is left after `timeout`.
[[nodiscard]] Result<std::vector<HeldWorkload>> ReleaseHeld(kube::ApiClient& client, Clock& clock,
                                                            Milliseconds timeout);

}  // namespace reliability::op
