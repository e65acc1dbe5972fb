#pragma once
// A small HTTP/1.1 server for admin endpoints and webhooks: whole messages in, whole messages out,
// plain or TLS. Not for the traffic of agents (that is the sidecar's proxy).
//
// Threading: the server owns an io_context and `threads` threads. The handler runs on them, so it
// must be thread-safe if threads > 1; while it blocks, its thread serves nobody else.
// Limits: every wait has a deadline, header and body sizes and the number of connections are
// bounded. Wrong input is answered 400, 408, 413 or 431 and the connection is closed.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/net/server_tls.h"

namespace reliability::net {

struct HttpRequest {
  std::string method;  // as sent, e.g. "GET"
  std::string target;  // as sent, e.g. "/mutate?timeout=5s"
  std::string path;    // the target up to '?'
  std::string query;   // after '?', without it
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer;  // address of the client, e.g. "10.0.0.7"

  // The first header of that name (ASCII case does not matter); empty if there is none.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  // more of them
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpServerOptions {
  // An IP address; empty = every address, IPv6 and IPv4.
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0 = the system chooses; see HttpServer::port()
  int threads = 1;
  std::size_t header_limit_bytes = std::size_t{16} * 1024;
  std::size_t body_limit_bytes = std::size_t{1024} * 1024;
  std::size_t max_connections = 256;  // more are closed at once
  Milliseconds idle_timeout{60000};   // between requests
  // TLS handshake; from the first byte of a head to its last; the body; the response: each.
  Milliseconds io_timeout{10000};
  // How long Stop() lets running requests finish.
  Milliseconds stop_grace{5000};
  // If set, connections speak TLS with its current certificate. While it has none they are closed.
  // Must outlive the server.
  const ServerTls* tls = nullptr;
};

class HttpServer {
 public:
  // Listens when it returns. kUnavailable: the address cannot be bound; kInvalid: it is none.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options,
                                                                 HttpHandler handler);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // No new connection, idle ones are closed, running requests get `stop_grace`, threads are
  // joined. Idempotent. Not from a handler.
  void Stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct ListenAddress {
  std::string host;  // empty = every address
  std::uint16_t port = 0;
};
// ":8080", "127.0.0.1:8080", "[::1]:8080"; kInvalid names the text.
[[nodiscard]] Result<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace reliability::net
