#include "sidecar/inspect/llm_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace reliability::sidecar::inspect {
namespace {

LlmRequest OpenAi(const std::string& messages) {
  const auto read =
      ReadLlmRequest(LlmApi::kOpenAIChat, R"({"model":"m","messages":[)" + messages + "]}");
  EXPECT_TRUE(read.has_value()) << messages;
  return read.value_or(LlmRequest{});
}

const std::string kUser = R"({"role":"user","content":"refund order 7"})";
const std::string kCall =
    R"({"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",)"
    R"("function":{"name":"search","arguments":"{\"q\":7}"}}]})";
const std::string kResult = R"({"role":"tool","tool_call_id":"call_1","content":"found"})";

TEST(LlmRequest, ModelAndStream) {
  const auto read = ReadLlmRequest(LlmApi::kOpenAIChat,
                                   R"({"stream":true,"messages":[],"model":"gpt-4o","n":1})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->model, "gpt-4o");
  EXPECT_TRUE(read->stream);
  EXPECT_EQ(read->prefix_hash, std::nullopt);
  EXPECT_FALSE(read->tool_call_after_user);
}

TEST(LlmRequest, PrefixIsConstantWhileToolResultsAreAppended) {
  const LlmRequest first = OpenAi(kUser);
  const LlmRequest second = OpenAi(kUser + "," + kCall + "," + kResult);
  ASSERT_TRUE(first.prefix_hash.has_value());
  EXPECT_EQ(first.prefix_hash, second.prefix_hash);
  EXPECT_FALSE(first.tool_call_after_user);
  EXPECT_TRUE(second.tool_call_after_user);
  EXPECT_EQ(second.tool_call_ids, std::vector<std::string>{"call_1"});
}

TEST(LlmRequest, IsStructuredIfMessagesAreMoreThanTexts) {
  EXPECT_FALSE(OpenAi(kUser).structured);
  EXPECT_FALSE(OpenAi(R"({"content":"be kind","role":"system"},)" + kUser).structured);
  for (const char* more :
       {R"({"role":"user","content":[{"type":"text","text":"hi"}]})",
        R"({"role":"system","content":[{"type":"text","text":"hi"}]})",
        R"({"role":"user","content":"hi","file_id":"f"})",
        R"({"role":"assistant","content":null,"audio":{"id":"a"}})", R"([{"file_id":"f"}])"}) {
    EXPECT_TRUE(OpenAi(kUser + "," + more).structured) << more;
    EXPECT_TRUE(OpenAi(more + ("," + kUser)).structured) << more;
  }
  EXPECT_TRUE(OpenAi(kCall).structured);
}

TEST(LlmRequest, NextQuestionHasAnotherPrefixAndNoToolCalls) {
  const std::string answer = R"({"role":"assistant","content":"done"})";
  const LlmRequest next = OpenAi(kUser + "," + kCall + "," + kResult + "," + answer + "," + kUser);
  EXPECT_NE(next.prefix_hash, OpenAi(kUser).prefix_hash);
  EXPECT_FALSE(next.tool_call_after_user);
  EXPECT_TRUE(next.tool_call_ids.empty());
}

TEST(LlmRequest, IdsOfTheLastAssistantMessageOnly) {
  const std::string call_2 =
      R"({"role":"assistant","tool_calls":[{"id":"call_2","function":{"name":"a"}},)"
      R"({"id":"call_3","function":{"name":"b"}}]})";
  const LlmRequest request = OpenAi(kUser + "," + kCall + "," + kResult + "," + call_2);
  EXPECT_EQ(request.tool_call_ids, (std::vector<std::string>{"call_2", "call_3"}));
}

TEST(LlmRequest, AProvidersOwnToolIsAToolCallWithoutAnIdOfOurs) {
  const auto read = ReadLlmRequest(
      LlmApi::kAnthropicMessages,
      R"({"model":"m","messages":[)" + kUser +
          R"(,{"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1",)"
          R"("name":"web_search","input":{}}]}]})");
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->tool_call_after_user);  // the turn goes on after pause_turn
  EXPECT_TRUE(read->tool_call_ids.empty());
  EXPECT_EQ(read->prefix_hash, OpenAi(kUser).prefix_hash);
}

TEST(LlmRequest, HashIgnoresSystemIdsAndCacheMarks) {
  const auto hash = OpenAi(kUser).prefix_hash;
  EXPECT_EQ(OpenAi(R"({"role":"system","content":"s"},)" + kUser).prefix_hash, hash);
  EXPECT_EQ(OpenAi(R"({"content":[{"text":"refund order 7","type":"text",)"
                   R"("cache_control":{"type":"ephemeral"}}],"role":"user"})")
                .prefix_hash,
            hash);
  EXPECT_NE(OpenAi(R"({"role":"user","content":"refund order 8"})").prefix_hash, hash);
  EXPECT_NE(OpenAi(R"({"role":"user","content":[{"type":"text","text":"refund order 7"},)"
                   R"({"type":"image_url","image_url":{"url":"data:1"}}]})")
                .prefix_hash,
            hash);
}

