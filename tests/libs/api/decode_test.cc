#include "libs/api/decode.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/api/agent_enforcement.h"
#include "libs/api/agent_reliability_policy.h"
#include "libs/api/agent_slo.h"
#include "libs/api/encode.h"
#include "libs/api/error_budget_policy.h"
#include "libs/api/reliability_override.h"
#include "libs/base/duration.h"

namespace reliability::api {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// The policy of the tour, as the API server returns it (defaults filled in, managedFields there).
constexpr const char* kPolicy = R"({
  "apiVersion": "agentreliability.dev/v1alpha1", "kind": "AgentReliabilityPolicy",
  "metadata": {"name": "refunds", "namespace": "support", "uid": "u-1", "resourceVersion": "77",
    "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z",
    "labels": {"team": "support", "app": "refunds"},
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"a\":1}", "note": "x\ny"},
    "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]},
  "spec": {
    "targetRefs": [{"group": "apps", "kind": "Deployment", "name": "refunds-agent"}],
    "enforcement": "Enforce",
    "upstreams": {
      "llms": [{"name": "openai", "format": "OpenAI", "url": "http://llm.simulator.svc:8080/v1"}],
      "mcpServers": [{"name": "orders", "url": "http://orders-mcp.simulator.svc:8080/mcp",
                      "env": ["ORDERS_URL"], "caConfigMapRef": {"name": "ca", "key": "ca.crt"}}]},
    "turn": {"timeout": "15s", "identity": "Trace", "onStreamDeadline": "EndWithNotice"},
    "timeouts": {"llm": "10s", "tool": "5s",
      "toolOverrides": [{"upstream": "orders", "tool": "search", "timeout": "2s500ms"}],
      "llmOverrides": [{"model": "deep", "firstToken": "12s", "idle": "8s"}],
      "longRunning": [{"upstream": "orders", "tool": "build", "timeout": "20m"}]},
    "inspection": {"onOversize": "Reject"}, "tls": {"systemCAs": false},
    "circuitBreakers": [{"name": "tools", "scope": "Tool", "openFor": "60s", "maxOpenFor": "5m",
      "trip": {"consecutiveFailures": 3, "failurePercent": 50, "minCalls": 5, "window": "60s",
               "slowCallPercent": 0, "slowCallDuration": "4s", "meanLatency": "30s"},
      "operation": "ForcedOpen",
      "halfOpen": {"maxProbes": 2, "successes": 2}}]},
  "status": {"target": "Deployment/refunds-agent", "covered": "0/3", "podsMissing": 3,
    "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "m",
                    "lastTransitionTime": "2026-01-01T00:00:01Z"}]}})";

TEST(Decode, PolicyOfTheTour) {
  const auto policy = Decode<AgentReliabilityPolicy>(kPolicy);
  ASSERT_TRUE(policy.has_value()) << policy.error().message;
  EXPECT_EQ(policy->metadata.name, "refunds");
  EXPECT_EQ(policy->metadata.namespace_, "support");
  EXPECT_EQ(policy->metadata.generation, 2);
  EXPECT_EQ(policy->metadata.creation_timestamp, *ParseRfc3339("2026-01-01T00:00:00Z"));
  EXPECT_EQ(policy->metadata.labels.Get("team"), "support");
  EXPECT_EQ(policy->metadata.annotations.size(), 1U);
  EXPECT_EQ(policy->metadata.annotations.Get("note"), "x\ny");
  const AgentReliabilityPolicySpec& spec = policy->spec;
  ASSERT_EQ(spec.target_refs.size(), 1U);
  EXPECT_EQ(ToString(spec.target_refs[0]), "Deployment/refunds-agent");
  EXPECT_EQ(spec.enforcement, Enforcement::kEnforce);
  EXPECT_EQ(spec.upstreams.llms[0].url, "http://llm.simulator.svc:8080/v1");
  EXPECT_EQ(spec.upstreams.mcp_servers[0].env, std::vector<std::string>{"ORDERS_URL"});
  EXPECT_EQ(spec.upstreams.mcp_servers[0].ca_config_map_ref->name, "ca");
  EXPECT_EQ(spec.turn.timeout, seconds(15));
  EXPECT_FALSE(spec.turn.synthesis_reserve.has_value());
  EXPECT_EQ(spec.timeouts.llm, seconds(10));
  EXPECT_FALSE(spec.timeouts.connect.has_value());
  EXPECT_EQ(spec.timeouts.tool_overrides[0].timeout, Milliseconds(2500));
  EXPECT_EQ(spec.turn.identity, TurnIdentity::kTrace);
  EXPECT_EQ(spec.turn.on_stream_deadline, StreamDeadline::kEndWithNotice);
  EXPECT_EQ(spec.timeouts.llm_overrides[0].model, "deep");
  EXPECT_EQ(spec.timeouts.llm_overrides[0].first_token, seconds(12));
  EXPECT_FALSE(spec.timeouts.llm_overrides[0].total.has_value());
  EXPECT_EQ(spec.timeouts.llm_overrides[0].idle, seconds(8));
  EXPECT_EQ(spec.timeouts.long_running[0].tool, "build");
  EXPECT_EQ(spec.timeouts.long_running[0].timeout, minutes(20));
  EXPECT_EQ(spec.inspection.on_oversize, OnOversize::kReject);
  EXPECT_FALSE(spec.tls.system_cas);
  EXPECT_EQ(spec.circuit_breakers[0].open_for, seconds(60));
  EXPECT_EQ(spec.circuit_breakers[0].trip.window, minutes(1));
  EXPECT_EQ(spec.circuit_breakers[0].trip.slow_call_percent, 0);
  EXPECT_EQ(spec.circuit_breakers[0].trip.slow_call_duration, seconds(4));
  EXPECT_EQ(spec.circuit_breakers[0].trip.mean_latency, seconds(30));
  EXPECT_EQ(spec.circuit_breakers[0].operation, BreakerOperation::kForcedOpen);
  EXPECT_TRUE(IsTrue(policy->status.conditions, "Accepted"));
  EXPECT_EQ(policy->status.pods_missing, 3);
}

