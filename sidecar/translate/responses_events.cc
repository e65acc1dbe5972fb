// OpenAI Responses, the stream half of the answer.
#include "sidecar/translate/answer_words.h"
#include "sidecar/translate/responses_object.h"
#include "sidecar/translate/stream_writer.h"

namespace reliability::sidecar::translate {
namespace {

JsonWriter Begin(StreamContext& context, std::string_view type) {
  context.out.append("event: ").append(type).append("\ndata: ");
  JsonWriter json(context.out);
  json.Object().Text("type", type).Int("sequence_number", context.sequence++);
  return json;
}

void End(StreamContext& context, JsonWriter& json) {
  json.EndObject();
  context.out += "\n\n";
}

std::size_t Index(const StreamContext& context) { return context.answer.blocks.size() - 1; }

std::int64_t OutputIndex(const StreamContext& context) {
  return context.index_offset + static_cast<std::int64_t>(Index(context));
}

// An event about the item at hand.
JsonWriter BeginItem(StreamContext& context, std::string_view type) {
  JsonWriter json = Begin(context, type);
  json.Text("item_id", ItemId(context.answer, Index(context)));
  json.Int("output_index", OutputIndex(context));
  return json;
}

void WholeResponse(StreamContext& context, std::string_view type, bool done) {
  JsonWriter json = Begin(context, type);
  WriteResponse(context.answer, context.caller, done, json.Key("response"));
  End(context, json);
}

void WholeItem(StreamContext& context, std::string_view type, bool done) {
  JsonWriter json = Begin(context, type);
  json.Int("output_index", OutputIndex(context));
  WriteResponseItem(context.answer, Index(context), done, json.Key("item"));
  End(context, json);
}

void PartEvent(StreamContext& context, std::string_view type, std::string_view text) {
  JsonWriter json = BeginItem(context, type);
  json.Int("content_index", 0);
  WriteResponsePart(context.answer.blocks.back().kind, text, json.Key("part"));
  End(context, json);
}

void OnStart(StreamContext& context) {
  WholeResponse(context, "response.created", false);
  WholeResponse(context, "response.in_progress", false);
}

void OnOpen(StreamContext& context) {
  WholeItem(context, "response.output_item.added", false);
  if (context.answer.blocks.back().kind != BlockKind::kToolCall) {
    PartEvent(context, "response.content_part.added", "");
  }
}

void OnDelta(StreamContext& context, std::string_view text) {
  switch (context.answer.blocks.back().kind) {
    case BlockKind::kText: {
      JsonWriter json = BeginItem(context, "response.output_text.delta");
      json.Int("content_index", 0).Text("delta", text).Array("logprobs").EndArray();
      End(context, json);
      return;
    }
    case BlockKind::kRefusal: {
      JsonWriter json = BeginItem(context, "response.refusal.delta");
      json.Int("content_index", 0).Text("delta", text);
      End(context, json);
      return;
    }
    case BlockKind::kToolCall: {
      JsonWriter json = BeginItem(context, "response.function_call_arguments.delta");
      json.Text("delta", text);
      End(context, json);
      return;
    }
  }
}

void OnClose(StreamContext& context) {
  const Block& block = context.answer.blocks.back();
  switch (block.kind) {
    case BlockKind::kText: {
      JsonWriter json = BeginItem(context, "response.output_text.done");
      json.Int("content_index", 0).Text("text", block.text).Array("logprobs").EndArray();
      End(context, json);
      PartEvent(context, "response.content_part.done", block.text);
      break;
    }
    case BlockKind::kRefusal: {
      JsonWriter json = BeginItem(context, "response.refusal.done");
      json.Int("content_index", 0).Text("refusal", block.text);
      End(context, json);
      PartEvent(context, "response.content_part.done", block.text);
      break;
    }
    case BlockKind::kToolCall: {
      JsonWriter json = BeginItem(context, "response.function_call_arguments.done");
      json.Text("name", block.name).Text("arguments", block.text);
      End(context, json);
      break;
    }
  }
  WholeItem(context, "response.output_item.done", true);
}

void OnFinish(StreamContext& context) {
  const bool complete = ResponseStatus(context.answer) == "completed";
  WholeResponse(context, complete ? "response.completed" : "response.incomplete", true);
}

}  // namespace

const StreamEvents kResponsesEvents = {OnStart, OnOpen, OnDelta, OnClose, OnFinish};

}  // namespace reliability::sidecar::translate
