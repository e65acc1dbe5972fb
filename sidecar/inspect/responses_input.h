#pragma once
// The `input` of a Responses request. Without previous_response_id or conversation it is the whole
// conversation, else what is new of it. Internal to this folder; included by .cc files only.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/llm_request.h"
#include "sidecar/inspect/mix.h"

namespace reliability::sidecar::inspect {

class ResponsesInput {
 public:
  // A text, or an array of items. False: not JSON.
  [[nodiscard]] bool Read(JsonValue value);
  // The other fields of the request: what the input goes on from.
  void ReadField(JsonKey key, JsonValue value);
  // Writes the clues of the turn.
  void Finish(LlmRequest& request);

 private:
  bool ReadItem(JsonValue value);
  void AddMessage(std::string_view role, std::uint64_t content);

  std::uint64_t prefix_ = Mix(Tag::kMessage, 1);
  std::optional<std::uint64_t> hash_;
  std::vector<std::string> ids_;  // of the last step's tool calls
  bool after_user_ = false;
  bool had_result_ = false;
  std::string previous_;
  std::string conversation_;
};

}  // namespace reliability::sidecar::inspect
