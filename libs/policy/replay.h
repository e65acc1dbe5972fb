#pragma once
// Whether repeating a call can change nothing twice (data-plane.md 2.8). A failure that is proven
// to have reached nobody needs no such proof: retry.h. Pure.
#include <cstdint>
#include <string_view>

namespace reliability::policy {

enum class CallNature : std::uint8_t {
  kLlmAnswer,  // chat completions, messages: costs money, never state
  kLlmOther,   // another endpoint of a provider
  kMcp,
  kHttpTool,
};

struct ReplayClues {
  CallNature nature = CallNature::kHttpTool;
  std::string_view method;       // of HTTP
  std::string_view path;         // kLlmOther: below the route
  std::string_view mcp_method;   // kMcp: "tools/call"; empty if it is not known
  bool idempotency_key = false;  // the request carries one that the upstream reads
  bool listed = false;           // the policy names the tool as idempotent
};

[[nodiscard]] bool IsReplayable(const ReplayClues& clues);

}  // namespace reliability::policy
