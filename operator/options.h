#pragma once
// Flags of agent-reliability-operator. Pure.
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/base/log.h"
#include "libs/base/result.h"
#include "libs/net/http_server.h"

namespace reliability::op {

enum class Command { kRun, kReleaseAll, kVersion, kHelp };

struct Options {
  Command command = Command::kRun;
  std::string ns;  // of the release; empty: that of the credentials
  std::string sidecar_image;
  std::string sidecar_image_pull_policy = "IfNotPresent";
  std::string webhook_service_name = "agent-reliability-operator-webhook";
  std::string webhook_secret_name = "agent-reliability-operator-webhook-tls";
  std::string mutating_webhook_name = "agent-reliability-operator";
  std::string validating_webhook_name = "agent-reliability-operator";
  std::string leader_elect_lease_name = "agent-reliability-operator";
  net::ListenAddress metrics_address{"", 8080};
  net::ListenAddress health_address{"", 8081};
  net::ListenAddress webhook_address{"", 9443};
  log::Level log_level = log::Level::kInfo;
  std::string kubeconfig;
  Milliseconds timeout{60000};  // of release-all
};

// `arguments`: without the program's name. "--flag value" and "--flag=value" are the same.
// kInvalid names the flag.
[[nodiscard]] Result<Options> ParseOptions(std::span<const std::string_view> arguments);

[[nodiscard]] std::string_view HelpText();

}  // namespace reliability::op
