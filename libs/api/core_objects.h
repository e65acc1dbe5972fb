#pragma once
// core/v1 Namespace and ConfigMap, and who owns a field of an object.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/api/object_meta.h"
#include "libs/base/result.h"

namespace reliability::api {

struct Namespace {
  ObjectMeta metadata;
};

struct ConfigMap {
  ObjectMeta metadata;
  StringMap data;
  StringMap binary_data;  // base64
};

template <>
struct Traits<Namespace> {
  static constexpr std::string_view kGroup = "";
  static constexpr std::string_view kVersion = "v1";
  static constexpr std::string_view kPlural = "namespaces";
  static constexpr std::string_view kKind = "Namespace";
};
template <>
struct Traits<ConfigMap> {
  static constexpr std::string_view kGroup = "";
  static constexpr std::string_view kVersion = "v1";
  static constexpr std::string_view kPlural = "configmaps";
  static constexpr std::string_view kKind = "ConfigMap";
};

void Fields(FieldVisitor& v, Namespace& o);
void Fields(FieldVisitor& v, ConfigMap& o);

// One entry of metadata.managedFields that owns a field.
struct FieldManager {
  std::string manager;
  std::string operation;    // "Apply" or "Update"
  std::string subresource;  // "scale", "status" or empty
  std::optional<SystemTime> time;
};

// Who owns spec.replicas, newest first, from the bytes of a live GET (stores keep no
// managedFields). An empty list means that nobody is recorded. Errors: kInvalid.
[[nodiscard]] Result<std::vector<FieldManager>> ReplicasManagers(std::string_view json);

}  // namespace reliability::api
