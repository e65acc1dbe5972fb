#pragma once
// Strict readers of the documents between operator and sidecar. Pure; never throw.
//
// Errors are kInvalid and begin with the JSON path: "upstreams[1].url: expected a string".
// Duplicate keys and another major version are errors. Unknown fields are errors at the same or an
// older minor, ignored and counted at a newer one (data-plane ruling 45). Absent fields keep their
// default, so that a policy.json can be written by hand.
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config {

inline constexpr std::size_t kMaxDocumentBytes = 1U << 20U;
inline constexpr std::size_t kMaxIgnoredNames = 16;

template <class T>
struct Decoded {
  T document;
  int ignored_fields = 0;                  // only with a newer minor
  std::vector<std::string> ignored_names;  // paths of the first kMaxIgnoredNames
};

[[nodiscard]] Result<Decoded<PolicyDocument>> DecodePolicy(std::string_view json);
[[nodiscard]] Result<Decoded<ModeDocument>> DecodeMode(std::string_view json);
[[nodiscard]] Result<Decoded<LedgerDocument>> DecodeLedger(std::string_view json);

struct LastWords {
  std::string pod_uid;
  LedgerEpoch epoch;
  bool truncated = false;  // some SLOs did not fit
};
[[nodiscard]] Result<LastWords> DecodeLastWords(std::string_view json);

}  // namespace reliability::sidecar_config
