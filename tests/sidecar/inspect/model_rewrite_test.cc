#include "sidecar/inspect/model_rewrite.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::inspect {
namespace {

TEST(ModelRewrite, OnlyTheModelChanges) {
  EXPECT_EQ(WithModel(R"({"a":{"model":"x"}, "model" : "gpt\"4" ,"stream":true})", "b\"c").value(),
            R"({"a":{"model":"x"}, "model" : "b\"c" ,"stream":true})");
  EXPECT_EQ(WithModel(R"({"model":"a"})", "b").value(), R"({"model":"b"})");
}

TEST(ModelRewrite, WhatHasNoModelIsRefused) {
  for (const char* body : {"", "[]", "{}", R"({"model":7})", R"({"model":"a")", "x"}) {
    EXPECT_FALSE(WithModel(body, "b").has_value()) << body;
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
