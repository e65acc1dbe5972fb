#include "libs/net/stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "libs/net/buffer_pool.h"
#include "libs/net/http_connection_pool.h"
#include "libs/net/listener.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::net {
namespace {

using Call = ConnectionPool::Call;

class StreamTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = Listener::Listen(io_.get_executor(), "127.0.0.1", 0, false);
    ASSERT_TRUE(listener.has_value());
    listener_ = std::move(*listener);
    listener_->Start([this](int fd) {
      auto stream = Stream::Adopt(io_.get_executor(), fd);
      ASSERT_TRUE(stream.has_value());
      accepted_ = std::move(*stream);
      accepted_.Attach(&signal_);
      signal_.NotifyInline();
    });
  }
  // Runs `body` as the only coroutine until it ends.
  template <class Body>
  void Run(Body body) {
    auto run = [&]() -> Task<> {
      co_await body();
      io_.stop();
    };
    Spawn(io_.get_executor(), run(), [] {});
    io_.restart();
    io_.run();
  }
  Task<Stream> ConnectPair() {
    auto made = Stream::Connect(io_.get_executor(),
                                {boost::asio::ip::make_address("127.0.0.1"), listener_->port()});
    EXPECT_TRUE(made.has_value());
    Stream stream = std::move(*made);
    stream.Attach(&signal_);
    while (stream.PollConnect().status == IoStatus::kAgain || !accepted_.open()) {
      stream.WantWrite();
      co_await signal_.Wait();
    }
    co_return stream;
  }

  IoContext io_{1};
  Signal signal_{io_.get_executor()};
  std::unique_ptr<Listener> listener_;
  Stream accepted_;
};

TEST_F(StreamTest, MovesBytesBothWaysAndSeesTheEnd) {
  Run([this]() -> Task<> {
    Stream client = co_await ConnectPair();
    char bytes[16];
    EXPECT_EQ(accepted_.Read(bytes, sizeof(bytes)).status, IoStatus::kAgain);
    EXPECT_EQ(client.Write("hello", 5).bytes, 5U);
    IoResult got = accepted_.Read(bytes, sizeof(bytes));
    while (got.status == IoStatus::kAgain) {
      accepted_.WantRead();
      co_await signal_.Wait();
      got = accepted_.Read(bytes, sizeof(bytes));
    }
    EXPECT_EQ(std::string(bytes, got.bytes), "hello");
    client.Close();
    while ((got = accepted_.Read(bytes, sizeof(bytes))).status == IoStatus::kAgain) {
      accepted_.WantRead();
      co_await signal_.Wait();
    }
    EXPECT_EQ(got.status, IoStatus::kEof);
    accepted_.Close();
  });
}

TEST_F(StreamTest, RefusedConnectionsAreErrors) {
  Run([this]() -> Task<> {
    // Bound but not listening: nobody else can take the port meanwhile.
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    auto made = Stream::Connect(
        io_.get_executor(), {boost::asio::ip::make_address("127.0.0.1"), ntohs(address.sin_port)});
    if (made.has_value()) {
      Stream stream = std::move(*made);
      stream.Attach(&signal_);
      IoResult result = stream.PollConnect();
      while (result.status == IoStatus::kAgain) {
        stream.WantWrite();
        co_await signal_.Wait();
        result = stream.PollConnect();
      }
      EXPECT_EQ(result.error, ECONNREFUSED);
    } else {
      EXPECT_EQ(made.error().code, Code::kUnavailable);
    }
    ::close(fd);
  });
}

TEST_F(StreamTest, ThePoolHandsOutOnlyLiveConnections) {
  const auto clock = MakeRealClock();
  Deadlines deadlines(io_.get_executor(), *clock);
  ConnectionPool pool(deadlines);
  Run([&]() -> Task<> {
    Stream client = co_await ConnectPair();
    pool.Release("a", std::move(client), false);
    EXPECT_EQ(pool.idle(), 1U);
    EXPECT_FALSE(pool.Acquire("b", Call::kRepeatable).open());
    Stream again = pool.Acquire("a", Call::kRepeatable);
    EXPECT_TRUE(again.open());
    again.Attach(&signal_);
    accepted_.Close();
    while (again.PeekState() == Stream::Peek::kQuiet) {
      again.WantRead();
      co_await signal_.Wait();
    }
    pool.Release("a", std::move(again), true);
    EXPECT_FALSE(pool.Acquire("a", Call::kRepeatable).open());  // the server closed it
    EXPECT_EQ(pool.idle(), 0U);
  });
}

