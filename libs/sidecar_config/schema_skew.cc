#include "libs/sidecar_config/schema_skew.h"

#include <array>

#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/object_reader.h"
#include "libs/sidecar_config/policy_json.h"

namespace reliability::sidecar_config {
namespace {

using nlohmann::json;

constexpr std::array kNewFields{
    NewField{4, "inspection.onOversize", "LLM and MCP requests that cannot be read pass"},
    NewField{4, "tls.systemCAs", "certificates of the system's CAs are accepted, too"},
};

constexpr bool AllInReach() {
  for (const NewField& field : kNewFields) {
    if (field.minor <= kOldestMinor || field.minor > kSchemaMinor) {
      return false;
    }
  }
  return true;
}
static_assert(AllInReach(), "every sidecar that is written for knows the fields of older minors");

// Takes out what `path` names below `value`, with objects that are empty then. False: not there.
bool Remove(json& value, std::string_view path) {
  constexpr std::string_view kEach = "[]";
  const std::size_t dot = path.find('.');
  std::string_view name = path.substr(0, dot);
  const bool each = name.ends_with(kEach);
  if (each) {
    name.remove_suffix(kEach.size());
  }
  const auto found = value.find(std::string(name));
  if (found == value.end()) {
    return false;
  }
  if (dot == std::string_view::npos) {
    value.erase(found);
    return true;
  }
  const std::string_view rest = path.substr(dot + 1);
  bool removed = false;
  if (each) {
    for (json& element : *found) {
      removed = Remove(element, rest) || removed;
    }
    return removed;
  }
  removed = Remove(*found, rest);
  if (removed && found->empty()) {
    value.erase(found);
  }
  return removed;
}

}  // namespace

std::span<const NewField> NewFields() { return kNewFields; }

SkewedPolicy EncodePolicyFor(const PolicyDocument& document, int minor) {
  SkewedPolicy out;
  PolicyDocument stamped = document;
  stamped.schema_minor = minor;
  json value = PolicyToJson(stamped);
  for (const NewField& field : kNewFields) {
    if (field.minor > minor && Remove(value, field.path)) {
      out.left_out.push_back(field);
    }
  }
  out.json = Dump(value);
  return out;
}

std::optional<int> MinorOf(std::string_view text) {
  ReadContext context;
  int major = 0;
  int minor = 0;
  const auto document = ParseDocument(text, context, major, minor);
  return document.has_value() ? std::optional(minor) : std::nullopt;
}

}  // namespace reliability::sidecar_config
