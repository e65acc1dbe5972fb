#include "libs/http/cpprest_transport.h"

// The only place that includes cpprestsdk (archived upstream; ADR on replacing it).
#include <cpprest/http_client.h>
#include <pplx/threadpool.h>

#include <boost/asio/ssl.hpp>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/mutex.h"
#include "libs/base/strings.h"
#include "libs/http/keep_alive.h"
#include "libs/http/tls_state.h"

namespace reliability::http {
namespace {

namespace wh = web::http;
using SteadyTime = std::chrono::steady_clock::time_point;

// Ours is the deadline; the library's inactivity timer must only never be sooner.
constexpr std::chrono::seconds kLibraryTimeout{3'600};
constexpr std::size_t kSlack = 64;

enum class Ended { kReady, kDeadline, kStopped };

// What a continuation on a pool thread leaves for the thread that waits.
template <class T>
struct Landing {
  std::mutex mutex;
  std::condition_variable_any wake;
  bool done = false;
  std::optional<T> value;
  std::exception_ptr error;
};

// Waits on our thread; pool threads never block. An abandoned task still has its error observed.
template <class T>
Ended Await(const pplx::task<T>& task, SteadyTime deadline, const std::stop_token& stop,
            std::optional<T>& value, std::exception_ptr& error) {
  const auto landing = std::make_shared<Landing<T>>();
  task.then([landing](const pplx::task<T>& finished) {
    std::optional<T> result;
    std::exception_ptr failure;
    try {
      result = finished.get();
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(landing->mutex);
    landing->value = std::move(result);
    landing->error = failure;
    landing->done = true;
    landing->wake.notify_all();
  });
  std::unique_lock lock(landing->mutex);
  const bool done = landing->wake.wait_until(lock, stop, deadline, [&] { return landing->done; });
  if (!done) {
    return stop.stop_requested() ? Ended::kStopped : Ended::kDeadline;
  }
  value = std::move(landing->value);
  error = landing->error;
  return Ended::kReady;
}

// "https://10.0.0.1:6443/api?x" -> "https://10.0.0.1:6443" and "/api?x".
struct SplitUrl {
  std::string origin;
  std::string target;
  bool tls = false;
};

Result<SplitUrl> Split(const std::string& url) {
  SplitUrl out;
  std::size_t begin = 0;
  if (url.starts_with("https://")) {
    out.tls = true;
    begin = 8;
  } else if (url.starts_with("http://")) {
    begin = 7;
  } else {
    return Fail(Code::kInvalid, "not an http or https URL: " + url);
  }
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  if (end == begin) {
    return Fail(Code::kInvalid, "URL without a host: " + url);
  }
  out.origin = url.substr(0, end);
  out.target = url.substr(end, url.find('#', end) - end);
  if (out.target.empty() || out.target.front() != '/') {
    out.target.insert(out.target.begin(), '/');
  }
  return out;
}

// The library calls this before each request, for a new connection before it has a socket: with an
// address for a host the family is known, so the socket can be made here. A connection to a name
// gets keep-alive with its second request.
void PrepareSocket(boost::asio::ip::tcp::socket& socket, const std::string& origin) {
  boost::system::error_code error;
  if (!socket.is_open()) {
    const std::string host = web::uri(origin).host();
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    const auto address =
        boost::asio::ip::make_address(bracketed ? host.substr(1, host.size() - 2) : host, error);
    if (error) {
      return;
    }
    error = socket.open(address.is_v4() ? boost::asio::ip::tcp::v4() : boost::asio::ip::tcp::v6(),
                        error);
    if (error) {
      return;  // the connect fails, too, and says why
    }
  }
  EnableKeepAlive(socket.native_handle());
}

Error ToError(const std::exception_ptr& error, const std::string& what) {
  try {
    std::rethrow_exception(error);
  } catch (const wh::http_exception& e) {
    const bool timeout = e.error_code() == std::errc::timed_out;
    return {
        timeout ? Code::kTimeout : Code::kUnavailable, what + ": " + e.what(), std::nullopt, {}};
  } catch (const web::uri_exception& e) {
    return {Code::kInvalid, what + ": " + e.what(), std::nullopt, {}};
  } catch (const std::exception& e) {
    return {Code::kUnavailable, what + ": " + e.what(), std::nullopt, {}};
  } catch (...) {
    return {Code::kUnavailable, what + ": unknown failure", std::nullopt, {}};
  }
}

Error EndedError(Ended ended, const std::string& what) {
  if (ended == Ended::kStopped) {
    return {Code::kCancelled, what + ": stopped", std::nullopt, {}};
  }
  return {Code::kTimeout, what + ": no answer in time", std::nullopt, {}};
}

// One request until its body is read. Cancels what is still running when it goes out of scope.
class Exchange {
 public:
  Exchange(const wh::client::http_client& client, std::string what)
      : client_(client), what_(std::move(what)) {}
  ~Exchange() {
    if (!complete_) {
      cancel_.cancel();
    }
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Result<Response> Head(const Request& request, const std::string& target, SteadyTime deadline,
                        const std::stop_token& stop) {
    wh::http_request message(request.method);
    message.set_request_uri(web::uri(target));
    if (!request.body.empty()) {
      message.set_body(request.body, "application/json");
    }
    for (const Header& header : request.headers) {
      message.headers().remove(header.name);
      message.headers().add(header.name, header.value);
    }
    std::optional<wh::http_response> answer;
    std::exception_ptr error;
    const Ended ended =
        Await(client_.request(message, cancel_.get_token()), deadline, stop, answer, error);
    if (ended != Ended::kReady) {
      return Fail(EndedError(ended, what_));
    }
    if (error != nullptr) {
      return Fail(ToError(error, what_));
    }
    Response response;
    response.status = answer->status_code();
    for (const auto& [name, value] : answer->headers()) {
      response.headers.push_back({name, value});
    }
    body_ = answer->body().streambuf();
    return response;
  }

  // Hands over each piece as it arrives. `idle` restarts with each piece; zero: no such limit.
  Status Body(SteadyTime deadline, Milliseconds idle, const std::stop_token& stop,
              const std::function<Result<bool>(std::string_view)>& on_piece) {
    for (;;) {
      std::uint8_t* data = nullptr;
      std::size_t size = 0;
      if (!body_.acquire(data, size) || size == 0) {
        // Nothing there yet, or the end, or a failure: reading one byte ahead tells.
        SteadyTime limit = deadline;
        if (idle.count() > 0) {
          limit = std::min(limit, std::chrono::steady_clock::now() + idle);
        }
        std::optional<int> next;
        std::exception_ptr error;
        const Ended ended = Await(body_.getc(), limit, stop, next, error);
        if (ended != Ended::kReady) {
          return Fail(EndedError(ended, what_));
        }
        if (error != nullptr) {
          return Fail(ToError(error, what_));
        }
        if (*next == concurrency::streams::streambuf<std::uint8_t>::traits::eof()) {
          complete_ = true;
          return {};
        }
        continue;
      }
      const Result<bool> more =
          on_piece(std::string_view(reinterpret_cast<const char*>(data), size));
      body_.release(data, size);
      if (!more) {
        return Fail(more.error());
      }
      if (!*more) {
        return {};
      }
      if (stop.stop_requested()) {
        return Fail(EndedError(Ended::kStopped, what_));
      }
      if (std::chrono::steady_clock::now() >= deadline) {
        return Fail(EndedError(Ended::kDeadline, what_));
      }
    }
  }

  Status ReadAll(Response& response, std::size_t limit, SteadyTime deadline,
                 const std::stop_token& stop) {
    if (const auto length = ParseUint(response.Find("Content-Length")); length.has_value()) {
      response.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, limit)) +
                            kSlack);
    }
    RELIABILITY_TRY(
        Body(deadline, Milliseconds{0}, stop, [&](std::string_view piece) -> Result<bool> {
          if (response.body.size() + piece.size() > limit) {
            return Fail(Code::kExhausted,
                        what_ + ": the answer is above " + std::to_string(limit) + " bytes");
          }
          response.body.append(piece);
          return true;
        }));
    response.body.reserve(response.body.size() + kSlack);
    return {};
  }

 private:
  wh::client::http_client client_;
  std::string what_;
  pplx::cancellation_token_source cancel_;
  concurrency::streams::streambuf<std::uint8_t> body_;
  bool complete_ = false;
};

class CpprestTransport final : public Transport {
 public:
  explicit CpprestTransport(CpprestOptions options) : options_(std::move(options)) {}

