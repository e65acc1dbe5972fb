// The CRD schemas and libs/api agree in both directions: no field without a reader, no reader
// without a field, the same words, the same defaults, and what is decoded is encoded again.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "libs/api/agent_enforcement.h"
#include "libs/api/agent_reliability_policy.h"
#include "libs/api/agent_slo.h"
#include "libs/api/decode.h"
#include "libs/api/encode.h"
#include "libs/api/error_budget_policy.h"
#include "libs/api/field_list.h"
#include "libs/api/llm_fallback_chain.h"
#include "libs/api/reliability_override.h"

namespace reliability::api {
namespace {

struct SchemaLeaf {
  std::string type;
  bool required = false;
  std::vector<std::string> enum_names;
  std::string default_value;  // as JSON
};
using SchemaLeaves = std::map<std::string, SchemaLeaf>;

std::string Text(const YAML::Node& node) { return node.IsDefined() ? node.as<std::string>() : ""; }

void Walk(const YAML::Node& schema, const std::string& path, bool required, SchemaLeaves& leaves) {
  const std::string type = Text(schema["type"]);
  if (type == "object") {
    std::set<std::string> needed;
    for (const auto& name : schema["required"]) {
      needed.insert(name.as<std::string>());
    }
    for (const auto& property : schema["properties"]) {
      const auto name = property.first.as<std::string>();
      // kubectl and Helm read YAML 1.1, where a plain n is false: the field would not exist.
      static const std::set<std::string> kBooleans{"y", "n", "yes", "no", "on", "off"};
      EXPECT_FALSE(property.first.Tag() == "?" && kBooleans.count(name) > 0)
          << path << "." << name << " must be quoted";
      const std::string prefix = path.empty() ? "" : path + ".";
      Walk(property.second, prefix + name, needed.count(name) > 0, leaves);
    }
    return;
  }
  if (type == "array") {
    Walk(schema["items"], path + "[]", false, leaves);
    return;
  }
  SchemaLeaf leaf;
  leaf.type = type;
  leaf.required = required;
  for (const auto& word : schema["enum"]) {
    leaf.enum_names.push_back(word.as<std::string>());
  }
  if (schema["default"].IsDefined()) {
    leaf.default_value = type == "integer" || type == "boolean"
                             ? Text(schema["default"])
                             : nlohmann::json(Text(schema["default"])).dump();
  }
  leaves[path] = leaf;
}

YAML::Node LoadSchema(std::string_view plural) {
  const YAML::Node crd =
      YAML::LoadFile(std::string(RELIABILITY_CRDS_DIR) + "/" + std::string(plural) + ".yaml");
  return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
}

// A value for each leaf that differs from every default and survives the pattern.
nlohmann::json Canary(const YAML::Node& schema, const std::string& name) {
  const std::string type = Text(schema["type"]);
  const std::string pattern = Text(schema["pattern"]);
  if (type == "object") {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& property : schema["properties"]) {
      const auto key = property.first.as<std::string>();
      object[key] = Canary(property.second, key);
    }
    return object;
  }
  if (type == "array") {
    return nlohmann::json::array({Canary(schema["items"], name)});
  }
  if (type == "integer") {
    return 7;
  }
  if (type == "boolean") {
    return true;
  }
  if (schema["enum"].IsDefined()) {
    return schema["enum"][schema["enum"].size() - 1].as<std::string>();
  }
  if (Text(schema["format"]) == "date-time") {
    return "2026-01-02T03:04:05Z";
  }
  if (pattern.find("(h|m|s|ms)") != std::string::npos || name == "longWindow" ||
      name == "shortWindow" || (name == "openFor" && pattern.empty())) {
    return "7s";
  }
  if (pattern.find("\\.[0-9]") != std::string::npos) {
    return "0.5";
  }
  return name + "-x";
}

class SchemaTest : public ::testing::Test {
 protected:
  template <class T>
  void CheckFields() {
    SchemaLeaves leaves;
    const YAML::Node schema = LoadSchema(Traits<T>::kPlural);
    Walk(schema, "", true, leaves);
    std::set<std::string> known;
    for (const FieldInfo& field : ListFields<T>()) {
      if (field.path.rfind("metadata.", 0) == 0) {
        continue;  // the API server's own
      }
      known.insert(field.path);
      const auto it = leaves.find(field.path);
      ASSERT_NE(it, leaves.end()) << "decoded, but not in the schema: " << field.path;
      const SchemaLeaf& leaf = it->second;
      EXPECT_EQ(field.type, leaf.type) << field.path;
      EXPECT_EQ(field.enum_names.empty(), leaf.enum_names.empty() || IsPlainWord(field.path))
          << field.path;
      for (const std::string& word : leaf.enum_names) {
        const bool plain = field.enum_names.empty();
        EXPECT_TRUE(plain || std::find(field.enum_names.begin(), field.enum_names.end(), word) !=
                                 field.enum_names.end())
            << field.path << " may be " << word << ", which the decoder refuses";
      }
      if (field.path.rfind("spec.", 0) == 0) {
        CheckSpecLeaf(field, leaf);
      }
    }
    for (const auto& [path, leaf] : leaves) {
      EXPECT_EQ(known.count(path), 1U) << "in the schema, but never decoded: " << path;
    }
  }

