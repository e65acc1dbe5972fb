#include "sidecar/translate/answer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "sidecar/translate/template_answer.h"
#include "tests/sidecar/translate/golden.h"

namespace reliability::sidecar::translate {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr Format kFormats[] = {Format::kChat, Format::kResponses, Format::kMessages};

Caller CallerOf(Format format, bool stream = false) {
  const auto caller =
      ReadCaller(format, R"({"model":"asked","input":"Hi","metadata":{"k":"v"},"stream":)" +
                             std::string(stream ? "true" : "false") +
                             R"(,"stream_options":{"include_usage":true}})");
  EXPECT_TRUE(caller.has_value());
  return caller.value_or(Caller{});
}

Format TierOf(const std::string& name) {
  return name.starts_with("chat") ? Format::kChat : Format::kMessages;
}

const Origin& Tier() {
  static const Origin origin = {
      .model = "tier-model", .created = 1700000001, .fallback_id = "req_7"};
  return origin;
}

TEST(Answer, Golden) {
  for (const std::string& name : golden::Names("answers", ".json")) {
    const std::string body = golden::Read(golden::Folder() / "answers" / (name + ".json"));
    const auto answer = ReadAnswer(TierOf(name), body, Tier());
    ASSERT_TRUE(answer.has_value()) << name << " " << ToString(answer.error());
    for (const Format caller : kFormats) {
      SCOPED_TRACE(name);
      const std::string written = WriteAnswer(*answer, CallerOf(caller));
      ASSERT_TRUE(json::accept(written)) << written;
      golden::Expect(golden::Folder() / "answers" / "expected" /
                         (name + "." + std::string(FormatName(caller)) + ".json"),
                     ordered_json::parse(written).dump(2) + "\n");
    }
  }
}

TEST(Answer, WhatIsNoAnswerIsMalformed) {
  for (const char* body :
       {"", "{}", "[]", R"({"error":{"message":"x"}})", R"({"choices":[]})", R"({"choices":[1]})",
        R"({"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"f",)"
        R"("arguments":"{"}}]}}]})",
        R"({"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"f",)"
        R"("arguments":"[]"}}]}}]})",
        R"({"choices":[{"message":{"tool_calls":[{"id":"c","function":{"arguments":"{}"}}]}}]})"}) {
    const auto answer = ReadAnswer(Format::kChat, body, Tier());
    ASSERT_FALSE(answer.has_value()) << body;
    EXPECT_EQ(answer.error().code, Code::kInvalid);
  }
  for (const char* body :
       {R"({"type":"error","error":{"type":"api_error"}})", R"({"content":"x"})",
        R"({"content":[{"type":"tool_use","id":"t","name":"f","input":"x"}]})"}) {
    EXPECT_FALSE(ReadAnswer(Format::kMessages, body, Tier()).has_value()) << body;
  }
}

TEST(Answer, WhatTheTierLeftOutIsMade) {
  const auto answer = ReadAnswer(
      Format::kChat,
      R"({"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]})",
      Tier());
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->model, "tier-model");
  EXPECT_EQ(answer->blocks[0].id, "call_req_7_0");
  const json body = json::parse(WriteAnswer(*answer, CallerOf(Format::kMessages)));
  EXPECT_EQ(body["id"], "msg_req_7");
  EXPECT_EQ(body["stop_reason"], "tool_use");
}

TEST(Answer, TruncatedBodies) {
  for (const std::string& name : golden::Names("answers", ".json")) {
    const std::string body = golden::Read(golden::Folder() / "answers" / (name + ".json"));
    for (std::size_t end = 0; end + 2 < body.size(); ++end) {
      ASSERT_FALSE(ReadAnswer(TierOf(name), body.substr(0, end), Tier()).has_value());
    }
  }
}

TEST(TranslateError, KeepsTheProvidersWords) {
  policy::ProviderError error;
  error.type = "overloaded_error";
  error.message = "Overloaded \"now\"";
  const json openai = json::parse(TranslateError(Format::kChat, 529, error, "req_1"));
  EXPECT_EQ(openai["error"]["message"], error.message);
  EXPECT_EQ(openai["error"]["type"], "server_error");
  EXPECT_EQ(openai["error"]["code"], "overloaded_error");
  const json anthropic = json::parse(TranslateError(Format::kMessages, 429, error, "req_1"));
  EXPECT_EQ(anthropic["type"], "error");
  EXPECT_EQ(anthropic["error"]["type"], "rate_limit_error");
  EXPECT_EQ(anthropic["request_id"], "req_1");
  const json silent = json::parse(TranslateError(Format::kResponses, 400, {}, ""));
  EXPECT_EQ(silent["error"]["message"], "HTTP 400");
  EXPECT_TRUE(silent["error"]["code"].is_null());
}

TEST(Template, SubstitutesTwoNamesOnce) {
  EXPECT_EQ(RenderTemplate("{{.agent}}: {{.reason}}; {{.model}} {{ .agent }} {{.agent}",
                           "a{{.reason}}", "r"),
            "a{{.reason}}: r; {{.model}} {{ .agent }} {{.agent}");
  EXPECT_EQ(RenderTemplate("", "a", "r"), "");
}

TEST(Template, IsAValidAnswerInEachFormat) {
  for (const Format format : kFormats) {
    for (const bool stream : {false, true}) {
      const inspect::MadeAnswer made =
          TemplateAnswer(CallerOf(format, stream), "Sorry, \"later\".\n", Tier());
      EXPECT_EQ(made.status, 200);
      EXPECT_EQ(made.content_type, stream ? "text/event-stream" : "application/json");
      EXPECT_NE(made.body.find("agent-reliability/template"), std::string::npos);
      golden::Expect(golden::Folder() / "templates" /
                         (std::string(FormatName(format)) + (stream ? ".sse" : ".json")),
                     stream ? made.body : ordered_json::parse(made.body).dump(2) + "\n");
    }
  }
}

}  // namespace
}  // namespace reliability::sidecar::translate
