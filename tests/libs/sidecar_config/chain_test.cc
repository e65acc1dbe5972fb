#include "libs/sidecar_config/chain.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/validate.h"
#include "tests/libs/sidecar_config/sample_policy.h"

namespace reliability::sidecar_config {
namespace {

using policy::ErrorClass;

PolicyDocument WithChain() {
  PolicyDocument document = SamplePolicy();
  FallbackChain& chain = document.fallback_chain.emplace();
  chain.name = "claude-then-gpt";
  ChainTier own;
  own.name = "primary";
  own.upstream = "claude";
  own.timeout = Milliseconds{6000};
  ChainTier other;
  other.name = "gpt";
  other.url = "https://gpt.example/v1";
  other.format = LlmFormat::kOpenAI;
  other.provider = "openai-eu";
  other.ca_file = "ca/gpt.pem";
  other.model = "gpt-4o";
  other.credential = "/etc/agent-reliability/secrets/gpt/key";
  other.larger_context = true;
  chain.tiers = {own, other};
  chain.advance_on = {ErrorClass::kOverloaded, ErrorClass::kTimeoutTotal};
  chain.sticky = Milliseconds{30'000};
  chain.on_mid_stream_failure = MidStreamFailure::kRestartIfOnlyText;
  chain.terminal = {TerminalType::kStaticResponse, "{{.agent}} cannot answer: {{.reason}}"};
  return document;
}

std::string ErrorOf(const std::string& chain) {
  const auto decoded = DecodePolicy(R"({"schema":"1.0","fallbackChain":)" + chain + "}");
  return decoded ? "" : decoded.error().message;
}

TEST(FallbackChain, IsAbsentUnlessSet) {
  EXPECT_EQ(EncodePolicy(SamplePolicy()).find("fallbackChain"), std::string::npos);
  const auto decoded = DecodePolicy(EncodePolicy(SamplePolicy()));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_FALSE(decoded->document.fallback_chain.has_value());
}

TEST(FallbackChain, EncodingIsCanonical) {
  const std::string text = EncodePolicy(WithChain());
  EXPECT_NE(
      text.find(
          R"("fallbackChain":{"advanceOn":["overloaded","timeout_total"],"name":"claude-then-gpt",)"
          R"("onMidStreamFailure":"RestartIfOnlyText","stickyMs":30000,)"
          R"("terminal":{"text":"{{.agent}} cannot answer: {{.reason}}","type":"StaticResponse"},)"
          R"("tiers":[{"largerContext":false,"name":"primary","timeoutMs":6000,)"
          R"("upstream":"claude"},{"caFile":"ca/gpt.pem",)"
          R"("credential":"/etc/agent-reliability/secrets/gpt/key","format":"OpenAI",)"
          R"("largerContext":true,"model":"gpt-4o","name":"gpt",)"
          R"("provider":"openai-eu","url":"https://gpt.example/v1"}]})"),
      std::string::npos)
      << text;
}

TEST(FallbackChain, DecodesEveryField) {
  const std::string text = EncodePolicy(WithChain());
  const auto decoded = DecodePolicy(text);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(EncodePolicy(decoded->document), text);
  ASSERT_TRUE(decoded->document.fallback_chain.has_value());
  const FallbackChain& chain = *decoded->document.fallback_chain;
  ASSERT_EQ(chain.tiers.size(), 2U);
  EXPECT_EQ(chain.tiers[0].timeout, Milliseconds{6000});
  EXPECT_EQ(chain.tiers[1].timeout, std::nullopt);
  EXPECT_TRUE(chain.tiers[1].larger_context);
  EXPECT_EQ(chain.advance_on, (std::vector{ErrorClass::kOverloaded, ErrorClass::kTimeoutTotal}));
  EXPECT_EQ(chain.terminal.type, TerminalType::kStaticResponse);
}

TEST(FallbackChain, HandWrittenFileMayLeaveOutDefaults) {
  const auto decoded = DecodePolicy(
      R"({"schema":"1.0","upstreams":[{"kind":"LLM","name":"openai","format":"OpenAI"}],)"
      R"("fallbackChain":{"tiers":[{"name":"a","upstream":"openai"}]}})");
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  const FallbackChain& chain = *decoded->document.fallback_chain;
  EXPECT_EQ(chain.sticky, Milliseconds{60'000});
  EXPECT_EQ(chain.advance_on.size(), DefaultAdvanceOn().size());
  EXPECT_EQ(chain.on_mid_stream_failure, MidStreamFailure::kError);
  EXPECT_EQ(chain.terminal.type, TerminalType::kReject);
  EXPECT_TRUE(Validate(decoded->document).empty());
}

TEST(FallbackChain, DecodingErrorsNameThePath) {
  EXPECT_EQ(ErrorOf("[]"), "fallbackChain: expected an object");
  EXPECT_EQ(ErrorOf("{}"), "fallbackChain.tiers: required");
  EXPECT_EQ(ErrorOf(R"({"tiers":[{}]})"), "fallbackChain.tiers[0].name: required");
  EXPECT_EQ(ErrorOf(R"({"tiers":[{"name":"a","url":"https://a"}]})"),
            "fallbackChain.tiers[0].format: required");
  EXPECT_EQ(ErrorOf(R"({"tiers":[{"name":"a","upstream":"b","format":"OpenAI"}]})"),
            "fallbackChain.tiers[0].format: unknown field");
  EXPECT_EQ(ErrorOf(R"({"tiers":[{"name":"a","timeoutMs":"1s"}]})"),
            "fallbackChain.tiers[0].timeoutMs: expected an integer");
  EXPECT_EQ(ErrorOf(R"({"tiers":[],"advanceOn":["overloaded","unlucky"]})"),
            "fallbackChain.advanceOn[1]: unknown error class \"unlucky\"");
  EXPECT_EQ(ErrorOf(R"({"tiers":[],"terminal":{"type":"Human"}})"),
            "fallbackChain.terminal.type: unknown value \"Human\"");
}

struct Case {
  std::string path;
  std::function<void(FallbackChain&)> spoil;
};

TEST(FallbackChain, EachMistakeIsNamed) {
  EXPECT_TRUE(Validate(WithChain()).empty());
  const std::vector<Case> cases = {
      {"fallbackChain.name", [](FallbackChain& c) { c.name.assign(254, 'n'); }},
      {"fallbackChain.tiers", [](FallbackChain& c) { c.tiers.clear(); }},
      {"fallbackChain.tiers", [](FallbackChain& c) { c.tiers.resize(9, c.tiers[0]); }},
      {"fallbackChain.tiers[0].name", [](FallbackChain& c) { c.tiers[0].name = "a b"; }},
      {"fallbackChain.tiers[1].name", [](FallbackChain& c) { c.tiers[1].name = "primary"; }},
      {"fallbackChain.tiers[0].upstream", [](FallbackChain& c) { c.tiers[0].upstream = "orders"; }},
      {"fallbackChain.tiers[0].upstream", [](FallbackChain& c) { c.tiers[0].upstream = ""; }},
      {"fallbackChain.tiers[1].upstream", [](FallbackChain& c) { c.tiers[1].upstream = "claude"; }},
      {"fallbackChain.tiers[0].caFile", [](FallbackChain& c) { c.tiers[0].ca_file = "x.pem"; }},
      {"fallbackChain.tiers[0].provider", [](FallbackChain& c) { c.tiers[0].provider = "claude"; }},
      {"fallbackChain.tiers[1].provider", [](FallbackChain& c) { c.tiers[1].provider = "a/b"; }},
      {"fallbackChain.tiers[1].url", [](FallbackChain& c) { c.tiers[1].url = "gpt.example"; }},
      {"fallbackChain.tiers[1].model", [](FallbackChain& c) { c.tiers[1].model = "a\nb"; }},
      {"fallbackChain.tiers[0].timeoutMs",
       [](FallbackChain& c) { c.tiers[0].timeout = Milliseconds{20'001}; }},
      {"fallbackChain.tiers[0].timeoutMs",
       [](FallbackChain& c) { c.tiers[0].timeout = Milliseconds{0}; }},
      {"fallbackChain.advanceOn", [](FallbackChain& c) { c.advance_on.clear(); }},
      {"fallbackChain.advanceOn[1]",
       [](FallbackChain& c) { c.advance_on[1] = ErrorClass::kContentFilter; }},
      {"fallbackChain.stickyMs", [](FallbackChain& c) { c.sticky = Milliseconds{86'400'001}; }},
      {"fallbackChain.terminal.text", [](FallbackChain& c) { c.terminal.text = ""; }},
      {"fallbackChain.terminal.text", [](FallbackChain& c) { c.terminal.text = "{{.pod}}"; }},
      {"fallbackChain.terminal.text",
       [](FallbackChain& c) { c.terminal.type = TerminalType::kReject; }},
      {"fallbackChain.terminal.text",
       [](FallbackChain& c) { c.terminal.text.assign(kMaxTerminalTextBytes + 1, 'x'); }},
  };
  for (const Case& c : cases) {
    PolicyDocument document = WithChain();
    c.spoil(*document.fallback_chain);
    const auto errors = Validate(document);
    ASSERT_FALSE(errors.empty()) << c.path;
    EXPECT_EQ(errors.front().path, c.path) << errors.front().reason;
  }
}

TEST(FallbackChain, AdvancesOnlyOnClassesThatAnotherTargetMayHelpWith) {
  for (const ErrorClass one : DefaultAdvanceOn()) {
    EXPECT_EQ(policy::TraitsOf(one).next_target, policy::NextTarget::kYes)
        << policy::ErrorClassName(one);
  }
}

TEST(FallbackChain, TerminalTextHasTwoPlaceholders) {
  for (const char* good : {"", "plain", "{{.agent}}{{.reason}}", "a { b } c", "{{.agent}} }}"}) {
    EXPECT_TRUE(IsTerminalText(good)) << good;
  }
  for (const char* bad :
       {"{{", "{{.agent", "{{ .agent }}", "{{.agent}} {{.user}}", "{{{.agent}}"}) {
    EXPECT_FALSE(IsTerminalText(bad)) << bad;
  }
}

TEST(FallbackChain, LedgerCountsRoundTrip) {
  LedgerDocument document;
  document.pod_uid = "pod-1";
  document.current = {"1800-ab", {}};
  EXPECT_EQ(EncodeLedger(document).find("fallbackChain"), std::string::npos);
  document.fallback_chain =
      ChainCounts{"claude-then-gpt",
                  {{"primary", false, "", 7, 3, "overloaded"},
                   {"gpt", std::nullopt, std::string(kSkippedCredentialMissing), 0, 0, ""}},
                  2};
  const std::string text = EncodeLedger(document);
  EXPECT_NE(text.find(R"("fallbackChain":{"name":"claude-then-gpt","terminalServed":2,"tiers":[)"
                      R"({"failed":3,"lastClass":"overloaded","name":"primary",)"
                      R"("reachable":false,"served":7},)"
                      R"({"failed":0,"name":"gpt","served":0,"skipped":"credential_missing"}]})"),
            std::string::npos)
      << text;
  const auto decoded = DecodeLedger(text);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->document.fallback_chain, document.fallback_chain);
}

TEST(FallbackChain, LedgerErrorsNameThePath) {
  const auto error = [](const std::string& chain) {
    const auto decoded =
        DecodeLedger(R"({"schema":"1.0","podUID":"p","epoch":"e","fallbackChain":)" + chain + "}");
    return decoded ? std::string() : decoded.error().message;
  };
  EXPECT_EQ(error("7"), "fallbackChain: expected an object");
  EXPECT_EQ(error("{}"), "fallbackChain.name: required");
  EXPECT_EQ(error(R"({"name":"c","tiers":[{"name":"a","served":-1}]})"),
            "fallbackChain.tiers[0].served: expected an integer >= 0");
  EXPECT_EQ(error(R"({"name":"c","tiers":[{"name":"a","reachable":"yes"}]})"),
            "fallbackChain.tiers[0].reachable: expected true or false");
}

}  // namespace
}  // namespace reliability::sidecar_config
