#include "libs/net/http_session.h"

#include <utility>

#include "libs/base/strings.h"

namespace reliability::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// After a refusal: how much of the peer's remaining input is read away, and for how long.
constexpr std::size_t kDrainBytes = std::size_t{16} * 1024 * 1024;
constexpr Milliseconds kDrainTime{2000};

auto Await(error_code& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

std::string_view View(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

// What Beast 1.74 lets pass and no honest client sends (operator ruling 32). Null if all is well.
const char* FramingFault(const http::request_header<>& head) {
  const auto lengths = head.count(http::field::content_length);
  if (lengths > 1) {
    return "more than one Content-Length";
  }
  if (lengths == 1 && head[http::field::content_length].find(',') != beast::string_view::npos) {
    return "a list as Content-Length";
  }
  if (const auto codings = head.count(http::field::transfer_encoding); codings > 0) {
    if (lengths > 0) {
      return "Transfer-Encoding with Content-Length";
    }
    if (codings > 1 || !beast::iequals(head[http::field::transfer_encoding], "chunked")) {
      return "a Transfer-Encoding other than chunked";
    }
  }
  return nullptr;
}

bool HasFoldedLine(std::string_view head) {
  return head.find("\r\n ") != std::string_view::npos ||
         head.find("\r\n\t") != std::string_view::npos;
}

std::string ToStd(beast::string_view text) { return {text.data(), text.size()}; }

HttpRequest ToRequest(http::request<http::string_body>&& message, const std::string& peer) {
  HttpRequest request;
  request.method = ToStd(message.method_string());
  request.target = ToStd(message.target());
  const auto mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) {
    request.query = request.target.substr(mark + 1);
  }
  for (const auto& field : message) {
    request.headers.emplace_back(ToStd(field.name_string()), ToStd(field.value()));
  }
  request.body = std::move(message.body());
  request.peer = peer;
  return request;
}

}  // namespace

HttpSession::HttpSession(asio::ip::tcp::socket socket, std::shared_ptr<ServerTlsContext> context,
                         const HttpServerOptions& options, const HttpHandler& handler,
                         const std::atomic<bool>& stopping)
    : context_(std::move(context)),
      options_(options),
      handler_(handler),
      stopping_(stopping),
      head_timer_(socket.get_executor()) {
  error_code ec;
  peer_ = socket.remote_endpoint(ec).address().to_string(ec);
  if (context_ != nullptr) {
    tls_.emplace(std::move(socket), context_->ssl);
  } else {
    plain_.emplace(std::move(socket));
  }
}

asio::awaitable<std::size_t> HttpSession::ReadSome(std::size_t limit, ErrorCode& ec) {
  const auto space = buffer_.prepare(limit);
  return tls_ ? tls_->async_read_some(space, Await(ec)) : plain_->async_read_some(space, Await(ec));
}

asio::awaitable<std::size_t> HttpSession::ReadMessageHead(Parser& parser, ErrorCode& ec) {
  return tls_ ? http::async_read_header(*tls_, buffer_, parser, Await(ec))
              : http::async_read_header(*plain_, buffer_, parser, Await(ec));
}

asio::awaitable<std::size_t> HttpSession::ReadMessage(Parser& parser, ErrorCode& ec) {
  return tls_ ? http::async_read(*tls_, buffer_, parser, Await(ec))
              : http::async_read(*plain_, buffer_, parser, Await(ec));
}

asio::awaitable<std::size_t> HttpSession::WriteContinue(ErrorCode& ec) {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  return tls_ ? asio::async_write(*tls_, asio::buffer(kContinue), Await(ec))
              : asio::async_write(*plain_, asio::buffer(kContinue), Await(ec));
}

asio::awaitable<std::size_t> HttpSession::WriteMessage(Message& message, ErrorCode& ec) {
  return tls_ ? http::async_write(*tls_, message, Await(ec))
              : http::async_write(*plain_, message, Await(ec));
}

asio::awaitable<void> HttpSession::Run() {
  bool open = co_await Handshake();
  while (open) {
    open = co_await ServeOne();
  }
  co_await Close();
}

void HttpSession::CloseIfIdle() {
  if (idle_) {
    Tcp().cancel();
  }
}

asio::awaitable<bool> HttpSession::Handshake() {
  error_code ec;
  if (tls_) {
    Tcp().expires_after(options_.io_timeout);
    co_await tls_->async_handshake(asio::ssl::stream_base::server, Await(ec));
  }
  co_return !ec;
}

