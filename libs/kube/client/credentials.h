#pragma once
// Where the API server is and how to be known there: in a pod, or by a kubeconfig.
// Thread-safe. Files (token, CA, client certificate) are read again at most 60 s after a change;
// a file that cannot be read keeps the last good content.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/http/cpprest_transport.h"

namespace reliability::kube {

class Credentials {
 public:
  virtual ~Credentials() = default;

  // "https://10.96.0.1:443", without a path at the end.
  [[nodiscard]] virtual const std::string& server() const = 0;
  // The name the server's certificate must have, if it is not the host of the URL.
  [[nodiscard]] virtual const std::string& tls_server_name() const = 0;
  // The namespace of the pod or of the kubeconfig's context; "default" if neither says one.
  [[nodiscard]] virtual const std::string& default_namespace() const = 0;
  // The current bearer token; empty if there is none.
  [[nodiscard]] virtual std::string Token() const = 0;
  // For CpprestOptions.tls. Another pointer after a change of a file.
  [[nodiscard]] virtual std::shared_ptr<const http::TlsMaterial> Tls() const = 0;
  // Reads every file again at the next use (after a 401).
  virtual void Invalidate() const = 0;
};

using Environment = std::function<std::optional<std::string>(const char* name)>;
[[nodiscard]] Environment ProcessEnvironment();

// From KUBERNETES_SERVICE_HOST/PORT and the service account files. kUnsupported outside a pod.
[[nodiscard]] Result<std::unique_ptr<Credentials>> InClusterCredentials(
    Clock& clock, const Environment& environment,
    const std::string& root = "/var/run/secrets/kubernetes.io/serviceaccount");

// From a kubeconfig; an empty `context` means its current-context. Errors name file and field;
// exec plugins and auth providers are kUnsupported.
[[nodiscard]] Result<std::unique_ptr<Credentials>> KubeconfigCredentials(
    Clock& clock, const std::string& path, const std::string& context = {});

// `kubeconfig` if it is set, else $KUBECONFIG, else the pod's own.
[[nodiscard]] Result<std::unique_ptr<Credentials>> LoadCredentials(Clock& clock,
                                                                   const Environment& environment,
                                                                   const std::string& kubeconfig,
                                                                   const std::string& context = {});

}  // namespace reliability::kube
