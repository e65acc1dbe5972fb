#include "libs/net/resolver.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <utility>

#include "libs/net/dns_client.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_dns_server.h"

namespace reliability::net {
namespace {

using State = Resolver::State;

// Answers when the test says so.
class HandSource final : public NameSource {
 public:
  struct Log {
    std::deque<Done> open;  // questions without an answer
    int asked = 0;
    bool closed = false;
  };
  explicit HandSource(Log& log) : log_(log) {}
  void Look(const std::string&, Done done) override {
    ++log_.asked;
    log_.open.push_back(std::move(done));
  }
  void Close() override { log_.closed = true; }

 private:
  Log& log_;
};

class ResolverTest : public testing::Test {
 protected:
  Resolver::Answer Resolve() {
    return resolver_.Resolve("orders", io_.get_executor(), [this] { ++ready_; });
  }
  // Answers the oldest question, and runs what was posted.
  void Answer(Result<NameAnswer> answer) {
    ASSERT_FALSE(source_.open.empty());
    const auto done = std::move(source_.open.front());
    source_.open.pop_front();
    done(std::move(answer));
    io_.restart();
    io_.poll();
  }
  static Result<NameAnswer> Found(const char* address, int ttl_s) {
    return NameAnswer{.addresses = {boost::asio::ip::make_address(address)},
                      .ttl = std::chrono::seconds{ttl_s}};
  }
  static Result<NameAnswer> Failed(Code code) { return Fail(code, "orders: no"); }
  // An answer of this TTL is used for so long.
  void ExpectUse(int ttl_s, Milliseconds time) {
    EXPECT_EQ(Resolve().state, State::kPending);
    Answer(Found("10.0.0.1", ttl_s));
    clock_.Advance(time - Milliseconds{1});
    EXPECT_EQ(Resolve().state, State::kReady) << ttl_s;
    clock_.Advance(Milliseconds{1});
    EXPECT_EQ(Resolve().state, State::kPending) << ttl_s;
    Answer(Failed(Code::kExhausted));
    clock_.Advance(Milliseconds{700'000});  // it is forgotten
  }

  fakes::FakeClock clock_;
  HandSource::Log source_;
  IoContext io_{1};
  int ready_ = 0;
  Resolver resolver_{clock_, std::make_unique<HandSource>(source_)};
};

TEST_F(ResolverTest, LiteralAddressesNeedNoLookup) {
  const auto of = [this](const char* host) {
    return resolver_.Resolve(host, io_.get_executor(), [] {}).addresses.at(0).to_string();
  };
  EXPECT_EQ(of("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(of("::1"), "::1");
  EXPECT_EQ(source_.asked, 0);
}

TEST_F(ResolverTest, OneQuestionServesAllThatWait) {
  EXPECT_EQ(Resolve().state, State::kPending);
  EXPECT_EQ(Resolve().state, State::kPending);
  EXPECT_EQ(source_.asked, 1);
  Answer(Found("10.0.0.1", 60));
  EXPECT_EQ(ready_, 2);
  EXPECT_EQ(Resolve().addresses.at(0).to_string(), "10.0.0.1");
}

TEST_F(ResolverTest, AnswersServeForTheirTtlWithinBounds) {
  ExpectUse(0, Milliseconds{5'000});
  ExpectUse(60, Milliseconds{60'000});
  ExpectUse(86'400, Milliseconds{300'000});
}

TEST_F(ResolverTest, NamesInUseAreRenewedBeforeTheirTime) {
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(Found("10.0.0.1", 100));
  clock_.Advance(Milliseconds{79'000});
  EXPECT_EQ(Resolve().state, State::kReady);
  EXPECT_EQ(source_.asked, 1);
  clock_.Advance(Milliseconds{2'000});
  EXPECT_EQ(Resolve().addresses.at(0).to_string(), "10.0.0.1");
  EXPECT_EQ(source_.asked, 2);
  Answer(Found("10.0.0.2", 100));
  EXPECT_EQ(Resolve().addresses.at(0).to_string(), "10.0.0.2");
}

TEST_F(ResolverTest, FailuresAreRememberedForASecond) {
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(Failed(Code::kNotFound));
  const auto failed = Resolve();
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.error.code, Code::kNotFound);
  EXPECT_EQ(source_.asked, 1);
  clock_.Advance(Milliseconds{1'000});
  EXPECT_EQ(Resolve().state, State::kPending);
  EXPECT_EQ(source_.asked, 2);
}

TEST_F(ResolverTest, TheLastGoodAnswerServesTenMinutesOfFailures) {
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(Found("10.0.0.1", 5));
  clock_.Advance(Milliseconds{6'000});
  const auto waiting = Resolve();
  EXPECT_EQ(waiting.state, State::kPending);
  EXPECT_EQ(waiting.addresses.size(), 1U);
  EXPECT_EQ(waiting.ask_again_at, clock_.MonotonicNow() + Milliseconds{250});
  Answer(Failed(Code::kExhausted));
  EXPECT_EQ(Resolve().state, State::kReady);
  clock_.Advance(Milliseconds{593'000});
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(Failed(Code::kExhausted));
  EXPECT_EQ(Resolve().state, State::kReady);
  clock_.Advance(Milliseconds{2'000});
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(Failed(Code::kExhausted));
  EXPECT_EQ(Resolve().state, State::kFailed);
  EXPECT_EQ(Resolve().error.code, Code::kExhausted);
}

TEST_F(ResolverTest, TheLastGoodAnswerServesWhileALookUpTakesLong) {
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(Found("10.0.0.1", 5));
  clock_.Advance(Milliseconds{6'000});
  EXPECT_EQ(Resolve().state, State::kPending);
  clock_.Advance(Milliseconds{250});
  EXPECT_EQ(Resolve().addresses.at(0).to_string(), "10.0.0.1");
  EXPECT_EQ(Resolve().state, State::kReady);
  Answer(Found("10.0.0.2", 5));
  EXPECT_EQ(Resolve().addresses.at(0).to_string(), "10.0.0.2");
}

TEST_F(ResolverTest, FailedConnectionsAskAgainOnceASecond) {
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(Found("10.0.0.1", 300));
  for (int i = 0; i < 100; ++i) {
    resolver_.Refresh("orders");
  }
  EXPECT_EQ(source_.asked, 1);  // it was asked just now
  clock_.Advance(Milliseconds{1'000});
  for (int i = 0; i < 100; ++i) {
    resolver_.Refresh("orders");
  }
  EXPECT_EQ(source_.asked, 2);
  Answer(Failed(Code::kExhausted));
  EXPECT_EQ(Resolve().state, State::kReady);
  resolver_.Refresh("unknown");
  EXPECT_EQ(source_.asked, 2);
}

TEST_F(ResolverTest, TheFamilyThatWonBeginsFromThenOn) {
  const auto six = boost::asio::ip::make_address("2001:db8::1");
  const auto four = boost::asio::ip::make_address("10.0.0.1");
  const NameAnswer both{.addresses = {six, four}, .ttl = std::chrono::seconds{5}};
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(both);
  EXPECT_EQ(Resolve().addresses, (Addresses{six, four}));
  resolver_.Prefer("orders", four);
  EXPECT_EQ(Resolve().addresses, (Addresses{four, six}));
  clock_.Advance(Milliseconds{5'000});
  EXPECT_EQ(Resolve().state, State::kPending);
  Answer(both);
  EXPECT_EQ(Resolve().addresses, (Addresses{four, six}));
  resolver_.Prefer("orders", six);
  EXPECT_EQ(Resolve().addresses, (Addresses{six, four}));
  resolver_.Prefer("unknown", four);
}

TEST_F(ResolverTest, AClosedOneLeavesExecutorsAlone) {
  EXPECT_EQ(Resolve().state, State::kPending);
  resolver_.Close();
  EXPECT_TRUE(source_.closed);
  Answer(Found("10.0.0.1", 60));  // a source that is late
  EXPECT_EQ(ready_, 0);
  resolver_.Refresh("orders");
  EXPECT_EQ(source_.asked, 1);
}

TEST(Resolver, ClosesWhileDnsIsSilent) {
  fakes::FakeDnsServer server;
  server.SetFault("silent.test", fakes::FakeDnsServer::kA, fakes::DnsFault::kSilent);
  server.SetFault("silent.test", fakes::FakeDnsServer::kAaaa, fakes::DnsFault::kSilent);
  const auto clock = MakeRealClock();
  DnsSettings settings;
  settings.servers = server.address();
  settings.first_try = Milliseconds{60'000};
  auto io = std::make_unique<IoContext>(1);
  Resolver resolver(*clock, std::make_unique<DnsClient>(*clock, settings));
  const auto never = [] { ADD_FAILURE() << "called"; };
  EXPECT_EQ(resolver.Resolve("silent.test", io->get_executor(), never).state, State::kPending);
  while (server.asked("silent.test", fakes::FakeDnsServer::kA) == 0) {
    std::this_thread::yield();
  }
  resolver.Close();
  io.reset();  // a sanitizer would tell
}

TEST(Resolver, FindsLocalhost) {
  const auto clock = MakeRealClock();
  Resolver resolver(*clock);
  IoContext io(1);
  auto guard = boost::asio::make_work_guard(io);
  auto answer = resolver.Resolve("localhost", io.get_executor(), [&guard] { guard.reset(); });
  EXPECT_EQ(answer.state, State::kPending);
  io.run();
  answer = resolver.Resolve("localhost", io.get_executor(), [] {});
  EXPECT_EQ(answer.state, State::kReady);
  EXPECT_FALSE(answer.addresses.empty());
}

}  // namespace
}  // namespace reliability::net
