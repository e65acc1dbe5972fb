#include "sidecar/inspect/mcp_deadline.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::inspect {
namespace {

TEST(McpDeadline, StandsBesideWhatTheAgentSaid) {
  EXPECT_EQ(WithDeadline(R"({"id":1, "params": { "name":"s"},"method":"tools/call"})", 4500),
            R"({"id":1, "params": {"_meta":{"agentreliability.dev/deadline-ms":4500}, "name":"s"},)"
            R"("method":"tools/call"})");
  EXPECT_EQ(WithDeadline(R"({"params":{}})", 1),
            R"({"params":{"_meta":{"agentreliability.dev/deadline-ms":1}}})");
  EXPECT_EQ(WithDeadline(R"({"params":{"name":"s","_meta":{"progressToken":7}}})", 1),
            R"({"params":{"name":"s","_meta":{"agentreliability.dev/deadline-ms":1,)"
            R"("progressToken":7}}})");
  EXPECT_EQ(WithDeadline(R"({"params":{"_meta":{}}})", 1),
            R"({"params":{"_meta":{"agentreliability.dev/deadline-ms":1}}})");
}

TEST(McpDeadline, TheTimeThatIsLeftReplacesOneThatWas) {
  EXPECT_EQ(WithDeadline(
                R"({"params":{"_meta":{"agentreliability.dev/deadline-ms" : 90000,"a":1}}})", 250),
            R"({"params":{"_meta":{"agentreliability.dev/deadline-ms" : 250,"a":1}}})");
}

TEST(McpDeadline, NamesElsewhereAreNobodys) {
  EXPECT_EQ(WithDeadline(R"({"_meta":{},"params":{"arguments":{"_meta":{"a":1},"params":{}}}})", 9),
            R"({"_meta":{},"params":{"_meta":{"agentreliability.dev/deadline-ms":9},)"
            R"("arguments":{"_meta":{"a":1},"params":{}}}})");
}

TEST(McpDeadline, WhatCouldBeReadInTwoWaysIsLeftAlone) {
  for (const std::string_view body : {
           R"({"id":1,"method":"tools/call"})",
           R"({"params":[1]})",
           R"({"params":null})",
           R"({"params":{},"params":{}})",
           R"({"params":{"_meta":null}})",
           R"({"params":{"_meta":[]}})",
           R"({"params":{"_meta":{},"_meta":{}}})",
           R"({"params":{"_meta":{"agentreliability.dev/deadline-ms":1,)"
           R"("agentreliability.dev/deadline-ms":2}}})",
           R"([{"params":{}}])",
           R"({"params":{})",
           R"("params")",
       }) {
    EXPECT_EQ(WithDeadline(body, 5), std::nullopt) << body;
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
