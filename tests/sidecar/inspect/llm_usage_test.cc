// What answers say about their tokens: data-plane.md 2.12, data-plane ruling 38.
#include <gtest/gtest.h>

#include <string>

#include "sidecar/inspect/llm_answer.h"

namespace reliability::sidecar::inspect {
namespace {

using policy::AnswerUsage;
using policy::TokenCounts;
using policy::UsageKind;

struct Case {
  const char* name;
  LlmApi api;
  AnswerShape shape;
  std::string body;
  bool clean;
  UsageKind kind;
  TokenCounts counts;
  std::int64_t output_bytes;
};

std::string Data(const std::string& json) { return "data: " + json + "\n\n"; }

const std::string kChunk =
    Data(R"({"choices":[{"index":0,"delta":{"content":"hello"}}],"usage":null})");
const std::string kStop = Data(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
const std::string kChatUsage =
    R"({"prompt_tokens":100,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":10},)"
    R"("completion_tokens":7,"completion_tokens_details":{"reasoning_tokens":4}})";
const TokenCounts kChatCounts{.input = 30, .cached_input = 60, .cache_write = 10, .output = 7};

TEST(LlmUsage, OfEveryApiAndShape) {
  const std::string start =
      Data(R"({"type":"message_start","message":{"model":"m","usage":{"input_tokens":5,)"
           R"("cache_read_input_tokens":50,"cache_creation_input_tokens":3,"output_tokens":1}}})");
  const std::string delta = Data(
      R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}})");
  const auto end = [](int tokens) {
    return Data(
        R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":)" +
        std::to_string(tokens) + "}}");
  };
  const TokenCounts told{.input = 5, .cached_input = 50, .cache_write = 3, .output = 9};
  TokenCounts begun = told;
  begun.output = 1;
  const auto chat = LlmApi::kOpenAIChat;
  const auto messages = LlmApi::kAnthropicMessages;
  const auto responses = LlmApi::kOpenAIResponses;
  const auto json = AnswerShape::kJson;
  const auto stream = AnswerShape::kStream;
  for (
      const Case& c : {
          Case{"chat", chat, json,
               R"({"choices":[{"message":{"content":"hi"}}],"usage":)" + kChatUsage + "}", true,
               UsageKind::kReported, kChatCounts, 0},
          Case{"chat without usage",
               chat,
               json,
               R"({"choices":[{"message":{"content":"hi"}}]})",
               true,
               UsageKind::kPartial,
               {},
               2},
          Case{
              "chat, cut", chat, json, R"({"choices":[{"mess)", false, UsageKind::kPartial, {}, 18},
          Case{"an error",
               chat,
               AnswerShape::kError,
               R"({"error":{"message":"no"}})",
               true,
               UsageKind::kNone,
               {},
               0},
          Case{"chat stream with usage", chat, stream,
               kChunk + kStop + Data(R"({"choices":[],"usage":)" + kChatUsage + "}") +
                   "data: [DONE]\n\n",
               true, UsageKind::kReported, kChatCounts, 0},
          Case{"usage twice: the last, not the sum", chat, stream,
               Data(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}})") +
                   Data(R"({"choices":[],"usage":)" + kChatUsage + "}"),
               true, UsageKind::kReported, kChatCounts, 0},
          Case{"chat stream without usage",
               chat,
               stream,
               kChunk + kChunk + kStop,
               true,
               UsageKind::kPartial,
               {},
               10},
          Case{"chat stream, cut", chat, stream, kChunk, false, UsageKind::kPartial, {}, 5},
          Case{"a stream without content",
               chat,
               stream,
               ": hold\n\n",
               false,
               UsageKind::kNone,
               {},
               0},
          Case{
              "messages", messages, json,
              R"({"content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":5,)"
              R"("cache_read_input_tokens":50,"cache_creation_input_tokens":3,"output_tokens":9}})",
              true, UsageKind::kReported, told, 0},
          Case{"messages stream: cumulative", messages, stream, start + delta + end(4) + end(9),
               true, UsageKind::kReported, told, 0},
          Case{"messages stream, cut: its prompt is known", messages, stream, start + delta, false,
               UsageKind::kPartial, begun, 5},
          Case{"Responses",
               responses,
               json,
               R"({"status":"completed","usage":{"input_tokens":100,"input_tokens_details":)"
               R"({"cached_tokens":60},"output_tokens":7}})",
               true,
               UsageKind::kReported,
               {.input = 40, .cached_input = 60, .output = 7},
               0},
          Case{"Responses stream",
               responses,
               stream,
               Data(R"({"type":"response.output_text.delta","delta":"hello"})") +
                   Data(R"({"type":"response.completed","response":{"usage":{"input_tokens":4,)"
                        R"("output_tokens":2}}})"),
               true,
               UsageKind::kReported,
               {.input = 4, .output = 2},
               0},
          Case{"Responses stream, cut",
               responses,
               stream,
               Data(R"({"type":"response.output_text.delta","delta":"hello"})"),
               false,
               UsageKind::kPartial,
               {},
               5},
          Case{
              "lies are bounded",
              chat,
              json,
              R"({"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":-5,)"
              R"("prompt_tokens_details":{"cached_tokens":9},"completion_tokens":99999999999999}})",
              true,
              UsageKind::kReported,
              {.output = policy::kMaxTokens},
              0},
      }) {
    LlmAnswer answer(c.api, c.shape);
    answer.Feed(c.body);
    answer.Finish(c.clean);
    const AnswerUsage usage = answer.usage();
    EXPECT_EQ(usage.kind, c.kind) << c.name;
    EXPECT_EQ(usage.counts, c.counts) << c.name;
    if (c.kind == UsageKind::kPartial) {
      EXPECT_EQ(usage.output_bytes, c.output_bytes) << c.name;
    }
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
