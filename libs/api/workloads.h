#pragma once
// apps/v1 Deployment, StatefulSet, ReplicaSet; autoscaling HorizontalPodAutoscaler and Scale: what
// controllers need to know about who runs how many pods.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/object_meta.h"

namespace reliability::api {

struct LabelRequirement {
  std::string key;
  std::string op;  // JSON "operator": In, NotIn, Exists, DoesNotExist
  std::vector<std::string> values;
};

struct LabelSelector {
  StringMap match_labels;
  std::vector<LabelRequirement> match_expressions;
};

// An empty selector matches nothing here: a workload's selector is never empty, so an empty one
// means that it was not read. An unknown operator matches nothing either.
[[nodiscard]] bool Matches(const LabelSelector& selector, const StringMap& labels);
// "app=refunds,tier in (a,b)", for list requests.
[[nodiscard]] std::string ToString(const LabelSelector& selector);

struct WorkloadSpec {
  std::int32_t replicas = 1;  // the API's default
  LabelSelector selector;
};

struct WorkloadStatus {
  std::int64_t observed_generation = 0;
  std::int32_t replicas = 0;
  std::int32_t ready_replicas = 0;
  std::int32_t updated_replicas = 0;
};

struct Deployment {
  ObjectMeta metadata;
  WorkloadSpec spec;
  WorkloadStatus status;
};

struct StatefulSet {
  ObjectMeta metadata;
  WorkloadSpec spec;
  WorkloadStatus status;
};

struct ReplicaSet {
  ObjectMeta metadata;
  WorkloadSpec spec;
};

struct ScaleTargetRef {
  std::string api_version;  // "apps/v1"
  std::string kind;
  std::string name;
};

struct HorizontalPodAutoscaler {  // autoscaling/v2
  ObjectMeta metadata;
  ScaleTargetRef scale_target_ref;
  std::int32_t min_replicas = 1;  // the API's default
  std::int32_t max_replicas = 0;
  std::int32_t current_replicas = 0;
  std::int32_t desired_replicas = 0;
};

struct Scale {  // autoscaling/v1, from the /scale subresource
  ObjectMeta metadata;
  std::int32_t spec_replicas = 0;
  std::int32_t status_replicas = 0;
  std::string selector;  // as a string
};

template <>
struct Traits<Deployment> {
  static constexpr std::string_view kGroup = "apps";
  static constexpr std::string_view kVersion = "v1";
  static constexpr std::string_view kPlural = "deployments";
  static constexpr std::string_view kKind = "Deployment";
};
template <>
struct Traits<StatefulSet> {
  static constexpr std::string_view kGroup = "apps";
  static constexpr std::string_view kVersion = "v1";
  static constexpr std::string_view kPlural = "statefulsets";
  static constexpr std::string_view kKind = "StatefulSet";
};
template <>
struct Traits<ReplicaSet> {
  static constexpr std::string_view kGroup = "apps";
  static constexpr std::string_view kVersion = "v1";
  static constexpr std::string_view kPlural = "replicasets";
  static constexpr std::string_view kKind = "ReplicaSet";
};
template <>
struct Traits<HorizontalPodAutoscaler> {
  static constexpr std::string_view kGroup = "autoscaling";
  static constexpr std::string_view kVersion = "v2";
  static constexpr std::string_view kPlural = "horizontalpodautoscalers";
  static constexpr std::string_view kKind = "HorizontalPodAutoscaler";
};

void Fields(FieldVisitor& v, Deployment& o);
void Fields(FieldVisitor& v, StatefulSet& o);
void Fields(FieldVisitor& v, ReplicaSet& o);
void Fields(FieldVisitor& v, HorizontalPodAutoscaler& o);
void Fields(FieldVisitor& v, Scale& o);

}  // namespace reliability::api
