#include "sidecar/inspect/llm_answer.h"

#include <gtest/gtest.h>

#include <string>

#include "sidecar/inspect/json_hash.h"

namespace reliability::sidecar::inspect {
namespace {

using policy::ErrorClass;

LlmAnswer Watch(LlmApi api, AnswerShape shape, std::string_view body, bool clean = true,
                std::size_t piece = 1U << 20U) {
  LlmAnswer answer(api, shape);
  for (std::size_t at = 0; at < body.size(); at += piece) {
    answer.Feed(body.substr(at, piece));
  }
  answer.Finish(clean);
  return answer;
}

LlmAnswer OpenAiStream(std::string_view body, bool clean = true, std::size_t piece = 1U << 20U) {
  return Watch(LlmApi::kOpenAIChat, AnswerShape::kStream, body, clean, piece);
}
LlmAnswer AnthropicStream(std::string_view body, bool clean = true, std::size_t piece = 1U << 20U) {
  return Watch(LlmApi::kAnthropicMessages, AnswerShape::kStream, body, clean, piece);
}

constexpr std::string_view kChunkRole =
    "data: {\"model\":\"gpt\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
    "\"content\":\"\"},\"finish_reason\":null}]}\n\n";
constexpr std::string_view kChunkText =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n";
constexpr std::string_view kChunkStop =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
constexpr std::string_view kDone = "data: [DONE]\n\n";

std::string Cat(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) {
    out += part;
  }
  return out;
}

constexpr std::string_view kWhole =
    R"({"model":"gpt","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]})";

// What the relay does: feed a piece, then keep it.
void Keep(LlmAnswer& answer, std::string& kept, std::string_view piece) {
  answer.Feed(piece);
  LlmAnswer::Append(kept, piece);
}

TEST(LlmAnswer, ReadsABodyThatItsCallerKeeps) {
  std::string kept;
  LlmAnswer answer(LlmApi::kOpenAIChat, AnswerShape::kJson);
  answer.ShareBody(kept);
  Keep(answer, kept, kWhole.substr(0, 20));
  Keep(answer, kept, kWhole.substr(20));
  answer.Finish(true);
  kept.clear();
  EXPECT_TRUE(answer.final_answer());
  EXPECT_EQ(answer.Classify(200), ErrorClass::kNone);
}

TEST(LlmAnswer, CopiesABodyThatItsCallerCannotKeepAnyLonger) {
  std::string kept;
  LlmAnswer answer(LlmApi::kOpenAIChat, AnswerShape::kJson);
  answer.ShareBody(kept);
  Keep(answer, kept, kWhole.substr(0, 20));
  answer.Feed(kWhole.substr(20, 20));
  answer.OwnBody(kWhole.substr(20, 20));
  kept.clear();
  answer.Feed(kWhole.substr(40));
  answer.OwnBody("not any more");
  answer.Finish(true);
  EXPECT_TRUE(answer.final_answer());
}

TEST(LlmAnswer, OfACutKeptBodyTheBytesAreKnown) {
  std::string kept;
  LlmAnswer answer(LlmApi::kOpenAIChat, AnswerShape::kJson);
  answer.ShareBody(kept);
  Keep(answer, kept, kWhole.substr(0, 40));
  answer.Finish(false);
  kept = std::string();
  EXPECT_EQ(answer.usage().output_bytes, 40);
  EXPECT_EQ(answer.Classify(200), ErrorClass::kStreamTruncated);
}

TEST(LlmAnswer, OpenAiTextStream) {
  const std::string body = Cat({kChunkRole, kChunkText, kChunkStop, kDone});
  for (std::size_t piece = 1; piece < body.size(); piece += 7) {
    const LlmAnswer answer = OpenAiStream(body, true, piece);
    EXPECT_TRUE(answer.first_token());
    EXPECT_TRUE(answer.terminal());
    EXPECT_TRUE(answer.final_answer());
    EXPECT_EQ(answer.finish_reason(), "stop");
    EXPECT_EQ(answer.model(), "gpt");
    EXPECT_EQ(answer.Classify(200), ErrorClass::kNone);
  }
}

TEST(LlmAnswer, RoleChunkIsNoFirstToken) {
  EXPECT_FALSE(OpenAiStream(kChunkRole, false).first_token());
  EXPECT_TRUE(
      OpenAiStream("data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n", false)
          .first_token());
}

