#include "sidecar/translate/stream_translator.h"

#include <gtest/gtest.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "tests/sidecar/translate/golden.h"

namespace reliability::sidecar::translate {
namespace {

using nlohmann::json;
using State = StreamTranslator::State;
using Use = StreamTranslator::Use;

Origin Tier(const std::string& model) {
  return {.model = model, .created = 1700000001, .fallback_id = "req_7"};
}

StreamTranslator Translator(Format tier, Format caller, Use use = Use::kTranslate) {
  return {tier, Caller{.format = caller, .stream = true}, Tier("tier-model"), use};
}

std::string ChatText(const std::string& text) {
  return "data: " +
         json({{"id", "chatcmpl-1"},
               {"model", "gpt-4o"},
               {"choices", {{{"index", 0}, {"delta", {{"content", text}}}}}}})
             .dump() +
         "\n\n";
}

std::string ChatFinish(const std::string& reason) {
  return "data: " +
         json({{"id", "chatcmpl-1"},
               {"model", "gpt-4o"},
               {"choices", {{{"index", 0}, {"delta", json::object()}, {"finish_reason", reason}}}}})
             .dump() +
         "\n\n";
}

std::string ChatTool(std::int64_t index, const json& function, const std::string& id = "") {
  json call = {{"index", index}, {"function", function}};
  if (!id.empty()) {
    call["id"] = id;
  }
  return "data: " + json({{"choices", {{{"delta", {{"tool_calls", {call}}}}}}}}).dump() + "\n\n";
}

std::string Claude(const json& event) {
  return "event: " + event.at("type").get<std::string>() + "\ndata: " + event.dump() + "\n\n";
}

std::string ClaudeText(int index, const std::string& text, bool open, bool close) {
  std::string out;
  if (open) {
    out += Claude({{"type", "content_block_start"},
                   {"index", index},
                   {"content_block", {{"type", "text"}, {"text", ""}}}});
  }
  out += Claude({{"type", "content_block_delta"},
                 {"index", index},
                 {"delta", {{"type", "text_delta"}, {"text", text}}}});
  return close ? out + Claude({{"type", "content_block_stop"}, {"index", index}}) : out;
}

std::string ClaudeStart(const std::string& model = "claude") {
  return Claude(
      {{"type", "message_start"},
       {"message", {{"id", "msg_1"}, {"model", model}, {"usage", {{"input_tokens", 9}}}}}});
}

std::string ClaudeEnd() {
  return Claude({{"type", "message_delta"},
                 {"delta", {{"stop_reason", "end_turn"}}},
                 {"usage", {{"output_tokens", 5}}}}) +
         Claude({{"type", "message_stop"}});
}

int Count(const std::string& text, const std::string& piece) {
  int count = 0;
  for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) {
    ++count;
  }
  return count;
}

TEST(StreamTranslator, CompleteWithoutTerminalEventIsEnded) {
  auto stream = Translator(Format::kChat, Format::kMessages);
  std::string out = stream.Feed(ChatText("All of it."));
  EXPECT_FALSE(stream.complete());
  out += stream.Feed(ChatFinish("stop"));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.state(), State::kStreaming);  // usage may still come
  EXPECT_EQ(Count(out, "message_stop"), 0);
  EXPECT_NE(stream.End().find("event: message_stop"), std::string::npos);
  EXPECT_EQ(stream.state(), State::kEnded);
  EXPECT_EQ(stream.End(), "");
  EXPECT_EQ(stream.Feed(ChatText("late")), "");
}

TEST(StreamTranslator, UsageOfTheTier) {
  auto stream = Translator(Format::kMessages, Format::kChat);
  (void)stream.Feed(ClaudeStart("claude-x") + ClaudeText(0, "Hi", true, true) + ClaudeEnd());
  EXPECT_EQ(stream.model(), "claude-x");
  EXPECT_TRUE(stream.usage().known);
  EXPECT_EQ(stream.usage().input, 9);
  EXPECT_EQ(stream.usage().output, 5);
}

