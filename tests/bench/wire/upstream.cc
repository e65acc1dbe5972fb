// bench-upstream: an LLM provider that costs next to nothing. One epoll loop; every request is
// answered by the same kilobyte. A field `x-bench: stream` asks for 200 server-sent events, each
// written by itself and stamped with its time, 16,000 a second over all streams; `x-bench: fail`
// for a 503.
//
// Usage: bench-upstream [PORT]    prints {"event":"listening","port":N}; ends with SIGTERM.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/bench/wire/socket.h"

namespace reliability::bench {
namespace {

constexpr long kEventGapNs = 62'500;
constexpr int kEventsPerStream = 200;
constexpr std::uint64_t kMostTicksAtOnce = 64;

struct Connection {
  int fd = -1;
  std::size_t used = 0;
  int events_left = 0;
  std::array<char, 32768> in;  // not initialised: written before it is read
};

std::string Answer(std::size_t bytes) {
  std::string body =
      R"({"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench-1",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":")";
  const std::string end =
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":420,"completion_tokens":180,)"
      R"("total_tokens":600}})";
  while (body.size() + end.size() < bytes) {
    body += "abcdefgh ijklmno pqrstuv wxyz 01"[body.size() % 32];
  }
  return body + end;
}

std::string Reply(const char* status, const std::string& body) {
  return std::string("HTTP/1.1 ") + status +
         "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string Chunk(const std::string& data) {
  std::array<char, 16> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  return size.data() + data + "\r\n";
}

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
        void* what = events[static_cast<std::size_t>(i)].data.ptr;
        if (what == &listener_) {
          Accept();
        } else if (what == &timer_) {
          Tick();
        } else {
          Read(static_cast<Connection*>(what));
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
    if (kind == 's') {
      BeginStream(connection);
    } else if (!SendAll(connection->fd, kind == 'f' ? failure_ : answer_)) {
      Close(connection);
    }
  }

  void BeginStream(Connection* connection) {
    static constexpr std::string_view kHead =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
        "x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n";
    if (!SendAll(connection->fd, kHead)) {
      Close(connection);
      return;
    }
    connection->events_left = kEventsPerStream;
    streams_.push_back(connection);
    if (streams_.size() == 1) {
      SetTimer(kEventGapNs);
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
    std::array<char, 320> data{};
    std::snprintf(
        data.data(), data.size(),
        R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,)"
        R"("model":"bench-1","choices":[{"index":0,"delta":{"content":"@%019)" PRId64
        R"(@ "},"finish_reason":null}]})"
        "\n\n",
        NowNs());
    std::string out = Chunk(data.data());
    if (connection->events_left == 1) {
      out += last_;
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
  const std::string answer_ = Reply("200 OK", Answer(1024));
  const std::string failure_ = Reply("503 Service Unavailable",
                                     R"({"error":{"message":"overloaded","type":"server_error"}})");
  const std::string last_ =
      Chunk(R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,)"
            R"("model":"bench-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],)"
            R"("usage":{"prompt_tokens":420,"completion_tokens":200,"total_tokens":620}})"
            "\n\ndata: [DONE]\n\n") +
      "0\r\n\r\n";
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
