#include "libs/policy/classifier.h"

#include <gtest/gtest.h>

#include <vector>

namespace reliability::policy {
namespace {

using enum ErrorClass;

struct Case {
  const char* what;
  Protocol protocol;
  int status;
  ProviderError error;
  ErrorClass expected;
};

TEST(Classifier, BodyDecidesBeforeStatus) {
  const std::vector<Case> cases = {
      {"success", Protocol::kOpenAI, 200, {}, kNone},
      {"quota by code",
       Protocol::kOpenAI,
       429,
       {"insufficient_quota", "credit_balance_exhausted", "", ""},
       kQuotaExhausted},
      {"quota by type only",
       Protocol::kOpenAI,
       429,
       {"insufficient_quota", "", "", ""},
       kQuotaExhausted},
      {"project limit",
       Protocol::kOpenAI,
       429,
       {"", "project_spend_limit_exceeded", "", ""},
       kQuotaExhausted},
      {"anthropic spend limit",
       Protocol::kAnthropic,
       429,
       {"rate_limit_error", "", "enforced_spend_limit_reached", ""},
       kQuotaExhausted},
      {"anthropic 400 spend limit",
       Protocol::kAnthropic,
       400,
       {"invalid_request_error", "", "", "Your credit balance is too low to access"},
       kQuotaExhausted},
      {"402", Protocol::kOpenAI, 402, {}, kQuotaExhausted},
      {"402 of a tool", Protocol::kHttp, 402, {}, kQuotaExhausted},
      {"rate limit",
       Protocol::kOpenAI,
       429,
       {"requests", "rate_limit_exceeded", "", ""},
       kRateLimited},
      {"slow down", Protocol::kOpenAI, 503, {"", "slow_down", "", ""}, kRateLimited},
      {"429 without body", Protocol::kOpenAI, 429, {}, kRateLimited},
      {"overloaded 503", Protocol::kOpenAI, 503, {"", "server_is_overloaded", "", ""}, kOverloaded},
      {"529", Protocol::kAnthropic, 529, {"overloaded_error", "", "", ""}, kOverloaded},
      {"503", Protocol::kOpenAI, 503, {}, kServerError},
      {"500", Protocol::kAnthropic, 500, {"api_error", "", "", ""}, kServerError},
      {"504 relayed", Protocol::kMcp, 504, {}, kServerError},
      {"408", Protocol::kMcp, 408, {}, kServerError},
      {"context length",
       Protocol::kOpenAI,
       400,
       {"", "context_length_exceeded", "", ""},
       kContextLength},
      {"prompt too long",
       Protocol::kAnthropic,
       400,
       {"invalid_request_error", "", "", "prompt is too long: 210000 tokens"},
       kContextLength},
      {"content policy",
       Protocol::kOpenAI,
       400,
       {"", "content_policy_violation", "", ""},
       kContentFilter},
      {"invalid", Protocol::kOpenAI, 400, {"invalid_request_error", "", "", ""}, kInvalidRequest},
      {"401", Protocol::kOpenAI, 401, {}, kAuth},
      {"403", Protocol::kHttp, 403, {}, kAuth},
      {"404", Protocol::kMcp, 404, {}, kNotFound},
      {"413", Protocol::kAnthropic, 413, {"request_too_large", "", "", ""}, kInvalidRequest},
      {"304 of a tool", Protocol::kHttp, 304, {}, kNone},
      {"redirect of an LLM", Protocol::kOpenAI, 302, {}, kInvalidRequest},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ClassifyResponse(c.protocol, c.status, c.error), c.expected) << c.what;
  }
}

TEST(Classifier, ToolBodiesAreNotReadAsProviderErrors) {
  // A tool may call its own errors what it likes: its status counts.
  EXPECT_EQ(ClassifyResponse(Protocol::kHttp, 500, {"", "insufficient_quota", "", ""}),
            kServerError);
}

TEST(Classifier, ErrorEventInsideA200IsTheEmbeddedClass) {
  EXPECT_EQ(ClassifyEmbedded(Protocol::kAnthropic, {"overloaded_error", "", "", ""}), kOverloaded);
  EXPECT_EQ(ClassifyEmbedded(Protocol::kOpenAI, {"server_error", "", "", ""}), kServerError);
  EXPECT_EQ(ClassifyEmbedded(Protocol::kOpenAI, {"", "rate_limit_exceeded", "", ""}), kRateLimited);
  EXPECT_EQ(ClassifyEmbedded(Protocol::kAnthropic,
                             {"invalid_request_error", "", "", "prompt is too long"}),
            kContextLength);
  EXPECT_EQ(ClassifyEmbedded(Protocol::kOpenAI, {"something_new", "", "", ""}), kServerError);
}

TEST(Classifier, JsonRpcCodes) {
  EXPECT_EQ(ClassifyJsonRpcError(200, -32602), kToolErrorPermanent);
  EXPECT_EQ(ClassifyJsonRpcError(200, -32601), kToolErrorPermanent);
  EXPECT_EQ(ClassifyJsonRpcError(200, -32603), kToolErrorTransient);
  EXPECT_EQ(ClassifyJsonRpcError(200, -32000), kToolErrorTransient);
  EXPECT_EQ(ClassifyJsonRpcError(200, -32019), kToolErrorTransient);
  EXPECT_EQ(ClassifyJsonRpcError(200, -32002), kToolErrorPermanent);
  EXPECT_EQ(ClassifyJsonRpcError(200, -32020), kToolErrorPermanent);
  EXPECT_EQ(ClassifyJsonRpcError(200, -32042), kDeferred);
  EXPECT_EQ(ClassifyJsonRpcError(200, 4711), kToolErrorPermanent);
}

TEST(Classifier, SessionErrorsAreNoBreakerFailures) {
  for (const ErrorClass seen :
       {ClassifyJsonRpcError(404, -32001), ClassifyJsonRpcError(400, -32000)}) {
    EXPECT_EQ(TraitsOf(seen).breaker, BreakerEffect::kNone);
  }
}

TEST(Classifier, ToolErrorIsTransientOnlyByAStructuredHint) {
  EXPECT_EQ(ClassifyToolError({}), kToolErrorPermanent);
  EXPECT_EQ(ClassifyToolError({true, {}, ""}), kToolErrorTransient);
  EXPECT_EQ(ClassifyToolError({{}, true, ""}), kToolErrorTransient);
  EXPECT_EQ(ClassifyToolError({{}, false, ""}), kToolErrorPermanent);
  EXPECT_EQ(ClassifyToolError({{}, {}, "timeout"}), kToolErrorTransient);
  EXPECT_EQ(ClassifyToolError({{}, {}, "rate_limited"}), kToolErrorTransient);
  EXPECT_EQ(ClassifyToolError({{}, {}, "circuit_open"}), kToolErrorTransient);
  EXPECT_EQ(ClassifyToolError({true, {}, "validation_error"}), kToolErrorPermanent);
}

TEST(Classifier, Example17AMissingFileIsRecoverableButNoFailureOfTheTool) {
  EXPECT_EQ(ClassifyToolError({{}, true, "not_found"}), kToolErrorPermanent);
}

TEST(Classifier, TransportEvents) {
  EXPECT_EQ(ClassifyTransport(TransportEvent::kConnectFailed), kConnect);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kReset), kResetBeforeHeaders);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kCutBody), kStreamTruncated);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kProtocolError), kMalformed);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kConnectTimeout), kTimeoutConnect);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kFirstTokenTimeout), kTimeoutFirstToken);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kIdleTimeout), kTimeoutIdle);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kTotalTimeout), kTimeoutTotal);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kDeadline), kDeadlineExceeded);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kLocalFailure), kLocalOutage);
  EXPECT_EQ(ClassifyTransport(TransportEvent::kClientGone), kClientCancelled);
}

}  // namespace
}  // namespace reliability::policy
