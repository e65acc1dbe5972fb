#pragma once
// policy.json for sidecars that are older than the operator: it is written for the oldest one of a
// workload, at most kSkew minors back, so that each field in it is obeyed by all of them or by none
// (data-plane ruling 45). Pure.
//
// Who adds a field to policy.json raises kSchemaMinor, adds a row to the table and, once a minor is
// more than kSkew back, takes its rows out; docs/upgrades.md shows it. A field may be written only
// if it says something else than what a sidecar does without it: whatever is left out is told to
// people.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config {

inline constexpr int kSkew = 2;
inline constexpr int kOldestMinor = kSchemaMinor - kSkew;

struct NewField {
  int minor = 0;             // that brought it; more than kOldestMinor
  std::string_view path;     // "tls.systemCAs"; of each element of an array: "slos[].degradedIs"
  std::string_view instead;  // what a sidecar without it does, "the system's CAs are trusted, too"
};

// By minor, then by path.
[[nodiscard]] std::span<const NewField> NewFields();

struct SkewedPolicy {
  std::string json;
  std::vector<NewField> left_out;  // that the document has and this minor does not know
};

// As EncodePolicy(), for a sidecar of `minor`, which is from kOldestMinor to kSchemaMinor.
[[nodiscard]] SkewedPolicy EncodePolicyFor(const PolicyDocument& document, int minor);

// The minor that a document says it has; nullopt: it is none, or of another major.
[[nodiscard]] std::optional<int> MinorOf(std::string_view text);

}  // namespace reliability::sidecar_config
