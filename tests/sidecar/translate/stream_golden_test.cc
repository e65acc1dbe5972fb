// Each golden stream of golden/streams, as each kind of caller gets it: whole, in pieces cut
// anywhere, and broken off after every byte.
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "sidecar/inspect/sse_splitter.h"
#include "sidecar/translate/stream_translator.h"
#include "tests/sidecar/translate/golden.h"

namespace reliability::sidecar::translate {
namespace {

using nlohmann::json;
using State = StreamTranslator::State;

constexpr Format kFormats[] = {Format::kChat, Format::kResponses, Format::kMessages};

StreamTranslator Start(const std::string& name, Format caller_format) {
  const auto caller =
      ReadCaller(caller_format, R"({"model":"asked","input":"Hi","metadata":{"k":"v"},)"
                                R"("stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_TRUE(caller.has_value());
  return {name.starts_with("chat") ? Format::kChat : Format::kMessages, caller.value_or(Caller{}),
          Origin{.model = "tier-model", .created = 1700000001, .fallback_id = "req_7"}};
}

inspect::ErrorReply Reply() {
  inspect::ErrorReply reply;
  reply.error_class = policy::ErrorClass::kStreamTruncated;
  reply.resource = "tier";
  return reply;
}

std::string Input(const std::string& name) {
  return golden::Read(golden::Folder() / "streams" / (name + ".sse"));
}

// What the caller gets, the end included.
std::string Drive(StreamTranslator stream, std::string_view input, std::size_t piece) {
  std::string out;
  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    out += stream.Feed(input.substr(0, piece));
  }
  out += stream.End();
  return stream.state() == State::kFailed ? out + stream.Fail(Reply()) : out;
}

bool EndsWell(Format format, const std::string& out) {
  switch (format) {
    case Format::kChat:
      return out.find("data: [DONE]\n\n") != std::string::npos;
    case Format::kMessages:
      return out.find("event: message_stop\n") != std::string::npos;
    case Format::kResponses:
      break;
  }
  return out.find("event: response.completed\n") != std::string::npos ||
         out.find("event: response.incomplete\n") != std::string::npos;
}

// Rules that hold for every stream that we write.
void CheckOrder(Format format, const std::string& out) {
  std::int64_t sequence = 0;
  std::int64_t open = -1;   // block or item at hand
  std::int64_t begun = -1;  // last one
  inspect::SseSplitter splitter(64U << 20U);
  splitter.Feed(out, [&](const inspect::SseSplitter::Event& event) {
    if (event.data == "[DONE]") {
      return;
    }
    ASSERT_TRUE(json::accept(event.data)) << event.data;
    const json data = json::parse(event.data);
    if (format != Format::kChat) {
      ASSERT_EQ(data.at("type"), event.type);
    }
    if (format == Format::kResponses) {
      ASSERT_EQ(data.at("sequence_number"), sequence++);
    }
    const char* key = format == Format::kMessages ? "index" : "output_index";
    if (event.type == "content_block_start" || event.type == "response.output_item.added") {
      ASSERT_EQ(open, -1);
      open = data.at(key);
      ASSERT_EQ(open, ++begun);
    } else if (event.type == "content_block_stop" || event.type == "response.output_item.done") {
      ASSERT_EQ(data.at(key), open);
      open = -1;
    } else if (data.contains(key)) {
      ASSERT_EQ(data.at(key), open);
    }
  });
  ASSERT_FALSE(splitter.mid_event());
}

TEST(StreamGolden, Whole) {
  for (const std::string& name : golden::Names("streams", ".sse")) {
    for (const Format caller : kFormats) {
      SCOPED_TRACE(name);
      const std::string out = Drive(Start(name, caller), Input(name), std::string::npos);
      CheckOrder(caller, out);
      golden::Expect(golden::Folder() / "streams" / "expected" /
                         (name + "." + std::string(FormatName(caller)) + ".sse"),
                     out);
    }
  }
}

TEST(StreamGolden, PiecesOfAnySize) {
  for (const std::string& name : golden::Names("streams", ".sse")) {
    const std::string input = Input(name);
    for (const Format caller : kFormats) {
      const std::string whole = Drive(Start(name, caller), input, std::string::npos);
      for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 333U}) {
        ASSERT_EQ(Drive(Start(name, caller), input, piece), whole) << name << " by " << piece;
      }
    }
  }
}

