#pragma once
// One loaded policy.json, ready to use. Immutable: each request keeps the one that it began with.
#include <memory>
#include <string>
#include <vector>

#include "libs/policy/cost_budget.h"
#include "libs/policy/retry.h"
#include "libs/policy/sli_classifier.h"
#include "libs/sidecar_config/schema.h"
#include "sidecar/proxy/chain_plan.h"
#include "sidecar/proxy/route_table.h"
#include "sidecar/telemetry/metrics.h"

namespace reliability::sidecar::config {

struct Snapshot {
  sidecar_config::PolicyDocument policy;
  std::string hash;        // SHA-256 of the file's bytes
  int ignored_fields = 0;  // of a newer schema
  proxy::RouteTable routes;
  std::shared_ptr<const proxy::ChainPlan> chain;  // nullptr: none; points into routes
  std::vector<policy::SloRule> slos;
  policy::RetrySettings retries;
  policy::CostSettings costs;
  std::shared_ptr<const telemetry::CallMetrics> metrics;
  std::vector<std::shared_ptr<const net::TlsContext>> tls;  // of the routes and tiers

  // Reads what certificates are checked with, instead of waiting for the first need. Takes tens of
  // milliseconds: not on a loop thread.
  void LoadTls() const {
    for (const auto& context : tls) {
      context->Load();
    }
  }
  [[nodiscard]] bool enforce() const {
    return policy.enforcement == sidecar_config::Enforcement::kEnforce;
  }
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace reliability::sidecar::config
