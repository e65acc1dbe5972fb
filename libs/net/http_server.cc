#include "libs/net/http_server.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "libs/base/log.h"
#include "libs/base/strings.h"
#include "libs/net/http_session.h"

namespace reliability::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr Milliseconds kAcceptPause{100};  // after an accept error, e.g. out of descriptors

Status Listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code ec;
  (void)acceptor.open(endpoint.protocol(), ec);
  if (!ec && endpoint.protocol() == tcp::v6()) {
    (void)acceptor.set_option(asio::ip::v6_only(false), ec);
  }
  if (!ec) {
    (void)acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  }
  if (!ec) {
    (void)acceptor.bind(endpoint, ec);
  }
  if (!ec) {
    (void)acceptor.listen(asio::socket_base::max_listen_connections, ec);
  }
  if (ec) {
    error_code ignored;
    (void)acceptor.close(ignored);
    return Fail(Code::kUnavailable, "cannot listen on " + endpoint.address().to_string() + ":" +
                                        std::to_string(endpoint.port()) + ": " + ec.message());
  }
  return {};
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) {
      return value;
    }
  }
  return {};
}

struct HttpServer::Impl {
  Impl(HttpServerOptions server_options, HttpHandler server_handler)
      : options(std::move(server_options)),
        handler(std::move(server_handler)),
        context(options.threads),
        acceptor(asio::make_strand(context)) {}

  Status Open() {
    if (!options.host.empty()) {
      error_code ec;
      const auto address = asio::ip::make_address(options.host, ec);
      if (ec) {
        return Fail(Code::kInvalid, "not an IP address: " + options.host);
      }
      return Listen(acceptor, {address, options.port});
    }
    // A dual-stack socket; hosts without IPv6 get a plain IPv4 one.
    if (Listen(acceptor, {tcp::v6(), options.port}).has_value()) {
      return {};
    }
    return Listen(acceptor, {tcp::v4(), options.port});
  }

  asio::awaitable<void> Accept() {
    for (;;) {
      error_code ec;
      tcp::socket socket(asio::make_strand(context));
      co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
      if (stopping) {
        co_return;
      }
      if (ec) {
        log::Warn("accept_failed", {{"error", ec.message()}});
        asio::steady_timer pause(acceptor.get_executor(), kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        continue;
      }
      (void)socket.set_option(tcp::no_delay(true), ec);
      Begin(std::move(socket));
    }
  }

  void Begin(tcp::socket socket) {
    {
      const std::lock_guard lock(mutex);
      if (connections.size() >= options.max_connections) {
        return;  // closes it
      }
    }
    std::shared_ptr<ServerTlsContext> tls;
    if (options.tls != nullptr) {
      tls = options.tls->Current();
      if (tls == nullptr) {
        return;
      }
    }
    auto session = std::make_shared<HttpSession>(std::move(socket), std::move(tls), options,
                                                 handler, stopping);
    const auto executor = session->Executor();
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex);
      id = next_id++;
      connections.emplace(id, Entry{executor, session});
    }
    // The function object lives as long as the coroutine, and with it the session.
    auto run = [session = std::move(session)]() -> asio::awaitable<void> {
      co_await session->Run();
    };
    asio::co_spawn(executor, std::move(run), [this, id](std::exception_ptr error) {
      if (error) {  // a handler or the library threw: this connection ends, the server goes on
        log::Error("http_connection_failed", {{"port", bound_port}});
      }
      const std::lock_guard lock(mutex);
      connections.erase(id);
      changed.notify_all();
    });
  }

  void Stop() {
    if (stopping.exchange(true)) {
      return;
    }
    asio::post(acceptor.get_executor(), [this] {
      error_code ec;
      (void)acceptor.close(ec);
    });
    {
      std::unique_lock lock(mutex);
      for (const auto& [id, entry] : connections) {
        asio::post(entry.executor, [weak = entry.session] {
          if (const auto session = weak.lock()) {
            session->CloseIfIdle();
          }
        });
      }
      changed.wait_for(lock, options.stop_grace, [this] { return connections.empty(); });
    }
    context.stop();
    threads.clear();  // joins
  }

  struct Entry {
    asio::any_io_executor executor;
    std::weak_ptr<HttpSession> session;
  };

  const HttpServerOptions options;
  const HttpHandler handler;
  std::uint16_t bound_port = 0;
  std::atomic<bool> stopping{false};
  std::mutex mutex;  // guards the next three
  std::condition_variable changed;
  std::map<std::uint64_t, Entry> connections;
  std::uint64_t next_id = 0;
  asio::io_context context;
  tcp::acceptor acceptor;
  std::vector<std::jthread> threads;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { Stop(); }
void HttpServer::Stop() { impl_->Stop(); }
std::uint16_t HttpServer::port() const { return impl_->bound_port; }

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                      HttpHandler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  RELIABILITY_TRY(impl->Open());
  error_code ec;
  impl->bound_port = impl->acceptor.local_endpoint(ec).port();
  asio::co_spawn(impl->acceptor.get_executor(), impl->Accept(), asio::detached);
  for (int i = 0; i < impl->options.threads; ++i) {
    impl->threads.emplace_back([context = &impl->context] { context->run(); });
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return Fail(Code::kInvalid, "no port in address \"" + std::string(text) + "\"");
  }
  const auto port = ParseUint(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (!port.has_value() || *port > 65535) {
    return Fail(Code::kInvalid, "wrong port in address \"" + std::string(text) + "\"");
  }
  if (error_code ec; !host.empty() && (asio::ip::make_address(std::string(host), ec), ec)) {
    return Fail(Code::kInvalid, "not an IP address in \"" + std::string(text) + "\"");
  }
  return ListenAddress{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace reliability::net
