// What the fake API server promises to the tests that use it.
#include "tests/fakes/fake_api_server.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace reliability::kube {
namespace {

using nlohmann::json;

class FakeApiServerTest : public testing::Test {
 protected:
  json Call(Result<std::string> body) {
    EXPECT_TRUE(body.has_value()) << body.error().message;
    return body ? json::parse(*body) : json();
  }
  json Apply(const json& object, const std::string& manager, bool force = false,
             Subresource subresource = Subresource::kNone) {
    return Call(client_->Apply(ref_, object.dump(), {subresource, manager, force, false}));
  }
  static json Config(const json& data) {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", "c"}, {"namespace", "shop"}}},
            {"data", data}};
  }

  fakes::FakeClock clock_;
  fakes::FakeApiServer server_;
  std::unique_ptr<ApiClient> client_ = fakes::MakeFakeClient(server_, clock_);
  const ObjectRef ref_{resources::kConfigMaps, "shop", "c"};
  const ObjectRef deployment_{resources::kDeployments, "shop", "agent"};
};

TEST_F(FakeApiServerTest, TwoManagersOwnTheirKeys) {
  Apply(Config({{"policy.json", "1"}}), "policy");
  Apply(Config({{"mode.json", "a"}}), "operator");
  json object = Apply(Config({{"policy.json", "2"}}), "policy");
  EXPECT_EQ(object["data"], (json{{"policy.json", "2"}, {"mode.json", "a"}}));
  object = Apply(Config(json::object()), "operator");
  EXPECT_EQ(object["data"], (json{{"policy.json", "2"}})) << "what is not applied again goes";
  EXPECT_EQ(object["metadata"]["managedFields"].size(), 2U);
}

TEST_F(FakeApiServerTest, ApplyConflictsUnlessForced) {
  Apply(Config({{"k", "1"}}), "one");
  const auto conflict =
      client_->Apply(ref_, Config({{"k", "2"}}).dump(), {Subresource::kNone, "two", false, false});
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, Code::kConflict);
  EXPECT_NE(conflict.error().message.find("\"one\""), std::string::npos);
  EXPECT_EQ(Apply(Config({{"k", "2"}}), "two", true)["data"]["k"], "2");
}

TEST_F(FakeApiServerTest, NothingChangesNothing) {
  const json first = Apply(Config({{"k", "1"}}), "one");
  const json second = Apply(Config({{"k", "1"}}), "one");
  EXPECT_EQ(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
}

TEST_F(FakeApiServerTest, StatusAndSpecAreApart) {
  server_.Put(resources::kDeployments, {{"metadata", {{"namespace", "shop"}, {"name", "agent"}}},
                                        {"spec", {{"replicas", 3}}}});
  json object =
      Call(client_->MergePatch(deployment_, R"({"spec":{"replicas":9},"status":{"replicas":3}})",
                               {Subresource::kStatus, "m", false, false}));
  EXPECT_EQ(object["spec"]["replicas"], 3);
  EXPECT_EQ(object["status"]["replicas"], 3);
  EXPECT_EQ(object["metadata"]["generation"], 1);
  object = Call(client_->MergePatch(deployment_, R"({"spec":{"x":1},"status":{"replicas":7}})"));
  EXPECT_EQ(object["status"]["replicas"], 3);
  EXPECT_EQ(object["metadata"]["generation"], 2);
}

TEST_F(FakeApiServerTest, ScaleShowsWhoSetTheReplicas) {
  server_.Put(resources::kDeployments, {{"metadata", {{"namespace", "shop"}, {"name", "agent"}}},
                                        {"spec", {{"replicas", 3}}}});
  const json before = Call(client_->Get(deployment_, Subresource::kScale));
  EXPECT_EQ(before["spec"]["replicas"], 3);
  const std::string version = before["metadata"]["resourceVersion"];
  const WriteOptions ours{Subresource::kNone, "agent-reliability-operator", false, false};
  const json scale = Call(client_->Scale(deployment_, 0, version, ours));
  EXPECT_FALSE(scale["spec"].contains("replicas")) << "Go leaves a zero out";
  EXPECT_EQ(client_->Scale(deployment_, 1, version, ours).error().code, Code::kConflict);
  const json object = server_.Get(resources::kDeployments, "shop", "agent");
  EXPECT_EQ(object["spec"]["replicas"], 0);
  bool found = false;
  for (const json& entry : object["metadata"]["managedFields"]) {
    found = found ||
            (entry["manager"] == "agent-reliability-operator" && entry["subresource"] == "scale" &&
             entry["fieldsV1"]["f:spec"].contains("f:replicas"));
  }
  EXPECT_TRUE(found) << object.dump(1);
}

TEST_F(FakeApiServerTest, FinalizersHoldADeletion) {
  json object = Config({{"k", "1"}});
  object["metadata"]["finalizers"] = {"agentreliability.dev/hold"};
  server_.Put(resources::kConfigMaps, object);
  EXPECT_TRUE(Call(client_->Delete(ref_))["metadata"].contains("deletionTimestamp"));
  EXPECT_FALSE(server_.Get(resources::kConfigMaps, "shop", "c").is_null());
  Call(client_->JsonPatch(ref_, R"([{"op":"remove","path":"/metadata/finalizers"}])"));
  EXPECT_TRUE(server_.Get(resources::kConfigMaps, "shop", "c").is_null());
  EXPECT_EQ(client_->Delete(ref_).error().code, Code::kNotFound);
}

TEST_F(FakeApiServerTest, CreateReplaceAndPreconditions) {
  const json created =
      Call(client_->Create(resources::kConfigMaps, "shop", Config({{"k", "1"}}).dump()));
  EXPECT_EQ(client_->Create(resources::kConfigMaps, "shop", Config({}).dump()).error().code,
            Code::kAlreadyExists);
  json changed = created;
  changed["data"]["k"] = "2";
  Call(client_->Replace(ref_, changed.dump()));
  EXPECT_EQ(client_->Replace(ref_, changed.dump()).error().code, Code::kConflict);
  EXPECT_EQ(client_->Delete(ref_, {"other-uid", "", ""}).error().code, Code::kConflict);
  Call(client_->Delete(ref_, {created["metadata"]["uid"].get<std::string>(), "", ""}));
}

TEST_F(FakeApiServerTest, SelectorsAndDryRun) {
  for (const char* name : {"a", "b", "c"}) {
    json object = Config({{"k", "1"}});
    object["metadata"]["name"] = name;
    object["metadata"]["labels"] = {{"app", name}};
    server_.Put(resources::kConfigMaps, object);
  }
  const auto count = [&](const std::string& labels, const std::string& fields) {
    ListOptions options;
    options.label_selector = labels;
    options.field_selector = fields;
    return Call(client_->List(resources::kConfigMaps, "shop", options))["items"].size();
  };
  EXPECT_EQ(count("app=a", ""), 1U);
  EXPECT_EQ(count("app!=a", ""), 2U);
  EXPECT_EQ(count("app in (a,b)", ""), 2U);
  EXPECT_EQ(count("app,app!=c", ""), 2U);
  EXPECT_EQ(count("!app", ""), 0U);
  EXPECT_EQ(count("", "metadata.name=c"), 1U);
  Call(client_->MergePatch(ref_, R"({"data":{"k":"9"}})", {Subresource::kNone, "m", false, true}));
  EXPECT_EQ(server_.Get(resources::kConfigMaps, "shop", "c")["data"]["k"], "1");
}

}  // namespace
}  // namespace reliability::kube