TEST(StreamTranslator, UsageMayComeTwice) {
  auto stream = Translator(Format::kChat, Format::kMessages);
  const std::string usage =
      R"(data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":)";
  (void)stream.Feed(ChatText("x") + ChatFinish("stop") + usage + "1}}\n\n" + usage + "3}}\n\n");
  EXPECT_EQ(stream.usage().input, 7);
  EXPECT_EQ(stream.usage().output, 3);
}

TEST(StreamTranslator, DroppedEventOutsideAToolCallIsCounted) {
  auto stream = Translator(Format::kChat, Format::kMessages);
  std::string out = stream.Feed(ChatText("a") + "data: {broken\n\n" + ChatText("b"));
  EXPECT_EQ(stream.malformed_events(), 1);
  EXPECT_EQ(stream.state(), State::kStreaming);
  EXPECT_EQ(Count(out, "text_delta"), 2);
}

TEST(StreamTranslator, BrokenEventInsideAToolCallFails) {
  auto stream = Translator(Format::kChat, Format::kMessages);
  (void)stream.Feed(ChatTool(0, {{"name", "f"}, {"arguments", "{\"a\":"}}, "c1"));
  const std::string out = stream.Feed("data: {broken\n\n" + ChatTool(0, {{"arguments", "1}"}}));
  EXPECT_EQ(out, "");
  EXPECT_EQ(stream.state(), State::kFailed);
  EXPECT_EQ(stream.failure()->code, Code::kInvalid);
}

TEST(StreamTranslator, ErrorEventIsReported) {
  auto chat = Translator(Format::kChat, Format::kMessages);
  (void)chat.Feed(ChatText("a") + R"(data: {"error":{"type":"server_error","message":"m"}})" +
                  "\n\n");
  EXPECT_EQ(chat.state(), State::kFailed);
  EXPECT_EQ(chat.provider_error()->type, "server_error");
  auto claude = Translator(Format::kMessages, Format::kResponses);
  (void)claude.Feed(Claude({{"type", "error"}, {"error", {{"type", "overloaded_error"}}}}));
  EXPECT_EQ(claude.provider_error()->type, "overloaded_error");
}

TEST(StreamTranslator, ErrorEnvelopes) {
  inspect::ErrorReply reply;
  reply.error_class = policy::ErrorClass::kTimeoutIdle;
  reply.message = "no token for 5 s";
  for (const Format caller : {Format::kChat, Format::kMessages, Format::kResponses}) {
    auto stream = Translator(Format::kChat, caller);
    const std::string before = stream.Feed(ChatText("half "));
    const std::string error = stream.Fail(reply);
    EXPECT_EQ(stream.state(), State::kFailed);
    const std::size_t at = error.find("data: ");
    ASSERT_NE(at, std::string::npos);
    const json data = json::parse(error.substr(at + 6));
    EXPECT_EQ(data["error"]["message"], "no token for 5 s");
    EXPECT_EQ(data["error"]["error_type"], "timeout_idle");
    EXPECT_EQ(error.starts_with("event: error\n"), caller != Format::kChat);
    if (caller == Format::kResponses) {
      EXPECT_EQ(data["type"], "error");
      EXPECT_EQ(data["message"], "no token for 5 s");
      EXPECT_EQ(data["sequence_number"], Count(before, "sequence_number"));
    }
  }
}

TEST(StreamTranslator, ExplainEndsInWords) {
  for (const Format caller : {Format::kChat, Format::kMessages, Format::kResponses}) {
    auto stream = Translator(Format::kMessages, caller);
    std::string out = stream.Feed(ClaudeStart() + ClaudeText(0, "half ", true, false));
    const auto tail = stream.Explain("[out of time]");
    ASSERT_TRUE(tail.has_value());
    EXPECT_EQ(stream.state(), State::kEnded);
    EXPECT_NE(tail->find("[out of time]"), std::string::npos);
    const char* reason = caller == Format::kChat       ? "\"finish_reason\":\"length\""
                         : caller == Format::kMessages ? "\"stop_reason\":\"max_tokens\""
                                                       : "\"reason\":\"max_output_tokens\"";
    EXPECT_NE(tail->find(reason), std::string::npos) << *tail;
  }
  auto tools = Translator(Format::kChat, Format::kMessages);
  (void)tools.Feed(ChatTool(0, {{"name", "f"}, {"arguments", ""}}, "c1"));
  EXPECT_FALSE(tools.Explain("x").has_value());
}

