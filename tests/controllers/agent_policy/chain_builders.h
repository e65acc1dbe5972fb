#pragma once
// Small fallback chains for the tests of controllers and webhook.
#include <memory>
#include <string>

#include "libs/api/llm_fallback_chain.h"

namespace reliability::controllers::agent_policy {

// primary: the policy's openai; claude: an origin of its own with key and CA; then a static answer.
inline api::LlmFallbackChain MakeChain(const std::string& name = "ladder") {
  api::LlmFallbackChain chain;
  chain.metadata.name = name;
  chain.metadata.namespace_ = "support";
  chain.metadata.uid = "uid-" + name;
  chain.metadata.generation = 1;
  api::ChainTier primary;
  primary.name = "primary";
  primary.provider = "openai";
  primary.timeout = Milliseconds{6000};
  api::ChainTier claude;
  claude.name = "claude";
  claude.provider = "anthropic";
  claude.model = "claude-haiku";
  claude.endpoint = "https://claude.example";
  claude.format = api::LlmFormat::kAnthropic;
  claude.secret_ref = api::SecretKeyRef{"anthropic", "api-key"};
  claude.ca_bundle_ref = api::CaConfigMapRef{"corp-ca", "ca.crt"};
  claude.timeout = Milliseconds{4000};
  claude.larger_context = true;
  chain.spec.tiers = {primary, claude};
  chain.spec.terminal = {api::TerminalType::kStaticResponse, "{{.agent}}: {{.reason}}"};
  return chain;
}

inline std::shared_ptr<const api::LlmFallbackChain> Share(api::LlmFallbackChain chain) {
  return std::make_shared<const api::LlmFallbackChain>(std::move(chain));
}

}  // namespace reliability::controllers::agent_policy
