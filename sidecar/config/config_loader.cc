#include "sidecar/config/config_loader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "libs/base/hash.h"
#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/to_policy.h"
#include "libs/sidecar_config/validate.h"

namespace reliability::sidecar::config {

Result<std::string> ReadDocument(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Fail(errno == ENOENT ? Code::kNotFound : Code::kUnavailable,
                path + ": " + std::strerror(errno));
  }
  std::string text;
  char block[16384];
  ssize_t got = 0;
  while ((got = ::read(fd, block, sizeof(block))) > 0) {
    text.append(block, static_cast<std::size_t>(got));
    if (text.size() > sidecar_config::kMaxDocumentBytes) {
      ::close(fd);
      return Fail(Code::kUnavailable, path + ": larger than 1 MiB");
    }
  }
  const int error = errno;
  ::close(fd);
  if (got < 0) {
    return Fail(Code::kUnavailable, path + ": " + std::strerror(error));
  }
  return text;
}

Result<SnapshotPtr> LoadPolicy(const std::string& text, const std::string& directory,
                               const proxy::Environment& environment, metrics::Registry& registry) {
  RELIABILITY_ASSIGN_OR_RETURN(auto decoded, sidecar_config::DecodePolicy(text));
  RELIABILITY_TRY(sidecar_config::ToStatus(sidecar_config::Validate(decoded.document)));
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->policy = std::move(decoded.document);
  snapshot->hash = Sha256Hex(text);
  snapshot->metrics = std::make_shared<const telemetry::CallMetrics>(registry, snapshot->policy);
  snapshot->slos = sidecar_config::ToSloRules(snapshot->policy);
  snapshot->retries = sidecar_config::ToRetrySettings(snapshot->policy);
  snapshot->costs = sidecar_config::ToCostSettings(snapshot->policy);
  // One context per CA file: reading the system's store costs tens of milliseconds.
  std::map<std::string, std::shared_ptr<const net::TlsContext>> contexts;
  const proxy::TlsFactory tls =
      [&](const std::string& ca_file) -> Result<std::shared_ptr<const net::TlsContext>> {
    auto& context = contexts[ca_file];
    if (context == nullptr) {
      const bool relative = !ca_file.empty() && ca_file.front() != '/';
      RELIABILITY_ASSIGN_OR_RETURN(
          context, net::TlsContext::Make(relative ? directory + "/" + ca_file : ca_file,
                                         snapshot->policy.tls.system_cas));
      snapshot->tls.push_back(context);
    }
    return context;
  };
  RELIABILITY_ASSIGN_OR_RETURN(snapshot->routes,
                               proxy::RouteTable::Build(snapshot->policy, environment, tls));
  const proxy::ReadKey read_key = [&](const std::string& file) -> std::optional<std::string> {
    auto key = ReadDocument(file.front() == '/' ? file : directory + "/" + file);
    if (!key.has_value()) {
      return std::nullopt;
    }
    if (key->ends_with('\n')) {
      key->pop_back();
    }
    return std::move(*key);
  };
  RELIABILITY_ASSIGN_OR_RETURN(
      snapshot->chain, proxy::BuildChain(snapshot->policy, snapshot->routes, tls, read_key));
  snapshot->ignored_fields = decoded.ignored_fields;
  if (decoded.ignored_fields > 0) {
    TellIgnored("policy.json", decoded);
  }
  return SnapshotPtr(std::move(snapshot));
}

Result<sidecar_config::Decoded<sidecar_config::ModeDocument>> LoadMode(const std::string& text) {
  RELIABILITY_ASSIGN_OR_RETURN(auto decoded, sidecar_config::DecodeMode(text));
  RELIABILITY_TRY(sidecar_config::ToStatus(sidecar_config::Validate(decoded.document)));
  return decoded;
}

}  // namespace reliability::sidecar::config
