#include "sidecar/inspect/provider_state.h"

#include <string.h>  // memmem

#include <algorithm>
#include <array>
#include <vector>

#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::string_view kFileId = "file_id";
constexpr std::string_view kItemReference = "item_reference";
// Of a Responses request.
constexpr std::array<std::string_view, 4> kStateFields = {"previous_response_id", "conversation",
                                                          "prompt", "background"};

// Escaped letters are not seen: whoever writes them gets the other provider's refusal. Looks for
// the word's underscore, if it has one: prompts have few, and one byte is found fast.
bool Mentions(std::string_view body, std::string_view word) {
  const std::size_t mark = word.find('_');
  if (mark == std::string_view::npos) {
    return ::memmem(body.data(), body.size(), word.data(), word.size()) != nullptr;
  }
  for (std::size_t at = body.find('_', mark); at != std::string_view::npos;
       at = body.find('_', at + 1)) {
    if (body.substr(at - mark).starts_with(word)) {
      return true;
    }
  }
  return false;
}

bool IsSet(JsonValue value) {
  return !IsType(value, JsonType::kNull) && AsBool(value).value_or(true);
}

// Messages and items at any depth.
bool Search(JsonValue value, int depth, std::string_view& found) {
  if (depth > kMaxDepth) {
    return false;
  }
  if (IsType(value, JsonType::kArray)) {
    return EachElement(value, [&](JsonValue item) { return Search(item, depth + 1, found); });
  }
  return EachField(value, [&](JsonKey key, JsonValue field) {
    if (key == kFileId && IsType(field, JsonType::kString)) {
      found = kFileId;
    } else if (key == "type" && TextOf(field) == kItemReference) {
      found = kItemReference;
    } else if (key != "input") {  // of a tool call: its names are the tool's
      return Search(field, depth + 1, found);
    }
    return true;
  });
}

}  // namespace

std::string_view ProviderState(LlmApi api, std::string_view body, std::size_t room) {
  const bool responses = api == LlmApi::kOpenAIResponses;
  const bool search = Mentions(body, kFileId) || (responses && Mentions(body, kItemReference));
  std::string_view found;
  if (!search && !responses) {
    return found;
  }
  const auto take_field = [&](JsonKey key, JsonValue value) {
    if (key == (responses ? "input" : "messages")) {
      return !search || Search(value, 0, found);
    }
    if (responses) {
      const auto* const field = std::find_if(kStateFields.begin(), kStateFields.end(),
                                             [&](std::string_view name) { return key == name; });
      if (field != kStateFields.end() && IsSet(value)) {
        found = *field;
      }
    }
    return true;
  };
  const auto read = [&](JsonDocument document) { return EachField(document, take_field); };
  return WithJson(body, read, room) ? found : std::string_view();
}

std::optional<std::string> WithoutReasoning(std::string_view body) {
  if (!Mentions(body, "reasoning")) {
    return std::nullopt;
  }
  std::size_t at = 0;
  std::size_t size = 0;
  std::vector<std::string_view> kept;
  bool dropped = false;
  const auto take_item = [&](JsonValue item) {
    bool reasoning = false;
    const bool read = EachField(item, [&](JsonKey key, JsonValue value) {
      reasoning = reasoning || (key == "type" && TextOf(value) == "reasoning");
      return true;
    });
    dropped = dropped || reasoning;
    if (!reasoning) {
      // From the body itself: the text that is read may be a copy.
      kept.push_back(body.substr(OffsetOf(item), RawText(item).size()));
    }
    return read;
  };
  const bool read = WithJson(body, [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key != "input" || !IsType(value, JsonType::kArray)) {
        return true;
      }
      at = OffsetOf(value);
      size = RawText(value).size();
      return EachElement(value, take_item);
    });
  });
  if (!read || !dropped) {
    return std::nullopt;
  }
  std::string out(body.substr(0, at));
  out += '[';
  for (std::size_t i = 0; i < kept.size(); ++i) {
    out += i == 0 ? "" : ",";
    out += kept[i];
  }
  out += ']';
  out += body.substr(at + size);
  return out;
}

}  // namespace reliability::sidecar::inspect
