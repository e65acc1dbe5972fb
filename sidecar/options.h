#pragma once
// The command line. Pure: arguments and environment in, a struct or a message out.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/log.h"
#include "libs/base/result.h"

namespace reliability::sidecar {

struct Options {
  std::string policy_file;
  std::string mode_file;  // empty = always Normal
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 15100;
  std::string admin_host;  // set by ParseOptions
  std::uint16_t admin_port = 15190;
  std::string state_dir;        // empty = the ledger does not survive a restart
  std::string termination_log;  // empty = none
  std::string pod_uid = "standalone";
  int workers = 1;
  log::Level log_level = log::Level::kInfo;
  Milliseconds drain_timeout{30'000};
  bool wait_for_policy = false;
  bool help = false;
  bool version = false;
};

// `environment` reads a variable, empty if unset. kInvalid names the flag.
[[nodiscard]] Result<Options> ParseOptions(
    const std::vector<std::string>& arguments,
    const std::function<std::string(const std::string&)>& environment);

[[nodiscard]] std::string HelpText();

}  // namespace reliability::sidecar
