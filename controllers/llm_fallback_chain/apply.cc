#include "controllers/llm_fallback_chain/apply.h"

#include <nlohmann/json.hpp>

#include "libs/api/encode.h"
#include "libs/api/event_reasons.h"
#include "libs/api/names.h"
#include "libs/kube/core/object_peek.h"

namespace reliability::controllers::llm_fallback_chain {
namespace {

using nlohmann::json;
constexpr const kube::Resource& kChains = kube::resources::kLlmFallbackChains;

}  // namespace

Result<std::string> Applier::WriteStatus(const api::LlmFallbackChain& chain,
                                         const api::LlmFallbackChainStatus& status) const {
  const kube::ObjectRef ref{kChains, chain.metadata.namespace_, chain.metadata.name};
  // The UID keeps the status from landing on a chain recreated under the same name.
  const json body{
      {"apiVersion", kChains.ApiVersion()},
      {"kind", std::string(kChains.kind)},
      {"metadata", {{"name", ref.name}, {"namespace", ref.ns}, {"uid", chain.metadata.uid}}},
      {"status", api::ToJson(status)}};
  kube::WriteOptions options;
  options.field_manager = api::kChainManager;
  options.subresource = kube::Subresource::kStatus;
  RELIABILITY_ASSIGN_OR_RETURN(const std::string written, client_.Apply(ref, body.dump(), options));
  RELIABILITY_ASSIGN_OR_RETURN(const auto peek, kube::PeekObject(written));
  return peek.resource_version;
}

void Applier::EmitActive(const api::LlmFallbackChain& chain, const StatusUpdate& update) const {
  events_.Record({kChains.ApiVersion(), std::string(kChains.kind), chain.metadata.namespace_,
                  chain.metadata.name, chain.metadata.uid},
                 update.active_is_worse ? kube::EventType::kWarning : kube::EventType::kNormal,
                 api::reasons::kFallbackTierChanged.str(), "Advance", update.active_note);
}

}  // namespace reliability::controllers::llm_fallback_chain
