#include "sidecar/inspect/message_reader.h"

#include <optional>

namespace reliability::sidecar::inspect {
namespace {

// A part of a content array; text alone hashes like the same text without parts.
bool ReadPart(JsonValue part, Message& message) {
  std::string_view type;
  std::optional<std::uint64_t> text;
  std::string_view id;
  std::uint64_t rest = 0;
  const bool read = EachField(part, [&](JsonKey key, JsonValue value) {
    if (key == "type" || key == "id" || key == "text") {
      const auto string = AsString(value);
      if (key == "type") {
        type = string.value_or(std::string_view());
      } else if (key == "id") {
        id = string.value_or(std::string_view());
      } else if (string) {
        text = TextHash(*string);
      }
      return true;
    }
    if (key == "tool_use_id" || key == "cache_control" || key == "metadata") {
      return true;
    }
    const std::uint64_t name = Digest(key);
    const auto hash = HashValue(value, kUnstable);
    rest += hash ? Mix(Mix(Tag::kField, name), *hash) : 0;
    return hash.has_value();
  });
  if (type == "tool_use") {
    message.has_tool_call = true;
    message.ids.emplace_back(id);
  } else if (type == "server_tool_use" || type == "mcp_tool_use") {
    message.has_tool_call = true;  // the provider's own: goes on after `pause_turn`
  }
  message.has_tool_result = message.has_tool_result || type == "tool_result";
  const std::uint64_t digest =
      text && rest == 0 ? *text : Mix(Mix(Mix(Tag::kPart, Digest(type)), rest), text.value_or(0));
  message.content = Mix(message.content, digest);
  return read;
}

}  // namespace

bool ReadParts(JsonValue content, Message& message) {
  return EachElement(content, [&](JsonValue part) { return ReadPart(part, message); });
}

}  // namespace reliability::sidecar::inspect
