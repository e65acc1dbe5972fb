#pragma once
// The last tier of a chain: a fixed text as a valid answer in the caller's own format, streamed or
// not, that names itself as one (data-plane 2.10, ruling 10). Pure.
#include <string>
#include <string_view>

#include "sidecar/inspect/error_body.h"
#include "sidecar/translate/answer.h"

namespace reliability::sidecar::translate {

inline constexpr std::string_view kTemplateModel = "agent-reliability/template";

// `text` with {{.agent}} and {{.reason}} replaced, once: what they stand for is not read again.
[[nodiscard]] std::string RenderTemplate(std::string_view text, std::string_view agent,
                                         std::string_view reason);

// 200 with the caller's content type; zero usage. `origin.model` is not read. Headers are left to
// the caller.
[[nodiscard]] inspect::MadeAnswer TemplateAnswer(const Caller& caller, std::string_view text,
                                                 const Origin& origin);

// The events alone, for a stream whose head is out already. `answer` must be whole.
[[nodiscard]] std::string StreamOf(const Answer& answer, const Caller& caller);

}  // namespace reliability::sidecar::translate
