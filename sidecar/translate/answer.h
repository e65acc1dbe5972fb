#pragma once
// An answer in no API's words, and the whole-body translation. Streams: stream_translator.h. Pure.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.h"
#include "libs/policy/classifier.h"
#include "sidecar/translate/request.h"

namespace reliability::sidecar::translate {

// Tokens; `input` is the whole prompt, cached or not (data-plane ruling 38). Last value wins: both
// APIs report totals.
struct Usage {
  bool known = false;
  std::int64_t input = 0;
  std::int64_t cache_read = 0;   // inside input
  std::int64_t cache_write = 0;  // inside input
  std::int64_t output = 0;
  std::int64_t reasoning = 0;  // inside output
};

enum class Finish : std::uint8_t {
  kNone,  // not seen
  kStop,
  kLength,
  kToolCalls,
  kRefused,  // refusal, content filter
};

enum class BlockKind : std::uint8_t { kText, kRefusal, kToolCall };

struct Block {
  BlockKind kind = BlockKind::kText;
  std::string text{};     // kToolCall: the arguments, one JSON object
  std::string id{};       // kToolCall
  std::string name{};     // kToolCall
  std::string item_id{};  // Responses: of a watched stream; else made from the answer's id
};

// What an answer says about itself, and what we say if it does not.
struct Origin {
  std::string model{};        // of the tier; the answer's own name wins
  std::int64_t created = 0;   // seconds since 1970, for formats that want it
  std::string fallback_id{};  // unique; used when the answer has no id
};

struct Answer {
  std::string id{};
  std::string model{};
  std::int64_t created = 0;
  std::vector<Block> blocks{};
  Finish finish = Finish::kNone;
  Usage usage{};
};

// A whole 2xx body of a tier (kChat, kMessages). kInvalid: not an answer of this format, an `error`
// object inside, or a tool call whose arguments are no JSON object: to be treated as a malformed
// answer.
[[nodiscard]] Result<Answer> ReadAnswer(Format tier, std::string_view body, const Origin& origin);
// The body in the caller's format. Not for streams.
[[nodiscard]] std::string WriteAnswer(const Answer& answer, const Caller& caller);

// The body of a tier's error (status >= 400) in the caller's format. The status stays.
[[nodiscard]] std::string TranslateError(Format caller, int status,
                                         const policy::ProviderError& error,
                                         std::string_view request_id);

}  // namespace reliability::sidecar::translate