TEST(Decode, SloReadsPercentAndWindow) {
  const auto slo = Decode<AgentSlo>(R"({"metadata":{"name":"s"},"spec":{
    "targetRef":{"kind":"Deployment","name":"a"},"objective":"99.9","window":"7d",
    "sli":{"type":"TurnLatency","threshold":"8s"}}})");
  ASSERT_TRUE(slo.has_value()) << slo.error().message;
  EXPECT_DOUBLE_EQ(slo->spec.objective.value(), 0.999);
  EXPECT_EQ(Length(slo->spec.window), std::chrono::hours(168));
  EXPECT_EQ(slo->spec.sli.threshold, seconds(8));
  EXPECT_EQ(slo->spec.low_traffic.min_events, 10);
  EXPECT_EQ(slo->spec.target_ref.group, "apps");
}

TEST(Decode, NullCountsAsAbsent) {
  const auto slo = Decode<AgentSlo>(R"({"metadata":{"name":"s","labels":null},"spec":{
    "targetRef":{"kind":"Deployment","name":"a"},"objective":"95","window":null,
    "sli":{"type":"TaskSuccess","threshold":null},"lowTraffic":null},"status":null})");
  ASSERT_TRUE(slo.has_value()) << slo.error().message;
  EXPECT_EQ(slo->spec.window, SloWindow::k30d);
  EXPECT_FALSE(slo->spec.sli.threshold.has_value());
}

TEST(Decode, TiersCompareBySeverity) {
  EXPECT_LT(Tier::kTicketSlow, Tier::kTicketFast);
  EXPECT_LT(Tier::kPageFast, Tier::kOutage);
  EXPECT_LT(ActionType::kThrottle, ActionType::kPause);
}

struct BadCase {
  const char* json;
  const char* message;
};

TEST(Decode, ErrorsNameTheFieldPath) {
  const std::vector<BadCase> cases = {
      {R"([])", "must be an object"},
      {R"({"spec":{}})", "spec.rules: required, but absent"},
      {R"({"metadata":{"name":"a"}})", "spec: required, but absent"},
      {R"({"metadata":{},"spec":{"rules":[]}})", "metadata.name: required, but absent"},
      {R"({"metadata":{"name":7},"spec":{"rules":[]}})", "metadata.name: must be a string"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":{}}})", "spec.rules: must be a list"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[1]}})", "spec.rules[0]: must be an object"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[{"name":"x","when":{"for":"5x"}}]}})",
       "spec.rules[0].when.for: "},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[{"name":"x","when":{"budgetAtMost":"1e9"}}]}})",
       "spec.rules[0].when.budgetAtMost: \"1e9\" is not a decimal number"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[{"name":"x","when":{"tier":"Worst"}}]}})",
       "spec.rules[0].when.tier: \"Worst\" is none of TicketSlow, TicketFast"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[],"guards":{"minReplicas":1.5}}})",
       "spec.guards.minReplicas: must be an integer"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[],"guards":{"minReplicas":4294967296}}})",
       "spec.guards.minReplicas: the integer is out of range"},
      {R"({"metadata":{"name":"a","creationTimestamp":"yesterday"},"spec":{"rules":[]}})",
       "metadata.creationTimestamp: "},
      {R"({"metadata":{"name":"a","labels":{"x":1}},"spec":{"rules":[]}})",
       "metadata.labels: must be a string"},
      {R"({"metadata":{"name":"a","finalizers":["x",1]},"spec":{"rules":[]}})",
       "metadata.finalizers[1]: must be a string"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[]}} {})", "unexpected bytes"},
      {R"({"metadata":{"name":"a"},"spec":{"rules":[)", ""},
      {R"({"metadata":{"name":"a)", ""},
      {"", "not JSON"},
      {"{\"metadata\":{\"name\":\"\xff\"}}", "not JSON"},
  };
  for (const BadCase& bad : cases) {
    const auto policy = Decode<ErrorBudgetPolicy>(bad.json);
    ASSERT_FALSE(policy.has_value()) << bad.json;
    EXPECT_EQ(policy.error().code, Code::kInvalid);
    EXPECT_NE(policy.error().message.find(bad.message), std::string::npos)
        << bad.json << "\n"
        << policy.error().message;
  }
}

