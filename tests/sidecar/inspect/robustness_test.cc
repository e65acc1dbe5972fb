// Bytes from the network may be anything: readers answer or refuse, they never fail otherwise. Runs
// under the sanitizers too.
#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "sidecar/inspect/json_hash.h"
#include "sidecar/inspect/llm_answer.h"
#include "sidecar/inspect/llm_request.h"
#include "sidecar/inspect/mcp_answer.h"
#include "sidecar/inspect/mcp_request.h"

namespace reliability::sidecar::inspect {
namespace {

const std::vector<std::string>& Samples() {
  static const std::vector<std::string> samples = {
      R"({"model":"gpt","stream":true,"messages":[{"role":"user","content":[{"type":"text",)"
      R"("text":"h\u00e4"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":)"
      R"("function","function":{"name":"f","arguments":"{\"a\":1.5e3}"}}]},{"role":"tool",)"
      R"("tool_call_id":"c","content":"ok"}]})",
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":)"
      R"({"q":[1,2,{"x":null}],"n":-18446744073709551616}}})",
      R"([{"id":1,"method":"ping"},{"id":"a","result":{"isError":true,"content":[{"text":"{}"}]}}])",
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
      "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}\n\n"
      "data: [DONE]\n\n",
      "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
      "\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n"
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n",
      "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"structuredContent\":{\"retryable\":"
      "true},\"isError\":true,\"tools\":[{\"name\":\"a\"}]}}\n\n",
  };
  return samples;
}

template <class Answer>
void Drive(Answer& answer, const std::string& text, std::mt19937_64& rng) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t piece = 1 + rng() % 40;
    answer.Feed(std::string_view(text).substr(at, piece));
    at += piece;
  }
  answer.Finish(rng() % 2 == 0);
  for (const int status : {200, 400, 429, 500}) {
    const auto error_class = answer.Classify(status);
    ASSERT_LT(static_cast<int>(error_class), policy::kErrorClassCount);
  }
}

void ReadEverything(const std::string& text, std::mt19937_64& rng) {
  (void)JsonHash(text);
  (void)ReadLlmRequest(LlmApi::kOpenAIChat, text);
  (void)ReadMcpRequest(text);
  (void)ReadProviderError(text);
  for (const AnswerShape shape : {AnswerShape::kStream, AnswerShape::kJson, AnswerShape::kError}) {
    for (const LlmApi api :
         {LlmApi::kOpenAIChat, LlmApi::kAnthropicMessages, LlmApi::kOpenAIResponses}) {
      LlmAnswer answer(api, shape);
      Drive(answer, text, rng);
      (void)answer.tool_calls();
    }
    McpRequest request;
    request.id_json = "7";
    McpAnswer answer(request, shape);
    Drive(answer, text, rng);
  }
}

TEST(InspectRobustness, MutatedBytes) {
  constexpr std::uint64_t kSeed = 99;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 rng(kSeed);
  constexpr std::string_view kInteresting = "{}[]\",:\\\n\r 0-e\xff\xc3";
  for (int round = 0; round < 3000; ++round) {
    std::string text = Samples()[rng() % Samples().size()];
    for (std::uint64_t i = 0; i <= rng() % 4; ++i) {
      const std::size_t at = rng() % text.size();
      const char byte = rng() % 2 == 0 ? kInteresting[rng() % kInteresting.size()]
                                       : static_cast<char>(rng() % 256);
      switch (rng() % 4) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        case 2:
          text.resize(at + 1);
          break;
        default:
          text.insert(at, text.substr(at, rng() % 30));
          break;
      }
    }
    ReadEverything(text, rng);
  }
}

TEST(InspectRobustness, DeepNesting) {
  std::mt19937_64 rng(1);
  for (const std::size_t depth : {10U, 100U, 1000U, 100'000U}) {
    ReadEverything(std::string(depth, '['), rng);
    ReadEverything(std::string(depth, '[') + std::string(depth, ']'), rng);
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) {
      objects += "{\"params\":{\"arguments\":";
    }
    ReadEverything(objects, rng);
    ReadEverything("{\"messages\":[{\"content\":" + objects, rng);
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
