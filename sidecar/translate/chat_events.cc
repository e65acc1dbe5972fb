// OpenAI chat completions, the stream half of the answer.
#include "sidecar/translate/answer_words.h"
#include "sidecar/translate/stream_writer.h"

namespace reliability::sidecar::translate {
namespace {

bool HasTools(const Answer& answer) {
  for (const Block& block : answer.blocks) {
    if (block.kind == BlockKind::kToolCall) {
      return true;
    }
  }
  return false;
}

JsonWriter Head(StreamContext& context) {
  context.out += "data: ";
  JsonWriter json(context.out);
  json.Object().Text("id", MadeId("chatcmpl-", context.answer.id));
  json.Text("object", "chat.completion.chunk").Int("created", context.answer.created);
  json.Text("model", context.answer.model);
  return json;
}

// Opens `choices[0].delta`.
JsonWriter BeginChunk(StreamContext& context) {
  JsonWriter json = Head(context);
  json.Array("choices").Object().Int("index", 0).Object("delta");
  if (!context.role_sent) {
    json.Text("role", "assistant");
    context.role_sent = true;
  }
  return json;
}

void EndChunk(StreamContext& context, JsonWriter& json, std::string_view finish = {}) {
  json.EndObject().Null("logprobs");
  if (finish.empty()) {
    json.Null("finish_reason");
  } else {
    json.Text("finish_reason", finish);
  }
  json.EndObject().EndArray();
  if (context.caller.include_usage) {
    json.Null("usage");
  }
  json.EndObject();
  context.out += "\n\n";
}

// Tool calls count for themselves.
std::int64_t ToolIndex(const Answer& answer) {
  std::int64_t index = -1;
  for (const Block& block : answer.blocks) {
    index += block.kind == BlockKind::kToolCall ? 1 : 0;
  }
  return index;
}

void OnStart(StreamContext& /*context*/) {}  // the first chunk carries the role

void OnOpen(StreamContext& context) {
  const Block& block = context.answer.blocks.back();
  if (block.kind != BlockKind::kToolCall) {
    if (!context.role_sent) {
      JsonWriter json = BeginChunk(context);
      json.Text("content", "").Null("refusal");
      EndChunk(context, json);
    }
    return;
  }
  const bool first = !context.role_sent;
  JsonWriter json = BeginChunk(context);
  if (first) {
    json.Null("content");
  }
  json.Array("tool_calls").Object().Int("index", ToolIndex(context.answer));
  json.Text("id", block.id).Text("type", "function").Object("function");
  json.Text("name", block.name).Text("arguments", "").EndObject().EndObject().EndArray();
  EndChunk(context, json);
}

void OnDelta(StreamContext& context, std::string_view text) {
  JsonWriter json = BeginChunk(context);
  switch (context.answer.blocks.back().kind) {
    case BlockKind::kText:
      json.Text("content", text);
      break;
    case BlockKind::kRefusal:
      json.Text("refusal", text);
      break;
    case BlockKind::kToolCall:
      json.Array("tool_calls").Object().Int("index", ToolIndex(context.answer));
      json.Object("function").Text("arguments", text).EndObject().EndObject().EndArray();
      break;
  }
  EndChunk(context, json);
}

void OnClose(StreamContext& /*context*/) {}

void OnFinish(StreamContext& context) {
  JsonWriter json = BeginChunk(context);
  EndChunk(context, json, ChatFinish(context.answer.finish, HasTools(context.answer)));
  if (context.caller.include_usage && context.answer.usage.known) {
    JsonWriter last = Head(context);
    last.Array("choices").EndArray();
    WriteChatUsage(context.answer.usage, last.Key("usage"));
    last.EndObject();
    context.out += "\n\n";
  }
  context.out += "data: [DONE]\n\n";
}

}  // namespace

const StreamEvents kChatEvents = {OnStart, OnOpen, OnDelta, OnClose, OnFinish};

}  // namespace reliability::sidecar::translate
