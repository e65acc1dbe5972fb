#pragma once
// Internal to http_server: one connection. All of it runs on the connection's strand.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/net/asio.h"
#include "libs/net/http_server.h"

namespace reliability::net {

struct ServerTlsContext {
  boost::asio::ssl::context ssl{boost::asio::ssl::context::tls_server};
  SystemTime not_after;
};

using PlainStream = boost::beast::tcp_stream;
using TlsStream = boost::beast::ssl_stream<boost::beast::tcp_stream>;

class HttpSession final : public std::enable_shared_from_this<HttpSession> {
 public:
  // `options`, `handler` and `stopping` outlive the session. `context` is null without TLS.
  HttpSession(boost::asio::ip::tcp::socket socket, std::shared_ptr<ServerTlsContext> context,
              const HttpServerOptions& options, const HttpHandler& handler,
              const std::atomic<bool>& stopping);

  // Serves requests until the peer, a deadline, an error or Stop() ends the connection. The caller
  // keeps the session alive meanwhile.
  boost::asio::awaitable<void> Run();
  void CloseIfIdle();
  auto Executor() { return head_timer_.get_executor(); }

 private:
  enum class Head { kComplete, kClosed, kSlow, kTooLarge };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Message = boost::beast::http::response<boost::beast::http::string_body>;
  using ErrorCode = boost::system::error_code;

  boost::asio::awaitable<bool> Handshake();
  boost::asio::awaitable<Head> ReadHead();
  // False: the connection is to be closed.
  boost::asio::awaitable<bool> ServeOne();
  boost::asio::awaitable<bool> Write(HttpResponse response, bool keep_alive, bool head_only);
  // Says why and reads on for a moment: closing with unread input would reset the connection
  // before the peer has read the answer. `reason` outlives the call.
  boost::asio::awaitable<bool> Refuse(unsigned status, std::string_view reason);
  boost::asio::awaitable<void> Close();
  boost::asio::awaitable<std::size_t> ReadSome(std::size_t limit, ErrorCode& ec);
  boost::asio::awaitable<std::size_t> ReadMessageHead(Parser& parser, ErrorCode& ec);
  boost::asio::awaitable<std::size_t> ReadMessage(Parser& parser, ErrorCode& ec);
  boost::asio::awaitable<std::size_t> WriteContinue(ErrorCode& ec);
  boost::asio::awaitable<std::size_t> WriteMessage(Message& message, ErrorCode& ec);
  void ArmHeadTimer(Milliseconds limit);
  PlainStream& Tcp() { return tls_ ? tls_->next_layer() : *plain_; }

  std::shared_ptr<ServerTlsContext> context_;  // outlives tls_
  std::optional<PlainStream> plain_;           // one of the two
  std::optional<TlsStream> tls_;
  const HttpServerOptions& options_;
  const HttpHandler& handler_;
  const std::atomic<bool>& stopping_;
  boost::beast::flat_buffer buffer_;
  // tcp_stream's own deadline closes the socket, so no 408 could follow: heads have this timer.
  boost::asio::steady_timer head_timer_;
  bool head_expired_ = false;
  bool idle_ = true;
  std::string peer_;
};

}  // namespace reliability::net
