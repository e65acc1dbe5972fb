#pragma once
// What one LLM request says: model, stream or not, and the clues of its turn. The bytes themselves
// pass untouched. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"

namespace reliability::sidecar::inspect {

// Larger bodies are relayed without a model and without a turn by content.
inline constexpr std::size_t kMaxInspectedRequest = 1U << 20U;

enum class LlmApi : std::uint8_t { kOpenAIChat, kAnthropicMessages, kOpenAIResponses };

struct LlmRequest {
  std::string model;
  bool stream = false;
  // Of the messages through the last one that the user wrote: constant while tool results are
  // appended. Reads role, text and digests of other parts; not system, tools, ids, cache_control.
  std::optional<std::uint64_t> prefix_hash;
  // Of the last assistant message after the last user message. Responses: the call_ids of its last
  // step, and previous_response_id if the request answers that response's tool calls.
  std::vector<std::string> tool_call_ids;
  bool tool_call_after_user = false;
  // Its messages say something else than a role and a text: parts, calls, names.
  bool structured = false;
};

// kInvalid: not a JSON object, or `model`, `stream`, `messages` or `input` twice (two readers could
// see two requests). Fields of an unexpected type are left at their default: the provider judges
// them.
// `room`: readable bytes behind the body; with 64 of them it is not copied.
[[nodiscard]] Result<LlmRequest> ReadLlmRequest(LlmApi api, std::string_view body,
                                                std::size_t room = 0);

// Path below the route of a POST: "/v1/chat/completions", "/messages", "/responses" …; nullopt =
// other endpoint, relayed without a turn.
[[nodiscard]] std::optional<LlmApi> LlmApiOfPath(std::string_view path);

// W3C baggage member, percent-decoded; empty if absent.
[[nodiscard]] std::string BaggageMember(std::string_view baggage, std::string_view key);
// The trace id of a W3C traceparent, 32 hex digits; empty if it has none.
[[nodiscard]] std::string_view TraceId(std::string_view traceparent);

}  // namespace reliability::sidecar::inspect
