#include "sidecar/translate/request.h"

#include <gtest/gtest.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "tests/sidecar/translate/golden.h"

namespace reliability::sidecar::translate {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

Format FormatNamed(const std::string& name) {
  return name == "chat"        ? Format::kChat
         : name == "responses" ? Format::kResponses
                               : Format::kMessages;
}

struct Case {
  Format from;
  std::string body;
  Target target;
};

// Each golden case once per target.
std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const std::string& name : golden::Names("requests", ".json")) {
    const auto file =
        ordered_json::parse(golden::Read(golden::Folder() / "requests" / (name + ".json")));
    for (const auto& [target, model] : file.at("models").items()) {
      cases.push_back({FormatNamed(file.at("from")), file.at("request").dump(),
                       TargetOf(FormatNamed(target), model.get<std::string>())});
    }
  }
  return cases;
}

TEST(TranslateRequest, Golden) {
  for (const std::string& name : golden::Names("requests", ".json")) {
    SCOPED_TRACE(name);
    const auto path = golden::Folder() / "requests" / (name + ".json");
    auto file = ordered_json::parse(golden::Read(path));
    auto expected = ordered_json::object();
    for (const auto& [target, model] : file.at("models").items()) {
      const auto sent = TranslateRequest(FormatNamed(file.at("from")), file.at("request").dump(),
                                         TargetOf(FormatNamed(target), model.get<std::string>()));
      ASSERT_TRUE(sent.has_value()) << ToString(sent.error());
      expected[target] = ordered_json::parse(*sent);
    }
    file["expected"] = expected;
    golden::Expect(path, file.dump(1) + "\n");
  }
}

Result<std::string> ToMessages(const std::string& body,
                               std::string_view model = "claude-opus-4-5") {
  return TranslateRequest(Format::kChat, body, TargetOf(Format::kMessages, model));
}

TEST(TranslateRequest, TwoReadingsOfOneRequestAreRefused) {
  for (const char* body :
       {R"({"model":"a","model":"b","messages":[]})",
        R"({"messages":[{"role":"user","role":"assistant","content":"x"}]})",
        R"({"messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}]})",
        R"({"messages":[],"tools":[{"type":"function","function":{"name":"a","name":"b"}}]})"}) {
    const auto sent = ToMessages(body);
    ASSERT_FALSE(sent.has_value()) << body;
    EXPECT_EQ(sent.error().code, Code::kInvalid) << body;
    EXPECT_NE(sent.error().message.find("twice"), std::string::npos) << sent.error().message;
  }
}

TEST(TranslateRequest, WhatIsNoRequestIsRefused) {
  const std::string deep = R"({"messages":)" + std::string(100, '[') + std::string(100, ']') + "}";
  const std::string bad_utf8 = "{\"messages\":[{\"role\":\"user\",\"content\":\"\xc3\x28\"}]}";
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("{}"), std::string("{\"messages\":1}"),
        std::string(R"({"messages":["x"]})"), std::string(R"({"messages":[]}x)"),
        std::string(R"({"messages":[{"role":"user","content":7}]})"),
        std::string(R"({"messages":[{"role":"tool","content":"x"}]})"),
        std::string(R"({"messages":[{"role":"user","content":"x"}],"stop":3})"),
        std::string(R"({"messages":[{"role":"user","content":"\ud800"}]})"), deep, bad_utf8}) {
    const auto sent = ToMessages(body);
    ASSERT_FALSE(sent.has_value()) << body;
    EXPECT_EQ(sent.error().code, Code::kInvalid) << body << " " << sent.error().message;
  }
}

TEST(TranslateRequest, NobodySaidAnything) {
  for (const char* messages :
       {"[]", R"([{"role":"user","content":" "}])", R"([{"role":"assistant","content":"pre"}])"}) {
    const auto sent = ToMessages(R"({"messages":)" + std::string(messages) + "}");
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().code, Code::kUnsupported);
  }
}

TEST(TranslateRequest, TheFieldIsNamedWithItsPlace) {
  const auto sent = ToMessages(
      R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text",)"
      R"("text":"b"},{"type":"image_url","image_url":{"url":"ftp://example.com/a.png"}}]}]})");
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().message, "messages[1].content[1].image_url.url: ftp");
}

TEST(TranslateRequest, StopSequencesAreNeverLost) {
  const std::string messages = R"("messages":[{"role":"user","content":"x"}])";
  const auto blank = ToMessages("{" + messages + R"(,"stop":"\n"})");
  ASSERT_FALSE(blank.has_value());
  EXPECT_EQ(blank.error().code, Code::kUnsupported);
  const std::string five = "{" + messages + R"(,"stop_sequences":["a","b","c","d","e"]})";
  const std::string one = "{" + messages + R"(,"stop_sequences":["a"]})";
  const Target normal = TargetOf(Format::kChat, "gpt-4o");
  const Target reasoning = TargetOf(Format::kChat, "o3-mini");
  EXPECT_FALSE(TranslateRequest(Format::kMessages, five, normal).has_value());
  EXPECT_FALSE(TranslateRequest(Format::kMessages, one, reasoning).has_value());
  EXPECT_TRUE(TranslateRequest(Format::kMessages, one, normal).has_value());
}

TEST(TranslateRequest, NoTierSpeaksResponses) {
  Target target;
  target.format = Format::kResponses;
  const auto sent = TranslateRequest(Format::kChat, R"({"messages":[]})", target);
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Code::kUnsupported);
}

