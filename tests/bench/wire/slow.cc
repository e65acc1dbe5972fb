// bench-slow: agents that never finish the head of a request. Each of N connections sends one byte
// of it every GAP ms until the server closes the connection; none comes back.
//
// Usage: bench-slow PORT CONNECTIONS GAP-MS SECONDS
// Prints {"event":"running"} when all have begun. When all are closed, or after SECONDS, how they
// ended: how many were closed, how many of them with a 408, and how long after its first byte the
// first and the last one was.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/wire/socket.h"

namespace reliability::bench {
namespace {

constexpr std::string_view kHead = "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";

struct Connection {
  int fd = -1;
  std::int64_t began = 0;  // its first byte
  std::size_t sent = 0;
  std::string in;
};

class SlowHeads {
 public:
  SlowHeads(std::uint16_t port, std::size_t connections, std::int64_t gap_ns)
      : connections_(connections), step_ns_(gap_ns / static_cast<std::int64_t>(connections)) {
    for (Connection& connection : connections_) {
      connection.fd = Connect(port);
      Watch(epoll_, connection.fd, &connection);
    }
    open_ = connections;
  }

  void Run(std::int64_t longest_ns) {
    std::int64_t due = NowNs();
    const std::int64_t end = due + longest_ns;
    std::size_t turn = 0;
    std::array<epoll_event, 256> events{};
    while (open_ > 0 && NowNs() < end) {
      while (due <= NowNs()) {
        SendByte(connections_[turn % connections_.size()]);
        due += step_ns_;
        if (++turn == connections_.size()) {
          std::printf("{\"event\":\"running\"}\n");
          std::fflush(stdout);
        }
      }
      const timespec timeout{.tv_sec = 0, .tv_nsec = std::max<std::int64_t>(0, due - NowNs())};
      const int count =
          epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      for (int i = 0; i < count; ++i) {
        Read(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
      }
    }
  }

  void Print() {
    std::sort(lasted_ns_.begin(), lasted_ns_.end());
    const auto seconds = [](std::int64_t ns) { return static_cast<double>(ns) / 1e9; };
    std::printf("{\"connections\":%zu,\"closed\":%zu,\"answered_408\":%zu", connections_.size(),
                lasted_ns_.size(), answered_);
    if (!lasted_ns_.empty()) {
      std::printf(",\"first_s\":%.3f,\"last_s\":%.3f", seconds(lasted_ns_.front()),
                  seconds(lasted_ns_.back()));
    }
    std::printf("}\n");
  }

 private:
  static void SendByte(Connection& connection) {
    if (connection.fd < 0) {
      return;
    }
    if (connection.sent == 0) {
      connection.began = NowNs();
    }
    const char byte = connection.sent < kHead.size() ? kHead[connection.sent] : 'a';
    // A server that has closed says so to Read().
    if (send(connection.fd, &byte, 1, MSG_NOSIGNAL) == 1) {
      ++connection.sent;
    }
  }

  void Read(Connection& connection) {
    std::array<char, 4096> block;  // not initialised: written before it is read
    const ssize_t got = recv(connection.fd, block.data(), block.size(), 0);
    if (got > 0) {
      connection.in.append(block.data(), static_cast<std::size_t>(got));
      return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (connection.in.starts_with("HTTP/1.1 408")) {
      ++answered_;
    }
    lasted_ns_.push_back(NowNs() - connection.began);
    close(connection.fd);
    connection.fd = -1;
    --open_;
  }

  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections_;
  const std::int64_t step_ns_;
  std::vector<std::int64_t> lasted_ns_;
  std::size_t open_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace
}  // namespace reliability::bench

int main(int argc, char** argv) {
  if (argc != 5 || std::atoi(argv[2]) < 1) {
    std::fprintf(stderr, "usage: bench-slow PORT CONNECTIONS GAP-MS SECONDS\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1UL);
  reliability::bench::SlowHeads heads(static_cast<std::uint16_t>(std::atoi(argv[1])),
                                      static_cast<std::size_t>(std::atoi(argv[2])),
                                      std::atoll(argv[3]) * 1'000'000);
  heads.Run(std::atoll(argv[4]) * 1'000'000'000);
  heads.Print();
  return 0;
}