TEST(StreamTranslator, AnotherTierGoesOn) {
  auto stream = Translator(Format::kMessages, Format::kChat);
  std::string out = stream.Feed(ClaudeStart() + ClaudeText(0, "One two ", true, false));
  (void)stream.End();  // cut
  ASSERT_EQ(stream.state(), State::kFailed);
  ASSERT_TRUE(stream.can_resume());
  stream.Resume(Format::kChat, Tier("other"));
  out += stream.Feed(ChatText("One") + ChatText(" two three"));
  EXPECT_EQ(stream.state(), State::kStreaming);
  out += stream.Feed(ChatText(" four.") + ChatFinish("stop") + "data: [DONE]\n\n");
  EXPECT_EQ(stream.state(), State::kEnded);
  EXPECT_EQ(Count(out, "One"), 1);
  EXPECT_NE(out.find("\"content\":\"three\""), std::string::npos) << out;
  EXPECT_EQ(Count(out, "\"role\""), 1);
  EXPECT_EQ(stream.model(), "gpt-4o");
}

TEST(StreamTranslator, AnotherTierWithOtherWordsFails) {
  struct {
    std::string answer;
  } const cases[] = {{ChatText("One three")},
                     {ChatText("One") + ChatFinish("stop") + "data: [DONE]\n\n"},
                     {ChatTool(0, {{"name", "f"}, {"arguments", "{}"}}, "c1")}};
  for (const auto& c : cases) {
    auto stream = Translator(Format::kMessages, Format::kMessages);
    (void)stream.Feed(ClaudeStart() + ClaudeText(0, "One two ", true, false));
    stream.Resume(Format::kChat, Tier("other"));
    EXPECT_EQ(stream.Feed(c.answer), "") << c.answer;
    EXPECT_EQ(stream.state(), State::kFailed) << c.answer;
    EXPECT_EQ(stream.failure()->code, Code::kConflict);
  }
}

TEST(StreamTranslator, OnlyTextCanResume) {
  auto tools = Translator(Format::kChat, Format::kMessages);
  EXPECT_TRUE(tools.can_resume());
  (void)tools.Feed(ChatText("x") + ChatTool(0, {{"name", "f"}}, "c1"));
  EXPECT_FALSE(tools.can_resume());
  EXPECT_TRUE(tools.asks_for_tools());
  auto lengthy = Translator(Format::kChat, Format::kMessages);
  (void)lengthy.Feed(ChatText(std::string(300U << 10U, 'x')));
  EXPECT_FALSE(lengthy.can_resume());
}