TEST(LlmAnswer, OpenAiToolCallsAreCollectedOverChunks) {
  const std::string body = Cat(
      {kChunkRole,
       "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":"
       "\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"search\",\"arguments\":\"\"}}]}"
       "}]}\n\n",
       "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
       "{\"arguments\":\"{\\\"q\\\": \"}}]}}]}\n\n",
       "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":"
       "\"call_2\",\"function\":{\"name\":\"now\"}}]}}]}\n\n",
       "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
       "{\"arguments\":\"7}\"}}]}}]}\n\n",
       "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
       kDone});
  const LlmAnswer answer = OpenAiStream(body, true, 13);
  EXPECT_TRUE(answer.complete());
  EXPECT_TRUE(answer.has_tool_calls());
  EXPECT_FALSE(answer.final_answer());
  const auto tools = answer.tool_calls();
  ASSERT_EQ(tools.size(), 2U);
  EXPECT_EQ(tools[0].id, "call_1");
  EXPECT_EQ(tools[0].name, "search");
  EXPECT_EQ(tools[0].arguments_hash, JsonHash(R"({"q":7})"));
  EXPECT_EQ(tools[1].name, "now");
  EXPECT_EQ(tools[1].arguments_hash, JsonHash("{}"));
}

TEST(LlmAnswer, CompleteWithoutDoneIsASuccess) {
  const LlmAnswer answer = OpenAiStream(Cat({kChunkRole, kChunkText, kChunkStop}));
  EXPECT_FALSE(answer.terminal());
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.Classify(200), ErrorClass::kNone);
  EXPECT_TRUE(answer.final_answer());
}

TEST(LlmAnswer, CutStreams) {
  for (const bool clean : {true, false}) {
    const LlmAnswer answer = OpenAiStream(Cat({kChunkRole, kChunkText}), clean);
    EXPECT_EQ(answer.Classify(200), ErrorClass::kStreamTruncated);
    EXPECT_FALSE(answer.final_answer());
  }
}

TEST(LlmAnswer, ErrorInsideAStream) {
  const LlmAnswer answer =
      OpenAiStream(Cat({kChunkRole,
                        "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"code\":"
                        "\"server_is_overloaded\"}}\n\n"}));
  ASSERT_TRUE(answer.error().has_value());
  EXPECT_EQ(answer.error()->code, "server_is_overloaded");
  EXPECT_EQ(answer.Classify(200), ErrorClass::kOverloaded);
  EXPECT_FALSE(answer.final_answer());
  EXPECT_EQ(OpenAiStream("event: error\ndata: {\"error\":{\"code\":\"rate_limit_exceeded\"}}\n\n")
                .Classify(200),
            ErrorClass::kRateLimited);
}

TEST(LlmAnswer, MalformedEventsAreCountedAndTheRestStillReads) {
  const LlmAnswer whole =
      OpenAiStream(Cat({kChunkRole, "data: {oops\n\n", kChunkText, kChunkStop, kDone}));
  EXPECT_EQ(whole.malformed_events(), 1);
  EXPECT_EQ(whole.Classify(200), ErrorClass::kNone);
  EXPECT_EQ(OpenAiStream("data: {oops\n\n").Classify(200), ErrorClass::kMalformed);
  EXPECT_EQ(OpenAiStream(Cat({"data: <html>\n\n", kDone})).Classify(200), ErrorClass::kMalformed);
}

TEST(LlmAnswer, OpenAiJsonAnswers) {
  const auto json = [](std::string_view body, bool clean = true) {
    return Watch(LlmApi::kOpenAIChat, AnswerShape::kJson, body, clean, 5);
  };
  const LlmAnswer text =
      json(R"({"model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},)"
           R"("finish_reason":"stop"}],"usage":{"total_tokens":3},"error":null})");
  EXPECT_EQ(text.Classify(200), ErrorClass::kNone);
  EXPECT_TRUE(text.final_answer());
  EXPECT_EQ(text.model(), "gpt");
  const LlmAnswer tools =
      json(R"({"choices":[{"message":{"content":null,"tool_calls":[{"id":"a","type":"function",)"
           R"("function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function",)"
           R"("function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]})");
  EXPECT_FALSE(tools.final_answer());
  ASSERT_EQ(tools.tool_calls().size(), 2U);
  EXPECT_EQ(tools.tool_calls()[0].arguments_hash, JsonHash(R"({"x":1})"));
  EXPECT_EQ(tools.tool_calls()[1].id, "b");
  const LlmAnswer legacy =
      json(R"({"choices":[{"message":{"function_call":{"name":"f","arguments":"{}"}}}]})");
  EXPECT_TRUE(legacy.has_tool_calls());
  EXPECT_EQ(json(R"({"choices":[{"message")").Classify(200), ErrorClass::kMalformed);
  EXPECT_EQ(json(R"({"choices":[]})").Classify(200), ErrorClass::kMalformed);
  EXPECT_EQ(json(R"({"choices":[{"message":{}}]})", false).Classify(200),
            ErrorClass::kStreamTruncated);
  EXPECT_EQ(json(R"({"error":{"type":"insufficient_quota","code":null}})").Classify(200),
            ErrorClass::kQuotaExhausted);
}

