#pragma once
// Calls the Kubernetes API and returns raw JSON. Thread-safe; blocks the calling thread.
//
// Errors are those of core/status.h, plus those of http/transport.h when there is no answer. After
// kTimeout or kUnavailable a write may have happened: read before writing again, or use writes
// that may be repeated (apply, named create, resourceVersion).
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/kube/core/request_builder.h"
#include "libs/kube/core/resource.h"
#include "libs/kube/core/watch_event_decoder.h"

namespace reliability::http {
class Transport;
}

namespace reliability::kube {

class ApiClient {
 public:
  virtual ~ApiClient() = default;

  // Sends one request; the body of a 2xx answer, or a typed error. Waits for the client's rate
  // limit first. The body's capacity exceeds its size by at least 64 bytes.
  [[nodiscard]] virtual Result<std::string> Call(const ApiRequest& request) = 0;

  // Runs one watch until the server ends it (a value), an error, or a stop request (kCancelled).
  [[nodiscard]] virtual Status Watch(const ApiRequest& request, const WatchCallback& on_event,
                                     const std::stop_token& stop) = 0;

  [[nodiscard]] Result<std::string> Get(const ObjectRef& ref,
                                        Subresource subresource = Subresource::kNone);
  [[nodiscard]] Result<std::string> List(const Resource& resource, std::string_view ns,
                                         const ListOptions& options = {});
  [[nodiscard]] Result<std::string> Create(const Resource& resource, std::string_view ns,
                                           std::string body, const WriteOptions& options = {});
  // Conditional if the body has metadata.resourceVersion.
  [[nodiscard]] Result<std::string> Replace(const ObjectRef& ref, std::string body,
                                            const WriteOptions& options = {});
  [[nodiscard]] Result<std::string> Delete(const ObjectRef& ref, const DeleteOptions& options = {});
  [[nodiscard]] Result<std::string> MergePatch(const ObjectRef& ref, std::string body,
                                               const WriteOptions& options = {});
  [[nodiscard]] Result<std::string> JsonPatch(const ObjectRef& ref, std::string body,
                                              const WriteOptions& options = {});
  // Server-side apply; options.field_manager is required.
  [[nodiscard]] Result<std::string> Apply(const ObjectRef& ref, std::string body,
                                          const WriteOptions& options);
  // Sets replicas through /scale; conditional if `resource_version` is not empty. In a Scale that
  // is read back, spec.replicas is absent when it is 0.
  [[nodiscard]] Result<std::string> Scale(const ObjectRef& ref, std::int64_t replicas,
                                          std::string_view resource_version = {},
                                          const WriteOptions& options = {});
};

class Credentials;

struct ApiClientOptions {
  Milliseconds deadline{10'000};       // of one call
  Milliseconds list_deadline{60'000};  // of one page of a list
  // A watch without a byte for so long counts as dead. Bookmarks come every minute; a dead peer is
  // noticed sooner, by TCP keep-alive (45 s).
  Milliseconds watch_idle{75'000};
  double requests_per_second = 50;  // of this client, watches included; 0: no limit
  int burst = 100;
  std::string user_agent = "agent-reliability-operator";
  // Told after each answer (status 0: there was none); must be thread-safe and quick.
  std::function<void(std::string_view method, int status, Milliseconds took)> on_answer = {};
};

// References must outlive the client. A 429 is an error with retry_after; nothing is retried here,
// except once after 401 with freshly read credentials.
[[nodiscard]] std::unique_ptr<ApiClient> MakeApiClient(http::Transport& transport,
                                                       const Credentials& credentials, Clock& clock,
                                                       ApiClientOptions options = {});

}  // namespace reliability::kube