TEST(TranslateRequest, SameFormatKeepsTheRest) {
  const Target other = TargetOf(Format::kResponses, "gpt-4.1");
  const auto sent = TranslateRequest(
      Format::kResponses, R"({"input":"x","model":"gpt-5","previous_response_id":"r"})", other);
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(json::parse(*sent),
            json::parse(R"({"model":"gpt-4.1","input":"x","previous_response_id":"r"})"));
  Target old = TargetOf(Format::kMessages, "claude-sonnet-4-5");
  ASSERT_TRUE(old.accepts_prefill);
  const std::string prefilled =
      R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"{"}]})";
  EXPECT_NE(TranslateRequest(Format::kMessages, prefilled, old)->find("assistant"),
            std::string::npos);
}

TEST(TargetOf, KnowsWhatModelsAccept) {
  struct {
    Format format;
    const char* model;
    bool sampling;
    bool prefill;
  } const cases[] = {
      {Format::kMessages, "claude-3-5-haiku-20241022", true, true},
      {Format::kMessages, "claude-opus-4-20250514", true, true},
      {Format::kMessages, "claude-sonnet-4-5-20250929", true, true},
      {Format::kMessages, "us.anthropic.claude-haiku-4-5-20251001-v1:0", true, true},
      {Format::kMessages, "anthropic/claude-sonnet-4.5", true, true},
      {Format::kMessages, "claude-opus-4-6", true, false},
      {Format::kMessages, "claude-opus-4-7", false, false},
      {Format::kMessages, "claude-sonnet-5", false, false},
      {Format::kMessages, "claude-fable-5-1", false, false},
      {Format::kMessages, "claude-opus", false, false},
      {Format::kMessages, "in-house", false, false},
      {Format::kChat, "gpt-4o", true, true},
      {Format::kChat, "gpt-4.1-mini", true, true},
      {Format::kChat, "gpt-3.5-turbo", true, true},
      {Format::kChat, "openai/gpt-5.1", false, true},
      {Format::kChat, "gpt-6-astra", false, true},
      {Format::kChat, "o3-mini", false, true},
      {Format::kChat, "olmo-2", true, true},
      {Format::kChat, "meta-llama/llama-4", true, true},
  };
  for (const auto& c : cases) {
    const Target target = TargetOf(c.format, c.model);
    EXPECT_EQ(target.accepts_sampling, c.sampling) << c.model;
    EXPECT_EQ(target.accepts_prefill, c.prefill) << c.model;
    EXPECT_EQ(target.model, c.model);
  }
}

TEST(ReadCaller, KnowsTheFormOfTheAnswer) {
  const auto chat = ReadCaller(
      Format::kChat, R"({"stream":true,"stream_options":{"include_usage":true},"messages":[]})");
  ASSERT_TRUE(chat.has_value());
  EXPECT_TRUE(chat->stream && chat->include_usage);
  const auto responses =
      ReadCaller(Format::kResponses, R"({"input":"x","metadata":{"k":"v"},"tools":[{"a":1}]})");
  ASSERT_TRUE(responses.has_value());
  const json echo = json::parse("{" + responses->echo + "}");
  EXPECT_EQ(echo["metadata"]["k"], "v");
  EXPECT_EQ(echo["tools"][0]["a"], 1);
  EXPECT_EQ(echo["tool_choice"], "auto");
  EXPECT_FALSE(ReadCaller(Format::kChat, R"({"stream":true,"stream":false})").has_value());
  EXPECT_FALSE(ReadCaller(Format::kChat, "[]").has_value());
}

// Bytes from callers may be anything: read or refused, never more. Runs under the sanitizers too.
TEST(TranslateRequest, TruncatedAndDamagedBodies) {
  const auto seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 rng(seed);
  for (const Case& c : Cases()) {
    for (std::size_t end = 0; end < c.body.size(); ++end) {
      const auto cut = std::string_view(c.body).substr(0, end);
      ASSERT_FALSE(TranslateRequest(c.from, cut, c.target).has_value()) << cut;
      ASSERT_FALSE(ReadCaller(c.from, cut).has_value());
    }
    for (int round = 0; round < 200; ++round) {
      std::string damaged = c.body;
      for (std::size_t i = 0; i < 1 + rng() % 3; ++i) {
        damaged[rng() % damaged.size()] = static_cast<char>(rng() % 256);
      }
      const auto sent = TranslateRequest(c.from, damaged, c.target);
      ASSERT_TRUE(!sent || json::accept(*sent)) << damaged;
      ASSERT_TRUE(sent || sent.error().code == Code::kInvalid ||
                  sent.error().code == Code::kUnsupported);
    }
  }
}

// Every value of the golden requests replaced by one of another type.
TEST(TranslateRequest, ValuesOfOtherTypes) {
  const std::vector<json> others = {nullptr,
                                    true,
                                    -1,
                                    1.5,
                                    "x",
                                    json::array(),
                                    json::object(),
                                    json::array({1}),
                                    json::object({{"type", 1}})};
  for (const Case& c : Cases()) {
    const json body = json::parse(c.body);
    const json flat = body.flatten();
    for (const auto& [pointer, ignored] : flat.items()) {
      for (json::json_pointer at(pointer); !at.empty(); at = at.parent_pointer()) {
        for (const json& other : others) {
          json changed = body;
          changed[at] = other;
          const auto sent = TranslateRequest(c.from, changed.dump(), c.target);
          ASSERT_TRUE(!sent || json::accept(*sent)) << changed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace reliability::sidecar::translate
