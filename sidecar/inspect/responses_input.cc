#include "sidecar/inspect/responses_input.h"

#include <utility>

#include "sidecar/inspect/json_hash.h"
#include "sidecar/inspect/message_reader.h"

namespace reliability::sidecar::inspect {
namespace {

struct Item {
  std::string_view type;
  std::string_view role;
  std::string_view call_id;
  std::string_view approval;  // of an mcp_approval_response
  Message message;
  std::uint64_t rest = 0;
};

bool ReadItemField(JsonKey key, JsonValue field, Item& item) {
  if (key == "type") {
    item.type = TextOf(field);
  } else if (key == "role") {
    item.role = TextOf(field);
  } else if (key == "call_id") {
    item.call_id = TextOf(field);
  } else if (key == "approval_request_id") {
    item.approval = TextOf(field);
  } else if (key == "content") {
    return ReadContent(field, item.message);
  } else if (key != "id" && key != "status") {
    const std::uint64_t name = Digest(key);
    const auto hash = HashValue(field, kUnstable);
    item.rest += hash ? Mix(Mix(Tag::kField, name), *hash) : 0;
    return hash.has_value();
  }
  return true;
}

}  // namespace

bool ResponsesInput::Read(JsonValue value) {
  if (const auto text = AsString(value)) {  // short for one message of the user
    AddMessage("user", Mix(Mix(Tag::kArray, 0), TextHash(*text)));
    return true;
  }
  return EachElement(value, [this](JsonValue item) { return ReadItem(item); });
}

void ResponsesInput::ReadField(JsonKey key, JsonValue value) {
  if (key == "previous_response_id") {
    previous_ = TextOf(value);
  } else if (key == "conversation") {
    if (const auto id = AsString(value)) {
      conversation_ = *id;
      return;
    }
    (void)EachField(value, [this](JsonKey name, JsonValue field) {
      if (name == "id") {
        conversation_ = TextOf(field);
      }
      return true;
    });
  }
}

void ResponsesInput::Finish(LlmRequest& request) {
  if (hash_) {
    // "Yes" in two conversations are two questions.
    const std::string& before = previous_.empty() ? conversation_ : previous_;
    request.prefix_hash = before.empty() ? *hash_ : Mix(*hash_, Digest(before));
  }
  request.tool_call_after_user = after_user_;
  request.tool_call_ids = std::move(ids_);
  // An earlier response asked for the tools whose results stand here.
  if (after_user_ && !previous_.empty()) {
    request.tool_call_ids.push_back(std::move(previous_));
  }
}

bool ResponsesInput::ReadItem(JsonValue value) {
  Item item;
  const bool read = EachField(
      value, [&](JsonKey key, JsonValue field) { return ReadItemField(key, field, item); });
  if (!read) {
    return false;
  }
  if (item.type.empty() || item.type == "message") {
    if (item.role != "system" && item.role != "developer") {
      AddMessage(item.role, item.message.content);
    }
    return true;
  }
  if (item.type == "reasoning" || item.type == "item_reference") {
    return true;  // agents drop them as they like
  }
  prefix_ = Mix(prefix_, Mix(Mix(Tag::kPart, Digest(item.type)), item.rest));
  const bool result = item.type.ends_with("_call_output") || !item.approval.empty();
  const std::string_view id = item.approval.empty() ? item.call_id : item.approval;
  if (id.empty()) {
    return true;  // the provider's own tools
  }
  if (!result && had_result_) {  // the next step of the loop
    ids_.clear();
    had_result_ = false;
  }
  had_result_ = had_result_ || result;
  after_user_ = true;
  ids_.emplace_back(id);
  return true;
}

void ResponsesInput::AddMessage(std::string_view role, std::uint64_t content) {
  prefix_ = Mix(prefix_, Mix(Digest(role), content));
  if (role == "user") {
    hash_ = prefix_;
    ids_.clear();
    after_user_ = false;
    had_result_ = false;
  }
}

}  // namespace reliability::sidecar::inspect
