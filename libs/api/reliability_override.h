#pragma once
// ReliabilityOverride (rov): a human's order over the automation. Meaning of each field:
// crds/reliabilityoverrides.yaml.
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "libs/api/conditions.h"
#include "libs/api/object_meta.h"

namespace reliability::api {

enum class OverrideType { kRelease };
template <>
struct EnumNames<OverrideType> {
  static constexpr std::array<std::string_view, 1> kNames = {"Release"};
};

struct ReliabilityOverrideSpec {
  TargetRef target_ref;
  OverrideType type = OverrideType::kRelease;
  std::string reason;
  SystemTime expires_at{};
};

struct ReliabilityOverrideStatus {
  std::int64_t observed_generation = 0;
  std::string target;  // column: "Deployment/refunds-agent"
  std::optional<SystemTime> applied_at;
  Conditions conditions;  // Active, Expired
};

struct ReliabilityOverride {
  ObjectMeta metadata;
  ReliabilityOverrideSpec spec;
  ReliabilityOverrideStatus status;
};

// expiresAt, but at most 7 days after creation.
[[nodiscard]] SystemTime EffectiveExpiry(const ReliabilityOverride& object);

template <>
struct Traits<ReliabilityOverride> {
  static constexpr std::string_view kGroup = kApiGroup;
  static constexpr std::string_view kVersion = kApiVersion;
  static constexpr std::string_view kPlural = "reliabilityoverrides";
  static constexpr std::string_view kKind = "ReliabilityOverride";
};

void Fields(FieldVisitor& v, ReliabilityOverrideSpec& o);
void Fields(FieldVisitor& v, ReliabilityOverrideStatus& o);
void Fields(FieldVisitor& v, ReliabilityOverride& o);

}  // namespace reliability::api
