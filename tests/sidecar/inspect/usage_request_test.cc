#include "sidecar/inspect/usage_request.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::inspect {
namespace {

TEST(UsageRequest, OnlyTheFlagIsAdded) {
  struct Case {
    const char* body;
    const char* sent;
  };
  for (const Case& c :
       {Case{R"( {"stream":true, "n" : 1})",
             R"( {"stream_options":{"include_usage":true},"stream":true, "n" : 1})"},
        Case{R"({"stream_options":null,"stream":true})",
             R"({"stream_options":{"include_usage":true},"stream":true})"},
        Case{R"({"stream_options":{ },"stream":true})",
             R"({"stream_options":{"include_usage":true },"stream":true})"},
        Case{R"({"stream_options":{"include_obfuscation":false}})",
             R"({"stream_options":{"include_usage":true,"include_obfuscation":false}})"},
        Case{R"({"a":{"include_usage":true},"stream_options":{"include_usage":false, "b":1}})",
             R"({"a":{"include_usage":true},"stream_options":{"include_usage":true, "b":1}})"}}) {
    EXPECT_EQ(WithUsage(c.body).value_or("none"), c.sent);
  }
}

TEST(UsageRequest, WhoAsksAlreadyAndWhatCannotBeRead) {
  for (const char* body :
       {R"({"stream_options":{"include_usage":true}})", "", "{}", "[]", "x", R"({"a":1)"}) {
    EXPECT_FALSE(WithUsage(body).has_value()) << body;
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
