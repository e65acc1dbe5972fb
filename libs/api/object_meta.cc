#include "libs/api/object_meta.h"

#include <algorithm>

namespace reliability::api {

const OwnerReference* ObjectMeta::Controller() const {
  const auto it = std::find_if(owner_references.begin(), owner_references.end(),
                               [](const OwnerReference& owner) { return owner.controller; });
  return it == owner_references.end() ? nullptr : &*it;
}

bool ObjectMeta::HasFinalizer(std::string_view finalizer) const {
  return std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end();
}

std::string ToString(const TargetRef& target) { return target.kind + "/" + target.name; }

void Fields(FieldVisitor& v, OwnerReference& o) {
  v.Field("apiVersion", o.api_version, Presence::kRequired);
  v.Field("kind", o.kind, Presence::kRequired);
  v.Field("name", o.name, Presence::kRequired);
  v.Field("uid", o.uid, Presence::kRequired);
  v.Field("controller", o.controller);
}

void Fields(FieldVisitor& v, ObjectMeta& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("namespace", o.namespace_);
  v.Field("uid", o.uid);
  v.Field("resourceVersion", o.resource_version);
  v.Field("generation", o.generation);
  v.Field("creationTimestamp", o.creation_timestamp);
  v.Field("deletionTimestamp", o.deletion_timestamp);
  v.Field("labels", o.labels);
  v.Field("annotations", o.annotations);
  v.Field("finalizers", o.finalizers);
  v.Field("ownerReferences", o.owner_references);
}

void Fields(FieldVisitor& v, TargetRef& o) {
  v.Field("group", o.group);
  v.Field("kind", o.kind, Presence::kRequired);
  v.Field("name", o.name, Presence::kRequired);
}

void Fields(FieldVisitor& v, NameRef& o) { v.Field("name", o.name, Presence::kRequired); }

}  // namespace reliability::api
