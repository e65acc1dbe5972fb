#pragma once
// How the fake API server changes objects: ownership of fields, apply, status, generation.
//
// Models: leaf fields with owners (managedFields), apply with conflicts and force, removal of
// fields that a manager no longer applies, the status subresource, generation.
// Does not model: list maps (every list is one field), defaulting, validation, admission.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"

namespace reliability::fakes {

struct FieldOwner {
  std::string manager;
  std::string operation;  // Apply or Update
  std::string subresource;
  std::set<std::string> paths;  // JSON pointers of leaves
};

struct StoredObject {
  nlohmann::json object;  // without metadata.managedFields
  std::vector<FieldOwner> owners;

  // The object with managedFields, as the server shows it.
  [[nodiscard]] nlohmann::json Shown() const;
};

struct Writer {
  std::string manager;
  std::string subresource;  // empty, "status", "scale"
};

// Server-side apply of `config` on `stored` (whose object may be null: it is created then).
// kConflict names the manager and the field, unless `force`.
[[nodiscard]] Status ApplyConfig(StoredObject& stored, const nlohmann::json& config,
                                 const Writer& writer, bool force);

// Makes `wanted` the object, as a create, replace or patch does: only what the subresource may
// change is taken over; changed fields belong to the writer.
void UpdateObject(StoredObject& stored, const nlohmann::json& wanted, const Writer& writer);

// True if anything but metadata and status differs.
[[nodiscard]] bool SpecDiffers(const nlohmann::json& a, const nlohmann::json& b);

}  // namespace reliability::fakes
