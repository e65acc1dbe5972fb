#include "libs/api/llm_fallback_chain.h"

namespace reliability::api {

void Fields(FieldVisitor& v, SecretKeyRef& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("key", o.key, Presence::kRequired);
}

void Fields(FieldVisitor& v, ChainTier& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("provider", o.provider, Presence::kRequired);
  v.Field("model", o.model);
  v.Field("endpoint", o.endpoint);
  v.Field("format", o.format);
  v.Field("secretRef", o.secret_ref);
  v.Field("caBundleRef", o.ca_bundle_ref);
  v.Field("timeout", o.timeout);
  v.Field("largerContext", o.larger_context);
}

void Fields(FieldVisitor& v, ChainTerminal& o) {
  v.Field("type", o.type);
  v.Field("text", o.text);
}

void Fields(FieldVisitor& v, LlmFallbackChainSpec& o) {
  v.Field("tiers", o.tiers, Presence::kRequired);
  v.Field("advanceOn", o.advance_on);
  v.Field("sticky", o.sticky);
  v.Field("onMidStreamFailure", o.on_mid_stream_failure);
  v.Field("terminal", o.terminal);
}

void Fields(FieldVisitor& v, TierStatus& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("servedPercent", o.served_percent);
  v.Field("conditions", o.conditions);
}

void Fields(FieldVisitor& v, LlmFallbackChainStatus& o) {
  v.Field("observedGeneration", o.observed_generation);
  v.Field("tierNames", o.tier_names);
  v.Field("active", o.active);
  v.Field("tiers", o.tiers);
  v.Field("conditions", o.conditions);
}

void Fields(FieldVisitor& v, LlmFallbackChain& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec, Presence::kRequired);
  v.Field("status", o.status);
}

}  // namespace reliability::api
