// What is read and what is refused. For texts at random see json_differential_test.cc, for where
// texts begin and end json_bounds_test.cc.
#include "sidecar/inspect/json_scanner.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "sidecar/inspect/json_hash.h"
#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

using std::string_literals::operator""s;

TEST(JsonScanner, ReadsJson) {
  for (const std::string& text : {R"([])"s,
                                  R"({})"s,
                                  R"([ ])"s,
                                  "{\n}"s,
                                  " [1] "s,
                                  "\t[\r\n1\t,\n2 ]\r\n"s,
                                  R"([""])"s,
                                  R"(["\u0000"])"s,
                                  R"(["\uD801\udc37"])"s,
                                  R"(["\"\\\/\b\f\n\r\t"])"s,
                                  R"(["\u005C"])"s,
                                  R"(["a/*b*/c"])"s,
                                  R"([0e+1])"s,
                                  R"([-0])"s,
                                  R"([1E-2])"s,
                                  R"([1.5, 123e45])"s,
                                  R"({"a":"b","a":"b"})"s,
                                  R"({"":0})"s,
                                  R"({"\u0061":{"":[{}]}})"s,
                                  "[\"\x7f\"]"s,
                                  "[\"\xC2\xA2\xE2\x82\xAC\xF0\x9D\x84\x9E\"]"s,
                                  R"("x")"s,
                                  "true"s,
                                  "null "s,
                                  "42"s,
                                  R"([true,false,null])"s,
                                  R"({"a" : [ ] , "b" : { } })"s}) {
    EXPECT_TRUE(JsonHash(text).has_value()) << text;
  }
}

TEST(JsonScanner, RefusesWhatIsNotJson) {
  for (const std::string& text : {"["s,
                                  "]"s,
                                  "{"s,
                                  "}"s,
                                  "\""s,
                                  "[1,]"s,
                                  "[,1]"s,
                                  "[1,,2]"s,
                                  "[1 true]"s,
                                  R"(["a" "b"])"s,
                                  "[1:2]"s,
                                  R"(["": 1])"s,
                                  R"({"a"})"s,
                                  R"({"a":})"s,
                                  R"({"a":}})"s,
                                  R"({"a" 1})"s,
                                  R"({"a"::1})"s,
                                  R"({"a":1,})"s,
                                  R"({"a":1,,"b":2})"s,
                                  R"({,})"s,
                                  R"({1:1})"s,
                                  R"({a:1})"s,
                                  R"({'a':1})"s,
                                  R"({"a":1])"s,
                                  "[1}"s,
                                  "[}"s,
                                  "[1]x"s,
                                  "[1]]"s,
                                  "{}}"s,
                                  R"({"a":1}{})"s,
                                  R"({"a":1}#)"s,
                                  R"(["a)"s,
                                  R"([")"s,
                                  R"(["\"])"s,
                                  R"(["\)"s,
                                  R"(["\x"])"s,
                                  R"(["\u12"])"s,
                                  R"(["\u"])"s,
                                  R"(["\u123g"])"s,
                                  R"(["\uD800"])"s,
                                  R"(["\uDC00"])"s,
                                  R"(["\uD800\n"])"s,
                                  R"(["\uD800\uD800"])"s,
                                  R"(["\uD800\u"])"s,
                                  "[\"a\0b\"]"s,
                                  "[\"\t\"]"s,
                                  "[\"a\n\"]"s,
                                  "[\"\\\n\"]"s,
                                  "[\xff]"s,
                                  "[\"\xff\"]"s,
                                  "[\"\xC0\xAF\"]"s,
                                  "[\"\xED\xA0\x80\"]"s,
                                  "[\"\xE4\xB8\"]"s,
                                  "\xEF\xBB\xBF{}"s,
                                  "[tru]"s,
                                  "[nul]"s,
                                  "[True]"s,
                                  "[truex]"s,
                                  "[NaN]"s,
                                  "[*]"s,
                                  "[/**/1]"s,
                                  "[1/**/]"s,
                                  "<.>"s,
                                  "[\f]"s,
                                  "[1\f]"s,
                                  "\0"s,
                                  "{}\0"s,
                                  "[1\0]"s,
                                  R"([1"a"])"s,
                                  R"(["a"1])"s,
                                  R"([\"a"])"s,
                                  "[+1]"s,
                                  "[.5]"s,
                                  "[1 2]"s}) {
    EXPECT_FALSE(JsonHash(text).has_value()) << text;
  }
}

