#pragma once
// A valid policy with every field away from its default.
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config {

inline PolicyDocument SamplePolicy() {
  PolicyDocument document;
  document.workload = "support/Deployment/refunds-agent";
  document.enforcement = Enforcement::kEnforce;
  document.upstreams = {
      {UpstreamKind::kLlm, "openai", LlmFormat::kOpenAI, "https://llm.example/v1", ""},
      {UpstreamKind::kLlm, "claude", LlmFormat::kAnthropic, "", ""},
      {UpstreamKind::kMcp, "orders", LlmFormat::kOpenAI, "http://orders:8080/mcp", "ca/orders.pem"},
      {UpstreamKind::kHttp, "weather", LlmFormat::kOpenAI, "http://weather:8080", ""},
  };
  document.turn = {Milliseconds{20'000}, Milliseconds{4000}, TurnIdentity::kTrace,
                   StreamDeadline::kEndWithNotice};
  document.timeouts.llm = Milliseconds{9000};
  document.timeouts.tool = Milliseconds{4000};
  document.timeouts.connect = Milliseconds{900};
  document.timeouts.first_token = Milliseconds{7000};
  document.timeouts.stream_idle = Milliseconds{4500};
  document.timeouts.tool_overrides = {{"orders", "search", Milliseconds{2000}},
                                      {"orders", "", Milliseconds{3000}}};
  document.timeouts.llm_overrides = {
      {"deep", Milliseconds{15'000}, Milliseconds{18'000}, Milliseconds{9500}},
      {"quick", std::nullopt, Milliseconds{2500}, std::nullopt}};
  document.timeouts.long_running = {{"weather", "", Milliseconds{90'000}},
                                    {"orders", "build", Milliseconds{120'000}}};
  document.retries.max_retries = 4;
  document.retries.backoff = {Milliseconds{150}, Milliseconds{1500}};
  document.retries.retry_after = {false, Milliseconds{2500}};
  document.retries.on_failure_within = Milliseconds{1800};
  document.retries.budget = {30, Milliseconds{9000}, 5};
  document.retries.retry_on = {policy::ErrorClass::kConnect, policy::ErrorClass::kRateLimited};
  document.retries.idempotent_tools = {{"orders", "search"}, {"weather", ""}};
  document.retries.max_request_bytes = 70'000;
  document.inspection.on_oversize = OnOversize::kReject;
  document.tls.system_cas = false;
  CircuitBreaker breaker;
  breaker.name = "tools";
  breaker.scope = BreakerScope::kTool;
  breaker.match = {{"orders"}, {"refund"}, {}};
  breaker.trip = {4, 60, 6, Milliseconds{30'000}, 70, Milliseconds{2500}, Milliseconds{0}};
  breaker.open_for = Milliseconds{45'000};
  breaker.max_open_for = Milliseconds{250'000};
  breaker.half_open = {1, 3};
  document.circuit_breakers = {breaker};
  breaker = CircuitBreaker();
  breaker.scope = BreakerScope::kModel;
  breaker.match.models = {"big"};
  breaker.operation = BreakerOperation::kMetricsOnly;
  document.circuit_breakers.push_back(breaker);
  breaker = CircuitBreaker();
  breaker.name = "agent";
  breaker.scope = BreakerScope::kAgent;
  breaker.trip.mean_latency = Milliseconds{30'000};
  document.circuit_breakers.push_back(breaker);
  document.slos = {
      {"uid/1a2b3c4d", "completed", SliType::kTaskSuccess, "", std::nullopt, DegradedIs::kBad},
      {"uid/2a2b3c4d", "search", SliType::kToolCallSuccess, "orders/list", std::nullopt,
       std::nullopt},
      {"uid/3a2b3c4d", "fast", SliType::kTurnLatency, "", Milliseconds{8000}, std::nullopt},
  };
  return document;
}

}  // namespace reliability::sidecar_config
