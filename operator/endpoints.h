#pragma once
// The operator's own endpoints: /metrics on one address, /healthz and /readyz on another.
#include <functional>
#include <string>

#include "libs/metrics/registry.h"
#include "libs/net/http_server.h"

namespace reliability::op {

// `registry` must outlive the handler.
[[nodiscard]] net::HttpHandler MetricsHandler(const metrics::Registry& registry);

// `why_not_ready`: empty if the replica may get webhook calls.
[[nodiscard]] net::HttpHandler HealthHandler(std::function<std::string()> why_not_ready);

}  // namespace reliability::op
