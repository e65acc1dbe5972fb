#include "tests/fakes/fake_dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace reliability::fakes {
namespace {

constexpr std::size_t kHeadBytes = 12;
constexpr int kServFailCode = 2;
constexpr int kNameErrorCode = 3;

void Append16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

unsigned Read16(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

void AppendName(std::string& out, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out += '\0';
}

// Lower case; `end` is behind the question.
std::string ReadQuestion(std::string_view query, int& type, std::size_t& end) {
  std::string name;
  std::size_t at = kHeadBytes;
  while (at < query.size() && query[at] != 0) {
    const auto size = static_cast<unsigned char>(query[at]);
    name += name.empty() ? "" : ".";
    for (const char c : query.substr(at + 1, size)) {
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    at += size + 1U;
  }
  type = static_cast<int>(Read16(query, at + 1));
  end = at + 5;
  return name;
}

std::string Data(int type, const std::string& value) {
  std::string data;
  if (type == FakeDnsServer::kCname) {
    AppendName(data, value);
    return data;
  }
  std::array<char, 16> bytes{};
  const int family = type == FakeDnsServer::kA ? AF_INET : AF_INET6;
  if (::inet_pton(family, value.c_str(), bytes.data()) != 1) {
    throw std::invalid_argument(value);
  }
  return {bytes.data(), type == FakeDnsServer::kA ? 4U : 16U};
}

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

FakeDnsServer::FakeDnsServer() : stop_(::eventfd(0, EFD_CLOEXEC)) {
  // Both protocols on one port, which the kernel chooses for the first of them.
  for (int attempt = 0; attempt < 100; ++attempt) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        ::bind(udp_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        ::listen(listener_, 16) == 0) {
      port_ = ntohs(address.sin_port);
      thread_ = std::jthread([this] { Run(); });
      return;
    }
    ::close(listener_);
    ::close(udp_);
  }
  throw std::runtime_error("no port for UDP and TCP");
}

FakeDnsServer::~FakeDnsServer() {
  const std::uint64_t one = 1;
  (void)!::write(stop_, &one, sizeof(one));
  thread_.join();
  ::close(listener_);
  ::close(udp_);
  ::close(stop_);
}

std::string FakeDnsServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeDnsServer::Add(const std::string& name, int type, std::uint32_t ttl_s,
                        const std::string& value) {
  const std::lock_guard lock(mutex_);
  records_[name].push_back({.type = type, .ttl_s = ttl_s, .value = value});
}

void FakeDnsServer::Remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  records_.erase(name);
}

void FakeDnsServer::SetFault(const std::string& name, int type, DnsFault fault) {
  const std::lock_guard lock(mutex_);
  faults_[{name, type}] = fault;
}

int FakeDnsServer::asked(const std::string& name, int type) const {
  const std::lock_guard lock(mutex_);
  const auto found = asked_.find({name, type});
  return found == asked_.end() ? 0 : found->second;
}

int FakeDnsServer::asked_by_tcp() const {
  const std::lock_guard lock(mutex_);
  return asked_by_tcp_;
}

void FakeDnsServer::Run() {
  std::vector<int> connections;
  while (true) {
    std::vector<pollfd> watched = {{.fd = stop_, .events = POLLIN, .revents = 0},
                                   {.fd = udp_, .events = POLLIN, .revents = 0},
                                   {.fd = listener_, .events = POLLIN, .revents = 0}};
    for (const int fd : connections) {
      watched.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    }
    (void)::poll(watched.data(), watched.size(), -1);
    if (watched[0].revents != 0) {
      break;
    }
    for (std::size_t i = 3; i < watched.size(); ++i) {
      if (watched[i].revents != 0 && !ServeTcp(watched[i].fd)) {
        ::close(watched[i].fd);
        std::erase(connections, watched[i].fd);
      }
    }
    if (watched[1].revents != 0) {
      ServeUdp();
    }
    if (watched[2].revents != 0) {
      connections.push_back(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    }
  }
  for (const int fd : connections) {
    ::close(fd);
  }
}

void FakeDnsServer::ServeUdp() {
  std::array<char, 4096> bytes{};
  sockaddr_in from{};
  socklen_t size = sizeof(from);
  const ssize_t got =
      ::recvfrom(udp_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (got < static_cast<ssize_t>(kHeadBytes) + 5) {
    return;
  }
  const std::string reply = Reply(std::string(bytes.data(), static_cast<std::size_t>(got)), false);
  if (!reply.empty()) {
    ::sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

bool FakeDnsServer::ServeTcp(int fd) {
  std::array<char, 2> length{};
  if (::recv(fd, length.data(), 2, MSG_WAITALL) != 2) {
    return false;
  }
  std::string query(Read16({length.data(), 2}, 0), '\0');
  if (::recv(fd, query.data(), query.size(), MSG_WAITALL) != static_cast<ssize_t>(query.size())) {
    return false;
  }
  const std::string reply = Reply(query, true);
  std::string framed;
  Append16(framed, static_cast<unsigned>(reply.size()));
  framed += reply;
  return ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(framed.size());
}

void FakeDnsServer::AppendRecords(std::string name, int type, std::string& answers,
                                  int& count) const {
  constexpr int kMostLinks = 8;
  for (int link = 0; link < kMostLinks; ++link) {
    const auto found = records_.find(name);
    if (found == records_.end()) {
      return;
    }
    std::string next;
    for (const Record& record : found->second) {
      if (record.type != type && record.type != kCname) {
        continue;
      }
      AppendName(answers, name);
      Append16(answers, static_cast<unsigned>(record.type));
      Append16(answers, 1);
      Append16(answers, record.ttl_s >> 16);
      Append16(answers, record.ttl_s & 0xffff);
      const std::string data = Data(record.type, record.value);
      Append16(answers, static_cast<unsigned>(data.size()));
      answers += data;
      ++count;
      next = record.type == kCname ? record.value : next;
    }
    if (next.empty()) {
      return;
    }
    name = next;
  }
}

std::string FakeDnsServer::Reply(const std::string& query, bool tcp) {
  const std::lock_guard lock(mutex_);
  int type = 0;
  std::size_t end = 0;
  const std::string name = ReadQuestion(query, type, end);
  ++asked_[{name, type}];
  asked_by_tcp_ += tcp ? 1 : 0;
  const auto found = faults_.find({name, type});
  const DnsFault fault = found == faults_.end() ? DnsFault::kNone : found->second;
  if (fault == DnsFault::kSilent) {
    return {};
  }
  if (fault == DnsFault::kJunk) {
    return "\x7f this is no message";
  }
  std::string answers;
  int count = 0;
  AppendRecords(name, type, answers, count);
  int code = records_.contains(name) ? 0 : kNameErrorCode;
  const bool cut = fault == DnsFault::kTruncated && !tcp;
  if (fault == DnsFault::kServFail || cut) {
    code = cut ? code : kServFailCode;
    answers.clear();
    count = 0;
  }
  if (fault == DnsFault::kBroken) {
    answers.resize(answers.size() / 2);
  }
  std::string reply = query.substr(0, 2);               // its id
  reply += static_cast<char>(0x85 | (cut ? 0x02 : 0));  // a reply, authoritative, as it was asked
  reply += static_cast<char>(0x80 | code);
  Append16(reply, 1);
  Append16(reply, static_cast<unsigned>(count));
  Append16(reply, 0);
  Append16(reply, 0);
  reply += query.substr(kHeadBytes, end - kHeadBytes);
  reply += answers;
  return reply;
}

}  // namespace reliability::fakes