constexpr std::string_view kMessageStart =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":"
    "\"claude\",\"content\":[],\"usage\":{\"input_tokens\":1}}}\n\n"
    "event: ping\ndata: {\"type\":\"ping\"}\n\n";
constexpr std::string_view kTextDelta =
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
    "{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
constexpr std::string_view kToolBlock =
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,"
    "\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"search\",\"input\":{}}}"
    "\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,"
    "\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,"
    "\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"7}\"}}\n\n";

std::string MessageDelta(const std::string& reason) {
  return "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" +
         reason + "\"},\"usage\":{\"output_tokens\":2}}\n\n";
}
constexpr std::string_view kMessageStop =
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

TEST(LlmAnswer, AnthropicTextStream) {
  const std::string body = Cat({kMessageStart, kTextDelta, MessageDelta("end_turn"), kMessageStop});
  for (std::size_t piece = 1; piece < body.size(); piece += 11) {
    const LlmAnswer answer = AnthropicStream(body, true, piece);
    EXPECT_TRUE(answer.first_token());
    EXPECT_TRUE(answer.terminal());
    EXPECT_TRUE(answer.final_answer());
    EXPECT_EQ(answer.model(), "claude");
    EXPECT_EQ(answer.Classify(200), ErrorClass::kNone);
  }
}

TEST(LlmAnswer, MessageStartAndPingAreNoFirstToken) {
  EXPECT_FALSE(AnthropicStream(kMessageStart, false).first_token());
}

TEST(LlmAnswer, AnthropicToolUse) {
  const LlmAnswer answer = AnthropicStream(
      Cat({kMessageStart, kTextDelta, kToolBlock, MessageDelta("tool_use"), kMessageStop}));
  EXPECT_FALSE(answer.final_answer());
  ASSERT_EQ(answer.tool_calls().size(), 1U);
  EXPECT_EQ(answer.tool_calls()[0].id, "toolu_1");
  EXPECT_EQ(answer.tool_calls()[0].arguments_hash, JsonHash(R"({"q":7})"));
}

TEST(LlmAnswer, AnthropicEndings) {
  EXPECT_EQ(
      AnthropicStream(Cat({kMessageStart, kTextDelta, MessageDelta("end_turn")})).Classify(200),
      ErrorClass::kNone);  // message_stop is missing, the answer is whole
  EXPECT_EQ(AnthropicStream(Cat({kMessageStart, kTextDelta})).Classify(200),
            ErrorClass::kStreamTruncated);
  EXPECT_FALSE(
      AnthropicStream(Cat({kMessageStart, kTextDelta, MessageDelta("pause_turn"), kMessageStop}))
          .final_answer());
  const LlmAnswer error =
      AnthropicStream(Cat({kMessageStart,
                           "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                           "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"}));
  EXPECT_EQ(error.Classify(200), ErrorClass::kOverloaded);
}

TEST(LlmAnswer, AnthropicJsonAnswers) {
  const auto json = [](std::string_view body) {
    return Watch(LlmApi::kAnthropicMessages, AnswerShape::kJson, body);
  };
  EXPECT_TRUE(json(R"({"model":"c","content":[{"type":"text","text":"hi"}],)"
                   R"("stop_reason":"end_turn"})")
                  .final_answer());
  const LlmAnswer tool =
      json(R"({"content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t","name":"f",)"
           R"("input":{"b":[1,{"c":2}],"a":"}"}}],"stop_reason":"tool_use"})");
  ASSERT_EQ(tool.tool_calls().size(), 1U);
  EXPECT_EQ(tool.tool_calls()[0].arguments_hash, JsonHash(R"({"a":"}","b":[1,{"c":2}]})"));
  EXPECT_EQ(json(R"({"type":"error","error":{"type":"api_error"}})").Classify(200),
            ErrorClass::kServerError);
  EXPECT_EQ(json("{}").Classify(200), ErrorClass::kMalformed);
}

TEST(LlmAnswer, ErrorBodies) {
  const LlmAnswer answer = Watch(
      LlmApi::kOpenAIChat, AnswerShape::kError,
      R"({"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}})");
  EXPECT_EQ(answer.Classify(429), ErrorClass::kQuotaExhausted);
  EXPECT_FALSE(answer.final_answer());
  EXPECT_EQ(Watch(LlmApi::kAnthropicMessages, AnswerShape::kError,
                  R"({"type":"error","error":{"type":"rate_limit_error","message":"m",)"
                  R"("details":{"error_code":"enforced_spend_limit_reached"}}})")
                .Classify(429),
            ErrorClass::kQuotaExhausted);
  EXPECT_EQ(Watch(LlmApi::kOpenAIChat, AnswerShape::kError, "<html>").Classify(502),
            ErrorClass::kServerError);
  EXPECT_EQ(Watch(LlmApi::kOpenAIChat, AnswerShape::kError, "", false).Classify(500),
            ErrorClass::kServerError);
}

