#pragma once
// The request format that an LLM endpoint speaks.

namespace reliability::sidecar_config {

enum class LlmFormat { kOpenAI, kAnthropic };  // "OpenAI", "Anthropic"

}  // namespace reliability::sidecar_config