// A stream that breaks off never looks like an answer, unless the tier had said that it is one.
TEST(StreamGolden, BrokenOffAfterEveryByte) {
  for (const std::string& name : golden::Names("streams", ".sse")) {
    const std::string input = Input(name);
    for (const Format caller : kFormats) {
      StreamTranslator grown = Start(name, caller);  // by one byte at a time
      std::string got;
      for (std::size_t end = 0; end <= input.size(); ++end) {
        const bool complete = grown.complete();
        // Only whole events change anything; a sample of the bytes between them shows that.
        const bool thorough = end == 0 || input[end - 1] == '\n' || end % 13 == 0;
        if (thorough) {
          StreamTranslator cut = Start(name, caller);
          std::string out = cut.Feed(std::string_view(input).substr(0, end));
          ASSERT_EQ(out, got) << name << " at " << end;
          const std::string tail = cut.End();
          ASSERT_EQ(EndsWell(caller, out + tail), cut.state() == State::kEnded) << name << end;
          ASSERT_TRUE(cut.state() != State::kEnded || complete) << name << " at " << end;
          if (cut.state() == State::kFailed) {
            const std::string error = cut.Fail(Reply());
            ASSERT_NE(error.find("stream_truncated"), std::string::npos);
            ASSERT_FALSE(EndsWell(caller, out + error));
            CheckOrder(caller, out + error);
          }
        }
        if (end < input.size()) {
          got += grown.Feed(std::string_view(input).substr(end, 1));
        }
      }
    }
  }
}

// The caller got the first bytes as they came from its own tier; the rest is ours. Interop tests
// show these files to the SDKs.
void CheckWatched(const std::string& name, Format format, const std::string& native,
                  const std::function<std::string(StreamTranslator&)>& rest) {
  SCOPED_TRACE(name);
  const auto caller =
      ReadCaller(format, R"({"stream":true,"input":"Hi","stream_options":{"include_usage":true}})");
  ASSERT_TRUE(caller.has_value());
  StreamTranslator stream(format, *caller, Origin{.model = "tier-model"},
                          StreamTranslator::Use::kWatch);
  ASSERT_EQ(stream.Feed(native), "");
  const std::string out = native + rest(stream);
  EXPECT_EQ(stream.state(), State::kEnded) << (stream.failure() ? ToString(*stream.failure()) : "");
  EXPECT_TRUE(EndsWell(format, out));
  if (format == Format::kResponses) {
    CheckOrder(format, out);
  }
  golden::Expect(
      golden::Folder() / "watched" / (name + "." + std::string(FormatName(format)) + ".sse"), out);
}

// What our writers made of golden streams serves as the native stream of each format.
std::string Native(const std::string& name, Format format, const std::string& before) {
  const std::string whole = golden::Read(golden::Folder() / "streams/expected" /
                                         (name + "." + std::string(FormatName(format)) + ".sse"));
  const std::size_t end = whole.find(before);
  EXPECT_NE(end, std::string::npos) << before;
  return whole.substr(0, end);
}

std::string Terminal(Format format) {
  return format == Format::kChat       ? "data: [DONE]"
         : format == Format::kMessages ? "event: message_stop"
                                       : "event: response.completed";
}

TEST(Watched, OnlyTheTerminalEventIsMissing) {
  for (const Format format : kFormats) {
    for (const std::string name : {"chat_text", "chat_tools"}) {
      CheckWatched(name + "_no_end", format, Native(name, format, Terminal(format)),
                   [](StreamTranslator& stream) { return stream.End(); });
    }
  }
}

TEST(Watched, WholeStreamsNeedNothing) {
  for (const Format format : kFormats) {
    StreamTranslator stream(format, Caller{.format = format, .stream = true}, Origin{},
                            StreamTranslator::Use::kWatch);
    const std::string whole =
        golden::Read(golden::Folder() / "streams/expected" /
                     ("chat_tools." + std::string(FormatName(format)) + ".sse"));
    EXPECT_EQ(stream.Feed(whole), "");
    EXPECT_EQ(stream.state(), State::kEnded);
    EXPECT_EQ(stream.End(), "");
    EXPECT_EQ(stream.usage().input, 1200);
    EXPECT_EQ(stream.usage().output, 34);
    EXPECT_TRUE(stream.asks_for_tools());
  }
}

TEST(Watched, AnotherTierGoesOnInTheOpenBlock) {
  for (const Format format : kFormats) {
    const std::string middle = "um 9";  // its event is not sent
    std::string native = Native("chat_text", format, middle);
    native.resize(native.rfind("\n\n") + 2);
    CheckWatched("resumed", format, native, [](StreamTranslator& stream) {
      EXPECT_EQ(stream.End(), "");
      EXPECT_TRUE(stream.can_resume());
      stream.Resume(Format::kMessages,
                    Origin{.model = "other", .created = 1, .fallback_id = "req_8"});
      std::string out = stream.Feed(Input("messages_text"));
      return out + stream.End();
    });
    CheckWatched("explained", format, native, [](StreamTranslator& stream) {
      return stream.Explain(" [The time is up.]").value_or("");
    });
  }
}

}  // namespace
}  // namespace reliability::sidecar::translate
