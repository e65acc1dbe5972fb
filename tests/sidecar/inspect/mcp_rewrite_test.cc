#include "sidecar/inspect/mcp_rewrite.h"

#include <gtest/gtest.h>

#include "sidecar/inspect/mcp_request.h"

namespace reliability::sidecar::inspect {
namespace {

TEST(McpRewrite, ARepeatedRequestHasANewIdAndProgressToken) {
  const auto renamed = RenameMcpRequest(
      R"({"jsonrpc":"2.0", "params":{"name":"s","_meta":{"progressToken" : "p"},"arguments":)"
      R"({"id":7}}, "id" : 7 ,"method":"tools/call"})",
      "ab12");
  ASSERT_TRUE(renamed.has_value());
  EXPECT_EQ(renamed->body,
            R"({"jsonrpc":"2.0", "params":{"name":"s","_meta":{"progressToken" : "progress-ab12"},)"
            R"("arguments":{"id":7}}, "id" : "retry-ab12" ,"method":"tools/call"})");
  EXPECT_EQ(renamed->id_json, R"("retry-ab12")");
  EXPECT_EQ(ReadMcpRequest(renamed->body)->id_json, renamed->id_json);
}

TEST(McpRewrite, TheAnswerIsMappedBack) {
  auto renamed = RenameMcpRequest(
      R"({"id":"a","method":"tools/call","params":{"_meta":{"progressToken":3}}})", "ff");
  ASSERT_TRUE(renamed.has_value());
  TokenSwap& back = renamed->back;
  EXPECT_EQ(back.Feed(R"({"id":"retry-ff","x":{"progressToken":"progress-ff"}})") + back.Finish(),
            R"({"id":"a","x":{"progressToken":3}})");
}

TEST(McpRewrite, WhatHasNoIdIsRefused) {
  for (const char* body : {"", "[]", "{}", R"({"id":null})", R"({"method":"ping"})", "{"}) {
    EXPECT_FALSE(RenameMcpRequest(body, "1").has_value()) << body;
  }
}

TEST(McpRewrite, ACancellationIsToldAboutTheNewId) {
  const std::string_view body =
      R"({"method":"notifications/cancelled", "requestId":1,"params":{"reason":"\u0041 7",)"
      R"("requestId" : 7 ,"_meta":{"requestId":9}},"jsonrpc":"2.0"} )";
  const auto about = ReadCancelledId(body);
  ASSERT_TRUE(about.has_value());
  EXPECT_EQ(about->id_json, "7");
  EXPECT_EQ(WithCancelledId(body, *about, R"("retry-ab12")"),
            R"({"method":"notifications/cancelled", "requestId":1,"params":{"reason":"\u0041 7",)"
            R"("requestId" : "retry-ab12" ,"_meta":{"requestId":9}},"jsonrpc":"2.0"} )");
  const auto text = ReadCancelledId(R"({"params":{"requestId":"a-\"7"}})");
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->id_json, R"("a-\"7")");
  EXPECT_EQ(WithCancelledId(R"({"params":{"requestId":"a-\"7"}})", *text, "8"),
            R"({"params":{"requestId":8}})");
}

TEST(McpRewrite, ACancellationOfNothingOrOfTwoThingsIsLeftAlone) {
  for (const char* body :
       {"", "[]", "{}", "{", R"({"params":7})", R"({"params":{}})", R"({"requestId":7})",
        R"({"params":{"requestId":null}})", R"({"params":{"requestId":{"a":7}}})",
        R"({"params":{"requestId":7,"requestId":8}})", R"({"params":{"requestId":7})",
        R"({"params":{"requestId":null,"requestId":8}})", R"([{"params":{"requestId":7}}])"}) {
    EXPECT_FALSE(ReadCancelledId(body).has_value()) << body;
  }
}

TEST(TokenSwap, PiecesOfAnySize) {
  const std::string text = R"(data: {"id":"retry-1","t":"\"retry-1\" \"ret","n":"retry-2"})";
  const std::string wanted = R"(data: {"id":7,"t":"\"retry-1\" \"ret","n":"retry-2"})";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    TokenSwap swap;
    swap.Add("\"retry-1\"", "7");
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) {
      out += swap.Feed(std::string_view(text).substr(at, size));
    }
    out += swap.Finish();
    EXPECT_EQ(out, wanted) << size;
  }
}

TEST(TokenSwap, AnUnfinishedTokenIsNotLost) {
  TokenSwap swap;
  swap.Add("\"retry-1\"", "7");
  EXPECT_EQ(swap.Feed("a\"retry"), "a");
  EXPECT_EQ(swap.Finish(), "\"retry");
  EXPECT_FALSE(TokenSwap().active());
}

}  // namespace
}  // namespace reliability::sidecar::inspect
