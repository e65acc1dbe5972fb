#include "sidecar/inspect/error_body.h"

#include <algorithm>

#include "sidecar/inspect/json_text.h"

namespace reliability::sidecar::inspect {
namespace {

using policy::ErrorClass;
using policy::TraitsOf;

constexpr int kJsonRpcInternal = -32603;
constexpr int kHeaderMismatch = -32020;
constexpr std::string_view kErrorUrn = "urn:agentreliability:error:";

Quoted NameOf(const ErrorReply& reply) { return {ErrorClassName(reply.error_class)}; }

struct Message {  // quoted
  const ErrorReply& of;
};
void Put(std::string& out, const Message& message) {
  const ErrorReply& reply = message.of;
  if (!reply.message.empty()) {
    Append(out, Quoted{reply.message});
  } else if (reply.resource.empty()) {
    Append(out, NameOf(reply));
  } else {
    Append(out, "\"", Escaped{reply.resource}, ": ", NameOf(reply).text, "\"");
  }
}

struct Suggestion {  // the inside of a quoted text
  const ErrorReply& of;
};
void Put(std::string& out, const Suggestion& suggestion) {
  const ErrorReply& reply = suggestion.of;
  if (!reply.suggestion.empty()) {
    Append(out, Escaped{reply.suggestion});
    return;
  }
  if (reply.outcome_unknown) {
    const std::string_view what =
        reply.resource.empty() ? "the call" : std::string_view(reply.resource);
    Append(out, "it is not known whether ", Escaped{what},
           " took effect: check before you call it again");
    return;
  }
  const std::string_view general = TraitsOf(reply.error_class).suggestion;
  if (general.starts_with("answer with") && !reply.resource.empty()) {
    Append(out, Escaped{reply.resource}, " is unavailable; ");
  }
  Append(out, Escaped{general});
}

// `"error_type":…,…` without braces, for objects that hold more.
struct Fields {
  const ErrorReply& of;
};
void Put(std::string& out, const Fields& fields) {
  const ErrorReply& reply = fields.of;
  Append(out, "\"error_type\":", NameOf(reply));
  if (reply.outcome_unknown) {
    Append(out, R"(,"outcome":"unknown")");
  }
  Append(out, ",\"recoverable\":", TraitsOf(reply.error_class).recoverable ? "true" : "false");
  if (reply.remaining) {
    Append(out, ",\"remaining_ms\":", reply.remaining->count());
  }
  if (reply.retry_after) {
    Append(out, ",\"retry_after_ms\":", reply.retry_after->count());
  }
  Append(out, ",\"suggestion\":\"", Suggestion{reply}, "\"");
  if (reply.outcome_unknown) {
    Append(out, R"(,"verify_before_retry":true)");
  }
}

std::vector<MadeField> Headers(const ErrorReply& reply) {
  std::vector<MadeField> headers;
  headers.reserve(4);
  headers.emplace_back("x-agent-error-class", ErrorClassName(reply.error_class));
  headers.emplace_back("x-should-retry", "false");  // else the SDK's retries multiply ours
  if (reply.retry_after) {
    const std::int64_t seconds = (reply.retry_after->count() + 999) / 1000;
    headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(1, seconds)));
  }
  if (!reply.request_id.empty()) {
    headers.emplace_back("x-request-id", reply.request_id);
  }
  return headers;
}

// What names the error in front of its fields.
struct Shown {
  int status;
  int anthropic_status;
  std::string_view anthropic_type;
};

Shown ShownAs(const ErrorReply& reply) {
  if (reply.too_large) {
    return {413, 413, "request_too_large"};
  }
  const policy::ClassTraits& traits = TraitsOf(reply.error_class);
  if (reply.too_slow) {
    return {408, 408, traits.anthropic_type};
  }
  const int status = traits.http_status == 0 ? 500 : traits.http_status;
  return {status, traits.anthropic_status == 0 ? status : traits.anthropic_status,
          traits.anthropic_type};
}

MadeAnswer Make(const ErrorReply& reply, std::string body) {
  MadeAnswer answer;
  answer.status = ShownAs(reply).status;
  answer.content_type = "application/json";
  answer.headers = Headers(reply);
  answer.body = std::move(body);
  return answer;
}

struct OpenAiBody {
  const ErrorReply& of;
};
void Put(std::string& out, const OpenAiBody& body) {
  const ErrorReply& reply = body.of;
  Append(out, "{\"error\":{\"code\":", NameOf(reply), ",\"message\":", Message{reply},
         ",\"param\":null,\"type\":", Quoted{TraitsOf(reply.error_class).openai_type}, ",",
         Fields{reply}, "}}");
}

struct AnthropicBody {
  const ErrorReply& of;
};
void Put(std::string& out, const AnthropicBody& body) {
  const ErrorReply& reply = body.of;
  Append(out, "{\"error\":{\"message\":", Message{reply},
         ",\"type\":", Quoted{ShownAs(reply).anthropic_type}, ",", Fields{reply}, "}");
  if (!reply.request_id.empty()) {
    Append(out, ",\"request_id\":", Quoted{reply.request_id});
  }
  Append(out, ",\"type\":\"error\"}");
}

