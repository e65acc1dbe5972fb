#include "libs/kube/client/kubeconfig.h"

#include <gtest/gtest.h>

#include <vector>

namespace reliability::kube {
namespace {

const std::string kHead = R"(apiVersion: v1
kind: Config
current-context: dev
contexts:
- name: dev
  context: {cluster: c1, user: u1, namespace: shop}
- name: other
  context: {cluster: c2, user: u2}
)";

std::string With(const std::string& clusters, const std::string& users) {
  return kHead + "clusters:\n" + clusters + "users:\n" + users;
}

const std::string kCluster =
    "- name: c1\n  cluster: {server: 'https://10.0.0.1:6443/', certificate-authority-data: Q0E=}\n";
const std::string kUser = "- name: u1\n  user: {token: abc}\n";

TEST(Kubeconfig, ReadsTheCurrentContext) {
  const auto config = ParseKubeconfig(With(kCluster,
                                           "- name: u1\n  user:\n    client-certificate-data: "
                                           "Q0VS\n    client-key-data: S0VZCg==\n"),
                                      "/home/me/.kube/config", "");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->server, "https://10.0.0.1:6443");
  EXPECT_EQ(config->ns, "shop");
  EXPECT_EQ(config->ca.text, "CA");
  EXPECT_EQ(config->certificate.text, "CER");
  EXPECT_EQ(config->key.text, "KEY\n");
  EXPECT_TRUE(config->token.empty());
}

TEST(Kubeconfig, ChosenContextAndFilesNextToTheConfig) {
  const auto config = ParseKubeconfig(
      With("- name: c2\n  cluster:\n    server: https://api.example:443\n"
           "    certificate-authority: pki/ca.crt\n    tls-server-name: kubernetes\n",
           "- name: u2\n  user:\n    tokenFile: /run/token\n    client-certificate: me.crt\n"
           "    client-key: me.key\n"),
      "/etc/kube/config", "other");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->ca.path, "/etc/kube/pki/ca.crt");
  EXPECT_EQ(config->certificate.path, "/etc/kube/me.crt");
  EXPECT_EQ(config->key.path, "/etc/kube/me.key");
  EXPECT_EQ(config->token.path, "/run/token");
  EXPECT_EQ(config->tls_server_name, "kubernetes");
  EXPECT_EQ(config->ns, "");
}

TEST(Kubeconfig, PlainHttpNeedsNoCa) {
  const auto config = ParseKubeconfig(
      With("- name: c1\n  cluster: {server: 'http://127.0.0.1:8001'}\n", kUser), "k", "");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->token.text, "abc");
}

TEST(Kubeconfig, ErrorsNameFileAndField) {
  struct Case {
    std::string yaml;
    std::string context;
    Code code;
    std::string message;
  };
  const std::string server = "- name: c1\n  cluster: {server: 'https://h', ";
  const auto user = [](const std::string& fields) {
    return With(kCluster, "- name: u1\n  user: {" + fields + "}\n");
  };
  const std::vector<Case> cases{
      {"a: [", "", Code::kInvalid, "kubeconfig /k: line 1"},
      {"[]", "", Code::kInvalid, "kubeconfig /k is not a kubeconfig"},
      {"{}", "", Code::kInvalid, "kubeconfig /k has no current-context"},
      {"current-context: 7", "", Code::kInvalid, "kubeconfig /k has no text in current-context"},
      {kHead, "missing", Code::kInvalid, "kubeconfig /k has no contexts[missing]"},
      {kHead, "dev", Code::kInvalid, "kubeconfig /k has no clusters[c1]"},
      {With("- name: c1\n", kUser), "", Code::kInvalid,
       "kubeconfig /k has no cluster in clusters[c1]"},
      {With("- name: c1\n  cluster: {server: 'ftp://x'}\n", kUser), "", Code::kInvalid,
       "kubeconfig /k has no http or https URL in clusters[c1].server"},
      {With("- name: c1\n  cluster: {server: 'https://x'}\n", kUser), "", Code::kInvalid,
       "kubeconfig /k has no certificate-authority in clusters[c1]"},
      {With(server + "certificate-authority-data: '*'}\n", kUser), "", Code::kInvalid,
       "kubeconfig /k has no base64 in clusters[c1].certificate-authority-data"},
      {With(server + "certificate-authority-data: 'Q=A'}\n", kUser), "", Code::kInvalid,
       "kubeconfig /k has no base64 in clusters[c1].certificate-authority-data"},
      {With(server + "insecure-skip-tls-verify: true}\n", kUser), "", Code::kUnsupported,
       "kubeconfig /k: clusters[c1] sets insecure-skip-tls-verify"},
      {With(server + "proxy-url: 'http://p'}\n", kUser), "", Code::kUnsupported,
       "kubeconfig /k: clusters[c1] sets proxy-url"},
      {With(kCluster, "- name: other\n"), "", Code::kInvalid, "kubeconfig /k has no users[u1]"},
      {user("exec: {command: aws}"), "", Code::kUnsupported,
       "kubeconfig /k: users[u1] uses an exec plugin"},
      {user("auth-provider: {name: gcp}"), "", Code::kUnsupported,
       "kubeconfig /k: users[u1] uses an auth provider"},
      {user("username: a, password: b"), "", Code::kUnsupported,
       "kubeconfig /k: users[u1] uses a password"},
      {user("as: admin"), "", Code::kUnsupported, "kubeconfig /k: users[u1] impersonates"},
      {user("client-certificate: a.crt"), "", Code::kInvalid,
       "kubeconfig /k needs both client-certificate and client-key in users[u1]"},
      {user("token: [1]"), "", Code::kInvalid, "kubeconfig /k has no text in users[u1].token"},
  };
  for (const Case& c : cases) {
    const auto config = ParseKubeconfig(c.yaml, "/k", c.context);
    ASSERT_FALSE(config.has_value()) << c.message;
    EXPECT_EQ(config.error().code, c.code) << c.message;
    EXPECT_EQ(config.error().message.substr(0, c.message.size()), c.message);
  }
}

}  // namespace
}  // namespace reliability::kube
