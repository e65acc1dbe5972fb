#include "sidecar/telemetry/admin.h"

#include "libs/base/strings.h"
#include "libs/sidecar_config/encode.h"
#include "sidecar/proxy/origin_check.h"

namespace reliability::sidecar::telemetry {
namespace {

net::HttpResponse Text(unsigned status, std::string body) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = std::move(body) + "\n",
          .headers = {}};
}

net::HttpResponse Json(std::string body) {
  return {.status = 200,
          .content_type = "application/json",
          .body = std::move(body),
          .headers = {{"Cache-Control", "no-store"}}};
}

void AppendMember(std::string& out, const char* name, const std::string& json) {
  if (out.back() != '{') {
    out += ',';
  }
  out += '"';
  out += name;
  out += "\":";
  out += json;
}

}  // namespace

net::HttpResponse Admin::Handle(const net::HttpRequest& request) const {
  if (!proxy::IsOwnHost(request.Header("host"), proxy::HostRule::kAnyAddress) ||
      proxy::IsCrossSite(request.Header("origin"), request.Header("sec-fetch-site"))) {
    return Text(403, "not for web pages");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return Text(405, "GET only");
  }
  if (request.path == "/healthz") {
    return Text(200, "ok");
  }
  const config::SnapshotPtr snapshot = decisions_.snapshot();
  if (request.path == "/startupz" || request.path == "/readyz") {
    if (snapshot == nullptr) {
      return Text(503, "no valid policy.json is loaded yet");
    }
    return request.path == "/readyz" && draining_() ? Text(503, "ending") : Text(200, "ok");
  }
  if (request.path == "/metrics") {
    return {.status = 200,
            .content_type = metrics::kTextContentType,
            .body = metrics_.Text(),
            .headers = {}};
  }
  if (request.path == "/ledger") {
    return Json(sidecar_config::EncodeLedger(decisions_.LedgerView()));
  }
  if (request.path == "/config") {
    return snapshot == nullptr ? Text(503, "no valid policy.json is loaded yet")
                               : Json(sidecar_config::EncodePolicy(snapshot->policy));
  }
  if (request.path == "/state") {
    return proxy::IsLoopbackAddress(request.peer) ? State() : Text(403, "on loopback only");
  }
  return Text(404, "no such page");
}

net::HttpResponse Admin::State() const {
  const auto mode = decisions_.Mode();
  const sidecar_config::LedgerDocument ledger = decisions_.LedgerView();
  std::string out = "{";
  AppendMember(out, "mode", JsonString(policy::GateModeName(mode.mode)));
  AppendMember(out, "modeStale", mode.stale ? "true" : "false");
  AppendMember(out, "cause", JsonString(mode.cause));
  if (mode.mode == policy::GateMode::kDegraded) {
    AppendMember(out, "fallbackTier", JsonString(mode.degrade.fallback_tier));
    const policy::BudgetLimit& budget = mode.degrade.turn_budget;
    if (budget.tokens.has_value()) {
      AppendMember(out, "maxTokensPerTurn", std::to_string(*budget.tokens));
    }
    if (budget.usd.has_value()) {
      AppendMember(out, "maxCostPerTurn", JsonString(policy::FormatUsd(*budget.usd)));
    }
  }
  if (mode.mode == policy::GateMode::kRamping) {
    AppendMember(out, "rampPercent", std::to_string(mode.ramp_percent));
  }
  AppendMember(out, "turnsRunning", std::to_string(mode.turns_running));
  AppendMember(out, "probesRunning", std::to_string(mode.probes_running));
  AppendMember(out, "configHash", JsonString(ledger.config_hash));
  AppendMember(out, "configError", JsonString(ledger.config_error));
  std::string breakers = "[";
  for (const auto& view : decisions_.Breakers()) {
    std::string one = "{";
    AppendMember(one, "resource", JsonString(view.key));
    AppendMember(one, "breaker", JsonString(view.rule));
    AppendMember(one, "state", JsonString(policy::BreakerStateName(view.state)));
    AppendMember(one, "retryAfterMs", std::to_string(view.retry_after.count()));
    AppendMember(one, "consecutiveFailures", std::to_string(view.consecutive_failures));
    AppendMember(one, "operation", JsonString(policy::BreakerOperationName(view.operation)));
    AppendMember(one, "windowCalls", std::to_string(view.window.calls));
    AppendMember(one, "windowFailures", std::to_string(view.window.failures));
    AppendMember(one, "windowSlow", std::to_string(view.window.slow));
    breakers += (breakers.size() > 1 ? "," : "") + one + "}";
  }
  AppendMember(out, "breakers", breakers + "]");
  net::HttpResponse response = Json(out + "}");
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; frame-ancestors 'none'");
  return response;
}

}  // namespace reliability::sidecar::telemetry
