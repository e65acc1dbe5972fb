#include "tests/component/agent.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "libs/base/strings.h"

namespace reliability::component {

Agent::Agent(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    Close();
  }
}

Agent::~Agent() { Close(); }

void Agent::Close() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

void Agent::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

bool Agent::More() {
  char block[16384];
  const ssize_t got = ::recv(fd_, block, sizeof(block), 0);
  if (got <= 0) {
    return false;
  }
  buffer_.append(block, static_cast<std::size_t>(got));
  return true;
}

std::string Agent::ReadUntil(std::string_view mark) {
  std::size_t at = 0;
  while ((at = buffer_.find(mark)) == std::string::npos) {
    if (!More()) {
      return std::exchange(buffer_, {});
    }
  }
  std::string out = buffer_.substr(0, at + mark.size());
  buffer_.erase(0, at + mark.size());
  return out;
}

std::string Agent::ReadAll() {
  while (More()) {
  }
  return std::exchange(buffer_, {});
}

bool Agent::AwaitClose() {
  char byte = 0;
  return buffer_.empty() && ::recv(fd_, &byte, 1, 0) <= 0 && errno != EAGAIN;
}

Answer Agent::Read() {
  Answer answer;
  const std::string head = ReadUntil("\r\n\r\n");
  if (!head.ends_with("\r\n\r\n")) {
    return answer;
  }
  bool first = true;
  for (const std::string_view line : Split(std::string_view(head), '\n')) {
    const std::string_view text = line.substr(0, line.find('\r'));
    if (first) {
      answer.status = static_cast<int>(ParseUint(text.substr(9, 3)).value_or(0));
      first = false;
    } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
      answer.headers[ToLower(text.substr(0, colon))] = Trim(text.substr(colon + 1));
    }
  }
  if (answer.headers.contains("content-length")) {
    const std::size_t size = std::stoul(answer.headers["content-length"]);
    while (buffer_.size() < size && More()) {
    }
    answer.complete = buffer_.size() >= size;
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
  } else if (answer.headers.contains("transfer-encoding")) {
    while (true) {
      const std::string line = ReadUntil("\r\n");
      if (!line.ends_with("\r\n")) {
        break;
      }
      const std::size_t size = std::stoul(line, nullptr, 16);
      while (buffer_.size() < size + 2 && More()) {
      }
      answer.body += buffer_.substr(0, std::min(size, buffer_.size()));
      if (buffer_.size() < size + 2) {
        buffer_.clear();
        break;
      }
      buffer_.erase(0, size + 2);
      if (size == 0) {
        answer.complete = true;
        break;
      }
    }
  } else if (answer.status == 100 || answer.status == 204 || answer.status == 304) {
    answer.complete = true;
  } else {
    answer.body = ReadAll();
  }
  return answer;
}

void Agent::SendPost(std::string_view path, std::string_view json, std::string_view more_headers) {
  std::string out = "POST ";
  out += path;
  out += " HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n";
  out += "accept: application/json, text/event-stream\r\n";
  out += more_headers;
  out += "content-length: " + std::to_string(json.size()) + "\r\n\r\n";
  out += json;
  Send(out);
}

Answer Agent::Post(std::string_view path, std::string_view json, std::string_view more_headers) {
  SendPost(path, json, more_headers);
  return Read();
}

Answer Agent::Get(std::string_view path) {
  Send("GET " + std::string(path) + " HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  return Read();
}

}  // namespace reliability::component