  Result<Response> Send(const Request& request, Milliseconds deadline) override {
    const SteadyTime end = std::chrono::steady_clock::now() + deadline;
    return Guard(request, [&](Exchange& exchange, const SplitUrl& url) -> Result<Response> {
      RELIABILITY_ASSIGN_OR_RETURN(Response response, exchange.Head(request, url.target, end, {}));
      RELIABILITY_TRY(exchange.ReadAll(response, request.max_response_bytes, end, {}));
      return response;
    });
  }

  Result<Response> Stream(const Request& request, const StreamLimits& limits,
                          const ChunkCallback& on_chunk, const std::stop_token& stop) override {
    const SteadyTime start = std::chrono::steady_clock::now();
    const SteadyTime end = start + limits.total;
    const SteadyTime head_end = std::min(start + limits.first_byte, end);
    return Guard(request, [&](Exchange& exchange, const SplitUrl& url) -> Result<Response> {
      RELIABILITY_ASSIGN_OR_RETURN(Response response,
                                   exchange.Head(request, url.target, head_end, stop));
      if (response.status < 200 || response.status > 299) {
        RELIABILITY_TRY(exchange.ReadAll(response, request.max_response_bytes, head_end, stop));
        return response;
      }
      RELIABILITY_TRY(
          exchange.Body(end, limits.idle, stop,
                        [&](std::string_view piece) -> Result<bool> { return on_chunk(piece); }));
      return response;
    });
  }

