#include "sidecar/inspect/mcp_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace reliability::sidecar::inspect {
namespace {

using policy::ErrorClass;

McpRequest Request(std::string id, std::string method = "tools/call") {
  McpRequest request;
  request.id_json = std::move(id);
  request.method = std::move(method);
  return request;
}

McpAnswer Watch(AnswerShape shape, std::string_view body, bool clean = true,
                const McpRequest& request = Request("7"), std::size_t piece = 9) {
  McpAnswer answer(request, shape);
  for (std::size_t at = 0; at < body.size(); at += piece) {
    answer.Feed(body.substr(at, piece));
  }
  answer.Finish(clean);
  return answer;
}
ErrorClass Json(std::string_view body) { return Watch(AnswerShape::kJson, body).Classify(200); }

TEST(McpAnswer, ResultIsASuccess) {
  EXPECT_EQ(Json(R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"x"}]}})"),
            ErrorClass::kNone);
  EXPECT_EQ(Json(R"({"result":{"isError":false},"jsonrpc":"2.0","id":7.0})"), ErrorClass::kNone);
}

TEST(McpAnswer, IsErrorIsPermanentUnlessAHintSaysOtherwise) {
  EXPECT_EQ(Json(R"({"id":7,"result":{"isError":true,"content":[{"type":"text","text":"no"}]}})"),
            ErrorClass::kToolErrorPermanent);
  EXPECT_EQ(Json(R"({"result":{"structuredContent":{"retryable":true},"isError":true},"id":7})"),
            ErrorClass::kToolErrorTransient);
  EXPECT_EQ(Json(R"({"id":7,"result":{"isError":true,"content":[{"type":"text",)"
                 R"("text":"{\"error_type\":\"timeout\"}"}]}})"),
            ErrorClass::kToolErrorTransient);
  EXPECT_EQ(Json(R"({"id":7,"result":{"isError":true,"_meta":{"agentreliability.dev/error":)"
                 R"({"error_type":"circuit_open","recoverable":true}}}})"),
            ErrorClass::kToolErrorTransient);
  EXPECT_EQ(Json(R"({"id":7,"result":{"isError":true,"structuredContent":)"
                 R"({"error_type":"not_found","recoverable":true}}})"),
            ErrorClass::kToolErrorPermanent);  // example 17
}

TEST(McpAnswer, ErrorObjects) {
  EXPECT_EQ(Json(R"({"id":7,"error":{"code":-32602,"message":"bad"}})"),
            ErrorClass::kToolErrorPermanent);
  EXPECT_EQ(Json(R"({"error":{"code":-32603,"message":"x"},"id":7})"),
            ErrorClass::kToolErrorTransient);
  EXPECT_EQ(Json(R"({"id":7,"error":{"code":-32042}})"), ErrorClass::kDeferred);
}

TEST(McpAnswer, HttpStatusDecidesFirst) {
  const std::string body = R"({"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"s"}})";
  const McpAnswer session = Watch(AnswerShape::kError, body);
  EXPECT_EQ(session.Classify(404), ErrorClass::kNotFound);
  EXPECT_EQ(session.error_code(), -32001);
  EXPECT_EQ(Watch(AnswerShape::kError, "oops").Classify(503), ErrorClass::kServerError);
  EXPECT_EQ(Watch(AnswerShape::kError, "").Classify(429), ErrorClass::kRateLimited);
}

TEST(McpAnswer, StreamWithNotificationsBeforeTheResult) {
  const std::string body =
      "id: 1\ndata: \n\n"
      "event: message\ndata: {\"method\":\"notifications/progress\",\"params\":{}}\n\n"
      "data: {\"id\":7,\"method\":\"sampling/createMessage\",\"params\":{}}\n\n"
      "data: {\"id\":8,\"result\":{\"isError\":true}}\n\n"
      "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[]}}\n\n";
  for (std::size_t piece = 1; piece < body.size(); piece += 5) {
    const McpAnswer answer = Watch(AnswerShape::kStream, body, true, Request("7"), piece);
    EXPECT_TRUE(answer.responded());
    EXPECT_TRUE(answer.saw_event_id());
    EXPECT_EQ(answer.Classify(200), ErrorClass::kNone);
  }
}