TEST_F(StreamTest, ThePoolSeesAnEndWhileAConnectionIsIdle) {
  for (const bool reused : {false, true}) {
    for (const Call call : {Call::kRepeatable, Call::kOnce}) {
      const auto clock = MakeRealClock();
      Deadlines deadlines(io_.get_executor(), *clock);
      ConnectionPool pool(deadlines);
      Run([&]() -> Task<> {
        Stream client = co_await ConnectPair();
        char none = 0;
        EXPECT_EQ(client.Read(&none, 1).status, IoStatus::kAgain);
        pool.Release("a", std::move(client), reused);
        Stream quiet = pool.Acquire("a", call);
        EXPECT_TRUE(quiet.open());
        EXPECT_TRUE(quiet.quiet_so_far());
        pool.Release("a", std::move(quiet), reused);
        accepted_.Close();
        for (int turn = 0; turn < 4; ++turn) {  // the loop looks at its sockets
          boost::asio::post(io_, [this] { signal_.NotifyInline(); });
          co_await signal_.Wait();
        }
        EXPECT_FALSE(pool.Acquire("a", call).open());
      });
    }
  }
}

// The end came together with the last bytes: the watch misses it, so the first time the socket is
// asked, and a call that must not be made twice asks always.
TEST_F(StreamTest, ThePoolAsksTheSocketWhereItsWatchIsNotEnough) {
  for (const bool reused : {false, true}) {
    const auto clock = MakeRealClock();
    Deadlines deadlines(io_.get_executor(), *clock);
    ConnectionPool pool(deadlines);
    Run([&]() -> Task<> {
      Stream client = co_await ConnectPair();
      (void)accepted_.Write("x", 1);
      accepted_.Close();
      client.Attach(&signal_);
      client.WantRead();
      co_await signal_.Wait();
      std::array<char, 8> bytes{};
      EXPECT_EQ(client.Read(bytes.data(), bytes.size()).bytes, 1U);
      pool.Release("a", std::move(client), reused);
      EXPECT_FALSE(pool.Acquire("a", reused ? Call::kOnce : Call::kRepeatable).open());
    });
  }
}

TEST_F(StreamTest, AFullPoolKeepsTheYoungest) {
  fakes::FakeClock clock;
  Deadlines deadlines(io_.get_executor(), clock);
  ConnectionPool pool(deadlines);
  Run([&]() -> Task<> {
    for (std::size_t i = 0; i < kMaxIdlePerOrigin; ++i) {
      pool.Release("a", co_await ConnectPair(), true);
    }
    clock.Advance(kMaxIdleUnrepeatable);
    EXPECT_FALSE(pool.Acquire("a", Call::kOnce).open());
    pool.Release("a", co_await ConnectPair(), false);
    EXPECT_EQ(pool.idle(), kMaxIdlePerOrigin);
    EXPECT_TRUE(pool.Acquire("a", Call::kOnce).open());
  });
}

TEST_F(StreamTest, ThePoolForgetsWhatWasIdleTooLong) {
  fakes::FakeClock clock;
  Deadlines deadlines(io_.get_executor(), clock);
  ConnectionPool pool(deadlines);
  Run([&]() -> Task<> {
    Stream client = co_await ConnectPair();
    pool.Release("a", std::move(client), false);
  });
  clock.Advance(kMaxIdleUnrepeatable);
  EXPECT_FALSE(pool.Acquire("a", Call::kOnce).open());  // a call that cannot be made again
  clock.Advance(kMaxIdle - kMaxIdleUnrepeatable - Milliseconds{1});
  Stream stream = pool.Acquire("a", Call::kRepeatable);
  EXPECT_TRUE(stream.open());
  pool.Release("a", std::move(stream), true);
  clock.Advance(kMaxIdle);
  EXPECT_FALSE(pool.Acquire("a", Call::kRepeatable).open());
  EXPECT_EQ(pool.idle(), 1U);
  pool.Notify();  // as its deadline does
  EXPECT_EQ(pool.idle(), 0U);
}

TEST(BufferPool, ReturnsBlocks) {
  BufferPool pool;
  {
    Buffer buffer = pool.Acquire();
    EXPECT_EQ(pool.in_use(), 1U);
    buffer.space()[0] = 'a';
    buffer.space()[1] = 'b';
    buffer.Commit(2);
    buffer.Consume(1);
    buffer.Compact();
    EXPECT_EQ(buffer.view(), "b");
    Buffer moved = std::move(buffer);
    EXPECT_FALSE(buffer.held());
    EXPECT_EQ(moved.view(), "b");
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
}  // namespace reliability::net
