// Requests, errors and watches of libs/kube/{core,client} as a real API server answers them.
#include <algorithm>
#include <chrono>
#include <vector>

#include "libs/kube/core/list_page.h"
#include "libs/kube/core/object_peek.h"
#include "tests/cluster/kube_conformance/environment.h"

namespace reliability::kube {
namespace {

TEST_F(ConformanceTest, CreateReadReplaceDelete) {
  const ObjectRef ref = Ref(resources::kConfigMaps, "c");
  EXPECT_EQ(client_->Get(ref).error().code, Code::kNotFound);
  const std::string body = ConfigMap("c", {{"k", "1"}}).dump();
  json created = Must(client_->Create(resources::kConfigMaps, ns_, body));
  const auto again = client_->Create(resources::kConfigMaps, ns_, body);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_EQ(again.error().reason, "AlreadyExists");
  json changed = created;
  changed["data"]["k"] = "2";
  const json replaced = Must(client_->Replace(ref, changed.dump()));
  EXPECT_NE(replaced["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);
  const auto stale = client_->Replace(ref, changed.dump());
  ASSERT_FALSE(stale.has_value());
  EXPECT_EQ(stale.error().code, Code::kConflict);
  const auto other = client_->Delete(ref, {"11111111-1111-1111-1111-111111111111", "", ""});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Code::kConflict);
  Must(client_->Delete(ref, {created["metadata"]["uid"].get<std::string>(), "", "Background"}));
  EXPECT_EQ(client_->Delete(ref).error().code, Code::kNotFound);
}

TEST_F(ConformanceTest, InvalidObjectsNameTheField) {
  const auto bad =
      client_->Create(resources::kConfigMaps, ns_, ConfigMap("Not_A_Name", {{"k", "1"}}).dump());
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Code::kInvalid);
  EXPECT_NE(bad.error().message.find("metadata.name"), std::string::npos) << bad.error().message;
  const auto kind = client_->Get({{"agentreliability.dev", "v9", "nothings", "Nothing"}, ns_, "x"});
  EXPECT_EQ(kind.error().code, Code::kNotFound);
}

TEST_F(ConformanceTest, PatchesOfThreeKinds) {
  const ObjectRef ref = Ref(resources::kConfigMaps, "c");
  Must(client_->Create(resources::kConfigMaps, ns_, ConfigMap("c", {{"a", "1"}}).dump()));
  json object = Must(client_->MergePatch(ref, R"({"data":{"b":"2"}})"));
  EXPECT_EQ(object["data"], (json{{"a", "1"}, {"b", "2"}}));
  object = Must(client_->JsonPatch(ref, R"([{"op":"remove","path":"/data/a"}])"));
  EXPECT_EQ(object["data"], (json{{"b", "2"}}));
  const auto missing = client_->JsonPatch(ref, R"([{"op":"remove","path":"/data/zz"}])");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kInvalid) << ToString(missing.error());
  const json stale{{"metadata", {{"resourceVersion", "1"}}}, {"data", {{"b", "3"}}}};
  EXPECT_EQ(client_->MergePatch(ref, stale.dump()).error().code, Code::kConflict);
  const json dry = Must(
      client_->MergePatch(ref, R"({"data":{"b":"9"}})", {Subresource::kNone, "m", false, true}));
  EXPECT_EQ(dry["data"]["b"], "9");
  EXPECT_EQ(Must(client_->Get(ref))["data"]["b"], "2");
}

TEST_F(ConformanceTest, ApplyWithTwoManagers) {
  const ObjectRef ref = Ref(resources::kConfigMaps, "c");
  const WriteOptions policy{Subresource::kNone, "agent-reliability-policy", true, false};
  const WriteOptions enforcement{Subresource::kNone, "agent-reliability-operator", true, false};
  Must(client_->Apply(ref, ConfigMap("c", {{"policy.json", "1"}}).dump(), policy));
  Must(client_->Apply(ref, ConfigMap("c", {{"mode.json", "a"}}).dump(), enforcement));
  const json both =
      Must(client_->Apply(ref, ConfigMap("c", {{"policy.json", "2"}}).dump(), policy));
  EXPECT_EQ(both["data"], (json{{"policy.json", "2"}, {"mode.json", "a"}}));
  const json same =
      Must(client_->Apply(ref, ConfigMap("c", {{"policy.json", "2"}}).dump(), policy));
  EXPECT_EQ(same["metadata"]["resourceVersion"], both["metadata"]["resourceVersion"])
      << "applying the same again writes nothing";
  const auto conflict = client_->Apply(ref, ConfigMap("c", {{"policy.json", "3"}}).dump(),
                                       {Subresource::kNone, "somebody", false, false});
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, Code::kConflict);
  EXPECT_NE(conflict.error().message.find("agent-reliability-policy"), std::string::npos);
}