TEST(LlmAnswer, WhatWeCannotReadIsJudgedByItsStatus) {
  LlmAnswer opaque = Watch(LlmApi::kOpenAIChat, AnswerShape::kOpaque, "\x1f\x8b");
  EXPECT_EQ(opaque.Classify(200), ErrorClass::kNone);
  EXPECT_TRUE(opaque.final_answer());
  EXPECT_EQ(opaque.Classify(500), ErrorClass::kServerError);
  EXPECT_EQ(Watch(LlmApi::kOpenAIChat, AnswerShape::kOpaque, "x", false).Classify(200),
            ErrorClass::kStreamTruncated);
  const LlmAnswer large = Watch(LlmApi::kOpenAIChat, AnswerShape::kJson,
                                std::string(LlmAnswer::kMaxJsonBytes + 1, ' '));
  EXPECT_EQ(large.Classify(200), ErrorClass::kNone);
  EXPECT_TRUE(large.final_answer());
}

TEST(LlmAnswer, ToolCallsAreBounded) {
  LlmAnswer answer(LlmApi::kOpenAIChat, AnswerShape::kStream);
  for (int i = 0; i < 300; ++i) {
    answer.Feed("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":" + std::to_string(i) +
                ",\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n");
  }
  const std::string piece(60'000, 'x');
  for (int i = 0; i < 10; ++i) {
    answer.Feed(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
        "{\"arguments\":\"" +
        piece + "\"}}]}}]}\n\n");
  }
  const auto tools = answer.tool_calls();
  EXPECT_EQ(tools.size(), LlmAnswer::kMaxToolCalls);
  EXPECT_EQ(tools[0].arguments_hash, 0U);
}

TEST(LlmAnswer, ShapeByStatusAndHeaders) {
  EXPECT_EQ(ShapeOf(200, "text/event-stream; charset=utf-8", ""), AnswerShape::kStream);
  EXPECT_EQ(ShapeOf(200, "application/json", "identity"), AnswerShape::kJson);
  EXPECT_EQ(ShapeOf(429, "application/json", ""), AnswerShape::kError);
  EXPECT_EQ(ShapeOf(200, "application/json", "gzip"), AnswerShape::kOpaque);
  EXPECT_EQ(ShapeOf(202, "", ""), AnswerShape::kOpaque);
  EXPECT_EQ(ShapeOf(200, "text/html", ""), AnswerShape::kOpaque);
}

TEST(ProviderError, Shapes) {
  EXPECT_EQ(ReadProviderError(R"({"error":"plain text"})").message, "plain text");
  EXPECT_EQ(ReadProviderError(R"({"code":"rate_limit_exceeded","message":"m"})").code,
            "rate_limit_exceeded");
  EXPECT_EQ(ReadProviderError(R"({"type":"error","error":{"type":"api_error"}})").type,
            "api_error");
  EXPECT_EQ(ReadProviderError(R"({"error":{"code":429,"type":null}})").code, "");
  EXPECT_EQ(ReadProviderError("not json").message, "");
}

}  // namespace
}  // namespace reliability::sidecar::inspect