 private:
  using Run = std::function<Result<Response>(Exchange& exchange, const SplitUrl& url)>;

  // The library throws while a request is being built (URL, header values).
  Result<Response> Guard(const Request& request, const Run& run) {
    RELIABILITY_ASSIGN_OR_RETURN(const SplitUrl url, Split(request.url));
    const std::string what = request.method + " " + url.origin;
    try {
      auto client = ClientFor(url);
      if (!client) {
        return Fail(client.error());
      }
      Exchange exchange(*std::move(client), what);
      return run(exchange, url);
    } catch (...) {
      return Fail(ToError(std::current_exception(), what));
    }
  }

  Result<wh::client::http_client> ClientFor(const SplitUrl& url) {
    std::shared_ptr<const TlsMaterial> material;
    if (url.tls && options_.tls) {
      material = options_.tls();
    }
    if (url.tls && material == nullptr) {
      return Fail(Code::kInvalid, "https without a CA to trust: " + url.origin);
    }
    const MutexLock lock(mutex_);
    ++use_;
    if (const auto it = clients_.find(url.origin);
        it != clients_.end() && it->second.material == material) {
      it->second.last_use = use_;
      return it->second.client;
    }
    wh::client::http_client_config config;
    config.set_timeout(kLibraryTimeout);
    config.set_max_redirects(0);
    config.set_nativehandle_options([tls = url.tls, origin = url.origin](void* handle) {
      using Socket = boost::asio::ip::tcp::socket;
      PrepareSocket(tls ? static_cast<boost::asio::ssl::stream<Socket&>*>(handle)->next_layer()
                        : *static_cast<Socket*>(handle),
                    origin);
    });
    if (url.tls) {
      RELIABILITY_ASSIGN_OR_RETURN(const auto state, TlsState::Make(*material));
      config.set_ssl_context_callback([state](boost::asio::ssl::context& context) {
        if (!state->Configure(context.native_handle())) {
          log::Error("tls_configuration_refused");
          // Trust nobody: the handshake fails rather than go on with the system's authorities.
          SSL_CTX_set_cert_store(context.native_handle(), X509_STORE_new());
        }
      });
    }
    clients_.erase(url.origin);
    if (clients_.size() >= options_.max_hosts) {
      EvictOldest();
    }
    wh::client::http_client client(web::uri(url.origin), config);
    clients_.emplace(url.origin, Entry{client, material, use_});
    return client;
  }

  void EvictOldest() REQUIRES_LOCK(mutex_) {
    auto oldest = clients_.begin();
    for (auto it = clients_.begin(); it != clients_.end(); ++it) {
      if (it->second.last_use < oldest->second.last_use) {
        oldest = it;
      }
    }
    if (oldest != clients_.end()) {
      clients_.erase(oldest);
    }
  }

  struct Entry {
    wh::client::http_client client;
    std::shared_ptr<const TlsMaterial> material;
    std::uint64_t last_use = 0;
  };

  const CpprestOptions options_;
  Mutex mutex_;
  std::map<std::string, Entry, std::less<>> clients_ GUARDED_BY(mutex_);
  std::uint64_t use_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

void InitPool(std::size_t threads) {
  try {
    crossplat::threadpool::initialize_with_threads(threads);
  } catch (const std::exception& e) {
    log::Warn("http_pool_already_started", {{"error", e.what()}});
  }
}

std::unique_ptr<Transport> MakeCpprestTransport(CpprestOptions options) {
  return std::make_unique<CpprestTransport>(std::move(options));
}

}  // namespace reliability::http
