#include "sidecar/options.h"

#include <gtest/gtest.h>

#include <map>

namespace reliability::sidecar {
namespace {

Result<Options> Parse(const std::vector<std::string>& arguments,
                      std::map<std::string, std::string> environment = {}) {
  return ParseOptions(arguments, [environment](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string{} : found->second;
  });
}

TEST(Options, OnALaptop) {
  const auto options = Parse({"--policy", "p.json"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->listen_host, "127.0.0.1");
  EXPECT_EQ(options->listen_port, 15100);
  EXPECT_EQ(options->admin_host, "127.0.0.1");
  EXPECT_EQ(options->admin_port, 15190);
  EXPECT_FALSE(options->wait_for_policy);
  EXPECT_EQ(options->pod_uid, "standalone");
}

TEST(Options, InjectedIntoAPod) {
  const auto options = Parse({"--policy=/config/policy.json", "--mode=/config/mode.json", "--admin",
                              ":15190", "--drain-timeout=90s", "--workers", "2"},
                             {{"POD_UID", "u1"}, {"POD_NAMESPACE", "support"}});
  ASSERT_TRUE(options.has_value()) << options.error().message;
  EXPECT_TRUE(options->wait_for_policy);
  EXPECT_EQ(options->pod_uid, "u1");
  EXPECT_EQ(options->admin_host, "0.0.0.0");
  EXPECT_EQ(options->drain_timeout, Milliseconds{90'000});
  EXPECT_EQ(options->workers, 2);
  EXPECT_EQ(options->mode_file, "/config/mode.json");
}

TEST(Options, AWrongFlagIsNamed) {
  const struct {
    std::vector<std::string> arguments;
    const char* named;
  } cases[] = {
      {{}, "--policy"},
      {{"--policy"}, "--policy"},
      {{"--policy", "p", "--listen", "nonsense"}, "--listen"},
      {{"--policy", "p", "--listen", ":15100"}, "--listen"},
      {{"--policy", "p", "--admin", "1.2.3.4:99999"}, "--admin"},
      {{"--policy", "p", "--workers", "0"}, "--workers"},
      {{"--policy", "p", "--log-level", "loud"}, "--log-level"},
      {{"--policy", "p", "--drain-timeout", "5"}, "--drain-timeout"},
      {{"--policy", "p", "--version=1"}, "--version"},
      {{"--policy", "p", "--no-such-flag"}, "--no-such-flag"},
      {{"policy.json"}, "policy.json"},
  };
  for (const auto& c : cases) {
    const auto options = Parse(c.arguments);
    ASSERT_FALSE(options.has_value()) << c.named;
    EXPECT_TRUE(options.error().message.starts_with(c.named)) << options.error().message;
  }
}

TEST(Options, HelpListsEveryFlag) {
  const std::string help = HelpText();
  for (const char* flag : {"--policy", "--mode", "--listen", "--admin", "--state-dir",
                           "--termination-log", "--pod-uid", "--workers", "--log-level",
                           "--drain-timeout", "--wait-for-policy", "--version", "--help"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace reliability::sidecar
