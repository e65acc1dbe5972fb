#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

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
  // A reasoning model announces its items before it thinks (ruling 7).
  const std::string announced =
      start + Event("response.output_item.added", R"(,"item":{"type":"reasoning","id":"rs_1"})") +
      Event("response.reasoning_summary_part.added") +
      Event("response.output_item.added", R"(,"item":{"type":"message","role":"assistant"})") +
      Event("response.content_part.added");
  EXPECT_FALSE(Stream(announced).first_token());
  EXPECT_TRUE(Stream(announced + Event("response.reasoning_summary_text.delta", R"(,"delta":"a")"))
                  .first_token());
  EXPECT_TRUE(
      Stream(start + Event("response.output_item.added", R"(,"item":{"type":"function_call"})"))
          .first_token());
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

constexpr std::string_view kCalls =
    R"({"type":"reasoning","id":"rs_1"},)"
    R"({"type":"function_call","id":"fc_1","call_id":"call_1","name":"search",)"
    R"("arguments":"{\"q\":7}"},)"
    R"({"type":"web_search_call","id":"ws_1","status":"completed"},)"
    R"({"type":"mcp_approval_request","id":"mcpr_1","name":"refund","arguments":"{}"})";

std::vector<std::string> Ids(const LlmAnswer& answer) {
  std::vector<std::string> ids;
  for (const policy::RequestedTool& tool : answer.tool_calls()) {
    ids.push_back(tool.id + "=" + tool.name);
  }
  return ids;
}

TEST(ResponsesAnswer, ToolCallsThatTheAgentHasToMake) {
  const std::vector<std::string> wanted = {"call_1=search", "mcpr_1=refund"};
  LlmAnswer whole(LlmApi::kOpenAIResponses, AnswerShape::kJson);
  whole.Feed(R"({"id":"resp_1","status":"completed","output":[)" + std::string(kCalls) + "]}");
  whole.Finish(true);
  EXPECT_EQ(Ids(whole), wanted);
  EXPECT_EQ(whole.response_id(), "resp_1");
  EXPECT_FALSE(whole.final_answer());

  const std::string call =
      R"({"type":"function_call","call_id":"call_1","name":"search","arguments":"{\"q\":7}"})";
  const LlmAnswer stream =
      Stream(Event("response.created", R"(,"response":{"id":"resp_2","status":"in_progress"})") +
             Event("response.function_call_arguments.delta", R"(,"output_index":1,"delta":"{}")") +
             Event("response.output_item.done", R"(,"output_index":1,"item":)" + call) +
             Event("response.completed",
                   R"(,"response":{"id":"resp_2","status":"completed","output":[)" + call + "]}"));
  EXPECT_EQ(Ids(stream), std::vector<std::string>{"call_1=search"});
  EXPECT_EQ(stream.response_id(), "resp_2");
  EXPECT_EQ(stream.tool_calls().front().arguments_hash, whole.tool_calls().front().arguments_hash);
  EXPECT_FALSE(stream.final_answer());
}

TEST(ResponsesAnswer, WhatEndsATurn) {
  const auto final_answer = [](const std::string& body) {
    LlmAnswer answer(LlmApi::kOpenAIResponses, AnswerShape::kJson);
    answer.Feed(body);
    answer.Finish(true);
    return answer.final_answer();
  };
  EXPECT_TRUE(final_answer(R"({"status":"completed","output":[{"type":"message"}]})"));
  EXPECT_TRUE(final_answer(R"({"status":"incomplete","output":[]})"));
  EXPECT_FALSE(final_answer(R"({"status":"queued","output":[]})"));  // in the background
  EXPECT_FALSE(final_answer(R"({"status":"failed","error":{"code":"server_error"}})"));
  EXPECT_TRUE(Stream(Event("response.output_text.delta", R"(,"delta":"a")") +
                     Event("response.completed", R"(,"response":{"status":"completed"})"))
                  .final_answer());
}

TEST(ResponsesAnswer, Paths) {
  EXPECT_EQ(LlmApiOfPath("/v1/responses"), LlmApi::kOpenAIResponses);
  EXPECT_EQ(LlmApiOfPath("/responses?x=1"), LlmApi::kOpenAIResponses);
  EXPECT_EQ(LlmApiOfPath("/v1/responses/resp_1"), std::nullopt);
  EXPECT_EQ(LlmApiOfPath("/v1/chat/completions"), LlmApi::kOpenAIChat);
}

}  // namespace
}  // namespace reliability::sidecar::inspect
