#include "sidecar/translate/conversation.h"

#include <algorithm>
#include <iterator>

namespace reliability::sidecar::translate {

bool ReadDataUrl(std::string_view url, Part& part) {
  constexpr std::string_view kBase64 = ";base64";
  const std::size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos) {
    return false;
  }
  const std::string_view head = url.substr(5, comma - 5);
  if (!head.ends_with(kBase64)) {
    return false;
  }
  part.media_type = head.substr(0, head.find(';'));
  part.data = url.substr(comma + 1);
  return true;
}

Status ReadUrl(std::string_view field, std::string_view url, Part& part) {
  if (ReadDataUrl(url, part)) {
    return {};
  }
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return Untranslatable(field, url.substr(0, url.find(':')));
  }
  part.url = url;
  return {};
}

void MergeNeighbours(std::vector<Message>& messages) {
  std::vector<Message> merged;
  merged.reserve(messages.size());
  for (Message& message : messages) {
    if (merged.empty() || message.role == Role::kSystem || merged.back().role != message.role) {
      merged.push_back(std::move(message));
      continue;
    }
    std::vector<Part>& parts = merged.back().parts;
    parts.insert(parts.end(), std::make_move_iterator(message.parts.begin()),
                 std::make_move_iterator(message.parts.end()));
  }
  messages = std::move(merged);
}

void DropPrefill(std::vector<Message>& messages) {
  const auto is_call = [](const Part& part) { return part.kind == Part::Kind::kToolCall; };
  while (!messages.empty() && messages.back().role == Role::kAssistant &&
         std::none_of(messages.back().parts.begin(), messages.back().parts.end(), is_call)) {
    messages.pop_back();
  }
}

std::vector<Tool> AllowedTools(const Conversation& conversation) {
  if (!conversation.tool_choice.allowed) {
    return conversation.tools;
  }
  const std::vector<std::string_view>& allowed = *conversation.tool_choice.allowed;
  std::vector<Tool> tools;
  std::copy_if(conversation.tools.begin(), conversation.tools.end(), std::back_inserter(tools),
               [&](const Tool& tool) {
                 return std::find(allowed.begin(), allowed.end(), tool.name) != allowed.end();
               });
  return tools;
}

Status RefuseSet(const Fields& fields, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (fields.Find(name) && fields.Bool(name).value_or(true)) {
      return Untranslatable(name);
    }
  }
  return {};
}

}  // namespace reliability::sidecar::translate