TEST(Decode, AnErrorDoesNotSpoilTheNextObject) {
  ASSERT_FALSE(Decode<AgentReliabilityPolicy>(R"({"metadata":{"name":)").has_value());
  EXPECT_TRUE(Decode<AgentReliabilityPolicy>(kPolicy).has_value());
}

TEST(Decode, LargeObject) {
  std::string json(kPolicy);
  json.insert(json.find("\"note\""),
              "\"big\": \"" + std::string(std::size_t{3} << 20U, 'x') + "\", ");
  const auto policy = Decode<AgentReliabilityPolicy>(json);
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(policy->metadata.annotations.Get("big").size(), std::size_t{3} << 20U);
}

TEST(Decode, OverrideExpiresWithinAWeek) {
  auto object = Decode<ReliabilityOverride>(R"({"metadata":{"name":"r",
    "creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"type":"Release","reason":"night shift",
    "targetRef":{"kind":"Deployment","name":"a"},"expiresAt":"2026-03-01T00:00:00+01:00"}})");
  ASSERT_TRUE(object.has_value()) << object.error().message;
  EXPECT_EQ(EffectiveExpiry(*object), *ParseRfc3339("2026-01-08T00:00:00Z"));
  object->spec.expires_at = *ParseRfc3339("2026-01-02T00:00:00Z");
  EXPECT_EQ(EffectiveExpiry(*object), *ParseRfc3339("2026-01-02T00:00:00Z"));
}

TEST(Encode, EnforcementStatusComesBackEqual) {
  AgentEnforcementStatus status;
  status.mode = EnforcementMode::kScaledDown;
  status.cause = "refunds-completed/stop";
  status.since = *ParseRfc3339("2026-01-01T00:00:00Z");
  status.until = "HalfOpen 10:42:10Z";
  status.evidence = EnforcementEvidence{Tier::kPageFast,
                                        1000,
                                        60,
                                        13.815511,
                                        *ParseRfc3339("2026-01-01T00:00:00Z"),
                                        Ratio::FromDouble(-0.2),
                                        Ratio::FromDouble(14.8),
                                        EvidenceThresholds{Ratio::FromDouble(0.525), 13.8, {}, {}}};
  status.order = ModeOrder{2, 7, EnforcementMode::kPaused, *ParseRfc3339("2026-01-01T00:15:00Z")};
  status.timers = {{"refunds-completed", "stop", *ParseRfc3339("2026-01-01T00:00:00Z"), {}, {}}};
  EnforcementLedger ledger;
  ledger.original_replicas = 3;
  ledger.actuator = Actuator::kScaleSubresource;
  ledger.last_written_replicas = 0;
  ledger.open_for = minutes(10);
  ledger.trips = 1;
  ledger.trips_day = "2026-01-01";
  status.ledger = ledger;
  status.half_open = HalfOpenStatus{{}, {"u-1"}, {"p-1"}, 3, 0, 22, {{"u-1", "e-1", 3, 0}}};
  AgentEnforcement object;
  object.metadata.name = "deployment-refunds-agent";
  object.spec.target_ref = {"apps", "Deployment", "refunds-agent"};
  object.status = status;
  const auto back = Decode<AgentEnforcement>(ToJson(object).dump());
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->status, status);
  EXPECT_EQ(ToJson(back->status).dump(), ToJson(status).dump());
}

TEST(Encode, LeavesOutWhatIsNotThere) {
  EXPECT_EQ(ToJson(AgentEnforcementStatus()).dump(), R"({"observedGeneration":0})");
  AgentEnforcementStatus status;
  status.half_open.emplace();  // there, though empty
  EXPECT_EQ(ToJson(status)["halfOpen"].dump(), R"({"bad":0,"clean":0,"needed":0})");
}

}  // namespace
}  // namespace reliability::api
