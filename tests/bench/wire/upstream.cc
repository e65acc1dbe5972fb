// bench-upstream: an LLM provider that costs next to nothing. One epoll loop; every request is
// answered by the same kilobyte, unless its field x-bench asks for something else:
//   stream      200 server-sent events, each written by itself and stamped with its time, 16,000 a
//               second over all streams
//   endless     server-sent events without end, as fast as they are taken
//   tool        the result of a tools/call
//   fail        503
//   overloaded  503 every tenth time, over all connections; limited: 429
//
// Usage: bench-upstream [PORT]    prints {"event":"listening","port":N}; ends with SIGTERM.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/bench/wire/answers.h"
#include "tests/bench/wire/socket.h"

namespace reliability::bench {
namespace {

constexpr long kEventGapNs = 62'500;
constexpr int kEventsPerStream = 200;
constexpr std::uint64_t kMostTicksAtOnce = 64;
constexpr unsigned kFailEvery = 10;
constexpr int kPiecesAtOnce = 16;  // then the others have their turn

struct Connection {
  int fd = -1;
  std::size_t used = 0;
  int events_left = 0;
  std::size_t endless_at = 0;  // in many_
  std::array<char, 98304> in;  // not initialised: written before it is read
};

class Upstream {
 public:
  explicit Upstream(std::uint16_t port) : port_(port), listener_(Listen(port_)) {
    Watch(epoll_, listener_, &listener_);
    Watch(epoll_, timer_, &timer_);
  }
  std::uint16_t port() const { return port_; }

  [[noreturn]] void Run() {
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        void* what = event.data.ptr;
        if (what == &listener_) {
          Accept();
        } else if (what == &timer_) {
          Tick();
        } else if (auto* connection = static_cast<Connection*>(what); event.events == EPOLLOUT) {
          SendEndless(connection);
        } else {
          Read(connection);
        }
      }
    }
  }

 private:
  void Accept() {
    while (true) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) {
        return;
      }
      Prepare(fd);
      auto* connection = new Connection;
      connection->fd = fd;
      Watch(epoll_, fd, connection);
    }
  }

  void Close(Connection* connection) {
    if (connection->events_left > 0) {
      std::erase(streams_, connection);
    }
    close(connection->fd);
    delete connection;
  }

  void Read(Connection* connection) {
    const ssize_t got = recv(connection->fd, connection->in.data() + connection->used,
                             connection->in.size() - connection->used, 0);
    if (got <= 0) {
      Close(connection);
      return;
    }
    connection->used += static_cast<std::size_t>(got);
    const std::string_view bytes(connection->in.data(), connection->used);
    const std::size_t body = HeadEnd(bytes);
    if (body == 0) {
      return;
    }
    const std::string_view head = bytes.substr(0, body);
    const std::int64_t length = ContentLength(head);
    if (bytes.size() < body + static_cast<std::size_t>(length > 0 ? length : 0)) {
      return;
    }
    connection->used = 0;
    const std::size_t wish = head.find("x-bench: ");
    const char kind = wish == std::string_view::npos ? ' ' : head[wish + 9];
    Answer(connection, kind);
  }

  void Answer(Connection* connection, char kind) {
    switch (kind) {
      case 's':
        BeginStream(connection);
        break;
      case 'e':
        BeginEndless(connection);
        break;
      case 'f':
        Say(connection, answers_.failure);
        break;
      case 't':
        Say(connection, answers_.tool);
        break;
      case 'o':
        Say(connection, ++asked_ % kFailEvery == 0 ? answers_.failure : answers_.chat);
        break;
      case 'l':
        Say(connection, ++asked_ % kFailEvery == 0 ? answers_.limited : answers_.chat);
        break;
      default:
        Say(connection, answers_.chat);
    }
  }

  void Say(Connection* connection, std::string_view bytes) {
    if (!SendAll(connection->fd, bytes)) {
      Close(connection);
    }
  }

  void BeginStream(Connection* connection) {
    if (!SendAll(connection->fd, StreamHead())) {
      Close(connection);
      return;
    }
    connection->events_left = kEventsPerStream;
    streams_.push_back(connection);
    if (streams_.size() == 1) {
      SetTimer(kEventGapNs);
    }
  }

  void BeginEndless(Connection* connection) {
    if (!SendAll(connection->fd, StreamHead())) {
      Close(connection);
      return;
    }
    AlsoWatchWrites(epoll_, connection->fd, connection);
  }

  void SendEndless(Connection* connection) {
    for (int i = 0; i < kPiecesAtOnce; ++i) {
      const std::string_view rest = std::string_view(many_).substr(connection->endless_at);
      const ssize_t sent = send(connection->fd, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN) {
          Close(connection);
        }
        return;
      }
      connection->endless_at =
          (connection->endless_at + static_cast<std::size_t>(sent)) % many_.size();
    }
  }

  void SetTimer(long gap) const {
    const itimerspec spec{.it_interval = {0, gap}, .it_value = {0, gap}};
    timerfd_settime(timer_, 0, &spec, nullptr);
  }

  void Tick() {
    std::uint64_t ticks = 0;
    if (read(timer_, &ticks, sizeof(ticks)) != sizeof(ticks)) {
      return;
    }
    for (std::uint64_t i = 0; i < std::min(ticks, kMostTicksAtOnce) && !streams_.empty(); ++i) {
      next_ = next_ + 1 < streams_.size() ? next_ + 1 : 0;
      SendEvent(streams_[next_]);
    }
    if (streams_.empty()) {
      SetTimer(0);
    }
  }

  void SendEvent(Connection* connection) {
    std::array<char, 32> stamp{};
    std::snprintf(stamp.data(), stamp.size(), "@%019" PRId64 "@ ", NowNs());
    std::string out = Event(stamp.data());
    if (connection->events_left == 1) {
      out += answers_.last_part;
    }
    if (!SendAll(connection->fd, out)) {
      Close(connection);  // a reader this slow has lost the measurement anyway
      return;
    }
    if (--connection->events_left == 0) {
      std::erase(streams_, connection);
    }
  }

  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  std::uint16_t port_;
  int listener_;
  const Answers answers_ = MakeAnswers();
  const std::string many_ = ManyEvents();
  unsigned asked_ = 0;  // for answers that fail now and then
  std::vector<Connection*> streams_;
  std::size_t next_ = 0;
};

}  // namespace
}  // namespace reliability::bench

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 0;
  reliability::bench::Upstream upstream(static_cast<std::uint16_t>(port));
  std::printf("{\"event\":\"listening\",\"port\":%d}\n", upstream.port());
  std::fflush(stdout);
  upstream.Run();
}
