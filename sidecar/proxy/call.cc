#include "sidecar/proxy/call.h"

namespace reliability::sidecar::proxy {
namespace {

bool Anthropic(const Call& call) {
  return call.route->format == sidecar_config::LlmFormat::kAnthropic;
}

bool RefusedByMode(policy::ErrorClass error_class) {
  return error_class == policy::ErrorClass::kPaused ||
         error_class == policy::ErrorClass::kThrottled;
}

}  // namespace

std::string ResourceName(const Call& call) {
  if (call.kind == CallKind::kMcpTool && !call.mcp.tool.empty()) {
    return call.route->name + "/" + call.mcp.tool;
  }
  return call.route->name;
}

policy::Protocol ProtocolOf(const Call& call) {
  switch (call.kind) {
    case CallKind::kLlm:
    case CallKind::kLlmOther:
      return Anthropic(call) ? policy::Protocol::kAnthropic : policy::Protocol::kOpenAI;
    case CallKind::kMcpTool:
    case CallKind::kMcpOther:
      return policy::Protocol::kMcp;
    case CallKind::kHttpTool:
      break;
  }
  return policy::Protocol::kHttp;
}

inspect::MadeAnswer MakeAnswer(const Call& call, const inspect::ErrorReply& reply) {
  switch (call.kind) {
    case CallKind::kLlm:
    case CallKind::kLlmOther:
      return Anthropic(call) ? inspect::AnthropicError(reply) : inspect::OpenAiError(reply);
    case CallKind::kMcpTool:
      // A mode refusal is a 503 for every caller (operator ruling 25), a batch has no single id.
      if (RefusedByMode(reply.error_class) || call.mcp.id_json.empty()) {
        return inspect::McpProtocolError(reply, call.mcp.id_json);
      }
      return inspect::McpToolError(reply, call.mcp.id_json, call.stateless);
    case CallKind::kMcpOther:
      return inspect::McpProtocolError(reply, call.mcp.id_json);
    case CallKind::kHttpTool:
      break;
  }
  return inspect::ProblemError(reply);
}

std::string MakeStreamError(const Call& call, const inspect::ErrorReply& reply) {
  switch (call.kind) {
    case CallKind::kLlm:
      if (call.answer_api == inspect::LlmApi::kOpenAIResponses) {
        return inspect::ResponsesStreamError(reply);
      }
      return Anthropic(call) ? inspect::AnthropicStreamError(reply)
                             : inspect::OpenAiStreamError(reply);
    case CallKind::kMcpTool:
      return call.mcp.id_json.empty()
                 ? std::string{}
                 : inspect::McpStreamError(reply, call.mcp.id_json, call.stateless);
    case CallKind::kLlmOther:
    case CallKind::kMcpOther:
    case CallKind::kHttpTool:
      break;
  }
  return {};
}

std::string MakeStreamEnd(const Call& call) {
  if (call.kind != CallKind::kLlm || call.answer_api == inspect::LlmApi::kOpenAIResponses) {
    return {};
  }
  return Anthropic(call) ? "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
                         : "data: [DONE]\n\n";
}

}  // namespace reliability::sidecar::proxy
