#include "operator/caches.h"

#include <algorithm>
#include <utility>

#include "libs/api/decode.h"

namespace reliability::op {
namespace {

namespace resources = kube::resources;

kube::ReflectorOptions Of(const kube::Resource& resource) {
  kube::ReflectorOptions options;
  options.resource = resource;
  return options;
}

}  // namespace

Reflectors::Reflectors(kube::ApiClient& client, Clock& clock, Stores& stores)
    : policies_(client, clock, stores.policies, api::Decoder<api::AgentReliabilityPolicy>{},
                Of(resources::kAgentReliabilityPolicies)),
      slos_(client, clock, stores.slos, api::Decoder<api::AgentSlo>{}, Of(resources::kAgentSlos)),
      budget_policies_(client, clock, stores.budget_policies,
                       api::Decoder<api::ErrorBudgetPolicy>{}, Of(resources::kErrorBudgetPolicies)),
      chains_(client, clock, stores.chains, api::Decoder<api::LlmFallbackChain>{},
              Of(resources::kLlmFallbackChains)),
      enforcements_(client, clock, stores.enforcements, api::Decoder<api::AgentEnforcement>{},
                    Of(resources::kAgentEnforcements)),
      overrides_(client, clock, stores.overrides, api::Decoder<api::ReliabilityOverride>{},
                 Of(resources::kReliabilityOverrides)),
      deployments_(client, clock, stores.deployments, api::Decoder<api::Deployment>{},
                   Of(resources::kDeployments)),
      stateful_sets_(client, clock, stores.stateful_sets, api::Decoder<api::StatefulSet>{},
                     Of(resources::kStatefulSets)),
      autoscalers_(client, clock, stores.autoscalers, api::Decoder<api::HorizontalPodAutoscaler>{},
                   Of(resources::kHpas)),
      pods_(client, clock, stores.pods, api::Decoder<api::Pod>{}, Of(resources::kPods)),
      loops_{&policies_.loop(),    &slos_.loop(),          &budget_policies_.loop(),
             &chains_.loop(),      &enforcements_.loop(),  &overrides_.loop(),
             &deployments_.loop(), &stateful_sets_.loop(), &autoscalers_.loop(),
             &pods_.loop()} {}

void Reflectors::Start() {
  for (kube::ReflectorLoop* loop : loops_) {
    loop->Start();
  }
}

void Reflectors::Stop() {
  for (kube::ReflectorLoop* loop : loops_) {
    loop->Stop();
  }
}

bool Reflectors::Synced() const {
  return std::all_of(loops_.begin(), loops_.end(),
                     [](const kube::ReflectorLoop* loop) { return loop->HasSynced(); });
}

std::string Reflectors::Missing() const {
  std::string out;
  for (const kube::ReflectorLoop* loop : loops_) {
    if (!loop->HasSynced()) {
      const std::string error = loop->LastError();
      out += (out.empty() ? "" : "; ") + std::string(loop->resource().plural) + ": " +
             (error.empty() ? "not listed yet" : error);
    }
  }
  return out;
}

void Reflectors::Export(metrics::Registry& registry) {
  for (const kube::ReflectorLoop* loop : loops_) {
    const metrics::Labels labels{{"resource", std::string(loop->resource().plural)}};
    const auto gauge = [&](const char* name, const char* help) {
      return registry.GetGauge(name, help, labels);
    };
    const auto lists = gauge("agent_reliability_cache_lists", "Complete lists of a resource.");
    const auto watches = gauge("agent_reliability_cache_watches", "Watches of a resource begun.");
    const auto errors = gauge("agent_reliability_cache_errors", "Failed lists and watches.");
    const auto unread = gauge("agent_reliability_cache_decode_failures", "Objects not decoded.");
    const auto synced = gauge("agent_reliability_cache_synced", "1 after the first full list.");
    registry.OnCollect([=] {
      const kube::ReflectorStats stats = loop->Stats();
      lists.Set(static_cast<double>(stats.lists));
      watches.Set(static_cast<double>(stats.watches));
      errors.Set(static_cast<double>(stats.errors + stats.expired));
      unread.Set(static_cast<double>(stats.decode_failures));
      synced.Set(loop->HasSynced() ? 1 : 0);
    });
  }
}

}  // namespace reliability::op
