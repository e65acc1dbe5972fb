// bench-load: sends one prepared HTTP/1.1 request over and over and says how it went, as one JSON
// object. Every answer's latency counts from the moment when its request should have been sent:
// an open loop does not wait for slow answers (Poisson arrivals at a fixed rate).
//
// Usage: bench-load PORT REQUEST-FILE MODE CONNECTIONS AMOUNT [STATUS]
//   closed N S     N connections, as fast as they go, S seconds
//   count  N C     the same, C requests in all
//   open   N R:S   R requests a second over N connections, S seconds
//   stream N S     N event streams at a time, S seconds: delay of each event that carries a stamp
//   idle   N 0     one request on each of N connections, then says so and waits for its input's end
// Answers with another status than STATUS (200) are counted as bad.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/bench/wire/socket.h"

namespace reliability::bench {
namespace {

constexpr std::size_t kStampDigits = 19;
constexpr std::int64_t kGraceNs = 5'000'000'000;

struct Options {
  std::uint16_t port = 0;
  std::string request;
  std::string mode;
  std::size_t connections = 1;
  double amount = 0;   // requests or seconds
  double seconds = 0;  // of an open loop
  int status = 200;
};

struct Connection {
  int fd = -1;
  bool busy = false;
  std::int64_t due = 0;
  std::string in;
  std::size_t searched = 0;  // for stamps
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)) {
    connections_.resize(options_.connections);
    for (Connection& connection : connections_) {
      connection.fd = Connect(options_.port);
      connection.in.reserve(16384);
      Watch(epoll_, connection.fd, &connection);
      free_.push_back(&connection);
    }
  }

  void Run() {
    began_ = NowNs();
    const bool open = options_.mode == "open";
    const bool count = options_.mode == "count" || options_.mode == "idle";
    const double seconds = open ? options_.seconds : options_.amount;
    end_ = count ? INT64_MAX : began_ + static_cast<std::int64_t>(seconds * 1e9);
    left_ = options_.mode == "idle"    ? static_cast<std::int64_t>(options_.connections)
            : options_.mode == "count" ? static_cast<std::int64_t>(options_.amount)
                                       : INT64_MAX;
    gap_ns_ = open ? 1e9 / options_.amount : 0;
    next_ = open ? began_ + Gap() : INT64_MAX;
    if (!open) {
      while (!free_.empty() && left_ > 0) {
        SendNow();
      }
    }
    Loop();
  }

  void Print() {
    const double took = static_cast<double>(finished_ - began_) / 1e9;
    std::printf("{\"answers\":%zu,\"bad\":%zu,\"events\":%zu,\"seconds\":%.6f", answers_, bad_,
                events_, took);
    for (const auto& [name, part] : {std::pair{"p50_us", 0.5}, {"p90_us", 0.9}, {"p99_us", 0.99}}) {
      if (!latencies_.empty()) {
        const auto rank =
            static_cast<std::size_t>(part * static_cast<double>(latencies_.size() - 1));
        std::nth_element(latencies_.begin(), latencies_.begin() + static_cast<std::ptrdiff_t>(rank),
                         latencies_.end());
        std::printf(",\"%s\":%.2f", name, static_cast<double>(latencies_[rank]) / 1000);
      }
    }
    std::printf("}\n");
    std::fflush(stdout);
  }

 private:
  std::int64_t Gap() {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    const double uniform = (static_cast<double>(random_ >> 11U) + 1) * 0x1.0p-53;
    return static_cast<std::int64_t>(-std::log(uniform) * gap_ns_);
  }

