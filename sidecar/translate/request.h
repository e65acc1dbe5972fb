#pragma once
// A caller's request as another tier takes it. Pure; no state.
//
//   Result<Caller> caller = ReadCaller(Format::kChat, body);               // once per call
//   Result<std::string> sent = TranslateRequest(Format::kChat, body, tier); // once per tier
//
// What becomes of each field stands in docs/llm-translation.md, which the tests check.
#include <string>
#include <string_view>

#include "libs/base/result.h"
#include "sidecar/translate/format.h"

namespace reliability::sidecar::translate {

// What the answer's form depends on.
struct Caller {
  Format format = Format::kChat;
  bool stream = false;
  bool include_usage = false;  // kChat, streamed: the caller wants the chunk with usage
  // kResponses: the request's settings that every response object repeats, as JSON members.
  std::string echo{};
};

// kInvalid: not a JSON object, or a key twice on the top level.
[[nodiscard]] Result<Caller> ReadCaller(Format format, std::string_view body);

// The body to send to `target`: its model, its format. Across formats everything is read and
// written anew; in the same format only the model is replaced, usage of streams asked for, and
// prefill and sampling parameters dropped if another model refuses them.
// Errors: kInvalid: not JSON, too deep, not what the caller's API defines; the provider would have
// refused it. kUnsupported: valid, but the field that the message begins with has no counterpart
// ("tools[0].type: web_search"): class `untranslatable`, the tier is skipped.
[[nodiscard]] Result<std::string> TranslateRequest(Format caller, std::string_view body,
                                                   const Target& target);

}  // namespace reliability::sidecar::translate
