#include "sidecar/inspect/request_size.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::inspect {
namespace {

struct Case {
  const char* name;
  const char* body;
  std::int64_t text;
  std::int64_t media;
  std::int64_t max_output;  // -1 = not set
  std::int64_t answers;
};

TEST(RequestSize, OfAllThreeApis) {
  for (
      const Case& c : {
          Case{"chat", R"({"model":"mmmmmm","messages":[{"role":"user","content":"12345"}]})", 9, 0,
               -1, 1},
          Case{"older limit and n", R"({"messages":[],"max_tokens":5,"n":3})", 0, 0, 5, 3},
          Case{"the larger limit counts",
               R"({"messages":[],"max_tokens":5,"max_completion_tokens":7})", 0, 0, 7, 1},
          Case{"no limit at all", R"({"messages":[],"max_tokens":null})", 0, 0, -1, 1},
          Case{"images are parts, not bytes",
               R"({"messages":[{"role":"user","content":[{"type":"text","text":"123"},)"
               R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAA"}}]}]})",
               7, 1, -1, 1},
          Case{"the type may come last",
               R"({"messages":[{"content":[{"source":{"data":"AAAAAAAA"},"type":"image"}]}]})", 0,
               1, -1, 1},
          Case{
              "messages with system, tools and a tool's result with an image",
              R"({"max_tokens":9,"system":"12","tools":[{"name":"t","input_schema":{"type":"object"}}],)"
              R"("messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"i",)"
              R"("content":[{"type":"image","source":{"data":"AAAA"}}]}]}]})",
              8, 1, 9, 1},
          Case{"Responses", R"({"input":"1234","instructions":"56","max_output_tokens":8})", 6, 0,
               8, 1},
          Case{"escapes count as what they mean", R"({"input":"a\n\u0041"})", 3, 0, -1, 1},
          Case{"no JSON: all of it is text", "not json", 8, 0, -1, 1},
      }) {
    const policy::RequestSize size = ReadRequestSize(c.body);
    EXPECT_EQ(size.text_bytes, c.text) << c.name;
    EXPECT_EQ(size.media_parts, c.media) << c.name;
    EXPECT_EQ(size.max_output.value_or(-1), c.max_output) << c.name;
    EXPECT_EQ(size.answers, c.answers) << c.name;
  }
}

TEST(RequestSize, DeepNestingIsTextAsAWhole) {
  std::string body = R"({"messages":)";
  body += std::string(200, '[') + std::string(200, ']') + "}";
  EXPECT_EQ(ReadRequestSize(body).text_bytes, std::ssize(body));
}

}  // namespace
}  // namespace reliability::sidecar::inspect
