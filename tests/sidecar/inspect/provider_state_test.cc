#include "sidecar/inspect/provider_state.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::inspect {
namespace {

constexpr auto kChat = LlmApi::kOpenAIChat;
constexpr auto kMessages = LlmApi::kAnthropicMessages;
constexpr auto kResponses = LlmApi::kOpenAIResponses;

TEST(ProviderState, NamesWhatOnlyOneAccountHas) {
  struct Case {
    LlmApi api;
    std::string_view body;
    std::string_view field;
  };
  const Case cases[] = {
      {kResponses, R"({"model":"m","input":"hi"})", ""},
      {kResponses, R"({"input":"hi","previous_response_id":"resp_1"})", "previous_response_id"},
      {kResponses, R"({"previous_response_id":"resp_1","input":[]})", "previous_response_id"},
      {kResponses, R"({"input":"hi","previous_response_id":null})", ""},
      {kResponses, R"({"input":"hi","conversation":"conv_1"})", "conversation"},
      {kResponses, R"({"input":"hi","conversation":{"id":"conv_1"}})", "conversation"},
      {kResponses, R"({"input":"hi","prompt":{"id":"pmpt_1"}})", "prompt"},
      {kResponses, R"({"input":"hi","background":true})", "background"},
      {kResponses, R"({"input":"hi","background":false})", ""},
      {kResponses, R"({"input":[{"type":"item_reference","id":"msg_1"}]})", "item_reference"},
      {kResponses,
       R"({"input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}]})",
       "file_id"},
      {kResponses,
       R"({"input":[{"role":"user","content":[{"type":"input_image","file_id":null}]}]})", ""},
      {kResponses, R"({"input":[{"role":"user","content":"what is a file_id?"}]})", ""},
      {kResponses, R"({"input":"hi","metadata":{"file_id":"f","previous_response_id":"r"}})", ""},
      {kChat, R"({"messages":[{"role":"user","content":"hi"}],"previous_response_id":"r"})", ""},
      {kChat, R"({"messages":[{"a_b":"_file_i","file_ids":1,"file_file_id":2,"_file_id":"f"}]})",
       ""},
      {kChat, R"({"messages":[{"_":"__","file":{"a_file":"x_","file_id":"file-1"}}]})", "file_id"},
      {kChat,
       R"({"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]})",
       "file_id"},
      {kChat,
       R"({"messages":[],"tools":[{"function":{"parameters":{"properties":{"file_id":{}}}}}]})",
       ""},
      {kMessages,
       R"({"messages":[{"role":"user","content":[{"type":"document",)"
       R"("source":{"type":"file","file_id":"file_1"}}]}]})",
       "file_id"},
      {kMessages,
       R"({"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"open",)"
       R"("input":{"file_id":"a file of the agent's own"}}]}]})",
       ""},
      {kResponses, R"({"previous_response_id":"resp_1")", ""},
      {kResponses, R"(["previous_response_id"])", ""},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(ProviderState(one.api, one.body), one.field) << one.body;
  }
}

TEST(ProviderState, DeepMessagesAreNotSearched) {
  const std::string deep(200, '[');
  const std::string body =
      R"({"messages":)" + deep + R"({"file_id":"f"})" + std::string(200, ']') + "}";
  EXPECT_EQ(ProviderState(kChat, body), "");
}

TEST(WithoutReasoning, LeavesEverythingElseAsItWas) {
  EXPECT_EQ(WithoutReasoning(R"({"model":"m", "input":[{"type":"reasoning","id":"rs_1",)"
                             R"("encrypted_content":"x"}, {"role":"user","content":"hi"} ,)"
                             R"({"type":"reasoning","id":"rs_2"}],"stream":true})"),
            R"({"model":"m", "input":[{"role":"user","content":"hi"}],"stream":true})");
  EXPECT_EQ(WithoutReasoning(R"({"input":[{"id":"rs_1","type":"reasoning"}]})"), R"({"input":[]})");
}

TEST(WithoutReasoning, IsNothingWithoutSuchItems) {
  for (const std::string_view body :
       {R"({"model":"m","input":"hi","reasoning":{"effort":"low"}})",
        R"({"input":[{"role":"user","content":"reasoning"}]})",
        R"({"input":[{"role":"user","content":[{"type":"reasoning"}]}]})",
        R"({"input":[{"type":"reasoning"}])", R"([{"type":"reasoning"}])"}) {
    EXPECT_EQ(WithoutReasoning(body), std::nullopt) << body;
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
