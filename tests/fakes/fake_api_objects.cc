#include "tests/fakes/fake_api_objects.h"

#include <algorithm>
#include <array>
#include <map>

namespace reliability::fakes {
namespace {

using nlohmann::json;
using Pointer = json::json_pointer;
using Leaves = std::map<std::string, json>;

void CollectLeaves(const json& value, const std::string& path, Leaves& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [name, member] : value.items()) {
      std::string escaped;
      for (const char c : name) {
        escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      }
      CollectLeaves(member, path + "/" + escaped, out);
    }
    return;
  }
  out[path] = value;
}

bool IsServerField(const std::string& path) {
  constexpr std::array<std::string_view, 10> kServer{"/apiVersion",
                                                     "/kind",
                                                     "/metadata/name",
                                                     "/metadata/namespace",
                                                     "/metadata/uid",
                                                     "/metadata/resourceVersion",
                                                     "/metadata/generation",
                                                     "/metadata/creationTimestamp",
                                                     "/metadata/deletionTimestamp",
                                                     "/metadata/managedFields"};
  return std::any_of(kServer.begin(), kServer.end(), [&](std::string_view prefix) {
    return path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/');
  });
}

bool InStatus(const std::string& path) { return path == "/status" || path.starts_with("/status/"); }

// What a write through this subresource may change.
bool MayWrite(const std::string& path, const std::string& subresource) {
  if (IsServerField(path)) {
    return false;
  }
  if (subresource == "status") {
    return InStatus(path);
  }
  if (subresource == "scale") {
    return path == "/spec/replicas";
  }
  return !InStatus(path);
}

Leaves Writable(const json& object, const std::string& subresource) {
  Leaves all;
  CollectLeaves(object, "", all);
  std::erase_if(all, [&](const auto& leaf) { return !MayWrite(leaf.first, subresource); });
  return all;
}

FieldOwner& OwnerOf(StoredObject& stored, const Writer& writer, const std::string& operation) {
  for (FieldOwner& owner : stored.owners) {
    if (owner.manager == writer.manager && owner.operation == operation &&
        owner.subresource == writer.subresource) {
      return owner;
    }
  }
  return stored.owners.emplace_back(FieldOwner{writer.manager, operation, writer.subresource, {}});
}

void DropEmptyOwners(StoredObject& stored) {
  std::erase_if(stored.owners, [](const FieldOwner& owner) { return owner.paths.empty(); });
}

// Removes a leaf and the objects that become empty by it.
void EraseLeaf(json& object, const std::string& path) {
  Pointer pointer(path);
  while (!pointer.empty()) {
    const Pointer parent = pointer.parent_pointer();
    if (!object.contains(parent) || !object[parent].is_object()) {
      return;
    }
    object[parent].erase(pointer.back());
    if (!object[parent].empty()) {
      return;
    }
    pointer = parent;
  }
}

void SetLeaf(json& object, const std::string& path, const json& value) {
  // A leaf on the way becomes an object: nlohmann would refuse to go on below it.
  const Pointer pointer(path);
  std::vector<Pointer> parents;
  for (Pointer p = pointer.parent_pointer(); !p.empty(); p = p.parent_pointer()) {
    parents.push_back(p);
  }
  for (auto it = parents.rbegin(); it != parents.rend(); ++it) {
    if (!object.contains(*it) || !object[*it].is_object()) {
      object[*it] = json::object();
    }
  }
  object[pointer] = value;
}

json FieldsV1(const std::set<std::string>& paths) {
  json fields = json::object();
  for (const std::string& path : paths) {
    json* at = &fields;
    std::vector<std::string> parts;
    for (Pointer p(path); !p.empty(); p = p.parent_pointer()) {
      parts.push_back(p.back());
    }
    for (auto it = parts.rbegin(); it != parts.rend(); ++it) {
      at = &(*at)["f:" + *it];
      if (at->is_null()) {
        *at = json::object();
      }
    }
  }
  return fields;
}

}  // namespace