TEST(JsonScanner, WhatIsNotReadIsFollowedByBracketsAndStringsOnly) {
  const auto skips = [](const std::string& value) {
    bool last = false;
    const bool read = WithJson("{\"skip\":" + value + ",\"last\":1}", [&](JsonDocument document) {
      return EachField(document, [&](JsonKey key, JsonValue item) {
        last = key == "last" && AsInt(item) == 1;
        return true;
      });
    });
    return read && last;
  };
  for (const std::string& value :
       {R"({"a":[1,{"b":"]}\"}"},[]]})"s, R"("\x\ud800")"s, "nope"s, "NaN"s, "01"s, "[1 2,]"s,
        "[}"s, "{|}"s, R"([{"a" "b"}])"s, std::string(100'000, '[') + std::string(100'000, ']')}) {
    EXPECT_TRUE(skips(value)) << value.substr(0, 40);
  }
  for (const std::string& value : {""s, "#"s, "1\"x\""s, "\"x\"1"s, "\\\"x\""s, "[\\\"]"s, "[\"]"s,
                                   "[\"\n\"]"s, "[[]"s, "[]]"s, ":"s, "1 2"s}) {
    EXPECT_FALSE(skips(value)) << value;
  }
}

TEST(JsonScanner, ACallbackThatGivesUpEndsTheRead) {
  bool after = false;
  EXPECT_FALSE(WithJson(R"({"a":{"b":1},"c":2})", [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      after = after || key == "c";
      (void)EachField(value, [](JsonKey, JsonValue) { return false; });
      return true;
    });
  }));
  EXPECT_FALSE(after);
}

TEST(JsonScanner, AValueMayBeReadTwice) {
  EXPECT_TRUE(WithJson(R"({"a":{"b":[1,2]},"c":"d\n"})", [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key == "a") {
        EXPECT_EQ(RawText(value), R"({"b":[1,2]})");
        EXPECT_EQ(OffsetOf(value), 5U);
        int fields = 0;
        EXPECT_TRUE(EachField(value, [&](JsonKey, JsonValue) { return ++fields > 0; }));
        EXPECT_EQ(fields, 1);
      } else {
        EXPECT_EQ(StringBytes(value), 3);
        EXPECT_EQ(AsString(value), "d\n");
      }
      return true;
    });
  }));
}

TEST(JsonScanner, WholeNumbersOnly) {
  const auto read = [](const std::string& text) {
    std::optional<std::int64_t> number;
    EXPECT_TRUE(WithJson("[" + text + "]", [&](JsonDocument document) {
      return EachElement(document, [&](JsonValue value) {
        number = AsInt(value);
        return true;
      });
    })) << text;
    return number;
  };
  EXPECT_EQ(read("0"), 0);
  EXPECT_EQ(read("-0"), 0);
  EXPECT_EQ(read(" -12 "), -12);
  EXPECT_EQ(read("999999999999999999"), 999'999'999'999'999'999);
  EXPECT_EQ(read("1000000000000000000"), 1'000'000'000'000'000'000);
  EXPECT_EQ(read("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(read("-9223372036854775808"), INT64_MIN);
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "99999999999999999999",
                           "1.0", "1e3", "01", "-01", "00", "-", "1x", "\"1\"", "true", "[]"}) {
    EXPECT_EQ(read(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
