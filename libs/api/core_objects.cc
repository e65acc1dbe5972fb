#include "libs/api/core_objects.h"

#include <algorithm>

#include "libs/api/decode.h"

namespace reliability::api {
namespace {

struct FieldsSpec {
  bool replicas = false;
};
struct FieldsV1 {
  FieldsSpec spec;
};
struct Entry {
  FieldManager manager;
  FieldsV1 fields;
};
struct MetaWithManagers {
  std::vector<Entry> managed_fields;
};
struct ObjectWithManagers {
  MetaWithManagers metadata;
};

struct Empty {};
void Fields(FieldVisitor& /*v*/, Empty& /*o*/) {}

void Fields(FieldVisitor& v, FieldsSpec& o) {
  // "f:replicas": {} has no value to read; being there is the answer.
  std::optional<Empty> replicas;
  v.Field("f:replicas", replicas);
  o.replicas = o.replicas || replicas.has_value();
}
void Fields(FieldVisitor& v, FieldsV1& o) { v.Field("f:spec", o.spec); }
void Fields(FieldVisitor& v, Entry& o) {
  v.Field("manager", o.manager.manager);
  v.Field("operation", o.manager.operation);
  v.Field("subresource", o.manager.subresource);
  v.Field("time", o.manager.time);
  v.Field("fieldsV1", o.fields);
}
void Fields(FieldVisitor& v, MetaWithManagers& o) { v.Field("managedFields", o.managed_fields); }
void Fields(FieldVisitor& v, ObjectWithManagers& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
}

}  // namespace

void Fields(FieldVisitor& v, Namespace& o) { v.Field("metadata", o.metadata, Presence::kRequired); }

void Fields(FieldVisitor& v, ConfigMap& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  v.Field("data", o.data);
  v.Field("binaryData", o.binary_data);
}

Result<std::vector<FieldManager>> ReplicasManagers(std::string_view json) {
  RELIABILITY_ASSIGN_OR_RETURN(ObjectWithManagers object, Decode<ObjectWithManagers>(json));
  std::vector<FieldManager> managers;
  for (Entry& entry : object.metadata.managed_fields) {
    if (entry.fields.spec.replicas) {
      managers.push_back(std::move(entry.manager));
    }
  }
  std::stable_sort(managers.begin(), managers.end(), [](const auto& a, const auto& b) {
    return a.time.value_or(SystemTime{}) > b.time.value_or(SystemTime{});
  });
  return managers;
}

}  // namespace reliability::api