TEST(McpAnswer, CloseRightAfterTheResultIsTheResult) {
  EXPECT_EQ(Watch(AnswerShape::kStream, "data: {\"id\":7,\"result\":{}}\n\n", false).Classify(200),
            ErrorClass::kNone);
}

TEST(McpAnswer, CutStreams) {
  EXPECT_EQ(Watch(AnswerShape::kStream, ": hi\n\n", true).Classify(200),
            ErrorClass::kStreamTruncated);
  EXPECT_EQ(Watch(AnswerShape::kStream, "data: {\"id\":7,\"res", false).Classify(200),
            ErrorClass::kStreamTruncated);
  // A 2025 server may close after an event id; the client resumes.
  EXPECT_EQ(Watch(AnswerShape::kStream, "id: 1\ndata: \n\n", true).Classify(200),
            ErrorClass::kDeferred);
  EXPECT_EQ(Watch(AnswerShape::kJson, "{\"id\":7,", false).Classify(200),
            ErrorClass::kStreamTruncated);
}

TEST(McpAnswer, AnswersThatFitNoRequest) {
  EXPECT_EQ(Json(R"({"id":8,"result":{}})"), ErrorClass::kMalformed);
  EXPECT_EQ(Json("<html>"), ErrorClass::kMalformed);
  EXPECT_EQ(Json(R"({"id":"7","result":{}})"), ErrorClass::kMalformed);
  EXPECT_EQ(Json(R"({"id":7})"), ErrorClass::kMalformed);
}

TEST(McpAnswer, StringIdsMayBeEscapedDifferently) {
  EXPECT_EQ(Watch(AnswerShape::kJson, R"({"id":"\u0061b","result":{}})", true, Request("\"ab\""))
                .Classify(200),
            ErrorClass::kNone);
}

TEST(McpAnswer, NotificationsAreJudgedByStatus) {
  EXPECT_EQ(Watch(AnswerShape::kOpaque, "", true, Request("")).Classify(202), ErrorClass::kNone);
  EXPECT_EQ(Watch(AnswerShape::kError, "", true, Request("")).Classify(500),
            ErrorClass::kServerError);
}

TEST(McpAnswer, InputRequiredIsNoFailure) {
  EXPECT_EQ(Json(R"({"id":7,"result":{"resultType":"input_required","inputRequests":[]}})"),
            ErrorClass::kDeferred);
  EXPECT_EQ(Json(R"({"id":7,"result":{"resultType":"complete"}})"), ErrorClass::kNone);
}

TEST(McpAnswer, ToolNamesOfAList) {
  const McpAnswer answer =
      Watch(AnswerShape::kJson,
            R"({"id":7,"result":{"tools":[{"name":"search","inputSchema":{"name":"x"}},)"
            R"({"description":"d","name":"refund"}],"nextCursor":"c"}})",
            true, Request("7", "tools/list"));
  EXPECT_EQ(answer.tools(), (std::vector<std::string>{"search", "refund"}));
}

TEST(McpAnswer, BatchAnswers) {
  EXPECT_EQ(Json(R"([{"id":6,"result":{}},{"id":7,"result":{"isError":true}}])"),
            ErrorClass::kToolErrorPermanent);
}

TEST(McpAnswer, HugeResultsPass) {
  const std::string body = "{\"id\":7,\"result\":{\"content\":[{\"text\":\"" +
                           std::string(McpAnswer::kMaxJsonBytes, 'x') + "\"}]}}";
  EXPECT_EQ(Watch(AnswerShape::kJson, body, true, Request("7"), 1U << 16U).Classify(200),
            ErrorClass::kNone);
  EXPECT_EQ(Watch(AnswerShape::kStream, "data: " + body + "\n\n", true, Request("7"), 1U << 16U)
                .Classify(200),
            ErrorClass::kNone);
}

}  // namespace
}  // namespace reliability::sidecar::inspect