TEST_F(ConformanceTest, StatusAndScaleSubresources) {
  const ObjectRef ref = Ref(resources::kDeployments, "agent");
  Must(client_->Create(resources::kDeployments, ns_, Deployment("agent").dump(),
                       {Subresource::kNone, "kubectl", false, false}));
  const json status =
      Must(client_->MergePatch(ref, R"({"spec":{"replicas":5},"status":{"observedGeneration":1}})",
                               {Subresource::kStatus, "m", false, false}));
  EXPECT_EQ(status["spec"]["replicas"], 0) << "a status write changes no spec";
  const json scale = Must(client_->Get(ref, Subresource::kScale));
  // Go leaves a zero out: a Scale of 0 replicas has an empty spec.
  EXPECT_FALSE(scale["spec"].contains("replicas"));
  const WriteOptions ours{Subresource::kNone, "agent-reliability-operator", false, false};
  const auto stale = client_->Scale(ref, 1, "1", ours);
  ASSERT_FALSE(stale.has_value());
  EXPECT_EQ(stale.error().code, Code::kConflict);
  // The deployment controller may write in between: take the newest version until it holds.
  Result<std::string> scaled = Fail(Code::kConflict, "");
  for (int attempt = 0; attempt < 5 && !scaled; ++attempt) {
    const json now = Must(client_->Get(ref, Subresource::kScale));
    scaled = client_->Scale(ref, 1, now["metadata"]["resourceVersion"].get<std::string>(), ours);
  }
  EXPECT_EQ(Must(scaled)["spec"]["replicas"], 1);
  const json object = Must(client_->Get(ref));
  bool found = false;
  for (const json& entry : object["metadata"]["managedFields"]) {
    found = found || (entry["manager"] == "agent-reliability-operator" &&
                      entry.value("subresource", "") == "scale");
  }
  EXPECT_TRUE(found) << object["metadata"]["managedFields"].dump(1);
  Must(client_->Scale(ref, 0, "", ours));
}

TEST_F(ConformanceTest, BearerTokenOfAServiceAccount) {
  // The controller manager makes the account a moment after the namespace.
  ApiRequest request;
  request.method = "POST";
  request.target = "/api/v1/namespaces/" + ns_ + "/serviceaccounts/default/token";
  request.content_type = "application/json";
  request.body = R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})";
  Result<std::string> answer = client_->Call(request);
  for (int attempt = 0; attempt < 100 && !answer; ++attempt) {
    clock_->WaitFor(Milliseconds{100}, {});
    answer = client_->Call(request);
  }
  const std::string token = Must(answer)["status"]["token"];

  class TokenOnly final : public Credentials {
   public:
    TokenOnly(const Credentials& base, std::string bearer)
        : base_(base),
          token_(std::move(bearer)),
          tls_(std::make_shared<const http::TlsMaterial>(
              http::TlsMaterial{base.Tls()->ca_pem, "", ""})) {}
    const std::string& server() const override { return base_.server(); }
    const std::string& tls_server_name() const override { return base_.tls_server_name(); }
    const std::string& default_namespace() const override { return base_.default_namespace(); }
    std::string Token() const override { return token_; }
    std::shared_ptr<const http::TlsMaterial> Tls() const override { return tls_; }
    void Invalidate() const override {}

   private:
    const Credentials& base_;
    const std::string token_;
    const std::shared_ptr<const http::TlsMaterial> tls_;
  };
  const auto get_with = [&](const std::string& bearer) {
    const TokenOnly credentials(*credentials_, bearer);
    const auto transport = http::MakeCpprestTransport({.tls = [&] { return credentials.Tls(); }});
    const auto client = MakeApiClient(*transport, credentials, *clock_);
    return client->Get(Ref(resources::kConfigMaps, "c"));
  };
  const auto forbidden = get_with(token);
  ASSERT_FALSE(forbidden.has_value());
  EXPECT_EQ(forbidden.error().code, Code::kDenied);
  EXPECT_EQ(forbidden.error().reason, "Forbidden");
  EXPECT_NE(forbidden.error().message.find("system:serviceaccount:" + ns_ + ":default"),
            std::string::npos)
      << forbidden.error().message;
  const auto unknown = get_with("not-a-token");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().reason, "Unauthorized");
}