  // Group and kind of a target, and error classes, are words in the schema and text in the struct:
  // the set grows.
  static bool IsPlainWord(const std::string& path) {
    const std::string last = path.substr(path.rfind('.') + 1);
    return last == "group" || last == "kind" || last == "retryOn[]" ||  // names of libs/policy
           last == "advanceOn[]";
  }

  static void CheckSpecLeaf(const FieldInfo& field, const SchemaLeaf& leaf) {
    // A list entry's keys may be required by their list only.
    EXPECT_EQ(field.required, leaf.required) << field.path;
    if (leaf.default_value == "\"\"") {
      EXPECT_EQ(field.default_value, "") << field.path;
      return;
    }
    // What the decoder has for an absent field is what the API server would have filled in.
    if (!leaf.default_value.empty()) {
      EXPECT_EQ(Normal(field.default_value), Normal(leaf.default_value)) << field.path;
    } else if (!field.default_value.empty()) {
      ADD_FAILURE() << field.path << " has default " << field.default_value
                    << " in the struct and none in the schema";
    }
  }
  // "60s" and "1m" are equal.
  static std::string Normal(const std::string& json) { return json == "\"60s\"" ? "\"1m\"" : json; }

  template <class T>
  void CheckRoundTrip() {
    nlohmann::json canary = Canary(LoadSchema(Traits<T>::kPlural), "");
    canary["metadata"] = {{"name", "canary"}};
    const auto object = Decode<T>(canary.dump());
    ASSERT_TRUE(object.has_value()) << object.error().message;
    EXPECT_EQ(ToJson(object->spec), canary["spec"]);
    EXPECT_EQ(ToJson(object->status), canary["status"]);
  }

  template <class T>
  void CheckNames() {
    const YAML::Node crd = YAML::LoadFile(std::string(RELIABILITY_CRDS_DIR) + "/" +
                                          std::string(Traits<T>::kPlural) + ".yaml");
    EXPECT_EQ(Text(crd["spec"]["group"]), Traits<T>::kGroup);
    EXPECT_EQ(Text(crd["spec"]["names"]["plural"]), Traits<T>::kPlural);
    EXPECT_EQ(Text(crd["spec"]["names"]["kind"]), Traits<T>::kKind);
    EXPECT_EQ(Text(crd["spec"]["versions"][0]["name"]), Traits<T>::kVersion);
  }

  template <class T>
  void CheckAll() {
    CheckNames<T>();
    CheckFields<T>();
    CheckRoundTrip<T>();
  }
};

TEST_F(SchemaTest, AgentReliabilityPolicy) { CheckAll<AgentReliabilityPolicy>(); }
TEST_F(SchemaTest, AgentSlo) { CheckAll<AgentSlo>(); }
TEST_F(SchemaTest, ErrorBudgetPolicy) { CheckAll<ErrorBudgetPolicy>(); }
TEST_F(SchemaTest, LlmFallbackChain) { CheckAll<LlmFallbackChain>(); }
TEST_F(SchemaTest, AgentEnforcement) { CheckAll<AgentEnforcement>(); }
TEST_F(SchemaTest, ReliabilityOverride) { CheckAll<ReliabilityOverride>(); }

// The walk does not compare defaults of lists.
TEST_F(SchemaTest, TheChainAdvancesByDefaultOnTheClassesOfTheSchema) {
  const YAML::Node advance_on =
      LoadSchema("llmfallbackchains")["properties"]["spec"]["properties"]["advanceOn"];
  const std::vector<std::string> known = LlmFallbackChainSpec().advance_on;
  EXPECT_EQ(advance_on["default"].as<std::vector<std::string>>(), known);
  EXPECT_EQ(advance_on["items"]["enum"].as<std::vector<std::string>>(), known);
}

// Proves that the walk can fail: it finds a field that the schema alone has.
TEST_F(SchemaTest, TheWalkSeesLeavesOfLists) {
  SchemaLeaves leaves;
  Walk(
      YAML::Load("{type: object, required: [a], properties: {a: {type: array, items: {type: object,"
                 " properties: {b: {type: string, default: x}}}}, c: {type: integer}}}"),
      "", true, leaves);
  ASSERT_EQ(leaves.size(), 2U);
  EXPECT_EQ(leaves.count("a[].b"), 1U);
  EXPECT_EQ(leaves["a[].b"].default_value, "\"x\"");
}

}  // namespace
}  // namespace reliability::api
