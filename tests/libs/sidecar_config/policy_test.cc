#include <gtest/gtest.h>

#include <string>

#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/encode.h"
#include "tests/libs/sidecar_config/sample_policy.h"

namespace reliability::sidecar_config {
namespace {

std::string ErrorOf(std::string_view json) {
  const auto decoded = DecodePolicy(json);
  return decoded ? "" : decoded.error().message;
}

TEST(PolicyDocument, RoundTrips) {
  const std::string text = EncodePolicy(SamplePolicy());
  const auto decoded = DecodePolicy(text);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(EncodePolicy(decoded->document), text);
  EXPECT_EQ(decoded->ignored_fields, 0);
}

TEST(PolicyDocument, EncodingIsCanonical) {
  PolicyDocument document;
  document.workload = "ns/Deployment/a";
  document.upstreams = {{UpstreamKind::kMcp, "orders", LlmFormat::kOpenAI, "http://o/mcp", ""}};
  EXPECT_EQ(EncodePolicy(document),
            R"({"circuitBreakers":[],"enforcement":"Observe",)"
            R"("retries":{"backoff":{"baseMs":200,"maxMs":2000},)"
            R"("budget":{"intervalMs":10000,"minRetries":3,"percent":20},"idempotentTools":[],)"
            R"("maxRequestBytes":4194304,"maxRetries":2,"onFailureWithinMs":3000,)"
            R"("retryAfter":{"honor":true,"maxMs":3000},"retryOn":[]},)"
            R"("schema":"1.5","slos":[],)"
            R"("timeouts":{"connectMs":1000,"firstTokenMs":8000,"llmMs":10000,)"
            R"("llmOverrides":[],"longRunning":[],)"
            R"("streamIdleMs":5000,"toolMs":5000,"toolOverrides":[]},)"
            R"("turn":{"identity":"Auto","onStreamDeadline":"Error",)"
            R"("synthesisReserveMs":3000,"timeoutMs":15000},)"
            R"("upstreams":[{"kind":"MCP","name":"orders","url":"http://o/mcp"}],)"
            R"("workload":"ns/Deployment/a"})");
}

TEST(PolicyDocument, DecodesEveryField) {
  const PolicyDocument expected = SamplePolicy();
  const auto decoded = DecodePolicy(EncodePolicy(expected));
  ASSERT_TRUE(decoded.has_value());
  const PolicyDocument& document = decoded->document;
  EXPECT_EQ(document.workload, expected.workload);
  EXPECT_EQ(document.enforcement, Enforcement::kEnforce);
  ASSERT_EQ(document.upstreams.size(), 4U);
  EXPECT_EQ(document.upstreams[1].format, LlmFormat::kAnthropic);
  EXPECT_EQ(document.upstreams[2].ca_file, "ca/orders.pem");
  EXPECT_EQ(document.upstreams[3].kind, UpstreamKind::kHttp);
  EXPECT_EQ(document.turn.synthesis_reserve, Milliseconds{4000});
  EXPECT_EQ(document.timeouts.stream_idle, Milliseconds{4500});
  EXPECT_EQ(document.timeouts.tool_overrides[0].tool, "search");
  EXPECT_EQ(document.turn.identity, TurnIdentity::kTrace);
  EXPECT_EQ(document.turn.on_stream_deadline, StreamDeadline::kEndWithNotice);
  ASSERT_EQ(document.timeouts.llm_overrides.size(), 2U);
  EXPECT_EQ(document.timeouts.llm_overrides[0].first_token, Milliseconds{15'000});
  EXPECT_EQ(document.timeouts.llm_overrides[0].idle, Milliseconds{9500});
  EXPECT_EQ(document.timeouts.llm_overrides[1].total, Milliseconds{2500});
  EXPECT_EQ(document.timeouts.llm_overrides[1].first_token, std::nullopt);
  ASSERT_EQ(document.timeouts.long_running.size(), 2U);
  EXPECT_EQ(document.timeouts.long_running[1].tool, "build");
  EXPECT_EQ(document.timeouts.long_running[1].timeout, Milliseconds{120'000});
  EXPECT_EQ(document.retries.max_retries, 4);
  EXPECT_EQ(document.retries.backoff.max, Milliseconds{1500});
  EXPECT_FALSE(document.retries.retry_after.honor);
  EXPECT_EQ(document.retries.on_failure_within, Milliseconds{1800});
  EXPECT_EQ(document.retries.budget.min_retries, 5);
  EXPECT_EQ(document.retries.retry_on, expected.retries.retry_on);
  ASSERT_EQ(document.retries.idempotent_tools.size(), 2U);
  EXPECT_EQ(document.retries.idempotent_tools[0].tool, "search");
  EXPECT_EQ(document.retries.max_request_bytes, 70'000);
  EXPECT_EQ(document.inspection.on_oversize, OnOversize::kReject);
  EXPECT_FALSE(document.tls.system_cas);
  ASSERT_EQ(document.circuit_breakers.size(), 3U);
  EXPECT_EQ(document.circuit_breakers[0].trip.window, Milliseconds{30'000});
  EXPECT_EQ(document.circuit_breakers[0].half_open.successes, 3);
  EXPECT_EQ(document.circuit_breakers[0].trip.slow_call_percent, 70);
  EXPECT_EQ(document.circuit_breakers[0].trip.slow_call_duration, Milliseconds{2500});
  EXPECT_EQ(document.circuit_breakers[0].operation, BreakerOperation::kAutomatic);
  EXPECT_EQ(document.circuit_breakers[1].operation, BreakerOperation::kMetricsOnly);
  EXPECT_EQ(document.circuit_breakers[2].scope, BreakerScope::kAgent);
  EXPECT_EQ(document.circuit_breakers[2].trip.mean_latency, Milliseconds{30'000});
  EXPECT_EQ(document.circuit_breakers[1].match.models, std::vector<std::string>{"big"});
  EXPECT_EQ(document.slos[2].threshold, Milliseconds{8000});
  EXPECT_EQ(document.slos[0].threshold, std::nullopt);
  EXPECT_EQ(document.slos[0].degraded_is, DegradedIs::kBad);
  EXPECT_EQ(document.slos[1].degraded_is, std::nullopt);
}

TEST(PolicyDocument, HandWrittenFileMayLeaveOutDefaults) {
  const auto decoded =
      DecodePolicy(R"({"schema":"1.0","upstreams":[{"kind":"HTTP","name":"w","url":"http://w"}]})");
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->document.turn.timeout, Milliseconds{15'000});
  EXPECT_EQ(decoded->document.enforcement, Enforcement::kObserve);
}

TEST(PolicyDocument, ErrorsNameThePath) {
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","upstreams":[{"kind":"MCP","name":"a"},)"
                    R"({"kind":"MCP","name":"b","url":7}]})"),
            "upstreams[1].url: expected a string");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","turn":{"timeoutMs":"15s"}})"),
            "turn.timeoutMs: expected an integer");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","turn":{"timeoutMs":-1}})"), "turn.timeoutMs: out of range");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","turn":{"timeoutMs":1.5}})"),
            "turn.timeoutMs: expected an integer");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","turn":[]})"), "turn: expected an object");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","slos":{}})"), "slos: expected an array");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","slos":[7]})"), "slos[0]: expected an object");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","enforcement":"Maybe"})"),
            "enforcement: unknown value \"Maybe\"");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","upstreams":[{"name":"a","kind":"LLM"}]})"),
            "upstreams[0].format: required");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","upstreams":[{"kind":"MCP"}]})"),
            "upstreams[0].name: required");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","circuitBreakers":[{"scope":"Tool","match":)"
                    R"({"tools":["a",1]}}]})"),
            "circuitBreakers[0].match.tools[1]: expected a string");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","circuitBreakers":[{"scope":"Tool","trip":)"
                    R"({"minCalls":5000000000}}]})"),
            "circuitBreakers[0].trip.minCalls: out of range");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.3","retries":{"retryOn":["tired"]}})"),
            "retries.retryOn: unknown error class \"tired\"");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.3","retries":{"idempotentTools":[{"tool":"a"}]}})"),
            "retries.idempotentTools[0].upstream: required");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.2","timeouts":{"llmOverrides":[{"totalMs":5}]}})"),
            "timeouts.llmOverrides[0].model: required");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.2","timeouts":{"longRunning":[{"tool":"a"}]}})"),
            "timeouts.longRunning[0].upstream: required");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.4","inspection":{"onOversize":"Drop"}})"),
            "inspection.onOversize: unknown value \"Drop\"");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.4","tls":{"systemCAs":"no"}})"),
            "tls.systemCAs: expected true or false");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.2","turn":{"identity":"Cookie"}})"),
            "turn.identity: unknown value \"Cookie\"");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","upstreams":null})"), "upstreams: expected an array");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","turn":{"timeoutMs":18446744073709551615}})"),
            "turn.timeoutMs: expected an integer");
}

