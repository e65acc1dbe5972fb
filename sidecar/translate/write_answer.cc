// WriteAnswer and TranslateError of answer.h.
#include "sidecar/translate/answer.h"
#include "sidecar/translate/answer_words.h"
#include "sidecar/translate/json_writer.h"
#include "sidecar/translate/responses_object.h"

namespace reliability::sidecar::translate {
namespace {

// All text of one kind; false = there is none.
bool Joined(const Answer& answer, BlockKind kind, std::string& text) {
  bool found = false;
  for (const Block& block : answer.blocks) {
    if (block.kind == kind) {
      text += block.text;
      found = true;
    }
  }
  return found;
}

void TextOrNull(const Answer& answer, BlockKind kind, std::string_view key, JsonWriter& json) {
  std::string text;
  if (Joined(answer, kind, text)) {
    json.Text(key, text);
  } else {
    json.Null(key);
  }
}

bool HasKind(const Answer& answer, BlockKind kind) {
  std::string ignored;
  return Joined(answer, kind, ignored);
}

std::string ChatBody(const Answer& answer) {
  const bool calls = HasKind(answer, BlockKind::kToolCall);
  std::string out;
  JsonWriter json(out);
  json.Object().Text("id", MadeId("chatcmpl-", answer.id)).Text("object", "chat.completion");
  json.Int("created", answer.created).Text("model", answer.model).Array("choices").Object();
  json.Int("index", 0).Object("message").Text("role", "assistant");
  TextOrNull(answer, BlockKind::kText, "content", json);
  TextOrNull(answer, BlockKind::kRefusal, "refusal", json);
  if (calls) {
    json.Array("tool_calls");
    for (const Block& block : answer.blocks) {
      if (block.kind == BlockKind::kToolCall) {
        json.Object().Text("id", block.id).Text("type", "function").Object("function");
        json.Text("name", block.name).Text("arguments", block.text).EndObject().EndObject();
      }
    }
    json.EndArray();
  }
  json.EndObject().Null("logprobs").Text("finish_reason", ChatFinish(answer.finish, calls));
  json.EndObject().EndArray();
  if (answer.usage.known) {
    WriteChatUsage(answer.usage, json.Key("usage"));
  }
  json.EndObject();
  return out;
}

std::string MessagesBody(const Answer& answer) {
  const bool refused = HasKind(answer, BlockKind::kRefusal);
  std::string out;
  JsonWriter json(out);
  json.Object().Text("id", MadeId("msg_", answer.id)).Text("type", "message");
  json.Text("role", "assistant").Text("model", answer.model).Array("content");
  for (const Block& block : answer.blocks) {
    json.Object();
    if (block.kind == BlockKind::kToolCall) {
      json.Text("type", "tool_use").Text("id", block.id).Text("name", block.name);
      json.Raw("input", block.text);  // ReadAnswer checked that it is one object
    } else {
      json.Text("type", "text").Text("text", block.text);
    }
    json.EndObject();
  }
  const Finish finish = refused ? Finish::kRefused : answer.finish;
  json.EndArray();
  json.Text("stop_reason", MessagesFinish(finish, HasKind(answer, BlockKind::kToolCall)));
  json.Null("stop_sequence");
  WriteMessagesUsage(answer.usage, json.Key("usage"));  // the format has no way to say "unknown"
  json.EndObject();
  return out;
}

std::string_view MessagesErrorType(int status) {
  switch (status) {
    case 400:
    case 422:
      return "invalid_request_error";
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 409:
      return "conflict_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 408:
    case 504:
      return "timeout_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

std::string_view OpenAiErrorType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "insufficient_quota";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

}  // namespace

std::string WriteAnswer(const Answer& answer, const Caller& caller) {
  switch (caller.format) {
    case Format::kChat:
      return ChatBody(answer);
    case Format::kMessages:
      return MessagesBody(answer);
    case Format::kResponses: {
      std::string out;
      JsonWriter json(out);
      WriteResponse(answer, caller, true, json);
      return out;
    }
  }
  return {};
}

std::string TranslateError(Format caller, int status, const policy::ProviderError& error,
                           std::string_view request_id) {
  const std::string message =
      error.message.empty() ? "HTTP " + std::to_string(status) : error.message;
  std::string out;
  JsonWriter json(out);
  if (caller == Format::kMessages) {
    json.Object().Text("type", "error").Object("error").Text("type", MessagesErrorType(status));
    json.Text("message", message).EndObject();
    if (!request_id.empty()) {
      json.Text("request_id", request_id);
    }
    json.EndObject();
    return out;
  }
  json.Object().Object("error").Text("message", message).Text("type", OpenAiErrorType(status));
  json.Null("param");
  const std::string& code = error.code.empty() ? error.type : error.code;
  if (code.empty()) {
    json.Null("code");
  } else {
    json.Text("code", code);
  }
  json.EndObject().EndObject();
  return out;
}

}  // namespace reliability::sidecar::translate
