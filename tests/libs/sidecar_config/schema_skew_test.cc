// policy.json for older sidecars: data-plane ruling 45.
#include "libs/sidecar_config/schema_skew.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/policy_json.h"
#include "libs/sidecar_config/validate.h"
#include "tests/libs/sidecar_config/sample_policy.h"

namespace reliability::sidecar_config {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

// What a sidecar of kOldestMinor knows. A row that leaves NewFields() moves in here.
const std::set<std::string> kOldFields{
    "circuitBreakers[].halfOpen.maxProbes",
    "circuitBreakers[].halfOpen.successes",
    "circuitBreakers[].match.models",
    "circuitBreakers[].match.tools",
    "circuitBreakers[].match.upstreams",
    "circuitBreakers[].maxOpenForMs",
    "circuitBreakers[].name",
    "circuitBreakers[].openForMs",
    "circuitBreakers[].operation",
    "circuitBreakers[].scope",
    "circuitBreakers[].trip.consecutiveFailures",
    "circuitBreakers[].trip.failurePercent",
    "circuitBreakers[].trip.meanLatencyMs",
    "circuitBreakers[].trip.minCalls",
    "circuitBreakers[].trip.slowCallDurationMs",
    "circuitBreakers[].trip.slowCallPercent",
    "circuitBreakers[].trip.windowMs",
    "cost.assumedOutputTokens",
    "cost.onExceed",
    "cost.onUnknownCost",
    "cost.perDay.tokens",
    "cost.perDay.usd",
    "cost.perSession.tokens",
    "cost.perSession.usd",
    "cost.perTurn.tokens",
    "cost.perTurn.usd",
    "enforcement",
    "fallbackChain.advanceOn",
    "fallbackChain.name",
    "fallbackChain.onMidStreamFailure",
    "fallbackChain.stickyMs",
    "fallbackChain.terminal.text",
    "fallbackChain.terminal.type",
    "fallbackChain.tiers[].caFile",
    "fallbackChain.tiers[].credential",
    "fallbackChain.tiers[].format",
    "fallbackChain.tiers[].largerContext",
    "fallbackChain.tiers[].model",
    "fallbackChain.tiers[].name",
    "fallbackChain.tiers[].provider",
    "fallbackChain.tiers[].timeoutMs",
    "fallbackChain.tiers[].upstream",
    "fallbackChain.tiers[].url",
    "prices[].cacheWrite",
    "prices[].cachedInput",
    "prices[].input",
    "prices[].model",
    "prices[].output",
    "prices[].provider",
    "retries.backoff.baseMs",
    "retries.backoff.maxMs",
    "retries.budget.intervalMs",
    "retries.budget.minRetries",
    "retries.budget.percent",
    "retries.idempotentTools[].tool",
    "retries.idempotentTools[].upstream",
    "retries.maxRequestBytes",
    "retries.maxRetries",
    "retries.onFailureWithinMs",
    "retries.retryAfter.honor",
    "retries.retryAfter.maxMs",
    "retries.retryOn",
    "schema",
    "slos[].degradedIs",
    "slos[].key",
    "slos[].name",
    "slos[].thresholdMs",
    "slos[].tool",
    "slos[].type",
    "timeouts.connectMs",
    "timeouts.firstTokenMs",
    "timeouts.llmMs",
    "timeouts.llmOverrides[].firstTokenMs",
    "timeouts.llmOverrides[].idleMs",
    "timeouts.llmOverrides[].model",
    "timeouts.llmOverrides[].totalMs",
    "timeouts.longRunning[].timeoutMs",
    "timeouts.longRunning[].tool",
    "timeouts.longRunning[].upstream",
    "timeouts.streamIdleMs",
    "timeouts.toolMs",
    "timeouts.toolOverrides[].timeoutMs",
    "timeouts.toolOverrides[].tool",
    "timeouts.toolOverrides[].upstream",
    "turn.identity",
    "turn.onStreamDeadline",
    "turn.synthesisReserveMs",
    "turn.timeoutMs",
    "upstreams[].caFile",
    "upstreams[].format",
    "upstreams[].kind",
    "upstreams[].name",
    "upstreams[].url",
    "workload",
};

// With every field that there is.
PolicyDocument FullPolicy() {
  const auto parts = DecodePolicy(
      R"({"schema":"1.0","cost":{"perTurn":{"tokens":9,"usd":"1"},"perSession":{"tokens":9,)"
      R"("usd":"1"},"perDay":{"tokens":9,"usd":"1"},"onExceed":"Degrade","onUnknownCost":"Reject",)"
      R"("assumedOutputTokens":9},"prices":[{"provider":"openai","model":"m","input":"2",)"
      R"("output":"4","cachedInput":"1","cacheWrite":"3"}],"fallbackChain":{"name":"c","tiers":[)"
      R"({"name":"own","upstream":"claude","timeoutMs":6000},{"name":"gpt",)"
      R"("url":"https://gpt.example/v1","format":"OpenAI","provider":"eu","caFile":"ca/gpt.pem",)"
      R"("model":"gpt-4o","credential":"gpt/key","largerContext":true}],)"
      R"("advanceOn":["overloaded"],"stickyMs":30000,"onMidStreamFailure":"RestartIfOnlyText",)"
      R"("terminal":{"type":"StaticResponse","text":"sorry"}}})");
  EXPECT_TRUE(parts.has_value()) << parts.error().message;
  PolicyDocument document = SamplePolicy();
  document.cost = parts->document.cost;
  document.prices = parts->document.prices;
  document.fallback_chain = parts->document.fallback_chain;
  return document;
}

void AddLeaves(const json& value, const std::string& path, std::set<std::string>& out) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      AddLeaves(member, path.empty() ? name : path + "." + name, out);
    }
  } else if (value.is_array() && !value.empty() && value[0].is_object()) {
    for (const json& element : value) {
      AddLeaves(element, path + "[]", out);
    }
  } else {
    out.insert(path);
  }
}

