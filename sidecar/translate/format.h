#pragma once
// The three wire formats that LLM callers speak, and what a tier of another format takes. Pure.
#include <cstdint>
#include <string>
#include <string_view>

namespace reliability::sidecar::translate {

enum class Format : std::uint8_t {
  kChat,       // OpenAI chat completions
  kResponses,  // OpenAI Responses: callers only, no tier speaks it
  kMessages,   // Anthropic messages
};

[[nodiscard]] std::string_view FormatName(Format format);

// One tier of a fallback chain, as far as a request depends on it.
struct Target {
  Format format = Format::kChat;  // kChat or kMessages
  std::string model;
  // temperature and top_p: newer models answer 400 to them, so they are left out unless accepted.
  bool accepts_sampling = false;
  // Known to answer 400 to them: they are left out even where the format stays the same.
  bool refuses_sampling = false;
  // Stop sequences; OpenAI's reasoning models refuse them.
  bool accepts_stop = true;
  // A conversation that ends with an assistant's text. Only matters when the format stays the same:
  // across formats such an ending is always dropped, because OpenAI does not continue it.
  bool accepts_prefill = true;
  // Sent when the caller named no limit and the format requires one. Every Claude model allows it.
  std::int64_t default_max_tokens = 4096;
};

// What the model accepts, by its name. Unknown Claude models count as new: leaving a sampling
// parameter out is always accepted, sending it may not be.
[[nodiscard]] Target TargetOf(Format format, std::string_view model);

}  // namespace reliability::sidecar::translate
