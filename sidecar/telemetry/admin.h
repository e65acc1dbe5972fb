#pragma once
// What the admin port answers. Reads only; thread-safe, as what it reads is.
#include <atomic>
#include <functional>
#include <string>

#include "libs/net/http_server.h"
#include "sidecar/proxy/decisions.h"
#include "sidecar/telemetry/metrics.h"

namespace reliability::sidecar::telemetry {

class Admin {
 public:
  Admin(proxy::Decisions& decisions, Metrics& metrics, std::function<bool()> draining)
      : decisions_(decisions), metrics_(metrics), draining_(std::move(draining)) {}

  //   /metrics   Prometheus text           /ledger    counters per SLO (operator ruling 18)
  //   /config    policy.json in use        /state     mode, breakers; loopback only
  //   /healthz   the process lives         /startupz  a valid policy was loaded
  //   /readyz    a valid policy was loaded and the process does not end
  [[nodiscard]] net::HttpResponse Handle(const net::HttpRequest& request) const;

 private:
  [[nodiscard]] net::HttpResponse State() const;
  proxy::Decisions& decisions_;
  Metrics& metrics_;
  const std::function<bool()> draining_;
};

}  // namespace reliability::sidecar::telemetry