TEST(StreamTranslator, WatchingWritesNothingUntilItMust) {
  auto chat = Translator(Format::kChat, Format::kChat, Use::kWatch);
  EXPECT_EQ(chat.Feed(ChatText("All") + ChatFinish("stop")), "");
  EXPECT_EQ(chat.End(), "data: [DONE]\n\n");
  auto claude = Translator(Format::kMessages, Format::kMessages, Use::kWatch);
  std::string end = ClaudeEnd();
  end.resize(end.find("event: message_stop"));
  EXPECT_EQ(claude.Feed(ClaudeStart() + ClaudeText(0, "Hi", true, true) + end), "");
  EXPECT_EQ(claude.End(), "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
  auto cut = Translator(Format::kChat, Format::kChat, Use::kWatch);
  EXPECT_EQ(cut.Feed(ChatText("half")), "");
  EXPECT_EQ(cut.End(), "");
  EXPECT_EQ(cut.state(), State::kFailed);
  EXPECT_EQ(Count(cut.Fail({}), "\"error\""), 1);
}

// The caller has the first tier's own blocks, a thought among them: numbers go on behind it.
TEST(StreamTranslator, WatchedStreamResumesInTheOpenBlock) {
  auto stream = Translator(Format::kMessages, Format::kMessages, Use::kWatch);
  (void)stream.Feed(ClaudeStart() + ClaudeText(0, "One ", true, false));
  ASSERT_TRUE(stream.can_resume());
  stream.Resume(Format::kChat, Tier("other"));
  const std::string out =
      stream.Feed(ChatText("One two") + ChatFinish("stop") + "data: [DONE]\n\n");
  EXPECT_EQ(out.substr(0, out.find('\n')), "event: content_block_delta");
  EXPECT_NE(out.find("\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"two\"}"),
            std::string::npos)
      << out;
  EXPECT_EQ(Count(out, "content_block_start"), 0);

  auto closed = Translator(Format::kMessages, Format::kMessages, Use::kWatch);
  (void)closed.Feed(ClaudeStart() +
                    Claude({{"type", "content_block_start"},
                            {"index", 0},
                            {"content_block", {{"type", "thinking"}, {"thinking", ""}}}}) +
                    ClaudeText(1, "One ", true, true));
  const auto tail = closed.Explain("late");
  ASSERT_TRUE(tail.has_value());
  EXPECT_NE(tail->find("\"type\":\"content_block_start\",\"index\":2"), std::string::npos) << *tail;
}

TEST(StreamTranslator, Bounds) {
  auto event = Translator(Format::kChat, Format::kMessages);
  (void)event.Feed("data: " + std::string(StreamTranslator::kMaxEventBytes + 1, 'x'));
  EXPECT_EQ(event.state(), State::kFailed);
  EXPECT_EQ(event.failure()->code, Code::kExhausted);

  auto calls = Translator(Format::kChat, Format::kMessages);
  for (int i = 0; i < 2000 && calls.state() == State::kStreaming; ++i) {
    (void)calls.Feed(ChatTool(i, {{"name", "f"}, {"arguments", "{}"}}, "c" + std::to_string(i)));
  }
  EXPECT_EQ(calls.state(), State::kFailed);

  auto arguments = Translator(Format::kChat, Format::kMessages);
  (void)arguments.Feed(ChatTool(0, {{"name", "f"}, {"arguments", "{\"a\":\""}}, "c"));
  const std::string more = ChatTool(0, {{"arguments", std::string(1U << 20U, 'a')}});
  for (int i = 0; i < 20 && arguments.state() == State::kStreaming; ++i) {
    (void)arguments.Feed(more);
  }
  EXPECT_EQ(arguments.state(), State::kFailed);
}

// Bytes from servers may be anything: an answer or a failure, never more.
TEST(StreamTranslator, DamagedStreams) {
  const auto seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 rng(seed);
  for (const std::string& name : golden::Names("streams", ".sse")) {
    const std::string input = golden::Read(golden::Folder() / "streams" / (name + ".sse"));
    const Format tier = name.starts_with("chat") ? Format::kChat : Format::kMessages;
    for (int round = 0; round < 60; ++round) {
      std::string damaged = input;
      for (std::size_t i = 0; i < 1 + rng() % 6; ++i) {
        switch (rng() % 3) {
          case 0:
            damaged[rng() % damaged.size()] = static_cast<char>(rng() % 256);
            break;
          case 1:
            damaged.erase(rng() % damaged.size(), rng() % 20);
            break;
          default: {
            const std::string copy = damaged.substr(rng() % damaged.size(), rng() % 200);
            damaged.insert(rng() % damaged.size(), copy);
          }
        }
      }
      const Format callers[] = {Format::kChat, Format::kMessages, Format::kResponses};
      auto stream = Translator(tier, callers[rng() % 3]);
      for (std::string_view rest = damaged; !rest.empty();) {
        const std::size_t piece = std::min<std::size_t>(1 + rng() % 400, rest.size());
        (void)stream.Feed(rest.substr(0, piece));
        rest.remove_prefix(piece);
      }
      (void)stream.End();
      ASSERT_NE(stream.state(), State::kStreaming);
    }
  }
}

}  // namespace
}  // namespace reliability::sidecar::translate
