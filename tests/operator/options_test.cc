#include "operator/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace reliability::op {
namespace {

using testing::HasSubstr;

Result<Options> Parse(std::vector<std::string_view> arguments) { return ParseOptions(arguments); }

TEST(ParseOptions, BothSpellingsOfAFlag) {
  const auto options = Parse({"--sidecar-image=img:1", "--namespace", "system",
                              "--webhook-address=127.0.0.1:9000", "--log-level", "debug"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->command, Command::kRun);
  EXPECT_EQ(options->sidecar_image, "img:1");
  EXPECT_EQ(options->ns, "system");
  EXPECT_EQ(options->webhook_address.host, "127.0.0.1");
  EXPECT_EQ(options->webhook_address.port, 9000);
  EXPECT_EQ(options->metrics_address.port, 8080);
  EXPECT_EQ(options->log_level, log::Level::kDebug);
}

TEST(ParseOptions, CommandsComeFirst) {
  const auto release = Parse({"release-all", "--timeout", "90s", "--namespace=x"});
  ASSERT_TRUE(release.has_value());
  EXPECT_EQ(release->command, Command::kReleaseAll);
  EXPECT_EQ(release->timeout, std::chrono::seconds{90});
  EXPECT_EQ(Parse({"version"})->command, Command::kVersion);
  EXPECT_EQ(Parse({"--help"})->command, Command::kHelp);
}

struct Wrong {
  std::vector<std::string_view> arguments;
  const char* named;
};
class WrongFlagTest : public testing::TestWithParam<Wrong> {};
TEST_P(WrongFlagTest, IsNamed) {
  const auto options = Parse(GetParam().arguments);
  ASSERT_FALSE(options.has_value());
  EXPECT_EQ(options.error().code, Code::kInvalid);
  EXPECT_THAT(options.error().message, HasSubstr(GetParam().named));
}
INSTANTIATE_TEST_SUITE_P(
    ParseOptions, WrongFlagTest,
    testing::Values(Wrong{{}, "--sidecar-image"}, Wrong{{"--nope"}, "--nope"},
                    Wrong{{"--namespace"}, "--namespace"}, Wrong{{"dance"}, "dance"},
                    Wrong{{"--sidecar-image=x", "extra"}, "extra"},
                    Wrong{{"--log-level=loud"}, "--log-level=loud"},
                    Wrong{{"--health-address=8081"}, "--health-address"},
                    Wrong{{"--sidecar-image-pull-policy=Maybe"}, "--sidecar-image-pull-policy"},
                    Wrong{{"release-all", "--timeout=1x"}, "--timeout"}));

TEST(HelpText, NamesEveryFlag) {
  for (const char* flag :
       {"--namespace", "--sidecar-image", "--sidecar-image-pull-policy", "--webhook-service-name",
        "--webhook-secret-name", "--mutating-webhook-name", "--validating-webhook-name",
        "--leader-elect-lease-name", "--metrics-address", "--health-address", "--webhook-address",
        "--log-level", "--kubeconfig", "--timeout"}) {
    EXPECT_THAT(std::string(HelpText()), HasSubstr(flag));
  }
}

}  // namespace
}  // namespace reliability::op
