#include "libs/kube/client/api_client.h"

#include <utility>

#include "libs/http/transport.h"
#include "libs/kube/client/credentials.h"
#include "libs/kube/client/rate_limiter.h"
#include "libs/kube/core/status.h"

namespace reliability::kube {
namespace {

constexpr std::string_view kRetryAfter = "Retry-After";
// Without a timeoutSeconds of ours the server picks 30 to 60 minutes.
constexpr Milliseconds kLongestWatch{3'600'000};

class HttpApiClient final : public ApiClient {
 public:
  HttpApiClient(http::Transport& transport, const Credentials& credentials, Clock& clock,
                ApiClientOptions options)
      : transport_(transport),
        credentials_(credentials),
        clock_(clock),
        options_(std::move(options)),
        limiter_(options_.requests_per_second, options_.burst) {}

  Result<std::string> Call(const ApiRequest& request) override {
    const bool list = request.target.find("limit=") != std::string::npos;
    const Milliseconds usual = list ? options_.list_deadline : options_.deadline;
    const Milliseconds deadline = request.deadline.count() > 0 ? request.deadline : usual;
    const auto send = [&] { return transport_.Send(Build(request), deadline); };
    RELIABILITY_ASSIGN_OR_RETURN(http::Response response, Answer(request, {}, send));
    return std::move(response.body);
  }

  Status Watch(const ApiRequest& request, const WatchCallback& on_event,
               const std::stop_token& stop) override {
    WatchEventDecoder decoder;
    Status decoded;
    http::StreamLimits limits;
    limits.first_byte = options_.deadline;
    limits.idle = options_.watch_idle;
    // The server ends the watch; ours only bounds what it forgets.
    limits.total = request.watch_timeout.count() > 0 ? request.watch_timeout + Milliseconds{30'000}
                                                     : kLongestWatch;
    const auto stream = [&] {
      return transport_.Stream(
          Build(request), limits,
          [&](std::string_view bytes) {
            decoded = decoder.Feed(bytes, on_event);
            return decoded.has_value();
          },
          stop);
    };
    RELIABILITY_ASSIGN_OR_RETURN(const http::Response response, Answer(request, stop, stream));
    static_cast<void>(response);
    RELIABILITY_TRY(decoded);
    return decoder.Finish();
  }

 private:
  http::Request Build(const ApiRequest& request) const {
    http::Request out;
    out.method = request.method;
    out.url = credentials_.server() + request.target;
    out.headers = {{"Accept", "application/json"}, {"User-Agent", options_.user_agent}};
    if (!credentials_.tls_server_name().empty()) {
      out.headers.push_back({"Host", credentials_.tls_server_name()});
    }
    if (std::string token = credentials_.Token(); !token.empty()) {
      out.headers.push_back({"Authorization", "Bearer " + std::move(token)});
    }
    if (!request.content_type.empty()) {
      out.headers.push_back({"Content-Type", request.content_type});
    }
    out.body = request.body;
    return out;
  }

  // A 2xx answer or a typed error.
  template <class Exchange>
  Result<http::Response> Answer(const ApiRequest& request, const std::stop_token& stop,
                                const Exchange& exchange) {
    for (int attempt = 0;; ++attempt) {
      if (const Milliseconds wait = limiter_.Reserve(clock_.MonotonicNow()); wait.count() > 0) {
        if (!clock_.WaitFor(wait, stop)) {
          return Fail(Code::kCancelled, "stopped");
        }
      }
      const MonotonicTime start = clock_.MonotonicNow();
      Result<http::Response> response = exchange();
      if (options_.on_answer) {
        options_.on_answer(request.method, response ? response->status : 0,
                           clock_.MonotonicNow() - start);
      }
      if (!response) {
        return response;
      }
      if (response->status >= 200 && response->status <= 299) {
        return response;
      }
      if (response->status == 401 && attempt == 0) {
        // A rotated token or certificate: 401 means that nothing was done, so again is safe.
        credentials_.Invalidate();
        continue;
      }
      Error error =
          ErrorFromResponse(response->status, response->body, response->Find(kRetryAfter));
      error.message = request.method + " " + request.target.substr(0, request.target.find('?')) +
                      ": " + error.message;
      return Fail(std::move(error));
    }
  }

  http::Transport& transport_;
  const Credentials& credentials_;
  Clock& clock_;
  const ApiClientOptions options_;
  RateLimiter limiter_;
};

}  // namespace

Result<std::string> ApiClient::Get(const ObjectRef& ref, Subresource subresource) {
  return Call(BuildGet(ref, subresource));
}
Result<std::string> ApiClient::List(const Resource& resource, std::string_view ns,
                                    const ListOptions& options) {
  return Call(BuildList(resource, ns, options));
}
Result<std::string> ApiClient::Create(const Resource& resource, std::string_view ns,
                                      std::string body, const WriteOptions& options) {
  return Call(BuildCreate(resource, ns, std::move(body), options));
}
Result<std::string> ApiClient::Replace(const ObjectRef& ref, std::string body,
                                       const WriteOptions& options) {
  return Call(BuildReplace(ref, std::move(body), options));
}
Result<std::string> ApiClient::Delete(const ObjectRef& ref, const DeleteOptions& options) {
  return Call(BuildDelete(ref, options));
}
Result<std::string> ApiClient::MergePatch(const ObjectRef& ref, std::string body,
                                          const WriteOptions& options) {
  return Call(BuildMergePatch(ref, std::move(body), options));
}
Result<std::string> ApiClient::JsonPatch(const ObjectRef& ref, std::string body,
                                         const WriteOptions& options) {
  return Call(BuildJsonPatch(ref, std::move(body), options));
}
Result<std::string> ApiClient::Apply(const ObjectRef& ref, std::string body,
                                     const WriteOptions& options) {
  if (options.field_manager.empty()) {
    return Fail(Code::kInvalid, "server-side apply needs a field manager");
  }
  return Call(BuildApply(ref, std::move(body), options));
}
Result<std::string> ApiClient::Scale(const ObjectRef& ref, std::int64_t replicas,
                                     std::string_view resource_version,
                                     const WriteOptions& options) {
  return Call(BuildScale(ref, replicas, resource_version, options));
}

std::unique_ptr<ApiClient> MakeApiClient(http::Transport& transport, const Credentials& credentials,
                                         Clock& clock, ApiClientOptions options) {
  return std::make_unique<HttpApiClient>(transport, credentials, clock, std::move(options));
}

}  // namespace reliability::kube
