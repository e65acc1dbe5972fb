#include "sidecar/translate/format.h"

#include "libs/base/strings.h"

namespace reliability::sidecar::translate {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads one or two digits that no further digit follows; longer runs are dates. -1 = none.
int ShortNumber(std::string_view& text) {
  std::size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) {
    ++digits;
  }
  if (digits == 0 || digits > 2) {
    return -1;
  }
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

// "claude-opus-4-6", "claude-3-5-haiku-20241022", "anthropic/claude-sonnet-4.5" as 406, 305, 405;
// 0 = not recognised.
int ClaudeVersion(std::string_view model) {
  const std::size_t at = model.find("claude-");
  if (at == std::string_view::npos) {
    return 0;
  }
  std::string_view rest = model.substr(at + 7);
  for (const std::string_view family : {"opus-", "sonnet-", "haiku-"}) {
    if (rest.starts_with(family)) {
      rest.remove_prefix(family.size());
      break;
    }
  }
  const int major = ShortNumber(rest);
  if (major < 0) {
    return 0;
  }
  int minor = -1;
  if (rest.starts_with('-') || rest.starts_with('.')) {
    rest.remove_prefix(1);
    minor = ShortNumber(rest);
  }
  return major * 100 + (minor < 0 ? 0 : minor);
}

// o1, o3-mini, gpt-5, gpt-6-astra: they refuse sampling parameters and stop sequences.
bool IsOpenAiReasoning(std::string_view model) {
  std::string_view name = model.substr(model.rfind('/') + 1);
  if (name.size() >= 2 && name[0] == 'o' && IsDigit(name[1])) {
    return true;
  }
  if (!name.starts_with("gpt-")) {
    return false;
  }
  name.remove_prefix(4);
  return ShortNumber(name) >= 5;
}

}  // namespace

std::string_view FormatName(Format format) {
  switch (format) {
    case Format::kChat:
      return "chat";
    case Format::kResponses:
      return "responses";
    case Format::kMessages:
      return "messages";
  }
  return "";
}

Target TargetOf(Format format, std::string_view model) {
  Target target;
  target.format = format;
  target.model = model;
  const std::string name = ToLower(model);
  if (format == Format::kMessages) {
    const int version = ClaudeVersion(name);
    target.accepts_sampling = version > 0 && version < 407;
    target.refuses_sampling = !target.accepts_sampling && name.find("claude-") != std::string::npos;
    target.accepts_prefill = version > 0 && version < 406;
  } else {
    target.accepts_sampling = !IsOpenAiReasoning(name);
    target.refuses_sampling = !target.accepts_sampling;
    target.accepts_stop = target.accepts_sampling;
  }
  return target;
}

}  // namespace reliability::sidecar::translate
