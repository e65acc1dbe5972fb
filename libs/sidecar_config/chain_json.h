#pragma once
// How the chain's types stand in JSON, and what can be wrong with them. Internal to this folder.
#include <nlohmann/json.hpp>
#include <vector>

#include "libs/sidecar_config/chain.h"
#include "libs/sidecar_config/object_reader.h"
#include "libs/sidecar_config/validate.h"

namespace reliability::sidecar_config {

[[nodiscard]] nlohmann::json ChainToJson(const FallbackChain& chain);
[[nodiscard]] nlohmann::json ChainToJson(const ChainCounts& counts);
// Read the field "fallbackChain" of a document; absent = nullopt.
void ReadChain(ObjectReader& document, ReadContext& context, std::optional<FallbackChain>& out);
void ReadChain(ObjectReader& document, ReadContext& context, std::optional<ChainCounts>& out);

[[nodiscard]] std::vector<FieldError> ValidateChain(const PolicyDocument& document);

}  // namespace reliability::sidecar_config
