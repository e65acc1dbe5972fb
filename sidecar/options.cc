#include "sidecar/options.h"

#include <array>
#include <optional>
#include <string_view>

#include "libs/base/duration.h"
#include "libs/base/strings.h"
#include "libs/net/http_server.h"

namespace reliability::sidecar {
namespace {

constexpr std::uint64_t kMaxWorkers = 16;

struct Flag {
  std::string_view name;
  std::string_view argument;  // empty = a switch
  std::string_view help;
  Status (*apply)(Options& options, const std::string& value);
};

Status SetListen(const std::string& value, std::string& host, std::uint16_t& port) {
  RELIABILITY_ASSIGN_OR_RETURN(const net::ListenAddress address, net::ParseListenAddress(value));
  host = address.host;
  port = address.port;
  return {};
}

constexpr std::array kFlags = {
    Flag{"--policy", "FILE", "policy.json to enforce (required)",
         [](Options& o, const std::string& v) -> Status {
           o.policy_file = v;
           return {};
         }},
    Flag{"--mode", "FILE", "mode.json of the operator; missing file = Normal",
         [](Options& o, const std::string& v) -> Status {
           o.mode_file = v;
           return {};
         }},
    Flag{"--listen", "HOST:PORT", "where agents call (default 127.0.0.1:15100; port 0 = any)",
         [](Options& o, const std::string& v) -> Status {
           RELIABILITY_TRY(SetListen(v, o.listen_host, o.listen_port));
           if (o.listen_host.empty()) {
             return Fail(Code::kInvalid, v + ": name the address that agents use, e.g. 127.0.0.1");
           }
           return {};
         }},
    Flag{"--admin", "HOST:PORT",
         "metrics, ledger, health (default 127.0.0.1:15190; in a pod 0.0.0.0:15190)",
         [](Options& o, const std::string& v) -> Status {
           RELIABILITY_TRY(SetListen(v, o.admin_host, o.admin_port));
           if (o.admin_host.empty()) {
             o.admin_host = "0.0.0.0";
           }
           return {};
         }},
    Flag{"--state-dir", "DIR", "keeps the ledger across restarts of this process",
         [](Options& o, const std::string& v) -> Status {
           o.state_dir = v;
           return {};
         }},
    Flag{"--termination-log", "FILE",
         "last ledger of the process (default /dev/termination-log if it is writable)",
         [](Options& o, const std::string& v) -> Status {
           o.termination_log = v;
           return {};
         }},
    Flag{"--pod-uid", "UID", "names this pod in the ledger (default: POD_UID)",
         [](Options& o, const std::string& v) -> Status {
           o.pod_uid = v;
           return {};
         }},
    Flag{"--workers", "N", "event loops, 1 to 16 (default 1)",
         [](Options& o, const std::string& v) -> Status {
           const auto number = ParseUint(v);
           if (!number.has_value() || *number == 0 || *number > kMaxWorkers) {
             return Fail(Code::kInvalid, v + ": expected 1 to 16");
           }
           o.workers = static_cast<int>(*number);
           return {};
         }},
    Flag{"--log-level", "LEVEL", "debug, info, warn or error (default info)",
         [](Options& o, const std::string& v) -> Status {
           if (!log::ParseLevel(v, o.log_level)) {
             return Fail(Code::kInvalid, v + ": expected debug, info, warn or error");
           }
           return {};
         }},
    Flag{"--drain-timeout", "DURATION",
         "how long running calls may take after SIGTERM (default 30s)",
         [](Options& o, const std::string& v) -> Status {
           RELIABILITY_ASSIGN_OR_RETURN(o.drain_timeout, ParseDuration(v));
           return {};
         }},
    Flag{"--wait-for-policy", "",
         "start without a valid policy and wait for one (default in an injected pod)",
         [](Options& o, const std::string&) -> Status {
           o.wait_for_policy = true;
           return {};
         }},
    Flag{"--version", "", "print the version",
         [](Options& o, const std::string&) -> Status {
           o.version = true;
           return {};
         }},
    Flag{"--help", "", "print this text",
         [](Options& o, const std::string&) -> Status {
           o.help = true;
           return {};
         }},
};

const Flag* Find(std::string_view name) {
  for (const Flag& flag : kFlags) {
    if (flag.name == name) {
      return &flag;
    }
  }
  return nullptr;
}

}  // namespace

Result<Options> ParseOptions(const std::vector<std::string>& arguments,
                             const std::function<std::string(const std::string&)>& environment) {
  Options options;
  // The injection webhook sets both; on a laptop neither is there.
  const bool injected = !environment("POD_NAMESPACE").empty();
  options.admin_host = injected ? "0.0.0.0" : "127.0.0.1";
  options.wait_for_policy = injected;
  if (const std::string uid = environment("POD_UID"); !uid.empty()) {
    options.pod_uid = uid;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    const Flag* flag = Find(name);
    if (flag == nullptr) {
      return Fail(Code::kInvalid, arguments[i] + ": unknown flag");
    }
    std::optional<std::string> value;
    if (equals != std::string::npos) {
      value = arguments[i].substr(equals + 1);
    }
    if (flag->argument.empty() && value.has_value()) {
      return Fail(Code::kInvalid, name + ": takes no value");
    }
    if (!flag->argument.empty() && !value.has_value()) {
      if (i + 1 == arguments.size()) {
        return Fail(Code::kInvalid, name + ": needs a value");
      }
      value = arguments[++i];
    }
    if (const Status applied = flag->apply(options, value.value_or("")); !applied.has_value()) {
      return Fail(Code::kInvalid, name + ": " + applied.error().message);
    }
  }
  if (options.policy_file.empty() && !options.help && !options.version) {
    return Fail(Code::kInvalid, "--policy: missing; it names the policy.json to enforce");
  }
  return options;
}

std::string HelpText() {
  std::string text =
      "agent-reliability-sidecar: stands between an agent and its LLMs and tools\n\nflags:\n";
  for (const Flag& flag : kFlags) {
    std::string left = "  " + std::string(flag.name);
    if (!flag.argument.empty()) {
      left += " " + std::string(flag.argument);
    }
    left.resize(std::max<std::size_t>(left.size() + 2, 28), ' ');
    text += left;
    text += flag.help;
    text += '\n';
  }
  return text;
}

}  // namespace reliability::sidecar
