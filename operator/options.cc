#include "operator/options.h"

#include <array>
#include <functional>

#include "libs/base/duration.h"

namespace reliability::op {
namespace {

struct Flag {
  std::string_view name;
  std::function<Status(Options&, std::string_view)> set;
};

Flag TextFlag(std::string_view name, std::string Options::* member) {
  return {name, [member](Options& options, std::string_view value) -> Status {
            options.*member = value;
            return {};
          }};
}

Flag AddressFlag(std::string_view name, net::ListenAddress Options::* member) {
  return {name, [member](Options& options, std::string_view value) -> Status {
            RELIABILITY_ASSIGN_OR_RETURN(options.*member, net::ParseListenAddress(value));
            return {};
          }};
}

Status SetPullPolicy(Options& options, std::string_view value) {
  for (const std::string_view known : {"Always", "IfNotPresent", "Never"}) {
    if (value == known) {
      options.sidecar_image_pull_policy = value;
      return {};
    }
  }
  return Fail(Code::kInvalid, "must be Always, IfNotPresent or Never");
}

Status SetLogLevel(Options& options, std::string_view value) {
  if (!log::ParseLevel(value, options.log_level)) {
    return Fail(Code::kInvalid, "must be debug, info, warn or error");
  }
  return {};
}

Status SetTimeout(Options& options, std::string_view value) {
  RELIABILITY_ASSIGN_OR_RETURN(options.timeout, ParseDuration(value));
  return {};
}

const std::array<Flag, 14>& Flags() {
  static const std::array<Flag, 14> kFlags{
      TextFlag("namespace", &Options::ns),
      TextFlag("sidecar-image", &Options::sidecar_image),
      Flag{"sidecar-image-pull-policy", &SetPullPolicy},
      TextFlag("webhook-service-name", &Options::webhook_service_name),
      TextFlag("webhook-secret-name", &Options::webhook_secret_name),
      TextFlag("mutating-webhook-name", &Options::mutating_webhook_name),
      TextFlag("validating-webhook-name", &Options::validating_webhook_name),
      TextFlag("leader-elect-lease-name", &Options::leader_elect_lease_name),
      AddressFlag("metrics-address", &Options::metrics_address),
      AddressFlag("health-address", &Options::health_address),
      AddressFlag("webhook-address", &Options::webhook_address),
      Flag{"log-level", &SetLogLevel},
      TextFlag("kubeconfig", &Options::kubeconfig),
      Flag{"timeout", &SetTimeout}};
  return kFlags;
}

Result<Command> ParseCommand(std::string_view word) {
  if (word == "release-all") {
    return Command::kReleaseAll;
  }
  if (word == "version") {
    return Command::kVersion;
  }
  if (word == "help") {
    return Command::kHelp;
  }
  return Fail(Code::kInvalid, "unknown command \"" + std::string(word) +
                                  "\"; there are release-all, version and help");
}

}  // namespace

Result<Options> ParseOptions(std::span<const std::string_view> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (word == "--help" || word == "-h") {
      options.command = Command::kHelp;
      return options;
    }
    if (!word.starts_with("--")) {
      if (i > 0) {
        return Fail(Code::kInvalid, "unexpected argument \"" + std::string(word) + "\"");
      }
      RELIABILITY_ASSIGN_OR_RETURN(options.command, ParseCommand(word));
      continue;
    }
    const auto equals = word.find('=');
    const std::string_view name = word.substr(2, equals == word.npos ? word.npos : equals - 2);
    const Flag* flag = nullptr;
    for (const Flag& one : Flags()) {
      flag = one.name == name ? &one : flag;
    }
    if (flag == nullptr) {
      return Fail(Code::kInvalid, "unknown flag --" + std::string(name));
    }
    std::string_view value;
    if (equals != word.npos) {
      value = word.substr(equals + 1);
    } else if (++i < arguments.size()) {
      value = arguments[i];
    } else {
      return Fail(Code::kInvalid, "flag --" + std::string(name) + " needs a value");
    }
    const Status set = flag->set(options, value);
    if (!set.has_value()) {
      return Fail(Code::kInvalid, "flag --" + std::string(name) + "=" + std::string(value) + ": " +
                                      set.error().message);
    }
  }
  if (options.command == Command::kRun && options.sidecar_image.empty()) {
    return Fail(Code::kInvalid, "flag --sidecar-image is missing: which image is injected?");
  }
  return options;
}

std::string_view HelpText() {
  return R"(agent-reliability-operator [COMMAND] [FLAGS]

Commands:
  (none)        run the operator
  release-all   give every held workload back, wait for it, name what is left
  version       print the version
  help          print this

Flags (--flag=value or --flag value):
  --sidecar-image              image that is injected into agents' pods; required to run
  --sidecar-image-pull-policy  Always, IfNotPresent or Never [IfNotPresent]
  --namespace                  namespace of the operator [that of the credentials]
  --webhook-service-name       Service that the API server calls [agent-reliability-operator-webhook]
  --webhook-secret-name        Secret for its certificate [agent-reliability-operator-webhook-tls]
  --mutating-webhook-name      MutatingWebhookConfiguration [agent-reliability-operator]
  --validating-webhook-name    ValidatingWebhookConfiguration [agent-reliability-operator]
  --leader-elect-lease-name    Lease [agent-reliability-operator]
  --metrics-address            /metrics [:8080]
  --health-address             /healthz, /readyz [:8081]
  --webhook-address            webhooks, TLS [:9443]
  --log-level                  debug, info, warn or error [info]
  --kubeconfig                 file; else $KUBECONFIG, else the pod's service account
  --timeout                    of release-all [60s]
)";
}

}  // namespace reliability::op
