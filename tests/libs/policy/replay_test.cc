#include "libs/policy/replay.h"

#include <gtest/gtest.h>

namespace reliability::policy {
namespace {

TEST(Replay, WhatChangesNothingTwice) {
  const struct {
    const char* what;
    ReplayClues clues;
    bool expected;
  } cases[] = {
      {"an answer of a model costs money, never state",
       {.nature = CallNature::kLlmAnswer, .method = "POST", .path = {}, .mcp_method = {}},
       true},
      {"embeddings",
       {.nature = CallNature::kLlmOther,
        .method = "POST",
        .path = "/v1/embeddings",
        .mcp_method = {}},
       true},
      {"count_tokens",
       {.nature = CallNature::kLlmOther,
        .method = "POST",
        .path = "/v1/messages/count_tokens?beta=true",
        .mcp_method = {}},
       true},
      {"the list of models",
       {.nature = CallNature::kLlmOther, .method = "GET", .path = "/v1/models", .mcp_method = {}},
       true},
      {"an upload",
       {.nature = CallNature::kLlmOther, .method = "POST", .path = "/v1/files", .mcp_method = {}},
       false},
      {"a batch job",
       {.nature = CallNature::kLlmOther, .method = "POST", .path = "/v1/batches", .mcp_method = {}},
       false},
      {"a tool that nobody vouches for",
       {.nature = CallNature::kMcp, .method = "POST", .path = {}, .mcp_method = "tools/call"},
       false},
      {"a tool that the policy names",
       {.nature = CallNature::kMcp,
        .method = "POST",
        .path = {},
        .mcp_method = "tools/call",
        .listed = true},
       true},
      {"tools/list",
       {.nature = CallNature::kMcp, .method = "POST", .path = {}, .mcp_method = "tools/list"},
       true},
      {"initialize opens a session",
       {.nature = CallNature::kMcp, .method = "POST", .path = {}, .mcp_method = "initialize"},
       false},
      {"an unknown or unread message",
       {.nature = CallNature::kMcp, .method = "POST", .path = {}, .mcp_method = {}},
       false},
      {"GET of a tool",
       {.nature = CallNature::kHttpTool, .method = "GET", .path = {}, .mcp_method = {}},
       true},
      {"PUT of a tool",
       {.nature = CallNature::kHttpTool, .method = "PUT", .path = {}, .mcp_method = {}},
       true},
      {"POST of a tool",
       {.nature = CallNature::kHttpTool, .method = "POST", .path = {}, .mcp_method = {}},
       false},
      {"PATCH of a tool",
       {.nature = CallNature::kHttpTool, .method = "PATCH", .path = {}, .mcp_method = {}},
       false},
      {"POST with an idempotency key",
       {.nature = CallNature::kHttpTool,
        .method = "POST",
        .path = {},
        .mcp_method = {},
        .idempotency_key = true},
       true},
      {"POST of a tool that the policy names",
       {.nature = CallNature::kHttpTool,
        .method = "POST",
        .path = {},
        .mcp_method = {},
        .listed = true},
       true},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(IsReplayable(c.clues), c.expected) << c.what;
  }
}

}  // namespace
}  // namespace reliability::policy
