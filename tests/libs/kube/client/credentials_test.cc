#include "libs/kube/client/credentials.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "tests/fakes/fake_clock.h"

namespace reliability::kube {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/credentials-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ + "/" + name) << text;
    return root_ + "/" + name;
  }
  Environment Env() const {
    return [this](const char* name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      return it == environment_.end() ? std::nullopt : std::optional(it->second);
    };
  }

  fakes::FakeClock clock_;
  std::string root_;
  std::map<std::string, std::string> environment_{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
                                                  {"KUBERNETES_SERVICE_PORT", "443"}};
};

TEST_F(CredentialsTest, InClusterReadsTheServiceAccount) {
  Write("ca.crt", "CA");
  Write("token", "secret\n");
  Write("namespace", "agents");
  const auto credentials = InClusterCredentials(clock_, Env(), root_);
  ASSERT_TRUE(credentials.has_value()) << credentials.error().message;
  EXPECT_EQ((*credentials)->server(), "https://10.96.0.1:443");
  EXPECT_EQ((*credentials)->tls_server_name(), "kubernetes.default.svc");
  EXPECT_EQ((*credentials)->default_namespace(), "agents");
  EXPECT_EQ((*credentials)->Token(), "secret");
  EXPECT_EQ((*credentials)->Tls()->ca_pem, "CA");
}

TEST_F(CredentialsTest, InClusterOnIpv6UsesTheName) {
  Write("ca.crt", "CA");
  Write("token", "secret");
  environment_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  const auto credentials = InClusterCredentials(clock_, Env(), root_);
  ASSERT_TRUE(credentials.has_value());
  EXPECT_EQ((*credentials)->server(), "https://kubernetes.default.svc:443");
  EXPECT_EQ((*credentials)->default_namespace(), "default");
}

TEST_F(CredentialsTest, OutsideAPodIsSaid) {
  environment_.clear();
  const auto credentials = LoadCredentials(clock_, Env(), "");
  ASSERT_FALSE(credentials.has_value());
  EXPECT_EQ(credentials.error().code, Code::kUnsupported);
  EXPECT_NE(credentials.error().message.find("KUBERNETES_SERVICE_HOST"), std::string::npos);
}

TEST_F(CredentialsTest, MissingFilesAreNamed) {
  const auto credentials = InClusterCredentials(clock_, Env(), root_);
  ASSERT_FALSE(credentials.has_value());
  EXPECT_NE(credentials.error().message.find(root_ + "/ca.crt"), std::string::npos);
  environment_["KUBECONFIG"] = root_ + "/none";
  const auto config = LoadCredentials(clock_, Env(), "");
  ASSERT_FALSE(config.has_value());
  EXPECT_NE(config.error().message.find(root_ + "/none"), std::string::npos);
  environment_["KUBECONFIG"] = "/a:/b";
  EXPECT_EQ(LoadCredentials(clock_, Env(), "").error().code, Code::kUnsupported);
}

TEST_F(CredentialsTest, FilesAreReadAgainWithinAMinute) {
  Write("ca.crt", "CA");
  Write("token", "one");
  const auto credentials = InClusterCredentials(clock_, Env(), root_);
  ASSERT_TRUE(credentials.has_value());
  const auto tls = (*credentials)->Tls();
  Write("token", "two");
  EXPECT_EQ((*credentials)->Token(), "one");
  clock_.Advance(Milliseconds{59'000});
  EXPECT_EQ((*credentials)->Token(), "two");
  EXPECT_EQ((*credentials)->Tls(), tls) << "an unchanged CA must not cost the connections";
  Write("ca.crt", "NEW");
  clock_.Advance(Milliseconds{59'000});
  EXPECT_NE((*credentials)->Tls(), tls);
  EXPECT_EQ((*credentials)->Tls()->ca_pem, "NEW");
}

TEST_F(CredentialsTest, InvalidateReadsAtOnceAndAMissingFileKeepsTheOld) {
  Write("ca.crt", "CA");
  Write("token", "one");
  const auto credentials = InClusterCredentials(clock_, Env(), root_);
  ASSERT_TRUE(credentials.has_value());
  Write("token", "two");
  (*credentials)->Invalidate();
  EXPECT_EQ((*credentials)->Token(), "two");
  std::filesystem::remove(root_ + "/token");
  (*credentials)->Invalidate();
  EXPECT_EQ((*credentials)->Token(), "two");
}

TEST_F(CredentialsTest, KubeconfigFromFlagWinsOverTheEnvironment) {
  const std::string path =
      Write("config",
            "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://h:1', certificate-authority: ca}}]\n"
            "users: [{name: u, user: {token: t}}]\n");
  Write("ca", "CA");
  environment_["KUBECONFIG"] = "/nowhere";
  const auto credentials = LoadCredentials(clock_, Env(), path);
  ASSERT_TRUE(credentials.has_value()) << credentials.error().message;
  EXPECT_EQ((*credentials)->server(), "https://h:1");
  EXPECT_EQ((*credentials)->Token(), "t");
  EXPECT_EQ((*credentials)->default_namespace(), "default");
}

}  // namespace
}  // namespace reliability::kube