std::set<std::string> LeavesOf(const std::string& text) {
  std::set<std::string> out;
  AddLeaves(json::parse(text), "", out);
  return out;
}

std::set<std::string> KnownTo(int minor) {
  std::set<std::string> out = kOldFields;
  for (const NewField& field : NewFields()) {
    if (field.minor <= minor) {
      out.emplace(field.path);
    }
  }
  return out;
}

// "upstreams[3].url" -> "upstreams[].url"
std::string WithoutIndexes(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c < '0' || c > '9' || out.empty() || out.back() != '[') {
      out += c;
    }
  }
  return out;
}

// Paths of all fields that the decoder of this build knows, objects on the way included.
std::set<std::string> AskedFor(const std::string& text) {
  std::set<std::string> asked;
  ReadContext context;
  context.asked = &asked;
  const json value = json::parse(text);
  ObjectReader in(value, "", context);
  in.Take("schema");
  PolicyDocument document;
  ReadPolicy(in, context, document);
  in.Finish();
  EXPECT_EQ(context.error, "");
  std::set<std::string> out;
  for (const std::string& path : asked) {
    out.insert(WithoutIndexes(path));
  }
  return out;
}

TEST(SchemaSkew, EveryFieldHasAMinor) {
  EXPECT_EQ(LeavesOf(EncodePolicy(FullPolicy())), KnownTo(kSchemaMinor))
      << "a new field of policy.json? Raise kSchemaMinor and add a row to NewFields()";
}

TEST(SchemaSkew, TheDocumentOfTheseTestsHasAllThatTheDecoderKnows) {
  const std::string text = EncodePolicy(FullPolicy());
  const std::set<std::string> leaves = LeavesOf(text);
  for (const std::string& path : AskedFor(text)) {
    const auto at = leaves.lower_bound(path);
    const bool there =
        at != leaves.end() && at->starts_with(path) &&
        (at->size() == path.size() || (*at)[path.size()] == '.' || (*at)[path.size()] == '[');
    EXPECT_TRUE(there) << path << " is read, but FullPolicy() does not set it";
  }
}

TEST(SchemaSkew, ADocumentHasOnlyWhatItsMinorKnows) {
  const PolicyDocument full = FullPolicy();
  for (int minor = kOldestMinor; minor <= kSchemaMinor; ++minor) {
    const SkewedPolicy written = EncodePolicyFor(full, minor);
    EXPECT_EQ(LeavesOf(written.json), KnownTo(minor)) << minor;
    EXPECT_EQ(MinorOf(written.json), minor);
    // No empty object stays of what was taken out; what is left reads strictly and means the same.
    EXPECT_EQ(written.json.find("{}"), std::string::npos) << written.json;
    const auto decoded = DecodePolicy(written.json);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->ignored_fields, 0);
    EXPECT_THAT(Validate(decoded->document), IsEmpty());
    EXPECT_EQ(EncodePolicy(decoded->document), written.json);
  }
}

TEST(SchemaSkew, TellsWhatIsLeftOutOnlyIfTheDocumentHadIt) {
  const auto left_out = [](const PolicyDocument& document, int minor) {
    std::vector<std::string> out;
    for (const NewField& field : EncodePolicyFor(document, minor).left_out) {
      out.emplace_back(field.path);
    }
    return out;
  };
  EXPECT_THAT(left_out(FullPolicy(), 3), ElementsAre("inspection.onOversize", "tls.systemCAs"));
  EXPECT_THAT(left_out(FullPolicy(), 4), IsEmpty());
  EXPECT_THAT(left_out(PolicyDocument(), 3), IsEmpty());
  PolicyDocument one;
  one.tls.system_cas = false;
  EXPECT_THAT(left_out(one, 3), ElementsAre("tls.systemCAs"));
}

TEST(SchemaSkew, AtTheNewestMinorNothingChanges) {
  EXPECT_EQ(EncodePolicyFor(FullPolicy(), kSchemaMinor).json, EncodePolicy(FullPolicy()));
}

TEST(SchemaSkew, RowsAreOrderedAndSayWhatHappensInstead) {
  const auto rows = NewFields();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_FALSE(rows[i].instead.empty()) << rows[i].path;
    EXPECT_FALSE(kOldFields.contains(std::string(rows[i].path))) << rows[i].path;
    if (i > 0) {
      EXPECT_LT(std::pair(rows[i - 1].minor, rows[i - 1].path),
                std::pair(rows[i].minor, rows[i].path));
    }
  }
}

TEST(SchemaSkew, MinorOfWhatIsNoDocumentIsUnknown) {
  EXPECT_EQ(MinorOf(R"({"schema":"1.3"})"), 3);
  EXPECT_EQ(MinorOf(R"({"schema":"1.9","new":1})"), 9);
  for (const char* text : {"", "{}", R"({"schema":"2.0"})", R"({"schema":3})"}) {
    EXPECT_EQ(MinorOf(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace reliability::sidecar_config
