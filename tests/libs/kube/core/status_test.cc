#include "libs/kube/core/status.h"

#include <gtest/gtest.h>

#include <vector>

#include "libs/base/clock.h"

namespace reliability::kube {
namespace {

TEST(Status, CodeByHttpStatusAndReason) {
  struct Case {
    int http;
    const char* reason;
    Code code;
  };
  for (const Case& c : std::vector<Case>{{400, "BadRequest", Code::kInvalid},
                                         {401, "Unauthorized", Code::kDenied},
                                         {403, "Forbidden", Code::kDenied},
                                         {404, "NotFound", Code::kNotFound},
                                         {405, "MethodNotAllowed", Code::kUnsupported},
                                         {406, "NotAcceptable", Code::kUnsupported},
                                         {408, "Timeout", Code::kTimeout},
                                         {409, "Conflict", Code::kConflict},
                                         {409, "AlreadyExists", Code::kAlreadyExists},
                                         {410, "Expired", Code::kExpired},
                                         {410, "Gone", Code::kExpired},
                                         {413, "RequestEntityTooLarge", Code::kInvalid},
                                         {415, "UnsupportedMediaType", Code::kUnsupported},
                                         {418, "", Code::kInvalid},
                                         {422, "Invalid", Code::kInvalid},
                                         {429, "TooManyRequests", Code::kExhausted},
                                         {301, "", Code::kUnavailable},
                                         {500, "InternalError", Code::kUnavailable},
                                         {503, "ServiceUnavailable", Code::kUnavailable},
                                         {504, "Timeout", Code::kTimeout}}) {
    const std::string body = std::string(R"({"kind":"Status","status":"Failure","message":"m",)") +
                             R"("reason":")" + c.reason + R"(","code":)" + std::to_string(c.http) +
                             "}";
    const Error error = ErrorFromResponse(c.http, body, "");
    EXPECT_EQ(error.code, c.code) << c.http << c.reason;
    EXPECT_EQ(error.message, "m");
    EXPECT_EQ(error.reason, c.reason);
    EXPECT_FALSE(error.retry_after.has_value());
    EXPECT_EQ(ErrorFromStatusObject(body).code, c.code) << c.http << c.reason;
  }
}

TEST(Status, RetryAfterFromHeaderOrDetails) {
  const std::string body = R"({"message":"slow","code":429,"details":{"retryAfterSeconds":7}})";
  EXPECT_EQ(ErrorFromResponse(429, body, "").retry_after, Milliseconds(7'000));
  EXPECT_EQ(ErrorFromResponse(429, body, " 2 ").retry_after, Milliseconds(2'000));
  EXPECT_EQ(ErrorFromResponse(429, body, "Fri, 31 Dec 1999").retry_after, Milliseconds(7'000));
  EXPECT_EQ(ErrorFromResponse(429, "", "99999999999").retry_after, Milliseconds(86'400'000));
  EXPECT_EQ(ErrorFromResponse(503, "x", "1").retry_after, Milliseconds(1'000));
}

TEST(Status, PlainTextAnswersAreShown) {
  EXPECT_EQ(ErrorFromResponse(502, "bad gateway\n", "").message, "HTTP 502: bad gateway");
  EXPECT_EQ(ErrorFromResponse(500, "", "").message, "HTTP 500");
  EXPECT_EQ(ErrorFromResponse(500, "{\"x\":1}", "").message, "HTTP 500");
  EXPECT_EQ(ErrorFromResponse(500, std::string(1000, 'x'), "").message.size(), 210U);
}

TEST(Status, OddStatusObjectsDoNotHurt) {
  for (const char* text : {"", "7", "{}", R"({"code":"x"})", R"({"code":4)", R"({"details":7})",
                           R"({"message":7,"reason":[],"code":0})"}) {
    EXPECT_EQ(ErrorFromStatusObject(text).code, Code::kUnavailable) << text;
  }
}

}  // namespace
}  // namespace reliability::kube
