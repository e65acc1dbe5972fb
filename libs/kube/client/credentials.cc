#include "libs/kube/client/credentials.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/mutex.h"
#include "libs/kube/client/kubeconfig.h"

namespace reliability::kube {
namespace {

// Half of the promised 60 s, so that a call that takes a while still keeps it.
constexpr Milliseconds kReadAgain{30'000};

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Fail(Code::kNotFound, "cannot read " + path);
  }
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad() || text.empty()) {
    return Fail(Code::kInvalid, path + " is empty or unreadable");
  }
  return text;
}

std::string TrimEnd(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

class FileCredentials final : public Credentials {
 public:
  FileCredentials(Clock& clock, Kubeconfig config) : clock_(clock), config_(std::move(config)) {
    if (config_.ns.empty()) {
      config_.ns = "default";
    }
  }

  // The first reading must succeed: a wrong path should stop the start, not the first call.
  Status Load() {
    const MonotonicTime now = clock_.MonotonicNow();
    RELIABILITY_ASSIGN_OR_RETURN(Snapshot fresh, ReadAll());
    const MutexLock lock(mutex_);
    current_ = std::move(fresh);
    read_at_ = now;
    return {};
  }

  const std::string& server() const override { return config_.server; }
  const std::string& tls_server_name() const override { return config_.tls_server_name; }
  const std::string& default_namespace() const override { return config_.ns; }
  std::string Token() const override { return Current().token; }
  std::shared_ptr<const http::TlsMaterial> Tls() const override { return Current().tls; }
  void Invalidate() const override {
    const MutexLock lock(mutex_);
    stale_ = true;
  }

 private:
  struct Snapshot {
    std::string token;
    std::shared_ptr<const http::TlsMaterial> tls;
  };

  static Result<std::string> Read(const TextSource& source) {
    return source.path.empty() ? Result<std::string>(source.text) : ReadFile(source.path);
  }

  Result<Snapshot> ReadAll() const {
    Snapshot out;
    http::TlsMaterial material;
    RELIABILITY_ASSIGN_OR_RETURN(material.ca_pem, Read(config_.ca));
    RELIABILITY_ASSIGN_OR_RETURN(material.certificate_pem, Read(config_.certificate));
    RELIABILITY_ASSIGN_OR_RETURN(material.private_key_pem, Read(config_.key));
    RELIABILITY_ASSIGN_OR_RETURN(out.token, Read(config_.token));
    out.token = TrimEnd(std::move(out.token));
    out.tls = std::make_shared<const http::TlsMaterial>(std::move(material));
    return out;
  }

  Snapshot Current() const {
    const MonotonicTime now = clock_.MonotonicNow();
    {
      const MutexLock lock(mutex_);
      if (!stale_ && now - read_at_ < kReadAgain) {
        return current_;
      }
      // Others go on with the old content while this thread reads.
      stale_ = false;
      read_at_ = now;
    }
    Result<Snapshot> fresh = ReadAll();
    const MutexLock lock(mutex_);
    if (!fresh) {
      log::Warn("credentials_unreadable", {{"error", fresh.error().message}});
      return current_;
    }
    current_.token = std::move(fresh->token);
    if (!Same(*fresh->tls, *current_.tls)) {
      current_.tls = std::move(fresh->tls);
    }
    return current_;
  }

  static bool Same(const http::TlsMaterial& a, const http::TlsMaterial& b) {
    return a.ca_pem == b.ca_pem && a.certificate_pem == b.certificate_pem &&
           a.private_key_pem == b.private_key_pem;
  }

  Clock& clock_;
  Kubeconfig config_;  // constant after construction
  mutable Mutex mutex_;
  mutable Snapshot current_ GUARDED_BY(mutex_);
  mutable MonotonicTime read_at_ GUARDED_BY(mutex_){};
  mutable bool stale_ GUARDED_BY(mutex_) = false;
};

Result<std::unique_ptr<Credentials>> Load(Clock& clock, Kubeconfig config) {
  auto credentials = std::make_unique<FileCredentials>(clock, std::move(config));
  RELIABILITY_TRY(credentials->Load());
  return std::unique_ptr<Credentials>(std::move(credentials));
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Result<std::unique_ptr<Credentials>> InClusterCredentials(Clock& clock,
                                                          const Environment& environment,
                                                          const std::string& root) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST").value_or("");
  const std::string port = environment("KUBERNETES_SERVICE_PORT").value_or("443");
  if (host.empty()) {
    return Fail(Code::kUnsupported,
                "not in a cluster: KUBERNETES_SERVICE_HOST is not set; give --kubeconfig or set "
                "KUBECONFIG");
  }
  Kubeconfig config;
  const std::string name = "kubernetes.default.svc";
  // The HTTP library cannot verify an IPv6 address, so there the name is resolved.
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server = "https://" + (ipv6 ? name : host) + ":" + port;
  config.tls_server_name = name;
  config.ca.path = root + "/ca.crt";
  config.token.path = root + "/token";
  if (auto ns = ReadFile(root + "/namespace"); ns.has_value()) {
    config.ns = TrimEnd(*std::move(ns));
  }
  return Load(clock, std::move(config));
}

Result<std::unique_ptr<Credentials>> KubeconfigCredentials(Clock& clock, const std::string& path,
                                                           const std::string& context) {
  auto text = ReadFile(path);
  if (!text) {
    return Fail(text.error().code, "kubeconfig: " + text.error().message);
  }
  RELIABILITY_ASSIGN_OR_RETURN(Kubeconfig config, ParseKubeconfig(*text, path, context));
  auto credentials = Load(clock, std::move(config));
  if (!credentials) {
    return Fail(credentials.error().code,
                "kubeconfig " + path + ": " + credentials.error().message);
  }
  return credentials;
}

Result<std::unique_ptr<Credentials>> LoadCredentials(Clock& clock, const Environment& environment,
                                                     const std::string& kubeconfig,
                                                     const std::string& context) {
  const std::string path = kubeconfig.empty() ? environment("KUBECONFIG").value_or("") : kubeconfig;
  if (path.empty()) {
    return InClusterCredentials(clock, environment);
  }
  if (path.find(':') != std::string::npos) {
    return Fail(Code::kUnsupported,
                "KUBECONFIG names several files (" + path + "); give one with --kubeconfig");
  }
  return KubeconfigCredentials(clock, path, context);
}

}  // namespace reliability::kube