TEST_F(ConformanceTest, AnotherCaIsNotTrusted) {
  const auto tls = std::make_shared<const http::TlsMaterial>(http::TlsMaterial{
      credentials_->Tls()->certificate_pem, "", ""});  // a certificate, but not the CA
  const auto transport = http::MakeCpprestTransport({.tls = [&] { return tls; }});
  const auto client = MakeApiClient(*transport, *credentials_, *clock_);
  const auto refused = client->Get({resources::kNamespaces, "", "default"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kUnavailable) << ToString(refused.error());
}

TEST_F(ConformanceTest, WatchEventsBookmarkAndEnd) {
  WatchOptions options;
  options.resource_version = NewestVersion(resources::kConfigMaps);
  options.timeout = Milliseconds{6'000};
  options.label_selector = "kind=watched";
  json object = ConfigMap("w", {{"big", std::string(900'000, 'x')}});
  object["metadata"]["labels"] = {{"kind", "watched"}};
  Must(client_->Create(resources::kConfigMaps, ns_, object.dump()));
  Must(client_->MergePatch(Ref(resources::kConfigMaps, "w"), R"({"data":{"big":"small"}})"));
  Must(client_->Delete(Ref(resources::kConfigMaps, "w")));
  std::vector<WatchType> types;
  std::size_t largest = 0;
  const MonotonicTime start = clock_->MonotonicNow();
  const auto done = client_->Watch(BuildWatch(resources::kConfigMaps, ns_, options),
                                   [&](const WatchEvent& event) {
                                     types.push_back(event.type);
                                     largest = std::max(largest, event.object.size());
                                   },
                                   {});
  EXPECT_TRUE(done.has_value()) << ToString(done.error());
  ASSERT_GE(types.size(), 3U);
  EXPECT_EQ(types[0], WatchType::kAdded);
  EXPECT_EQ(types[1], WatchType::kModified);
  EXPECT_EQ(types[2], WatchType::kDeleted);
  EXPECT_GT(largest, 900'000U);
  // Bookmarks are not promised; most watches get one shortly before their end.
  std::printf("watch of 6 s ended after %lld ms with %td bookmarks\n",
              static_cast<long long>((clock_->MonotonicNow() - start).count()),
              std::count(types.begin(), types.end(), WatchType::kBookmark));
}

TEST_F(ConformanceTest, WatchStopsAtOnce) {
  WatchOptions options;
  options.resource_version = NewestVersion(resources::kConfigMaps);
  std::stop_source stop;
  std::chrono::steady_clock::time_point asked;
  std::jthread stopper([&] {
    clock_->WaitFor(Milliseconds{300}, {});
    asked = std::chrono::steady_clock::now();
    stop.request_stop();
  });
  const auto done = client_->Watch(
      BuildWatch(resources::kConfigMaps, ns_, options), [](const WatchEvent&) {}, stop.get_token());
  const auto took = std::chrono::steady_clock::now() - asked;
  stopper.join();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::kCancelled);
  EXPECT_LT(took, std::chrono::seconds{1});
}

}  // namespace
}  // namespace reliability::kube
