#include "sidecar/inspect/llm_usage.h"

#include <algorithm>

namespace reliability::sidecar::inspect {
namespace {

void Set(std::int64_t& out, JsonValue value) {
  if (const auto number = AsInt(value)) {
    out = std::clamp<std::int64_t>(*number, 0, policy::kMaxTokens);
  }
}

}  // namespace

bool ReadOpenAiUsage(JsonValue usage, policy::TokenCounts& tokens) {
  std::int64_t prompt = tokens.prompt();
  const bool read = EachField(usage, [&](JsonKey key, JsonValue value) {
    if (key == "prompt_tokens" || key == "input_tokens") {
      Set(prompt, value);
    } else if (key == "completion_tokens" || key == "output_tokens") {
      Set(tokens.output, value);
    } else if (key == "prompt_tokens_details" || key == "input_tokens_details") {
      return EachField(value, [&](JsonKey name, JsonValue field) {
        if (name == "cached_tokens") {
          Set(tokens.cached_input, field);
        } else if (name == "cache_write_tokens") {
          Set(tokens.cache_write, field);
        }
        return true;
      });
    }
    return true;
  });
  tokens.cached_input = std::min(tokens.cached_input, prompt);
  tokens.cache_write = std::min(tokens.cache_write, prompt - tokens.cached_input);
  tokens.input = prompt - tokens.cached_input - tokens.cache_write;
  return read;
}

bool ReadAnthropicUsage(JsonValue usage, policy::TokenCounts& tokens) {
  return EachField(usage, [&](JsonKey key, JsonValue value) {
    if (key == "input_tokens") {
      Set(tokens.input, value);
    } else if (key == "output_tokens") {
      Set(tokens.output, value);
    } else if (key == "cache_read_input_tokens") {
      Set(tokens.cached_input, value);
    } else if (key == "cache_creation_input_tokens") {
      Set(tokens.cache_write, value);
    }
    return true;
  });
}

}  // namespace reliability::sidecar::inspect
