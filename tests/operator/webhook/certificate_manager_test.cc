#include "operator/webhook/certificate_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/base64.h"
#include "operator/webhook/json_access.h"
#include "operator/webhook/review_codec.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::webhook {
namespace {

namespace resources = kube::resources;
using testing::HasSubstr;

class CertificateManagerTest : public testing::Test {
 protected:
  CertificateManagerTest() : client_(fakes::MakeFakeClient(server_, clock_)) {
    for (const auto& resource : {resources::kMutatingWebhooks, resources::kValidatingWebhooks}) {
      server_.Put(resource, Json::parse(R"({"metadata":{"name":"hooks"},"webhooks":[
        {"name":"a","clientConfig":{"service":{"name":"hook"}}},
        {"name":"b","clientConfig":{"service":{"name":"hook"}}}]})"));
    }
  }
  std::unique_ptr<CertificateManager> Make(net::ServerTls& tls) {
    CertificateOptions options;
    options.ns = "system";
    options.secret = "tls";
    options.service = "hook";
    options.mutating_webhook = "hooks";
    options.validating_webhook = "hooks";
    return std::make_unique<CertificateManager>(*client_, clock_, tls, registry_, options);
  }
  std::string Bundle(const kube::Resource& resource, std::size_t index) const {
    const Json hook = server_.Get(resource, "", "hooks")["webhooks"][index];
    return Base64Decode(hook["clientConfig"].value("caBundle", "")).value_or("");
  }
  std::string SecretValue(const char* key) const {
    return *Base64Decode(
        server_.Get(resources::kSecrets, "system", "tls")["data"][key].get<std::string>());
  }

  fakes::FakeClock clock_;
  fakes::FakeApiServer server_;
  std::unique_ptr<kube::ApiClient> client_;
  metrics::Registry registry_;
};

TEST_F(CertificateManagerTest, ALeaderMakesAnnouncesAndLoads) {
  net::ServerTls tls;
  const auto leader = Make(tls);
  ASSERT_TRUE(leader->KeepOnce().has_value());
  EXPECT_TRUE(tls.loaded());
  const std::string authority = SecretValue("ca.crt");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(Bundle(resources::kMutatingWebhooks, i), authority);
    EXPECT_EQ(Bundle(resources::kValidatingWebhooks, i), authority);
  }
  EXPECT_THAT(registry_.Text(),
              HasSubstr("agent_reliability_webhook_certificate_expiry_seconds 18"));
  const std::size_t writes = server_.Writes();
  ASSERT_TRUE(leader->KeepOnce().has_value());
  EXPECT_EQ(server_.Writes(), writes) << "nothing to do, nothing written";
}

TEST_F(CertificateManagerTest, FollowersLoadWhatTheLeaderMade) {
  net::ServerTls follower_tls;
  const auto follower = Make(follower_tls);
  ASSERT_TRUE(follower->LoadOnce().has_value());
  EXPECT_FALSE(follower_tls.loaded()) << "there is none yet";
  net::ServerTls leader_tls;
  ASSERT_TRUE(Make(leader_tls)->KeepOnce().has_value());
  ASSERT_TRUE(follower->LoadOnce().has_value());
  EXPECT_EQ(follower_tls.NotAfter(), leader_tls.NotAfter());
}

TEST_F(CertificateManagerTest, AReplicaIsReadyOnlyWhenTheApiServerTrustsIt) {
  net::ServerTls leader_tls;
  const auto leader = Make(leader_tls);
  EXPECT_FALSE(leader->Ready());
  ASSERT_TRUE(leader->KeepOnce().has_value());
  EXPECT_TRUE(leader->Ready());
  // Installed again: the Secret is still there, the configurations are new.
  const Json fresh = Json::parse(R"({"webhooks":[{"name":"a","clientConfig":{}}]})");
  server_.Merge(resources::kMutatingWebhooks, "", "hooks", fresh);
  net::ServerTls tls;
  const auto follower = Make(tls);
  ASSERT_TRUE(follower->LoadOnce().has_value());
  EXPECT_TRUE(tls.loaded());
  EXPECT_FALSE(follower->Ready());
  ASSERT_TRUE(leader->KeepOnce().has_value());
  ASSERT_TRUE(follower->LoadOnce().has_value());
  EXPECT_TRUE(follower->Ready());
}

