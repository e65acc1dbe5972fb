#pragma once
// policy.json while it is no text. Internal to this folder.
#include <nlohmann/json.hpp>
#include <string>

#include "libs/sidecar_config/object_reader.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config {

[[nodiscard]] nlohmann::json PolicyToJson(const PolicyDocument& document);
// Canonical.
[[nodiscard]] std::string Dump(const nlohmann::json& value);
// All fields but "schema"; errors go into the context.
void ReadPolicy(ObjectReader& in, ReadContext& context, PolicyDocument& document);

}  // namespace reliability::sidecar_config
