#include "tests/component/fake_upstream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "libs/base/strings.h"

namespace reliability::component {
namespace {

constexpr std::chrono::seconds kPatience{10};

int BoundSocket(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return -1;
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

ClosedPort::ClosedPort() : fd_(BoundSocket(port_)) {}
ClosedPort::~ClosedPort() { ::close(fd_); }

void FakeUpstream::Connection::Send(std::string_view bytes) {
  while (!bytes.empty() && open_) {
    const ssize_t put = ssl_ != nullptr
                            ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                            : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) {
      open_ = false;
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void FakeUpstream::Connection::Respond(int status, std::string_view content_type,
                                       std::string_view body, std::string_view more_headers) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-type: ";
  out += content_type;
  out += "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n";
  out += more_headers;
  out += "\r\n";
  out += body;
  Send(out);
}

void FakeUpstream::Connection::Chunk(std::string_view payload) {
  char size[32];
  std::snprintf(size, sizeof(size), "%zx\r\n", payload.size());
  Send(std::string(size) + std::string(payload) + "\r\n");
}

void FakeUpstream::Connection::Close() {
  ::shutdown(fd_, SHUT_RDWR);
  open_ = false;
}

void FakeUpstream::Connection::Reset() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  open_ = false;
}

bool FakeUpstream::Connection::resumed() const {
  return ssl_ != nullptr && SSL_session_reused(ssl_) == 1;
}

void FakeUpstream::Connection::AwaitClose() {
  char scrap[4096];
  while (::recv(fd_, scrap, sizeof(scrap), 0) > 0) {
  }
  open_ = false;
}

FakeUpstream::FakeUpstream(Script script, ssl_ctx_st* tls)
    : tls_(tls), listener_(BoundSocket(port_)), script_(std::move(script)) {
  ::listen(listener_, 64);
  acceptor_ = std::jthread([this] { Accept(); });
}

FakeUpstream::~FakeUpstream() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    for (const int fd : open_fds_) {
      ::shutdown(fd, SHUT_RDWR);
    }
  }
  acceptor_.join();
  threads_.clear();
  ::close(listener_);
}

void FakeUpstream::SetScript(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::vector<SeenRequest> FakeUpstream::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

bool FakeUpstream::AwaitRequests(std::size_t number) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return seen_.size() >= number; });
}

bool FakeUpstream::AwaitClosed(int number) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return closed_by_peer_ >= number; });
}

void FakeUpstream::Accept() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (fd < 0 || stopping_) {
      if (fd >= 0) {
        ::close(fd);
      }
      return;
    }
    ++connections_;
    open_fds_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

bool FakeUpstream::ReadRequest(Connection& connection, std::string& buffer, SeenRequest& request) {
  const auto more = [&] {
    char block[16384];
    const ssize_t got = connection.ssl_ != nullptr
                            ? SSL_read(connection.ssl_, block, sizeof(block))
                            : ::recv(connection.fd_, block, sizeof(block), 0);
    if (got <= 0) {
      return false;
    }
    buffer.append(block, static_cast<std::size_t>(got));
    return true;
  };
  std::size_t end = std::string::npos;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) {
      return false;
    }
  }
  request = {};
  bool first = true;
  for (const std::string_view line : Split(std::string_view(buffer).substr(0, end), '\n')) {
    const std::string_view text = line.substr(0, line.find('\r'));
    if (first) {
      request.start_line = text;
      first = false;
      continue;
    }
    const std::size_t colon = text.find(':');
    request.headers[ToLower(text.substr(0, colon))] = Trim(text.substr(colon + 1));
  }
  buffer.erase(0, end + 4);
  if (request.headers.contains("content-length")) {
    const std::size_t size = std::stoul(request.headers["content-length"]);
    while (buffer.size() < size) {
      if (!more()) {
        return false;
      }
    }
    request.body = buffer.substr(0, size);
    buffer.erase(0, size);
  } else if (request.headers.contains("transfer-encoding")) {
    while (true) {
      std::size_t eol = 0;
      while ((eol = buffer.find("\r\n")) == std::string::npos) {
        if (!more()) {
          return false;
        }
      }
      const std::size_t size = std::stoul(buffer.substr(0, eol), nullptr, 16);
      while (buffer.size() < eol + 2 + size + 2) {
        if (!more()) {
          return false;
        }
      }
      request.body += buffer.substr(eol + 2, size);
      buffer.erase(0, eol + 2 + size + 2);
      if (size == 0) {
        break;
      }
    }
  }
  return true;
}

void FakeUpstream::Serve(int fd) {
  Connection connection;
  connection.fd_ = fd;
  bool usable = true;
  if (tls_ != nullptr) {
    connection.ssl_ = SSL_new(tls_);
    SSL_set_fd(connection.ssl_, fd);
    usable = SSL_accept(connection.ssl_) == 1;
  }
  std::string buffer;
  SeenRequest request;
  while (usable && connection.open_ && ReadRequest(connection, buffer, request)) {
    Script script;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(request);
      script = script_;
      changed_.notify_all();
    }
    script(connection, request);
  }
  SSL_free(connection.ssl_);
  const std::lock_guard lock(mutex_);
  std::erase(open_fds_, fd);
  ::close(fd);
  ++closed_by_peer_;
  changed_.notify_all();
}

}  // namespace reliability::component