void HttpSession::ArmHeadTimer(Milliseconds limit) {
  head_timer_.expires_after(limit);
  head_timer_.async_wait([weak = this->weak_from_this()](const error_code& ec) {
    const auto self = weak.lock();
    // A timer that was set again may have had its old completion queued already.
    if (ec || self == nullptr || self->head_timer_.expiry() > std::chrono::steady_clock::now()) {
      return;
    }
    self->head_expired_ = true;
    self->Tcp().cancel();
  });
}

asio::awaitable<HttpSession::Head> HttpSession::ReadHead() {
  Tcp().expires_never();
  head_expired_ = false;
  idle_ = buffer_.size() == 0;
  ArmHeadTimer(idle_ ? options_.idle_timeout : options_.io_timeout);
  Head result = Head::kComplete;
  while (View(buffer_).find("\r\n\r\n") == std::string_view::npos) {
    if (buffer_.size() >= options_.header_limit_bytes) {
      result = Head::kTooLarge;
      break;
    }
    error_code ec;
    const std::size_t count = co_await ReadSome(4096, ec);
    if (ec) {
      result = head_expired_ && !idle_ ? Head::kSlow : Head::kClosed;
      break;
    }
    buffer_.commit(count);
    if (idle_) {
      idle_ = false;
      ArmHeadTimer(options_.io_timeout);
    }
  }
  idle_ = false;
  head_timer_.cancel();
  co_return result;
}

asio::awaitable<bool> HttpSession::ServeOne() {
  const Head head = co_await ReadHead();
  switch (head) {
    case Head::kComplete:
      break;
    case Head::kClosed:
      co_return false;
    case Head::kSlow:
      co_return co_await Refuse(408, "the request head took too long");
    case Head::kTooLarge:
      co_return co_await Refuse(431, "the request head is too large");
  }
  const std::string_view text = View(buffer_);
  if (HasFoldedLine(text.substr(0, text.find("\r\n\r\n")))) {
    co_return co_await Refuse(400, "folded header line");
  }
  error_code ec;
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(options_.header_limit_bytes + 4096));
  parser.body_limit(options_.body_limit_bytes);
  Tcp().expires_after(options_.io_timeout);
  co_await ReadMessageHead(parser, ec);
  if (!ec) {
    if (const char* fault = FramingFault(parser.get()); fault != nullptr) {
      co_return co_await Refuse(400, fault);
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      co_await WriteContinue(ec);
    }
  }
  if (!ec) {
    co_await ReadMessage(parser, ec);
  }
  if (ec == http::error::body_limit) {
    co_return co_await Refuse(413, "the body is too large");
  }
  if (ec.category() == http::make_error_code(http::error::bad_method).category() &&
      ec != http::error::end_of_stream && ec != http::error::partial_message) {
    const std::string reason = ec.message();
    co_return co_await Refuse(400, reason);
  }
  if (ec) {
    co_return false;
  }
  const bool reusable = parser.get().keep_alive();
  const bool head_only = parser.get().method() == http::verb::head;
  HttpResponse response = handler_(ToRequest(parser.release(), peer_));
  co_return co_await Write(std::move(response), reusable && !stopping_, head_only);
}

asio::awaitable<bool> HttpSession::Write(HttpResponse response, bool keep_alive, bool head_only) {
  Message message;
  message.version(11);
  message.result(response.status);
  message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) {
    message.set(name, value);
  }
  message.keep_alive(keep_alive);
  message.content_length(response.body.size());
  if (!head_only) {
    message.body() = std::move(response.body);
  }
  error_code ec;
  Tcp().expires_after(options_.io_timeout);
  co_await WriteMessage(message, ec);
  co_return !ec && keep_alive && !stopping_;
}

asio::awaitable<bool> HttpSession::Refuse(unsigned status, std::string_view reason) {
  HttpResponse response;
  response.status = status;
  response.body = std::string(reason) + "\n";
  co_await Write(std::move(response), false, false);
  error_code ec;
  if (plain_) {
    (void)Tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ec);
  }
  Tcp().expires_after(kDrainTime);
  buffer_.clear();
  std::size_t drained = 0;
  while (!ec && drained < kDrainBytes) {
    drained += co_await ReadSome(std::size_t{64} * 1024, ec);
  }
  co_return false;
}

asio::awaitable<void> HttpSession::Close() {
  error_code ec;
  if (tls_ && SSL_is_init_finished(tls_->native_handle()) == 1) {
    Tcp().expires_after(Milliseconds{1000});
    co_await tls_->async_shutdown(Await(ec));
  }
  (void)Tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_both, ec);
  Tcp().close();
  co_return;
}

}  // namespace reliability::net
