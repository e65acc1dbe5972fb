#include <gtest/gtest.h>

#include <string>

#include "sidecar/inspect/llm_answer.h"

namespace reliability::sidecar::inspect {
namespace {

using policy::ErrorClass;

std::string Event(const std::string& type, const std::string& more = {}) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + more + "}\n\n";
}

LlmAnswer Stream(const std::string& text, bool clean = true) {
  LlmAnswer answer(LlmApi::kOpenAIResponses, AnswerShape::kStream);
  answer.Feed(text);
  answer.Finish(clean);
  return answer;
}

ErrorClass Json(int status, const std::string& body) {
  LlmAnswer answer(LlmApi::kOpenAIResponses,
                   status >= 400 ? AnswerShape::kError : AnswerShape::kJson);
  answer.Feed(body);
  answer.Finish(true);
  return answer.Classify(status);
}

TEST(ResponsesAnswer, StartUpEventsAreNoContent) {
  const std::string start = Event("response.created", R"(,"response":{"error":null})") +
                            Event("response.in_progress") + Event("response.queued");
  EXPECT_FALSE(Stream(start).first_token());
  EXPECT_TRUE(Stream(start + Event("response.output_item.added")).first_token());
  EXPECT_TRUE(Stream(start + Event("response.output_text.delta", R"(,"delta":"a")")).first_token());
}

TEST(ResponsesAnswer, TheEndOfAStream) {
  const std::string delta = Event("response.output_text.delta", R"(,"delta":"a")");
  EXPECT_EQ(Stream(delta + Event("response.completed")).Classify(200), ErrorClass::kNone);
  EXPECT_EQ(Stream(delta + Event("response.incomplete")).Classify(200), ErrorClass::kNone);
  EXPECT_EQ(Stream(delta).Classify(200), ErrorClass::kStreamTruncated);
  EXPECT_EQ(Stream(delta, false).Classify(200), ErrorClass::kStreamTruncated);
}

TEST(ResponsesAnswer, ALastEventThatIsTooLargeToReadIsBelieved) {
  const std::string delta = Event("response.output_text.delta", R"(,"delta":"a")");
  const std::string large(std::size_t{3} << 20U, 'x');
  const std::string last = Event("response.completed", R"(,"response":{"text":")" + large + "\"}");
  EXPECT_EQ(Stream(delta + last).Classify(200), ErrorClass::kNone);
  EXPECT_EQ(Stream(delta + last, false).Classify(200), ErrorClass::kStreamTruncated);
}

TEST(ResponsesAnswer, ErrorsInsideAStreamHaveTheirOwnClass) {
  EXPECT_EQ(
      Stream(Event("error", R"(,"code":"rate_limit_exceeded","message":"slow")")).Classify(200),
      ErrorClass::kRateLimited);
  EXPECT_EQ(Stream(Event("response.failed",
                         R"(,"response":{"error":{"code":"server_error","message":"x"}})"))
                .Classify(200),
            ErrorClass::kServerError);
  EXPECT_EQ(Stream(Event("error", R"(,"error":{"code":"insufficient_quota"})")).Classify(200),
            ErrorClass::kQuotaExhausted);
}

TEST(ResponsesAnswer, WholeAnswersAndErrors) {
  EXPECT_EQ(Json(200, R"({"id":"r","status":"completed","error":null,"output":[]})"),
            ErrorClass::kNone);
  EXPECT_EQ(Json(200, R"({"id":"r","status":"failed","error":{"code":"server_error"}})"),
            ErrorClass::kServerError);
  EXPECT_EQ(Json(200, R"({"id":)"), ErrorClass::kMalformed);
  EXPECT_EQ(Json(429, R"({"error":{"type":"insufficient_quota"}})"), ErrorClass::kQuotaExhausted);
  EXPECT_EQ(Json(400, R"({"error":{"code":"context_length_exceeded"}})"),
            ErrorClass::kContextLength);
  EXPECT_EQ(Json(503, "busy"), ErrorClass::kServerError);
}

TEST(ResponsesAnswer, Paths) {
  EXPECT_TRUE(IsResponsesPath("/v1/responses"));
  EXPECT_TRUE(IsResponsesPath("/responses?x=1"));
  EXPECT_FALSE(IsResponsesPath("/v1/responses/resp_1"));
  EXPECT_FALSE(IsResponsesPath("/v1/chat/completions"));
}

}  // namespace
}  // namespace reliability::sidecar::inspect