  void Loop() {
    std::array<epoll_event, 256> events{};
    while (true) {
      const std::int64_t now = NowNs();
      while (next_ <= now && next_ < end_) {
        waiting_.push_back(next_);
        next_ += Gap();
      }
      while (!waiting_.empty() && !free_.empty()) {
        Send(waiting_.front());
        waiting_.pop_front();
      }
      const bool over = now >= end_ || left_ <= 0;
      if ((over && running_ == 0 && waiting_.empty()) || now - kGraceNs > end_) {
        break;
      }
      const std::int64_t until = std::min(next_ < end_ ? next_ : end_, now + kGraceNs);
      const std::int64_t wait = over ? kGraceNs : std::max<std::int64_t>(0, until - now);
      const timespec timeout{.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
      const int count =
          epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      for (int i = 0; i < count; ++i) {
        Read(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
      }
    }
    finished_ = NowNs();
  }

  void SendNow() {
    --left_;
    Send(NowNs());
  }

  void Send(std::int64_t due) {
    Connection& connection = *free_.back();
    free_.pop_back();
    connection.busy = true;
    connection.due = due;
    connection.in.clear();
    connection.searched = 0;
    ++running_;
    if (!SendAll(connection.fd, options_.request)) {
      Die("send");
    }
  }

  void Read(Connection& connection) {
    std::array<char, 65536> buffer;  // not initialised: written before it is read
    const ssize_t got = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (got <= 0 || !connection.busy) {
      Reopen(connection);
      return;
    }
    connection.in.append(buffer.data(), static_cast<std::size_t>(got));
    if (options_.mode == "stream") {
      ReadStamps(connection);
    }
    if (Whole(connection.in)) {
      Done(connection);
    }
  }

  // A closed connection costs its answer and is replaced.
  void Reopen(Connection& connection) {
    close(connection.fd);
    connection.fd = Connect(options_.port);
    Watch(epoll_, connection.fd, &connection);
    if (connection.busy) {
      ++bad_;
      Release(connection);
    }
  }

  static bool Whole(const std::string& in) {
    const std::size_t body = HeadEnd(in);
    if (body == 0) {
      return false;
    }
    const std::int64_t length = ContentLength(std::string_view(in).substr(0, body));
    return length >= 0 ? in.size() >= body + static_cast<std::size_t>(length)
                       : in.ends_with("\n0\r\n\r\n");
  }

  void Done(Connection& connection) {
    int status = 0;
    if (connection.in.size() > 12) {
      std::from_chars(connection.in.data() + 9, connection.in.data() + 12, status);
    }
    if (status == options_.status) {
      ++answers_;
      if (options_.mode != "stream") {
        latencies_.push_back(NowNs() - connection.due);
      }
    } else {
      ++bad_;
    }
    Release(connection);
  }

  void Release(Connection& connection) {
    connection.busy = false;
    --running_;
    free_.push_back(&connection);
    if (options_.mode != "open" && left_ > 0 && NowNs() < end_) {
      SendNow();
    }
  }

  // "@1234567890123456789@"
  void ReadStamps(Connection& connection) {
    const std::int64_t now = NowNs();
    const std::string& in = connection.in;
    while (true) {
      const std::size_t at = in.find('@', connection.searched);
      if (at == std::string::npos) {
        connection.searched = in.size();
        return;
      }
      if (at + kStampDigits + 1 >= in.size()) {
        connection.searched = at;
        return;
      }
      std::int64_t stamp = 0;
      std::from_chars(in.data() + at + 1, in.data() + at + 1 + kStampDigits, stamp);
      latencies_.push_back(now - stamp);
      ++events_;
      connection.searched = at + kStampDigits + 2;
    }
  }

  const Options options_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections_;
  std::vector<Connection*> free_;
  std::deque<std::int64_t> waiting_;
  std::vector<std::int64_t> latencies_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15U;
  double gap_ns_ = 0;
  std::int64_t began_ = 0;
  std::int64_t finished_ = 0;
  std::int64_t end_ = 0;
  std::int64_t next_ = 0;
  std::int64_t left_ = 0;
  std::size_t running_ = 0;
  std::size_t answers_ = 0;
  std::size_t bad_ = 0;
  std::size_t events_ = 0;
};

Options Read(char** argv, int argc) {
  Options options;
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  std::ifstream file(argv[2], std::ios::binary);
  options.request.assign(std::istreambuf_iterator<char>(file), {});
  options.mode = argv[3];
  options.connections = static_cast<std::size_t>(std::atoi(argv[4]));
  options.amount = std::atof(argv[5]);
  if (const char* colon = std::strchr(argv[5], ':')) {
    options.seconds = std::atof(colon + 1);
  }
  if (argc > 6) {
    options.status = std::atoi(argv[6]);
  }
  return options;
}

}  // namespace
}  // namespace reliability::bench

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: bench-load PORT REQUEST-FILE MODE CONNECTIONS AMOUNT [STATUS]\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1UL);
  const reliability::bench::Options options = reliability::bench::Read(argv, argc);
  const bool idle = options.mode == "idle";
  reliability::bench::Load load(options);
  load.Run();
  load.Print();
  if (idle) {
    char scrap = 0;
    while (read(STDIN_FILENO, &scrap, 1) > 0) {
    }
  }
  return 0;
}
