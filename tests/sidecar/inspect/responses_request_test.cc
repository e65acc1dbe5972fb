// The clues of a turn in a Responses request (data-plane rulings 1 and 2).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sidecar/inspect/llm_request.h"

namespace reliability::sidecar::inspect {
namespace {

using Ids = std::vector<std::string>;

LlmRequest Read(const std::string& input, const std::string& more = {}) {
  const auto read =
      ReadLlmRequest(LlmApi::kOpenAIResponses, R"({"model":"m","input":)" + input + more + "}");
  EXPECT_TRUE(read.has_value()) << input;
  return read.value_or(LlmRequest{});
}

LlmRequest Items(const std::string& items, const std::string& more = {}) {
  return Read("[" + items + "]", more);
}

const std::string kUser = R"({"role":"user","content":"refund order 7"})";
const std::string kReasoning = R"({"type":"reasoning","id":"rs_1","summary":[]})";
const std::string kCall =
    R"({"type":"function_call","id":"fc_1","call_id":"call_1","name":"search",)"
    R"("arguments":"{\"q\":7}"})";
const std::string kOutput =
    R"({"type":"function_call_output","call_id":"call_1","output":"found"})";
const std::string kPrevious = R"(,"previous_response_id":"resp_1")";

TEST(ResponsesRequest, ATextIsOneMessageOfTheUser) {
  const LlmRequest text = Read(R"("refund order 7")", R"(,"stream":true)");
  EXPECT_TRUE(text.stream);
  EXPECT_EQ(text.model, "m");
  ASSERT_TRUE(text.prefix_hash.has_value());
  EXPECT_EQ(text.prefix_hash, Items(kUser).prefix_hash);
  EXPECT_EQ(text.prefix_hash, Items(R"({"type":"message","id":"msg_1","role":"user",)"
                                    R"("content":[{"type":"input_text","text":"refund order 7"}]})")
                                  .prefix_hash);
  EXPECT_FALSE(text.tool_call_after_user);
}

TEST(ResponsesRequest, TheWholeConversationAsInput) {
  const LlmRequest loop = Items(kUser + "," + kReasoning + "," + kCall + "," + kOutput);
  EXPECT_EQ(loop.prefix_hash, Items(kUser).prefix_hash);
  EXPECT_TRUE(loop.tool_call_after_user);
  EXPECT_EQ(loop.tool_call_ids, (Ids{"call_1", "call_1"}));
  const std::string second =
      R"({"type":"custom_tool_call","call_id":"call_2","name":"note","input":"x"},)"
      R"({"type":"custom_tool_call_output","call_id":"call_2","output":"ok"})";
  const LlmRequest next = Items(kUser + "," + kCall + "," + kOutput + "," + second);
  EXPECT_EQ(next.tool_call_ids, (Ids{"call_2", "call_2"}));  // of the last step only
  const LlmRequest question = Items(kUser + "," + kCall + "," + kOutput + "," + kUser);
  EXPECT_FALSE(question.tool_call_after_user);
  EXPECT_TRUE(question.tool_call_ids.empty());
  EXPECT_NE(question.prefix_hash, loop.prefix_hash);
}

TEST(ResponsesRequest, OnlyWhatIsNewBehindAPreviousResponse) {
  const LlmRequest loop = Items(kOutput, kPrevious);
  EXPECT_TRUE(loop.tool_call_after_user);
  EXPECT_EQ(loop.tool_call_ids, (Ids{"call_1", "resp_1"}));
  EXPECT_EQ(loop.prefix_hash, std::nullopt);  // the question is not in it
  // A question that goes on from an answer is a new one.
  const LlmRequest question = Items(kUser, kPrevious);
  EXPECT_FALSE(question.tool_call_after_user);
  EXPECT_TRUE(question.tool_call_ids.empty());
}

TEST(ResponsesRequest, EqualQuestionsOfTwoConversationsAreNotTheSame) {
  EXPECT_NE(Items(kUser, kPrevious).prefix_hash, Items(kUser).prefix_hash);
  EXPECT_NE(Items(kUser, R"(,"previous_response_id":"resp_2")").prefix_hash,
            Items(kUser, kPrevious).prefix_hash);
  EXPECT_EQ(Items(kUser, R"(,"conversation":"conv_1")").prefix_hash,
            Items(kUser, R"(,"conversation":{"id":"conv_1"})").prefix_hash);
  EXPECT_NE(Items(kUser, R"(,"conversation":"conv_1")").prefix_hash, Items(kUser).prefix_hash);
  EXPECT_EQ(Items(kUser, R"(,"previous_response_id":null)").prefix_hash, Items(kUser).prefix_hash);
}

TEST(ResponsesRequest, TheHashDoesNotReadInstructionsToolsAndIds) {
  const std::string answer =
      R"({"role":"assistant","content":[{"type":"output_text","text":"a"}]})";
  const auto hash = [&](const std::string& items, const std::string& more) {
    return Items(items, more).prefix_hash;
  };
  const auto base = hash(kUser + "," + answer + "," + kUser, "");
  EXPECT_EQ(
      base,
      hash(R"({"role":"developer","content":"be kind"},)" + kUser + "," + answer + "," + kUser,
           R"(,"instructions":"i","tools":[{"type":"function"}],"metadata":{"a":"b"})"));
  EXPECT_EQ(base, hash(kUser + "," + kReasoning + "," + answer + "," + kUser, ""));
  EXPECT_NE(base, hash(kUser + "," + kCall + "," + answer + "," + kUser, ""));
}

TEST(ResponsesRequest, AnApprovalIsAnswered) {
  const LlmRequest request =
      Items(R"({"type":"mcp_approval_response","approval_request_id":"mcpr_1","approve":true})",
            kPrevious);
  EXPECT_TRUE(request.tool_call_after_user);
  EXPECT_EQ(request.tool_call_ids, (Ids{"mcpr_1", "resp_1"}));
}

TEST(ResponsesRequest, InputTwiceIsRefused) {
  const auto read = ReadLlmRequest(LlmApi::kOpenAIResponses, R"({"input":"a","input":"b"})");
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message, "input stands twice in the body");
}

TEST(ResponsesRequest, TraceIds) {
  EXPECT_EQ(TraceId("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(TraceId("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), "");
  EXPECT_EQ(TraceId("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"), "");
  EXPECT_EQ(TraceId("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"), "");
  EXPECT_EQ(TraceId(""), "");
}

}  // namespace
}  // namespace reliability::sidecar::inspect
