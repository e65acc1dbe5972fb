#include "libs/api/reliability_override.h"

#include <algorithm>

namespace reliability::api {

SystemTime EffectiveExpiry(const ReliabilityOverride& object) {
  constexpr std::chrono::hours kLongest(7 * 24);
  return std::min(object.spec.expires_at, object.metadata.creation_timestamp + kLongest);
}

void Fields(FieldVisitor& v, ReliabilityOverrideSpec& o) {
  v.Field("targetRef", o.target_ref, Presence::kRequired);
  v.Field("type", o.type, Presence::kRequired);
  v.Field("reason", o.reason, Presence::kRequired);
  v.Field("expiresAt", o.expires_at, Presence::kRequired);
}

void Fields(FieldVisitor& v, ReliabilityOverrideStatus& o) {
  v.Field("observedGeneration", o.observed_generation);
  v.Field("target", o.target);
  v.Field("appliedAt", o.applied_at);
  v.Field("conditions", o.conditions);
}

void Fields(FieldVisitor& v, ReliabilityOverride& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec, Presence::kRequired);
  v.Field("status", o.status);
}

}  // namespace reliability::api
