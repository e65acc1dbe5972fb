#pragma once
// The one write of the chain controller, and its event. Blocking; thread-safe as the client is.
// Field manager agent-reliability-chain: status of LLMFallbackChain, never forced.
#include <string>

#include "controllers/llm_fallback_chain/status.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/runtime/event_recorder.h"

namespace reliability::controllers::llm_fallback_chain {

class Applier {
 public:
  // References must outlive it.
  Applier(kube::ApiClient& client, kube::EventSink& events) : client_(client), events_(events) {}

  // The resourceVersion of the written chain.
  [[nodiscard]] Result<std::string> WriteStatus(const api::LlmFallbackChain& chain,
                                                const api::LlmFallbackChainStatus& status) const;
  // Another tier is active.
  void EmitActive(const api::LlmFallbackChain& chain, const StatusUpdate& update) const;

 private:
  kube::ApiClient& client_;
  kube::EventSink& events_;
};

}  // namespace reliability::controllers::llm_fallback_chain
