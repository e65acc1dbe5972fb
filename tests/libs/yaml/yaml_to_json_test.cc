#include "libs/yaml/yaml_to_json.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace reliability::yaml {
namespace {

TEST(YamlToJson, Table) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "null"},
      {"a: 1", R"({"a":1})"},
      {"a: '1'", R"({"a":"1"})"},
      {"a: \"true\"", R"({"a":"true"})"},
      {"a: true\nb: False\nc: yes\nd: on", R"({"a":true,"b":false,"c":"yes","d":"on"})"},
      {"a: ~\nb: null\nc:\nd: ''", R"({"a":null,"b":null,"c":null,"d":""})"},
      {"a: 010\nb: 0x1F\nc: 0o17\nd: -5\ne: +7", R"({"a":10,"b":31,"c":15,"d":-5,"e":7})"},
      {"a: 1.5\nb: 1e3\nc: -0.25\nd: 1.2.3\ne: .inf\nf: 1_000",
       R"({"a":1.5,"b":1000,"c":-0.25,"d":"1.2.3","e":".inf","f":"1_000"})"},
      {"a: 99999999999999999999", R"({"a":"99999999999999999999"})"},
      {"a: 2026-01-01\nb: 0x\nc: '-'", R"({"a":"2026-01-01","b":"0x","c":"-"})"},
      {"- 1\n- [a, {b: c}]\n- - x", R"([1,["a",{"b":"c"}],["x"]])"},
      {"a: |\n  two\n  lines\nb: >-\n  one\n  line", R"({"a":"two\nlines\n","b":"one line"})"},
      {"a: &x [1]\nb: *x", R"({"a":[1],"b":[1]})"},
      {R"({"a": "\u00e9\n", "b": [1, 2]})", "{\"a\":\"\xC3\xA9\\n\",\"b\":[1,2]}"},
      {"1: a\ntrue: b", R"({"1":"a","true":"b"})"},
      {"---\na: 1\n...\n", R"({"a":1})"},
  };
  for (const auto& [yaml, json] : cases) {
    const auto got = YamlToJson(yaml);
    ASSERT_TRUE(got.has_value()) << yaml << ": " << got.error().message;
    EXPECT_EQ(*got, json) << yaml;
  }
}

TEST(YamlToJson, RefusesWithAPlace) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a: 1\na: 2", "line 2, column 1: duplicate key \"a\""},
      {"x: &x {b: 1}\na:\n  <<: *x", "line 3, column 3: merge keys (<<) are not supported"},
      {"[1, 2]: a", "line 1, column 1: a key must be a plain text"},
      {"a: 1\n---\nb: 2", "more than one YAML document"},
      {"a: [1", "line 1"},
      {"a: \"x", "line 1"},
      {"\tb: 1", "line 1"},
      {std::string(2U << 20U, ' '), "more than 1 MiB"},
      {std::string(5'000, '['), "too many nested brackets"},
  };
  for (const auto& [yaml, message] : cases) {
    const auto got = YamlToJson(yaml);
    ASSERT_FALSE(got.has_value()) << yaml.substr(0, 40);
    EXPECT_EQ(got.error().code, Code::kInvalid);
    EXPECT_EQ(got.error().message.substr(0, message.size()), message);
  }
}

TEST(YamlToJson, DeepInputsOfEverySortEndWell) {
  std::string dashes;
  std::string blocks;
  for (int i = 0; i < 300; ++i) {
    dashes += "- ";
    blocks += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  }
  for (const std::string& yaml : {dashes, blocks, std::string(100, '[') + std::string(100, ']')}) {
    const auto got = YamlToJson(yaml);
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, Code::kInvalid);
  }
}

TEST(YamlToJson, AliasBombIsRefused) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    const char before = static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) {
      bomb += std::string(i > 0 ? "," : "") + "*" + before;
    }
    bomb += "]\n";
  }
  const auto got = YamlToJson(bomb);
  ASSERT_FALSE(got.has_value());
  EXPECT_NE(got.error().message.find("100000 values"), std::string::npos);
}

}  // namespace
}  // namespace reliability::yaml