TEST(LlmRequest, AnthropicToolResultIsNotWrittenByTheUser) {
  const std::string user = R"({"role":"user","content":"hi"})";
  const std::string call =
      R"({"role":"assistant","content":[{"type":"text","text":"let me look"},)"
      R"({"type":"tool_use","id":"toolu_1","name":"search","input":{"q":1}}]})";
  const std::string result =
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1",)"
      R"("content":"x"},{"type":"text","text":"please go on"}]})";
  const auto read = [](const std::string& messages) {
    return ReadLlmRequest(LlmApi::kAnthropicMessages, R"({"messages":[)" + messages + "]}").value();
  };
  const LlmRequest first = read(user);
  const LlmRequest second = read(user + "," + call + "," + result);
  EXPECT_EQ(first.prefix_hash, second.prefix_hash);
  EXPECT_EQ(second.tool_call_ids, std::vector<std::string>{"toolu_1"});
  EXPECT_TRUE(second.tool_call_after_user);
}

TEST(LlmRequest, LegacyFunctionCalls) {
  const LlmRequest request =
      OpenAi(kUser + R"(,{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},)"
                     R"({"role":"function","name":"f","content":"1"})");
  EXPECT_TRUE(request.tool_call_after_user);
  EXPECT_TRUE(request.tool_call_ids.empty());
}

TEST(LlmRequest, DuplicateKeysAreRefused) {
  for (const char* body :
       {R"({"model":"a","model":"b","messages":[]})", R"({"messages":[],"messages":[{}]})",
        R"({"stream":true,"messages":[],"stream":false})",
        R"({"model":"a","messages":[],"mod\u0065l":"b"})"}) {
    const auto read = ReadLlmRequest(LlmApi::kOpenAIChat, body);
    ASSERT_FALSE(read.has_value()) << body;
    EXPECT_EQ(read.error().code, Code::kInvalid);
    EXPECT_NE(read.error().message.find("twice"), std::string::npos);
  }
}

TEST(LlmRequest, NotJson) {
  for (const char* body : {"", "x", "[]", "{\"model\":", "{\"messages\":[{]}", "{} {}", "7"}) {
    EXPECT_FALSE(ReadLlmRequest(LlmApi::kOpenAIChat, body).has_value()) << body;
  }
}

TEST(LlmRequest, OddTypesAreLeftToTheProvider) {
  const auto read = ReadLlmRequest(LlmApi::kOpenAIChat,
                                   R"({"model":7,"stream":"yes","messages":[1,null,{"role":3}]})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->model, "");
  EXPECT_FALSE(read->stream);
}

TEST(LlmRequest, LargeBodiesPassUnread) {
  const std::string body = R"({"model":"m","x":")" + std::string(kMaxInspectedRequest, 'x') + "\"}";
  const auto read = ReadLlmRequest(LlmApi::kOpenAIChat, body);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->model, "");
}

TEST(LlmRequest, BodiesBeyondTheSharedParserAreReadToo) {
  const std::string text(200'000, 'x');
  const LlmRequest request = OpenAi(R"({"role":"user","content":")" + text + "\"}");
  EXPECT_EQ(request.model, "m");
  EXPECT_TRUE(request.prefix_hash.has_value());
}

TEST(LlmApiOfPath, KnownEndpoints) {
  for (const char* path : {"/chat/completions", "/v1/chat/completions", "/v1/v1/chat/completions",
                           "/v1/chat/completions?x=1"}) {
    EXPECT_EQ(LlmApiOfPath(path), LlmApi::kOpenAIChat) << path;
  }
  for (const char* path : {"/messages", "/v1/messages", "/v1/v1/messages?beta=true"}) {
    EXPECT_EQ(LlmApiOfPath(path), LlmApi::kAnthropicMessages) << path;
  }
  for (const char* path :
       {"/v1/embeddings", "/v1/messages/count_tokens", "/v1/responses/r", "/models", "", "/v1"}) {
    EXPECT_EQ(LlmApiOfPath(path), std::nullopt) << path;
  }
}

TEST(BaggageMember, FindsTheMember) {
  EXPECT_EQ(BaggageMember("agent.turn=t1", "agent.turn"), "t1");
  EXPECT_EQ(BaggageMember("a=b, agent.turn = t%201 ;p=1,c=d", "agent.turn"), "t 1");
  EXPECT_EQ(BaggageMember("agent.turns=x", "agent.turn"), "");
  EXPECT_EQ(BaggageMember("", "agent.turn"), "");
}

}  // namespace
}  // namespace reliability::sidecar::inspect
