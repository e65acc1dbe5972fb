#pragma once
// What every Kubernetes object carries. Value types, no thread safety of their own.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/api/field_visitor.h"

namespace reliability::api {

struct OwnerReference {
  std::string api_version;  // "apps/v1"
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

struct ObjectMeta {
  std::string name;
  std::string namespace_;  // empty for cluster-scoped kinds
  std::string uid;
  std::string resource_version;  // opaque
  std::int64_t generation = 0;
  SystemTime creation_timestamp{};
  std::optional<SystemTime> deletion_timestamp;
  StringMap labels;
  StringMap annotations;  // without kubectl's last-applied-configuration
  std::vector<std::string> finalizers;
  std::vector<OwnerReference> owner_references;

  // The owner with controller: true, or nullptr. Valid as long as this object.
  [[nodiscard]] const OwnerReference* Controller() const;
  [[nodiscard]] bool HasFinalizer(std::string_view finalizer) const;
};

// A workload in the same namespace.
struct TargetRef {
  std::string group = "apps";
  std::string kind;
  std::string name;
  friend bool operator==(const TargetRef&, const TargetRef&) = default;
};
// "Deployment/refunds-agent"
[[nodiscard]] std::string ToString(const TargetRef& target);

// An object of a known kind in the same namespace.
struct NameRef {
  std::string name;
  friend bool operator==(const NameRef&, const NameRef&) = default;
};

void Fields(FieldVisitor& v, OwnerReference& o);
void Fields(FieldVisitor& v, ObjectMeta& o);
void Fields(FieldVisitor& v, TargetRef& o);
void Fields(FieldVisitor& v, NameRef& o);

// Specialised for each kind: where the API server has it.
//   kGroup ("" for core), kVersion, kPlural, kKind
template <class T>
struct Traits;

inline constexpr std::string_view kApiGroup = "agentreliability.dev";
inline constexpr std::string_view kApiVersion = "v1alpha1";

}  // namespace reliability::api