TEST_F(CertificateManagerTest, AMissingConfigurationMakesNoCallsAndBlocksNothing) {
  server_.Remove(resources::kMutatingWebhooks, "", "hooks");
  net::ServerTls leader_tls;
  ASSERT_TRUE(Make(leader_tls)->KeepOnce().has_value());
  net::ServerTls tls;
  const auto follower = Make(tls);
  ASSERT_TRUE(follower->LoadOnce().has_value());
  EXPECT_TRUE(follower->Ready());
}

TEST_F(CertificateManagerTest, ANewAuthorityIsAnnouncedTogetherWithTheOldOne) {
  net::ServerTls tls;
  const auto leader = Make(tls);
  ASSERT_TRUE(leader->KeepOnce().has_value());
  const std::string old = SecretValue("ca.crt");
  clock_.Advance(std::chrono::hours{24 * 250});
  ASSERT_TRUE(leader->KeepOnce().has_value());
  const std::string bundle = Bundle(resources::kMutatingWebhooks, 0);
  EXPECT_THAT(bundle, HasSubstr(old));
  EXPECT_THAT(bundle, HasSubstr(SecretValue("ca.crt")));
  clock_.Advance(std::chrono::hours{25});
  ASSERT_TRUE(leader->KeepOnce().has_value());
  EXPECT_EQ(Bundle(resources::kMutatingWebhooks, 0), SecretValue("ca.crt"));
}

TEST_F(CertificateManagerTest, IfTheNewAuthorityCannotBeAnnouncedItIsNotServed) {
  net::ServerTls tls;
  const auto leader = Make(tls);
  ASSERT_TRUE(leader->KeepOnce().has_value());
  const std::string old = SecretValue("ca.crt");
  clock_.Advance(std::chrono::hours{24 * 250});
  server_.AddFault(fakes::Forbidden("PATCH", "mutatingwebhookconfigurations"));
  EXPECT_FALSE(leader->KeepOnce().has_value());
  EXPECT_EQ(SecretValue("ca.crt"), old);
  ASSERT_TRUE(leader->KeepOnce().has_value());
  EXPECT_NE(SecretValue("ca.crt"), old);
}

TEST_F(CertificateManagerTest, ALostBundleAndALostSecretAreRepaired) {
  net::ServerTls tls;
  const auto leader = Make(tls);
  ASSERT_TRUE(leader->KeepOnce().has_value());
  server_.Merge(resources::kMutatingWebhooks, "", "hooks",
                Json::parse(R"({"webhooks":[{"name":"a","clientConfig":{}}]})"));
  ASSERT_TRUE(leader->KeepOnce().has_value());
  EXPECT_EQ(Bundle(resources::kMutatingWebhooks, 0), SecretValue("ca.crt"));
  const std::string authority = SecretValue("ca.crt");
  server_.Remove(resources::kSecrets, "system", "tls");
  ASSERT_TRUE(leader->KeepOnce().has_value());
  EXPECT_EQ(SecretValue("ca.crt"), authority) << "other replicas still serve its leaf";
  EXPECT_EQ(Bundle(resources::kMutatingWebhooks, 0), authority);
}

TEST_F(CertificateManagerTest, BrokenSecretsOfOthersAreReplaced) {
  server_.Put(resources::kSecrets, Json::parse(R"({"metadata":{"namespace":"system","name":"tls"},
                              "data":{"tls.crt":"!!","ca.crt":7}})"));
  net::ServerTls tls;
  ASSERT_TRUE(Make(tls)->KeepOnce().has_value());
  EXPECT_TRUE(tls.loaded());
}

}  // namespace
}  // namespace reliability::webhook
