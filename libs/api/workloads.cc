#include "libs/api/workloads.h"

#include <algorithm>

#include "libs/base/strings.h"

namespace reliability::api {
namespace {

bool Matches(const LabelRequirement& requirement, const StringMap& labels) {
  const std::string* value = labels.Find(requirement.key);
  const auto listed = [&] {
    return value != nullptr && std::find(requirement.values.begin(), requirement.values.end(),
                                         *value) != requirement.values.end();
  };
  if (requirement.op == "In") {
    return listed();
  }
  if (requirement.op == "NotIn") {
    return !listed();
  }
  if (requirement.op == "Exists") {
    return value != nullptr;
  }
  return requirement.op == "DoesNotExist" && value == nullptr;
}

// Views of parts that JSON nests and the structs do not.
struct HpaSpec {
  HorizontalPodAutoscaler& hpa;
};
struct HpaStatus {
  HorizontalPodAutoscaler& hpa;
};
struct ScaleSpec {
  Scale& scale;
};
struct ScaleStatus {
  Scale& scale;
};

void Fields(FieldVisitor& v, HpaSpec& o) {
  v.Field("scaleTargetRef", o.hpa.scale_target_ref);
  v.Field("minReplicas", o.hpa.min_replicas);
  v.Field("maxReplicas", o.hpa.max_replicas);
}
void Fields(FieldVisitor& v, HpaStatus& o) {
  v.Field("currentReplicas", o.hpa.current_replicas);
  v.Field("desiredReplicas", o.hpa.desired_replicas);
}
void Fields(FieldVisitor& v, ScaleSpec& o) { v.Field("replicas", o.scale.spec_replicas); }
void Fields(FieldVisitor& v, ScaleStatus& o) {
  v.Field("replicas", o.scale.status_replicas);
  v.Field("selector", o.scale.selector);
}

template <class Workload>
void WorkloadFields(FieldVisitor& v, Workload& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec);
  v.Field("status", o.status);
}

}  // namespace

bool Matches(const LabelSelector& selector, const StringMap& labels) {
  if (selector.match_labels.empty() && selector.match_expressions.empty()) {
    return false;
  }
  return std::all_of(selector.match_labels.begin(), selector.match_labels.end(),
                     [&labels](const StringMap::Entry& wanted) {
                       const std::string* value = labels.Find(wanted.first);
                       return value != nullptr && *value == wanted.second;
                     }) &&
         std::all_of(selector.match_expressions.begin(), selector.match_expressions.end(),
                     [&labels](const LabelRequirement& wanted) { return Matches(wanted, labels); });
}

std::string ToString(const LabelSelector& selector) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : selector.match_labels) {
    parts.push_back(key + "=" + value);
  }
  for (const LabelRequirement& requirement : selector.match_expressions) {
    const std::string values = "(" + Join(requirement.values, ",") + ")";
    if (requirement.op == "In") {
      parts.push_back(requirement.key + " in " + values);
    } else if (requirement.op == "NotIn") {
      parts.push_back(requirement.key + " notin " + values);
    } else {
      parts.push_back(requirement.op == "Exists" ? requirement.key : "!" + requirement.key);
    }
  }
  return Join(parts, ",");
}

void Fields(FieldVisitor& v, LabelRequirement& o) {
  v.Field("key", o.key, Presence::kRequired);
  v.Field("operator", o.op, Presence::kRequired);
  v.Field("values", o.values);
}

void Fields(FieldVisitor& v, LabelSelector& o) {
  v.Field("matchLabels", o.match_labels);
  v.Field("matchExpressions", o.match_expressions);
}

void Fields(FieldVisitor& v, WorkloadSpec& o) {
  v.Field("replicas", o.replicas);
  v.Field("selector", o.selector);
}

void Fields(FieldVisitor& v, WorkloadStatus& o) {
  v.Field("observedGeneration", o.observed_generation);
  v.Field("replicas", o.replicas);
  v.Field("readyReplicas", o.ready_replicas);
  v.Field("updatedReplicas", o.updated_replicas);
}

void Fields(FieldVisitor& v, ScaleTargetRef& o) {
  v.Field("apiVersion", o.api_version);
  v.Field("kind", o.kind, Presence::kRequired);
  v.Field("name", o.name, Presence::kRequired);
}

void Fields(FieldVisitor& v, Deployment& o) { WorkloadFields(v, o); }
void Fields(FieldVisitor& v, StatefulSet& o) { WorkloadFields(v, o); }

void Fields(FieldVisitor& v, ReplicaSet& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("spec", o.spec);
}

void Fields(FieldVisitor& v, HorizontalPodAutoscaler& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  HpaSpec spec{o};
  v.Field("spec", spec, Presence::kRequired);
  HpaStatus status{o};
  v.Field("status", status);
}

void Fields(FieldVisitor& v, Scale& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  ScaleSpec spec{o};
  v.Field("spec", spec);
  ScaleStatus status{o};
  v.Field("status", status);
}

}  // namespace reliability::api