TEST(PolicyDocument, UnknownFieldIsAnErrorAtTheSameMinor) {
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","turn":{"timeuotMs":1}})"), "turn.timeuotMs: unknown field");
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","chaos":{}})"), "chaos: unknown field");
}

TEST(PolicyDocument, UnknownFieldsOfANewerMinorAreCounted) {
  const auto decoded =
      DecodePolicy(R"({"schema":"1.7","chaos":{},"turn":{"timeoutMs":900,"ramp":1}})");
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->ignored_fields, 2);
  EXPECT_EQ(decoded->ignored_names, (std::vector<std::string>{"turn.ramp", "chaos"}));
  EXPECT_EQ(decoded->document.turn.timeout, Milliseconds{900});
  EXPECT_EQ(decoded->document.schema_minor, 7);
}

TEST(PolicyDocument, OtherMajorsAndBrokenTextAreRefused) {
  EXPECT_EQ(ErrorOf(R"({"schema":"2.0"})"), "schema: version 2.0 is not supported, this is 1.5");
  for (const char* schema : {R"({"schema":1})", R"({"schema":"1"})", R"({"schema":"a.b"})",
                             R"({"schema":"1.0.0"})", R"({})"}) {
    EXPECT_EQ(ErrorOf(schema), "schema: expected \"major.minor\"") << schema;
  }
  EXPECT_EQ(ErrorOf(""), "document: not JSON");
  EXPECT_EQ(ErrorOf("{\"schema\":\"1.0\""), "document: not JSON");
  EXPECT_EQ(ErrorOf("[]"), "document: expected an object");
  EXPECT_EQ(ErrorOf("{\"schema\":\"1.0\",\"workload\":\"\xff\"}"), "document: not JSON");
  EXPECT_EQ(ErrorOf(std::string(kMaxDocumentBytes + 1, ' ')), "document: larger than 1 MiB");
}

TEST(PolicyDocument, DuplicateKeysAreRefused) {
  EXPECT_EQ(ErrorOf(R"({"schema":"1.0","turn":{"timeoutMs":1,"timeoutMs":2}})"),
            "document: key \"timeoutMs\" stands twice in one object");
}

TEST(PolicyDocument, EveryTruncationIsAnErrorNotACrash) {
  const std::string text = EncodePolicy(SamplePolicy());
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(DecodePolicy(std::string_view(text).substr(0, length)).has_value());
  }
}

}  // namespace
}  // namespace reliability::sidecar_config
