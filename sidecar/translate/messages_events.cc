// Anthropic messages, the stream half of the answer.
#include "sidecar/translate/answer_words.h"
#include "sidecar/translate/stream_writer.h"

namespace reliability::sidecar::translate {
namespace {

JsonWriter Begin(StreamContext& context, std::string_view type) {
  context.out.append("event: ").append(type).append("\ndata: ");
  JsonWriter json(context.out);
  json.Object().Text("type", type);
  return json;
}

void End(StreamContext& context, JsonWriter& json) {
  json.EndObject();
  context.out += "\n\n";
}

std::int64_t Index(const StreamContext& context) {
  return context.index_offset + std::ssize(context.answer.blocks) - 1;
}

void OnStart(StreamContext& context) {
  JsonWriter json = Begin(context, "message_start");
  json.Object("message").Text("id", MadeId("msg_", context.answer.id)).Text("type", "message");
  json.Text("role", "assistant").Text("model", context.answer.model).Array("content").EndArray();
  json.Null("stop_reason").Null("stop_sequence");
  // Known only at the end; the last event's totals win.
  WriteMessagesUsage(context.answer.usage, json.Key("usage"));
  json.EndObject();
  End(context, json);
}

void OnOpen(StreamContext& context) {
  const Block& block = context.answer.blocks.back();
  JsonWriter json = Begin(context, "content_block_start");
  json.Int("index", Index(context)).Object("content_block");
  if (block.kind == BlockKind::kToolCall) {
    json.Text("type", "tool_use").Text("id", block.id).Text("name", block.name);
    json.Object("input").EndObject();
  } else {
    json.Text("type", "text").Text("text", "");
  }
  json.EndObject();
  End(context, json);
}

void OnDelta(StreamContext& context, std::string_view text) {
  const bool tool = context.answer.blocks.back().kind == BlockKind::kToolCall;
  JsonWriter json = Begin(context, "content_block_delta");
  json.Int("index", Index(context)).Object("delta");
  json.Text("type", tool ? "input_json_delta" : "text_delta");
  json.Text(tool ? "partial_json" : "text", text).EndObject();
  End(context, json);
}

void OnClose(StreamContext& context) {
  JsonWriter json = Begin(context, "content_block_stop");
  json.Int("index", Index(context));
  End(context, json);
}

void OnFinish(StreamContext& context) {
  bool tools = false;
  bool refused = context.answer.finish == Finish::kRefused;
  for (const Block& block : context.answer.blocks) {
    tools = tools || block.kind == BlockKind::kToolCall;
    refused = refused || block.kind == BlockKind::kRefusal;
  }
  const auto finish = refused ? Finish::kRefused : context.answer.finish;
  JsonWriter json = Begin(context, "message_delta");
  json.Object("delta").Text("stop_reason", MessagesFinish(finish, tools));
  json.Null("stop_sequence").EndObject();
  WriteMessagesUsage(context.answer.usage, json.Key("usage"));
  End(context, json);
  JsonWriter stop = Begin(context, "message_stop");
  End(context, stop);
}

}  // namespace

const StreamEvents kMessagesEvents = {OnStart, OnOpen, OnDelta, OnClose, OnFinish};

}  // namespace reliability::sidecar::translate
