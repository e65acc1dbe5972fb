#pragma once
// YAML that people write (kubeconfig, option files) -> JSON. yaml-cpp stays inside the .cc.
//
// YAML 1.2 core types: quoted scalars stay strings, `yes` and `010` are strings and 10. Refused
// with kInvalid and line:column: duplicate keys, merge keys, keys that are not scalars, several
// documents, more than 1 MiB of text, 64 levels, 100,000 nodes (aliases count each time used).
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::yaml {

[[nodiscard]] Result<std::string> YamlToJson(std::string_view text);

}  // namespace reliability::yaml