std::string_view IdOrNull(std::string_view id_json) { return id_json.empty() ? "null" : id_json; }

struct McpResult {
  const ErrorReply& of;
  std::string_view id_json;
  bool stateless;
};
void Put(std::string& out, const McpResult& result) {
  const std::string fields = ErrorFields(result.of);
  Append(out, "{\"id\":", IdOrNull(result.id_json),
         ",\"jsonrpc\":\"2.0\",\"result\":{\"_meta\":{\"agentreliability.dev/error\":", fields,
         "},\"content\":[{\"text\":", Quoted{fields}, ",\"type\":\"text\"}],\"isError\":true",
         result.stateless ? ",\"resultType\":\"complete\"" : "", "}}");
}

std::string_view Reason(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Error";
  }
}

}  // namespace

std::string ErrorFields(const ErrorReply& reply) { return TextOf("{", Fields{reply}, "}"); }

MadeAnswer OpenAiError(const ErrorReply& reply) { return Make(reply, TextOf(OpenAiBody{reply})); }

MadeAnswer AnthropicError(const ErrorReply& reply) {
  MadeAnswer answer = Make(reply, TextOf(AnthropicBody{reply}));
  answer.status = ShownAs(reply).anthropic_status;
  return answer;
}

MadeAnswer ProblemError(const ErrorReply& reply) {
  MadeAnswer answer = Make(reply, {});
  answer.content_type = "application/problem+json";
  answer.body = TextOf("{\"detail\":", Message{reply}, ",", Fields{reply},
                       ",\"status\":", answer.status, ",\"title\":", Quoted{Reason(answer.status)},
                       ",\"type\":\"", kErrorUrn, NameOf(reply).text, "\"}");
  return answer;
}

MadeAnswer McpToolError(const ErrorReply& reply, std::string_view id_json, bool stateless) {
  MadeAnswer answer = Make(reply, TextOf(McpResult{reply, id_json, stateless}));
  answer.status = 200;  // the model, not the transport, has to read it
  return answer;
}

MadeAnswer McpProtocolError(const ErrorReply& reply, std::string_view id_json) {
  return Make(reply, TextOf("{\"error\":{\"code\":", kJsonRpcInternal, ",\"data\":{", Fields{reply},
                            "},\"message\":", Message{reply}, "},\"id\":", IdOrNull(id_json),
                            ",\"jsonrpc\":\"2.0\"}"));
}

MadeAnswer McpHeaderMismatch(std::string_view id_json) {
  ErrorReply reply;
  reply.error_class = ErrorClass::kInvalidRequest;
  reply.message = "Mcp-Method or Mcp-Name does not match the body";
  MadeAnswer answer =
      Make(reply, TextOf("{\"error\":{\"code\":", kHeaderMismatch, ",\"message\":", Message{reply},
                         "},\"id\":", IdOrNull(id_json), ",\"jsonrpc\":\"2.0\"}"));
  answer.status = 400;
  return answer;
}

std::string OpenAiStreamError(const ErrorReply& reply) {
  return TextOf("data: ", OpenAiBody{reply}, "\n\n");
}

std::string ResponsesStreamError(const ErrorReply& reply, std::int64_t sequence) {
  const std::string fields =
      TextOf("\"code\":", NameOf(reply), ",\"message\":", Message{reply}, ",\"param\":null");
  return TextOf("event: error\ndata: {", fields, ",\"error\":{", fields,
                ",\"type\":", Quoted{TraitsOf(reply.error_class).openai_type}, ",", Fields{reply},
                "},\"sequence_number\":", sequence, ",\"type\":\"error\"}\n\n");
}

std::string AnthropicStreamError(const ErrorReply& reply) {
  return TextOf("event: error\ndata: ", AnthropicBody{reply}, "\n\n");
}

std::string McpStreamError(const ErrorReply& reply, std::string_view id_json, bool stateless) {
  return TextOf("event: message\ndata: ", McpResult{reply, id_json, stateless}, "\n\n");
}

MadeAnswer PlainError(int status, std::string_view error_type, std::string_view detail) {
  MadeAnswer answer;
  answer.status = status;
  answer.content_type = "application/problem+json";
  answer.headers = {{"x-agent-error-class", std::string(error_type)}, {"x-should-retry", "false"}};
  answer.body = TextOf("{\"detail\":", Quoted{detail}, ",\"error_type\":", Quoted{error_type},
                       ",\"recoverable\":false,\"status\":", status,
                       ",\"suggestion\":", Quoted{detail}, ",\"title\":", Quoted{Reason(status)},
                       ",\"type\":\"", kErrorUrn, Escaped{error_type}, "\"}");
  return answer;
}

}  // namespace reliability::sidecar::inspect
