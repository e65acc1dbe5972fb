#include "sidecar/translate/responses_object.h"

#include <algorithm>

#include "sidecar/translate/answer_words.h"

namespace reliability::sidecar::translate {
namespace {

bool HasRefusal(const Answer& answer) {
  return std::any_of(answer.blocks.begin(), answer.blocks.end(),
                     [](const Block& block) { return block.kind == BlockKind::kRefusal; });
}

}  // namespace

std::string_view ResponseStatus(const Answer& answer) {
  // A refusal in words is a complete answer; a filtered one is not.
  const bool filtered = answer.finish == Finish::kRefused && !HasRefusal(answer);
  return answer.finish == Finish::kLength || filtered ? "incomplete" : "completed";
}

std::string ItemId(const Answer& answer, std::size_t index) {
  if (!answer.blocks[index].item_id.empty()) {
    return answer.blocks[index].item_id;
  }
  const bool call = answer.blocks[index].kind == BlockKind::kToolCall;
  return MadeId(call ? "fc_" : "msg_", answer.id) + "_" + std::to_string(index);
}

void WriteResponsePart(BlockKind kind, std::string_view text, JsonWriter& json) {
  json.Object();
  if (kind == BlockKind::kRefusal) {
    json.Text("type", "refusal").Text("refusal", text);
  } else {
    json.Text("type", "output_text").Text("text", text).Array("annotations").EndArray();
    json.Array("logprobs").EndArray();
  }
  json.EndObject();
}

void WriteResponseItem(const Answer& answer, std::size_t index, bool done, JsonWriter& json) {
  const Block& block = answer.blocks[index];
  json.Object().Text("id", ItemId(answer, index));
  if (block.kind == BlockKind::kToolCall) {
    json.Text("type", "function_call").Text("status", done ? "completed" : "in_progress");
    json.Text("call_id", block.id).Text("name", block.name);
    json.Text("arguments", done ? std::string_view(block.text) : std::string_view()).EndObject();
    return;
  }
  json.Text("type", "message").Text("status", done ? "completed" : "in_progress");
  json.Text("role", "assistant").Array("content");
  if (done) {
    WriteResponsePart(block.kind, block.text, json);
  }
  json.EndArray().EndObject();
}

void WriteResponse(const Answer& answer, const Caller& caller, bool done, JsonWriter& json) {
  const std::string_view status = done ? ResponseStatus(answer) : "in_progress";
  json.Object().Text("id", MadeId("resp_", answer.id)).Text("object", "response");
  json.Int("created_at", answer.created).Text("status", status).Null("error");
  if (status == "incomplete") {
    json.Object("incomplete_details");
    json.Text("reason", answer.finish == Finish::kLength ? "max_output_tokens" : "content_filter");
    json.EndObject();
  } else {
    json.Null("incomplete_details");
  }
  json.Text("model", answer.model).Array("output");
  for (std::size_t index = 0; done && index < answer.blocks.size(); ++index) {
    WriteResponseItem(answer, index, true, json);
  }
  json.EndArray().Members(caller.echo);
  if (done && answer.usage.known) {
    WriteResponsesUsage(answer.usage, json.Key("usage"));
  } else {
    json.Null("usage");
  }
  json.EndObject();
}

}  // namespace reliability::sidecar::translate
