#pragma once
// The few metadata fields that the runtime needs, read from raw JSON without decoding the rest.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::kube {

struct ObjectPeek {
  std::string ns;
  std::string name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  bool deleting = false;  // metadata.deletionTimestamp is set
};

// kInvalid if it is not an object with metadata. What is absent stays empty (a bookmark has no
// name). `padded`: at least 64 readable bytes follow the text (then it is not copied).
[[nodiscard]] Result<ObjectPeek> PeekObject(std::string_view raw_json, bool padded = false);

}  // namespace reliability::kube
