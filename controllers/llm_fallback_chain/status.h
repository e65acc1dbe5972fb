#pragma once
// The status of one chain from what its policies, pods and ledgers say. Pure.
#include <functional>
#include <optional>
#include <string>

#include "controllers/llm_fallback_chain/input.h"

namespace reliability::controllers::llm_fallback_chain {

struct StatusUpdate {
  api::LlmFallbackChainStatus status;
  bool changed = false;  // against chain.status
  // A condition or the spec changed: write now. Else shares and counts moved: they can wait.
  bool urgent = false;
  // Not empty if another tier became active: what an event says.
  std::string active_note;
  bool active_is_worse = false;
};

// The served share of a tier; nullopt: not known, the old one stays.
using PercentOf = std::function<std::optional<std::int32_t>(const std::string& tier)>;

[[nodiscard]] StatusUpdate BuildStatus(const Input& input, const PercentOf& percent_of,
                                       SystemTime now);

}  // namespace reliability::controllers::llm_fallback_chain
