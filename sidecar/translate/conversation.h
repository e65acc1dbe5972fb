#pragma once
// A request in no API's words: the readers of three formats make it, the writers of two read it.
// Internal. Views point into the parsed request or into `owned`, so neither may die before it.
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/translate/format.h"
#include "sidecar/translate/json.h"

namespace reliability::sidecar::translate {

enum class Role : std::uint8_t { kSystem, kUser, kAssistant };

struct Part {
  enum class Kind : std::uint8_t {
    kText,
    kImage,
    kDocument,
    kToolCall,    // only of the assistant
    kToolResult,  // only of the user
  };
  Kind kind = Kind::kText;
  std::string_view text{};        // kText; kToolCall: the arguments as the model wrote them
  std::string_view id{};          // kToolCall, kToolResult: of the call
  std::string_view name{};        // kToolCall; kDocument: file name or empty
  std::string_view media_type{};  // kImage, kDocument with `data`
  std::string_view data{};        // base64
  std::string_view url{};         // kImage, kDocument without `data`
  bool is_error = false;          // kToolResult
  std::vector<Part> parts{};      // kToolResult: kText, kImage, kDocument
};

struct Message {
  Role role = Role::kUser;
  std::vector<Part> parts{};
};

struct Tool {
  std::string_view name{};
  std::string_view description{};
  std::optional<JsonElement> parameters{};  // an object
  bool strict = false;
};

struct ToolChoice {
  enum class Kind : std::uint8_t { kDefault, kAuto, kRequired, kNone, kNamed };
  Kind kind = Kind::kDefault;
  std::string_view name{};                                 // kNamed
  std::optional<std::vector<std::string_view>> allowed{};  // else all tools
};

struct ResponseFormat {
  enum class Kind : std::uint8_t { kText, kJsonObject, kJsonSchema };
  Kind kind = Kind::kText;
  std::string_view name{};  // may be empty
  std::string_view description{};
  std::optional<JsonElement> schema{};  // kJsonSchema
  bool strict = false;
};

struct Conversation {
  std::vector<Message> messages{};  // system messages where the caller put them
  std::vector<Tool> tools{};
  ToolChoice tool_choice{};
  std::optional<bool> parallel_tools{};
  std::optional<std::int64_t> max_tokens{};
  std::optional<double> temperature{};
  std::optional<double> top_p{};
  std::vector<std::string_view> stop{};
  ResponseFormat response_format{};
  std::string_view user{};
  bool stream = false;
  std::deque<std::string> owned{};  // texts that had to be made; a deque never moves them

  std::string_view Keep(std::string text) { return owned.emplace_back(std::move(text)); }
};

// kInvalid: not what the format defines. kUnsupported: no counterpart in another format, whatever
// the target (data-plane ruling 36).
[[nodiscard]] Result<Conversation> ReadChatRequest(JsonElement root);
[[nodiscard]] Result<Conversation> ReadResponsesRequest(JsonElement root);
[[nodiscard]] Result<Conversation> ReadMessagesRequest(JsonElement root);

// kUnsupported: no counterpart in this format.
[[nodiscard]] Result<std::string> WriteChatRequest(const Conversation& conversation,
                                                   const Target& target);
[[nodiscard]] Result<std::string> WriteMessagesRequest(const Conversation& conversation,
                                                       const Target& target);

// Shared by readers and writers (conversation.cc).

// "data:image/png;base64,iVB…" into media_type and data; false = another kind of URL.
[[nodiscard]] bool ReadDataUrl(std::string_view url, Part& part);
// An http(s) or data URL into `part`. kUnsupported: another scheme or encoding.
[[nodiscard]] Status ReadUrl(std::string_view field, std::string_view url, Part& part);
// Joins neighbours of one role, except system messages: some providers insist on taking turns.
void MergeNeighbours(std::vector<Message>& messages);
// Removes what the assistant said last unless it asks for tools: a prefill.
void DropPrefill(std::vector<Message>& messages);
// The tools that tool_choice leaves.
[[nodiscard]] std::vector<Tool> AllowedTools(const Conversation& conversation);
// kUnsupported if one of the fields is there and neither null nor false.
[[nodiscard]] Status RefuseSet(const Fields& fields, std::span<const std::string_view> names);

}  // namespace reliability::sidecar::translate
