#include "libs/net/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "tests/fakes/fake_clock.h"

namespace reliability::net {
namespace {

using State = Resolver::State;

// Runs the loop until `ready` was posted.
Resolver::Answer ResolveNow(Resolver& resolver, const std::string& host) {
  IoContext io(1);
  auto guard = boost::asio::make_work_guard(io);
  auto answer = resolver.Resolve(host, io.get_executor(), [&guard] { guard.reset(); });
  if (answer.state == State::kPending) {
    io.run();
    answer = resolver.Resolve(host, io.get_executor(), [] {});
  }
  return answer;
}

TEST(Resolver, LiteralAddressesNeedNoLookup) {
  const fakes::FakeClock clock;
  Resolver resolver(clock, [](const std::string&) -> Result<Resolver::Addresses> {
    ADD_FAILURE() << "looked up";
    return Fail(Code::kInternal, "");
  });
  EXPECT_EQ(ResolveNow(resolver, "127.0.0.1").addresses.at(0).to_string(), "127.0.0.1");
  EXPECT_EQ(ResolveNow(resolver, "::1").addresses.at(0).to_string(), "::1");
}

TEST(Resolver, AClosedOneLeavesExecutorsAlone) {
  const fakes::FakeClock clock;
  std::promise<void> asked;
  std::promise<void> go;
  auto io = std::make_unique<IoContext>(1);
  {
    Resolver resolver(clock, [&](const std::string& host) -> Result<Resolver::Addresses> {
      asked.set_value();
      go.get_future().wait();
      return Fail(Code::kNotFound, host);
    });
    const auto never = [] { ADD_FAILURE() << "called"; };
    EXPECT_EQ(resolver.Resolve("orders", io->get_executor(), never).state, State::kPending);
    asked.get_future().wait();
    resolver.Close();
    io.reset();  // a sanitizer would tell
    go.set_value();
  }
}

TEST(Resolver, ServesOldAnswersAndRemembersFailuresForASecond) {
  fakes::FakeClock clock;
  std::atomic<int> lookups = 0;
  std::atomic<bool> works = false;
  Resolver resolver(clock, [&](const std::string& host) -> Result<Resolver::Addresses> {
    ++lookups;
    if (!works) {
      return Fail(Code::kNotFound, host);
    }
    return Resolver::Addresses{boost::asio::ip::make_address("10.0.0.1")};
  });
  EXPECT_EQ(ResolveNow(resolver, "orders").state, State::kFailed);
  EXPECT_EQ(ResolveNow(resolver, "orders").state, State::kFailed);
  EXPECT_EQ(lookups, 1);
  works = true;
  clock.Advance(Milliseconds{1000});
  EXPECT_EQ(ResolveNow(resolver, "orders").state, State::kReady);
  EXPECT_EQ(lookups, 2);
  works = false;
  clock.Advance(Milliseconds{300'000});
  EXPECT_EQ(ResolveNow(resolver, "orders").state, State::kReady);  // last good
  clock.Advance(Milliseconds{600'000});
  EXPECT_EQ(ResolveNow(resolver, "orders").state, State::kFailed);
}

TEST(Resolver, FindsLocalhost) {
  const auto found = Resolver::SystemLookup("localhost");
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->empty());
}

}  // namespace
}  // namespace reliability::net
