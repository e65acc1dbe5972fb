#pragma once
// `usage` objects of LLM answers. Internal to this folder; included by .cc files only. Absent
// fields leave what was known; other types than object change nothing. False: broken JSON.
#include "libs/policy/price_table.h"
#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {

// Chat completions and Responses: their prompt tokens contain what came from the cache.
[[nodiscard]] bool ReadOpenAiUsage(JsonValue usage, policy::TokenCounts& tokens);
// Messages: input, cache reads and cache writes stand apart; of a stream the last one counts.
[[nodiscard]] bool ReadAnthropicUsage(JsonValue usage, policy::TokenCounts& tokens);

}  // namespace reliability::sidecar::inspect
