#pragma once
// LLMFallbackChain (lfc): where LLM calls go when a provider fails. Meaning of each field:
// crds/llmfallbackchains.yaml.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/agent_reliability_policy.h"
#include "libs/api/conditions.h"
#include "libs/api/object_meta.h"

namespace reliability::api {

enum class MidStreamFailure { kError, kRestartIfOnlyText };
template <>
struct EnumNames<MidStreamFailure> {
  static constexpr std::array<std::string_view, 2> kNames = {"Error", "RestartIfOnlyText"};
};

enum class TerminalType { kStaticResponse, kReject };
template <>
struct EnumNames<TerminalType> {
  static constexpr std::array<std::string_view, 2> kNames = {"StaticResponse", "Reject"};
};

// One key of a Secret in the same namespace.
struct SecretKeyRef {
  std::string name;
  std::string key;
  friend auto operator<=>(const SecretKeyRef&, const SecretKeyRef&) = default;
};

struct ChainTier {
  std::string name;
  std::string provider;
  std::string model;                // empty: the one that the agent asked for
  std::string endpoint;             // empty: the policy's upstream named by provider
  std::optional<LlmFormat> format;  // set if and only if endpoint is
  std::optional<SecretKeyRef> secret_ref;
  std::optional<CaConfigMapRef> ca_bundle_ref;  // only with endpoint
  std::optional<Milliseconds> timeout;          // unset: timeouts.llm of the policy
  bool larger_context = false;
};

struct ChainTerminal {
  TerminalType type = TerminalType::kReject;
  std::string text;  // only, and always, of a StaticResponse
};

struct LlmFallbackChainSpec {
  std::vector<ChainTier> tiers;
  // Names of error classes; the default is the schema's.
  std::vector<std::string> advance_on = {
      "connect",      "reset_before_headers", "timeout_connect",  "timeout_first_token",
      "timeout_idle", "timeout_total",        "rate_limited",     "quota_exhausted",
      "overloaded",   "server_error",         "stream_truncated", "malformed",
      "circuit_open"};
  Milliseconds sticky{60000};
  MidStreamFailure on_mid_stream_failure = MidStreamFailure::kError;
  ChainTerminal terminal;
};

struct TierStatus {
  std::string name;
  std::optional<std::int32_t> served_percent;
  Conditions conditions;  // Reachable
};

struct LlmFallbackChainStatus {
  std::int64_t observed_generation = 0;
  std::string tier_names;  // column: "primary,gpt,StaticResponse"
  std::string active;      // column
  std::vector<TierStatus> tiers;
  Conditions conditions;  // Accepted, Programmed
};

struct LlmFallbackChain {
  ObjectMeta metadata;
  LlmFallbackChainSpec spec;
  LlmFallbackChainStatus status;
};

template <>
struct Traits<LlmFallbackChain> {
  static constexpr std::string_view kGroup = kApiGroup;
  static constexpr std::string_view kVersion = kApiVersion;
  static constexpr std::string_view kPlural = "llmfallbackchains";
  static constexpr std::string_view kKind = "LLMFallbackChain";
};

void Fields(FieldVisitor& v, LlmFallbackChainSpec& o);
void Fields(FieldVisitor& v, LlmFallbackChainStatus& o);
void Fields(FieldVisitor& v, LlmFallbackChain& o);

}  // namespace reliability::api
