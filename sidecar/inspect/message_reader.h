#pragma once
// Messages as the prefix hash reads them: role, text and digests of other parts, not ids, metadata
// or cache_control (data-plane ruling 2). Internal to this folder; included by .cc files only.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/mix.h"

namespace reliability::sidecar::inspect {

// What SDKs add, drop or renumber between two requests of one turn.
inline constexpr std::array<std::string_view, 5> kUnstable = {"id", "tool_use_id", "tool_call_id",
                                                              "cache_control", "metadata"};

struct Message {
  std::string_view role;
  std::uint64_t content = Mix(Tag::kArray, 0);
  std::uint64_t calls = 0;
  bool has_tool_result = false;
  bool has_tool_call = false;
  bool structured = false;  // not only a role and a text
  std::vector<std::string> ids;
};

[[nodiscard]] inline std::uint64_t TextHash(std::string_view text) {
  return Join(Digest(text), static_cast<std::uint64_t>(Tag::kString));
}

// An array of parts. False: not JSON.
[[nodiscard]] bool ReadParts(JsonValue content, Message& message);

// A text, or an array of parts. False: not JSON.
[[nodiscard]] inline bool ReadContent(JsonValue content, Message& message) {
  if (const auto text = AsString(content)) {
    message.content = Mix(message.content, TextHash(*text));
    return true;
  }
  message.structured = true;
  return ReadParts(content, message);
}

}  // namespace reliability::sidecar::inspect
