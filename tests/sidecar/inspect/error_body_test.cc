#include "sidecar/inspect/error_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "sidecar/inspect/llm_answer.h"
#include "sidecar/inspect/mcp_answer.h"

namespace reliability::sidecar::inspect {
namespace {

using nlohmann::json;
using policy::ErrorClass;

ErrorReply CircuitOpen() {
  ErrorReply reply;
  reply.error_class = ErrorClass::kCircuitOpen;
  reply.resource = "orders/search";
  reply.retry_after = Milliseconds{58'210};
  reply.remaining = Milliseconds{9120};
  reply.request_id = "req-1";
  return reply;
}

std::string Header(const MadeAnswer& answer, const std::string& name) {
  const auto found = std::find_if(answer.headers.begin(), answer.headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == answer.headers.end() ? "" : found->second;
}

void ExpectFields(const json& fields) {
  EXPECT_EQ(fields.at("error_type"), "circuit_open");
  EXPECT_EQ(fields.at("recoverable"), true);
  EXPECT_EQ(fields.at("retry_after_ms"), 58'210);
  EXPECT_EQ(fields.at("remaining_ms"), 9120);
  EXPECT_EQ(fields.at("suggestion"),
            "orders/search is unavailable; answer with what you have and say what could not be "
            "checked");
}

TEST(ErrorBody, OpenAi) {
  const MadeAnswer answer = OpenAiError(CircuitOpen());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(Header(answer, "x-should-retry"), "false");
  EXPECT_EQ(Header(answer, "Retry-After"), "59");
  EXPECT_EQ(Header(answer, "x-agent-error-class"), "circuit_open");
  EXPECT_EQ(Header(answer, "x-request-id"), "req-1");
  const json error = json::parse(answer.body).at("error");
  EXPECT_EQ(error.at("type"), "server_error");
  EXPECT_EQ(error.at("code"), "circuit_open");
  EXPECT_EQ(error.at("message"), "orders/search: circuit_open");
  EXPECT_TRUE(error.at("param").is_null());
  ExpectFields(error);
}

TEST(ErrorBody, Anthropic) {
  const MadeAnswer answer = AnthropicError(CircuitOpen());
  EXPECT_EQ(answer.status, 503);
  const json body = json::parse(answer.body);
  EXPECT_EQ(body.at("type"), "error");
  EXPECT_EQ(body.at("request_id"), "req-1");
  EXPECT_EQ(body.at("error").at("type"), "overloaded_error");
  ExpectFields(body.at("error"));
  ErrorReply quota;
  quota.error_class = ErrorClass::kQuotaExhausted;
  EXPECT_EQ(AnthropicError(quota).status, 402);
  EXPECT_EQ(OpenAiError(quota).status, 429);
}

TEST(ErrorBody, ATooLargeRequestIs413InEveryFormat) {
  ErrorReply reply;
  reply.error_class = ErrorClass::kInvalidRequest;
  reply.too_large = true;
  const MadeAnswer anthropic = AnthropicError(reply);
  EXPECT_EQ(anthropic.status, 413);
  EXPECT_EQ(json::parse(anthropic.body).at("error").at("type"), "request_too_large");
  const MadeAnswer openai = OpenAiError(reply);
  EXPECT_EQ(openai.status, 413);
  EXPECT_EQ(json::parse(openai.body).at("error").at("type"), "invalid_request_error");
  EXPECT_EQ(ProblemError(reply).status, 413);
  EXPECT_EQ(McpProtocolError(reply, "1").status, 413);
}

TEST(ErrorBody, Problem) {
  const MadeAnswer answer = ProblemError(CircuitOpen());
  EXPECT_EQ(answer.content_type, "application/problem+json");
  const json body = json::parse(answer.body);
  EXPECT_EQ(body.at("status"), 503);
  EXPECT_EQ(body.at("title"), "Service Unavailable");
  EXPECT_EQ(body.at("type"), "urn:agentreliability:error:circuit_open");
  ExpectFields(body);
}

TEST(ErrorBody, McpToolResultIsReadByTheModel) {
  const MadeAnswer answer = McpToolError(CircuitOpen(), "\"a\"", false);
  EXPECT_EQ(answer.status, 200);
  const json body = json::parse(answer.body);
  EXPECT_EQ(body.at("id"), "a");
  EXPECT_EQ(body.at("jsonrpc"), "2.0");
  const json& result = body.at("result");
  EXPECT_EQ(result.at("isError"), true);
  EXPECT_FALSE(result.contains("structuredContent"));  // could fail an outputSchema
  EXPECT_FALSE(result.contains("resultType"));
  ExpectFields(result.at("_meta").at("agentreliability.dev/error"));
  const std::string text = result.at("content").at(0).at("text");
  EXPECT_EQ(text.find('\n'), std::string::npos);
  ExpectFields(json::parse(text));
  EXPECT_EQ(json::parse(McpToolError(CircuitOpen(), "1", true).body).at("result").at("resultType"),
            "complete");
}

TEST(ErrorBody, McpProtocolErrors) {
  const MadeAnswer answer = McpProtocolError(CircuitOpen(), "");
  EXPECT_EQ(answer.status, 503);
  const json body = json::parse(answer.body);
  EXPECT_TRUE(body.at("id").is_null());
  EXPECT_EQ(body.at("error").at("code"), -32603);
  ExpectFields(body.at("error").at("data"));
  const MadeAnswer mismatch = McpHeaderMismatch("3");
  EXPECT_EQ(mismatch.status, 400);
  EXPECT_EQ(json::parse(mismatch.body).at("error").at("code"), -32020);
  EXPECT_EQ(json::parse(mismatch.body).at("id"), 3);
}

TEST(ErrorBody, ModeRefusalIs503WithoutRetry) {
  ErrorReply reply;
  reply.error_class = ErrorClass::kPaused;
  reply.retry_after = Milliseconds{30'000};
  for (const MadeAnswer& answer :
       {OpenAiError(reply), AnthropicError(reply), ProblemError(reply)}) {
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(Header(answer, "Retry-After"), "30");
    EXPECT_EQ(Header(answer, "x-should-retry"), "false");
  }
}

TEST(ErrorBody, RetryAfterOnlyWhenKnownAndNeverZero) {
  ErrorReply reply;
  reply.error_class = ErrorClass::kTimeoutTotal;
  EXPECT_EQ(Header(OpenAiError(reply), "Retry-After"), "");
  EXPECT_EQ(json::parse(OpenAiError(reply).body).at("error").contains("retry_after_ms"), false);
  EXPECT_EQ(OpenAiError(reply).status, 504);
  reply.retry_after = Milliseconds{0};
  EXPECT_EQ(Header(OpenAiError(reply), "Retry-After"), "1");
}

TEST(ErrorBody, EveryClassGivesValidJson) {
  for (int i = 0; i < policy::kErrorClassCount; ++i) {
    ErrorReply reply;
    reply.error_class = static_cast<ErrorClass>(i);
    reply.resource = "we\"ird\n\xff";
    reply.message = "line\nbreak";
    for (const MadeAnswer& answer :
         {OpenAiError(reply), AnthropicError(reply), ProblemError(reply),
          McpToolError(reply, "1", true), McpProtocolError(reply, "1")}) {
      EXPECT_TRUE(json::accept(answer.body)) << answer.body;
      EXPECT_GE(answer.status, 200);
    }
  }
}

TEST(ErrorBody, ASlowRequestIs408InEveryFormat) {
  ErrorReply reply;
  reply.error_class = ErrorClass::kInvalidRequest;
  reply.too_slow = true;
  for (const MadeAnswer& answer : {OpenAiError(reply), AnthropicError(reply), ProblemError(reply),
                                   McpProtocolError(reply, "1")}) {
    EXPECT_EQ(answer.status, 408);
  }
  EXPECT_EQ(json::parse(AnthropicError(reply).body).at("error").at("type"),
            "invalid_request_error");
  EXPECT_EQ(json::parse(ProblemError(reply).body).at("title"), "Request Timeout");
}

TEST(ErrorBody, StreamErrorsAreSeenAsErrorsByAWatcher) {
  LlmAnswer openai(LlmApi::kOpenAIChat, AnswerShape::kStream);
  openai.Feed(OpenAiStreamError(CircuitOpen()));
  openai.Finish(true);
  EXPECT_TRUE(openai.error().has_value());
  EXPECT_FALSE(openai.terminal());
  LlmAnswer anthropic(LlmApi::kAnthropicMessages, AnswerShape::kStream);
  anthropic.Feed(AnthropicStreamError(CircuitOpen()));
  anthropic.Finish(true);
  EXPECT_EQ(anthropic.error()->type, "overloaded_error");
  McpRequest request;
  request.id_json = "5";
  McpAnswer mcp(request, AnswerShape::kStream);
  mcp.Feed(McpStreamError(CircuitOpen(), "5", false));
  mcp.Finish(true);
  EXPECT_TRUE(mcp.is_error());
  EXPECT_EQ(mcp.hint().error_type, "circuit_open");
}

TEST(ErrorBody, AResponsesStreamErrorIsSeenByBothSdks) {
  const std::string event = ResponsesStreamError(CircuitOpen());
  ASSERT_TRUE(event.starts_with("event: error\ndata: "));
  const json body = json::parse(event.substr(event.find('{')));
  EXPECT_EQ(body.at("type"), "error");
  EXPECT_EQ(body.at("code"), "circuit_open");
  EXPECT_EQ(body.at("error").at("code"), "circuit_open");
  ExpectFields(body.at("error"));
}

TEST(ErrorBody, AnUnknownOutcomeSaysToLookFirst) {
  ErrorReply reply;
  reply.error_class = ErrorClass::kResetBeforeHeaders;
  reply.resource = "orders/refund";
  EXPECT_FALSE(json::parse(ErrorFields(reply)).contains("outcome"));
  reply.outcome_unknown = true;
  const json fields = json::parse(ErrorFields(reply));
  EXPECT_EQ(fields.at("outcome"), "unknown");
  EXPECT_EQ(fields.at("verify_before_retry"), true);
  EXPECT_EQ(fields.at("suggestion"),
            "it is not known whether orders/refund took effect: check before you call it again");
}

TEST(ErrorBody, OwnSuggestionAndPlainErrors) {
  ErrorReply reply = CircuitOpen();
  reply.suggestion = "do this";
  EXPECT_EQ(json::parse(ErrorFields(reply)).at("suggestion"), "do this");
  for (const int status : {400, 403, 404, 405, 408, 413, 429, 431, 501, 502, 503, 504}) {
    const MadeAnswer answer = PlainError(status, "bad_request", "two content lengths");
    EXPECT_EQ(answer.status, status);
    const json body = json::parse(answer.body);
    EXPECT_EQ(body.at("status"), status);
    EXPECT_EQ(body.at("error_type"), "bad_request");
    EXPECT_EQ(body.at("detail"), "two content lengths");
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