json StoredObject::Shown() const {
  json shown = object;
  json managed = json::array();
  for (const FieldOwner& owner : owners) {
    json entry{{"manager", owner.manager},
               {"operation", owner.operation},
               {"apiVersion", object.value("apiVersion", "")},
               {"fieldsType", "FieldsV1"},
               {"fieldsV1", FieldsV1(owner.paths)}};
    if (!owner.subresource.empty()) {
      entry["subresource"] = owner.subresource;
    }
    managed.push_back(std::move(entry));
  }
  if (!managed.empty()) {
    shown["metadata"]["managedFields"] = std::move(managed);
  }
  return shown;
}

Status ApplyConfig(StoredObject& stored, const json& config, const Writer& writer, bool force) {
  if (stored.object.is_null()) {
    stored.object = json{{"apiVersion", config.value("apiVersion", "")},
                         {"kind", config.value("kind", "")},
                         {"metadata", {{"name", config["metadata"].value("name", "")}}}};
    if (config["metadata"].contains("namespace")) {
      stored.object["metadata"]["namespace"] = config["metadata"]["namespace"];
    }
  }
  const Leaves wanted = Writable(config, writer.subresource);
  const FieldOwner mine = OwnerOf(stored, writer, "Apply");
  const auto is_mine = [&](const FieldOwner& owner) {
    return owner.manager == mine.manager && owner.operation == mine.operation &&
           owner.subresource == mine.subresource;
  };
  for (const auto& [path, value] : wanted) {
    const Pointer pointer(path);
    if (!stored.object.contains(pointer) || stored.object[pointer] == value ||
        (value.is_object() && stored.object[pointer].is_object())) {
      continue;
    }
    for (FieldOwner& other : stored.owners) {
      if (is_mine(other) || !other.paths.contains(path)) {
        continue;
      }
      if (!force) {
        DropEmptyOwners(stored);
        Error error{
            Code::kConflict,
            "Apply failed with 1 conflict: conflict with \"" + other.manager + "\": " + path,
            std::nullopt, "Conflict"};
        return Fail(std::move(error));
      }
      other.paths.erase(path);
    }
  }
  for (const std::string& path : mine.paths) {
    const bool others = std::any_of(
        stored.owners.begin(), stored.owners.end(),
        [&](const FieldOwner& owner) { return !is_mine(owner) && owner.paths.contains(path); });
    if (!wanted.contains(path) && !others) {
      EraseLeaf(stored.object, path);
    }
  }
  FieldOwner& owner = OwnerOf(stored, writer, "Apply");
  owner.paths.clear();
  for (const auto& [path, value] : wanted) {
    // An empty map asks for a map, not for the removal of what others put there.
    const Pointer pointer(path);
    const bool has_map =
        value.is_object() && stored.object.contains(pointer) && stored.object[pointer].is_object();
    if (!has_map) {
      SetLeaf(stored.object, path, value);
    }
    owner.paths.insert(path);
  }
  DropEmptyOwners(stored);
  return {};
}

void UpdateObject(StoredObject& stored, const json& wanted, const Writer& writer) {
  if (stored.object.is_null()) {
    stored.object = json{{"apiVersion", wanted.value("apiVersion", "")},
                         {"kind", wanted.value("kind", "")},
                         {"metadata", json::object()}};
    for (const char* field : {"name", "namespace"}) {
      if (wanted["metadata"].contains(field)) {
        stored.object["metadata"][field] = wanted["metadata"][field];
      }
    }
  }
  const Leaves before = Writable(stored.object, writer.subresource);
  const Leaves after = Writable(wanted, writer.subresource);
  for (const auto& [path, value] : before) {
    if (!after.contains(path)) {
      EraseLeaf(stored.object, path);
      for (FieldOwner& owner : stored.owners) {
        owner.paths.erase(path);
      }
    }
  }
  for (const auto& [path, value] : after) {
    const auto old = before.find(path);
    if (old != before.end() && old->second == value) {
      continue;
    }
    SetLeaf(stored.object, path, value);
    for (FieldOwner& owner : stored.owners) {
      owner.paths.erase(path);
    }
    OwnerOf(stored, writer, "Update").paths.insert(path);
  }
  if (!stored.object.contains("metadata")) {
    stored.object["metadata"] = json::object();
  }
  DropEmptyOwners(stored);
}

bool SpecDiffers(const json& a, const json& b) {
  json left = a;
  json right = b;
  for (json* object : {&left, &right}) {
    object->erase("metadata");
    object->erase("status");
  }
  return left != right;
}

}  // namespace reliability::fakes
