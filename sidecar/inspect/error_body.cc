#include "sidecar/inspect/error_body.h"

#include <algorithm>

#include "libs/base/strings.h"

namespace reliability::sidecar::inspect {
namespace {

using policy::ErrorClass;
using policy::TraitsOf;

constexpr int kJsonRpcInternal = -32603;
constexpr int kHeaderMismatch = -32020;

std::string Number(std::int64_t value) { return std::to_string(value); }

std::string MessageOf(const ErrorReply& reply) {
  if (!reply.message.empty()) {
    return reply.message;
  }
  const std::string name(ErrorClassName(reply.error_class));
  return reply.resource.empty() ? name : reply.resource + ": " + name;
}

std::string SuggestionOf(const ErrorReply& reply) {
  if (!reply.suggestion.empty()) {
    return reply.suggestion;
  }
  if (reply.outcome_unknown) {
    return "it is not known whether " + (reply.resource.empty() ? "the call" : reply.resource) +
           " took effect: check before you call it again";
  }
  const std::string general(TraitsOf(reply.error_class).suggestion);
  const bool about_resource = general.starts_with("answer with") && !reply.resource.empty();
  return about_resource ? reply.resource + " is unavailable; " + general : general;
}

// `"error_type":…,…` without braces, for objects that hold more.
std::string Fields(const ErrorReply& reply) {
  std::string out = "\"error_type\":" + JsonString(ErrorClassName(reply.error_class));
  if (reply.outcome_unknown) {
    out += R"(,"outcome":"unknown")";
  }
  out += ",\"recoverable\":";
  out += TraitsOf(reply.error_class).recoverable ? "true" : "false";
  if (reply.remaining) {
    out += ",\"remaining_ms\":" + Number(reply.remaining->count());
  }
  if (reply.retry_after) {
    out += ",\"retry_after_ms\":" + Number(reply.retry_after->count());
  }
  out += ",\"suggestion\":" + JsonString(SuggestionOf(reply));
  if (reply.outcome_unknown) {
    out += R"(,"verify_before_retry":true)";
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Headers(const ErrorReply& reply) {
  std::vector<std::pair<std::string, std::string>> headers = {
      {"x-agent-error-class", std::string(ErrorClassName(reply.error_class))},
      {"x-should-retry", "false"}};  // else the SDK's retries multiply ours
  if (reply.retry_after) {
    const std::int64_t seconds = (reply.retry_after->count() + 999) / 1000;
    headers.emplace_back("Retry-After", Number(std::max<std::int64_t>(1, seconds)));
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

std::string OpenAiBody(const ErrorReply& reply) {
  return "{\"error\":{\"code\":" + JsonString(ErrorClassName(reply.error_class)) +
         ",\"message\":" + JsonString(MessageOf(reply)) +
         ",\"param\":null,\"type\":" + JsonString(TraitsOf(reply.error_class).openai_type) + "," +
         Fields(reply) + "}}";
}

std::string AnthropicBody(const ErrorReply& reply) {
  std::string body = "{\"error\":{\"message\":" + JsonString(MessageOf(reply)) +
                     ",\"type\":" + JsonString(ShownAs(reply).anthropic_type) + "," +
                     Fields(reply) + "}";
  if (!reply.request_id.empty()) {
    body += ",\"request_id\":" + JsonString(reply.request_id);
  }
  return body + ",\"type\":\"error\"}";
}

std::string IdOrNull(std::string_view id_json) {
  return id_json.empty() ? "null" : std::string(id_json);
}

std::string McpResult(const ErrorReply& reply, std::string_view id_json, bool stateless) {
  const std::string fields = ErrorFields(reply);
  return "{\"id\":" + IdOrNull(id_json) +
         ",\"jsonrpc\":\"2.0\",\"result\":{\"_meta\":{\"agentreliability.dev/error\":" + fields +
         "},\"content\":[{\"text\":" + JsonString(fields) +
         ",\"type\":\"text\"}],\"isError\":true" +
         (stateless ? ",\"resultType\":\"complete\"" : "") + "}}";
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

std::string ErrorFields(const ErrorReply& reply) { return "{" + Fields(reply) + "}"; }

MadeAnswer OpenAiError(const ErrorReply& reply) { return Make(reply, OpenAiBody(reply)); }

MadeAnswer AnthropicError(const ErrorReply& reply) {
  MadeAnswer answer = Make(reply, AnthropicBody(reply));
  answer.status = ShownAs(reply).anthropic_status;
  return answer;
}

MadeAnswer ProblemError(const ErrorReply& reply) {
  MadeAnswer answer = Make(reply, {});
  answer.content_type = "application/problem+json";
  answer.body =
      "{\"detail\":" + JsonString(MessageOf(reply)) + "," + Fields(reply) +
      ",\"status\":" + Number(answer.status) + ",\"title\":" + JsonString(Reason(answer.status)) +
      ",\"type\":" +
      JsonString("urn:agentreliability:error:" + std::string(ErrorClassName(reply.error_class))) +
      "}";
  return answer;
}

MadeAnswer McpToolError(const ErrorReply& reply, std::string_view id_json, bool stateless) {
  MadeAnswer answer = Make(reply, McpResult(reply, id_json, stateless));
  answer.status = 200;  // the model, not the transport, has to read it
  return answer;
}

MadeAnswer McpProtocolError(const ErrorReply& reply, std::string_view id_json) {
  return Make(reply, "{\"error\":{\"code\":" + Number(kJsonRpcInternal) + ",\"data\":" +
                         ErrorFields(reply) + ",\"message\":" + JsonString(MessageOf(reply)) +
                         "},\"id\":" + IdOrNull(id_json) + ",\"jsonrpc\":\"2.0\"}");
}

MadeAnswer McpHeaderMismatch(std::string_view id_json) {
  ErrorReply reply;
  reply.error_class = ErrorClass::kInvalidRequest;
  reply.message = "Mcp-Method or Mcp-Name does not match the body";
  MadeAnswer answer = Make(reply, "{\"error\":{\"code\":" + Number(kHeaderMismatch) +
                                      ",\"message\":" + JsonString(reply.message) +
                                      "},\"id\":" + IdOrNull(id_json) + ",\"jsonrpc\":\"2.0\"}");
  answer.status = 400;
  return answer;
}

std::string OpenAiStreamError(const ErrorReply& reply) {
  return "data: " + OpenAiBody(reply) + "\n\n";
}

std::string ResponsesStreamError(const ErrorReply& reply, std::int64_t sequence) {
  const std::string fields = "\"code\":" + JsonString(ErrorClassName(reply.error_class)) +
                             ",\"message\":" + JsonString(MessageOf(reply)) + ",\"param\":null";
  return "event: error\ndata: {" + fields + ",\"error\":{" + fields +
         ",\"type\":" + JsonString(TraitsOf(reply.error_class).openai_type) + "," + Fields(reply) +
         "},\"sequence_number\":" + Number(sequence) + ",\"type\":\"error\"}\n\n";
}

std::string AnthropicStreamError(const ErrorReply& reply) {
  return "event: error\ndata: " + AnthropicBody(reply) + "\n\n";
}

std::string McpStreamError(const ErrorReply& reply, std::string_view id_json, bool stateless) {
  return "event: message\ndata: " + McpResult(reply, id_json, stateless) + "\n\n";
}

MadeAnswer PlainError(int status, std::string_view error_type, std::string_view detail) {
  MadeAnswer answer;
  answer.status = status;
  answer.content_type = "application/problem+json";
  answer.headers = {{"x-agent-error-class", std::string(error_type)}, {"x-should-retry", "false"}};
  answer.body =
      "{\"detail\":" + JsonString(detail) + ",\"error_type\":" + JsonString(error_type) +
      ",\"recoverable\":false,\"status\":" + Number(status) +
      ",\"suggestion\":" + JsonString(detail) + ",\"title\":" + JsonString(Reason(status)) +
      ",\"type\":" + JsonString("urn:agentreliability:error:" + std::string(error_type)) + "}";
  return answer;
}

}  // namespace reliability::sidecar::inspect
