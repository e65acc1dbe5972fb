#include "sidecar/inspect/mcp_request.h"

#include <gtest/gtest.h>

#include <string>

#include "sidecar/inspect/json_hash.h"

namespace reliability::sidecar::inspect {
namespace {

TEST(McpRequest, ToolsCall) {
  const auto read = ReadMcpRequest(
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call",)"
      R"("params":{"name":"search","arguments":{"q":1,"limit":2},"_meta":{"progressToken":1}}})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->kind, McpKind::kRequest);
  EXPECT_EQ(read->method, "tools/call");
  EXPECT_EQ(read->tool, "search");
  EXPECT_EQ(read->id_json, "7");
  EXPECT_EQ(read->arguments_hash, JsonHash(R"({"limit":2,"q":1})"));
}

TEST(McpRequest, StringIdsKeepTheirQuotes) {
  EXPECT_EQ(ReadMcpRequest(R"({"id" : "a b" ,"method":"ping"})")->id_json, "\"a b\"");
  EXPECT_EQ(ReadMcpRequest(R"({"id":null,"method":"ping"})")->id_json, "null");
}

TEST(McpRequest, ToolWithoutArgumentsHasEmptyOnes) {
  EXPECT_EQ(
      ReadMcpRequest(R"({"id":1,"method":"tools/call","params":{"name":"now"}})")->arguments_hash,
      JsonHash("{}"));
}

TEST(McpRequest, OtherMethods) {
  const auto list = ReadMcpRequest(R"({"id":1,"method":"tools/list"})");
  EXPECT_EQ(list->tool, "");
  EXPECT_EQ(list->arguments_hash, std::nullopt);
  const auto prompt = ReadMcpRequest(
      R"({"id":1,"method":"prompts/get","params":{"name":"p","arguments":{"a":"b"}}})");
  EXPECT_EQ(prompt->name, "p");
  EXPECT_EQ(prompt->tool, "");
  EXPECT_EQ(ReadMcpRequest(R"({"id":1,"method":"resources/read","params":{"uri":"f:/x"}})")->name,
            "f:/x");
}

TEST(McpRequest, Kinds) {
  EXPECT_EQ(ReadMcpRequest(R"({"method":"notifications/initialized"})")->kind,
            McpKind::kNotification);
  EXPECT_EQ(ReadMcpRequest(R"({"id":1,"result":{}})")->kind, McpKind::kResponse);
  const auto batch = ReadMcpRequest(R"([{"id":1,"method":"ping"},{"id":2,"method":"tools/call"}])");
  EXPECT_EQ(batch->kind, McpKind::kBatch);
  EXPECT_TRUE(batch->tools_call_in_batch);
  EXPECT_FALSE(ReadMcpRequest(R"([{"id":1,"method":"ping"}])")->tools_call_in_batch);
}

TEST(McpRequest, DuplicateKeysAreRefused) {
  for (const char* body :
       {R"({"id":1,"method":"ping","method":"tools/call"})", R"({"id":1,"id":2,"method":"ping"})",
        R"({"id":1,"method":"tools/call","params":{"name":"a","name":"b"}})",
        R"({"id":1,"method":"tools/call","params":{"name":"a","arguments":{},"arguments":{}}})",
        R"({"id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}})"}) {
    EXPECT_FALSE(ReadMcpRequest(body).has_value()) << body;
  }
}

TEST(McpRequest, NotJsonRpc) {
  for (const char* body : {"", "{", "7", "\"x\"", "[", "[{]", "{\"id\":1} x"}) {
    EXPECT_FALSE(ReadMcpRequest(body).has_value()) << body;
  }
}

TEST(McpHeaders, MustSayWhatTheBodySays) {
  const McpRequest call =
      ReadMcpRequest(R"({"id":1,"method":"tools/call","params":{"name":"search"}})").value();
  EXPECT_TRUE(HeadersAgree(call, std::nullopt, std::nullopt));
  EXPECT_TRUE(HeadersAgree(call, "tools/call", "search"));
  EXPECT_TRUE(HeadersAgree(call, "tools/call", "=?base64?c2VhcmNo?="));
  EXPECT_FALSE(HeadersAgree(call, "ping", "search"));
  EXPECT_FALSE(HeadersAgree(call, "tools/call", "refund"));
  EXPECT_FALSE(HeadersAgree(call, "tools/call", "=?base64?!!?="));
}

TEST(McpHeaders, NameSentinel) {
  EXPECT_EQ(DecodeMcpName("plain"), "plain");
  EXPECT_EQ(DecodeMcpName("=?base64?w6R0?="), "\xc3\xa4t");
  EXPECT_EQ(DecodeMcpName("=?base64?YQ==?="), "a");
  EXPECT_EQ(DecodeMcpName("=?base64?YQ?="), std::nullopt);
  EXPECT_EQ(DecodeMcpName("=?base64?"
                          "?="),
            "");
  EXPECT_EQ(DecodeMcpName("=?base64?Y?="), std::nullopt);
  EXPECT_EQ(DecodeMcpName("=?base64?YQ=="), std::nullopt);
}

}  // namespace
}  // namespace reliability::sidecar::inspect
