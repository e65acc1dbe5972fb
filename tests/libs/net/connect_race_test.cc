#include "libs/net/connect_race.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <string>

#include "tests/fakes/loopback_place.h"

namespace reliability::net {
namespace {

using fakes::LoopbackPlace;

constexpr MonotonicTime kBegin{Milliseconds{1'000'000}};

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

class ConnectRaceTest : public testing::Test {
 protected:
  static Addresses Parse(std::initializer_list<const char*> texts) {
    Addresses addresses;
    for (const char* text : texts) {
      addresses.push_back(boost::asio::ip::make_address(text));
    }
    return addresses;
  }
  // Polls at `now` until nothing moves any more: on loopback every refusal has come by then.
  static IoStatus Settle(ConnectRace& race, MonotonicTime now) {
    IoStatus status = race.Poll(now);
    for (int i = 0; i < 100 && status == IoStatus::kAgain; ++i) {
      status = race.Poll(now);
    }
    return status;
  }

  IoContext io_{1};
  Signal signal_{io_.get_executor()};
};

TEST_F(ConnectRaceTest, TheFirstAddressIsEnough) {
  const LoopbackPlace place(1);
  place.Listen();
  ConnectRace race(io_.get_executor(), signal_, Parse({"127.0.0.1", "127.0.0.2"}), place.port());
  EXPECT_EQ(Settle(race, kBegin), IoStatus::kOk);
  EXPECT_EQ(race.winner().to_string(), "127.0.0.1");
  EXPECT_FALSE(race.exhausted());
  EXPECT_TRUE(race.TakeWinner().open());
}

TEST_F(ConnectRaceTest, ARefusalStartsTheNextAtOnce) {
  const LoopbackPlace one(1);  // bound, not listening
  const LoopbackPlace place(3, one.port());
  place.Listen();
  ConnectRace race(io_.get_executor(), signal_, Parse({"127.0.0.1", "::1", "127.0.0.3"}),
                   place.port());
  EXPECT_EQ(Settle(race, kBegin), IoStatus::kOk);  // no time has passed
  EXPECT_EQ(race.winner().to_string(), "127.0.0.3");
  EXPECT_TRUE(race.exhausted());
}

TEST_F(ConnectRaceTest, SilenceStartsTheNextAfterAWhileAndLosersAreClosed) {
  LoopbackPlace hole(1);
  hole.BeBlackHole();
  const LoopbackPlace place(2, hole.port());
  place.Listen();
  ConnectRace first(io_.get_executor(), signal_, Parse({"127.0.0.2"}), place.port());
  EXPECT_EQ(Settle(first, kBegin), IoStatus::kOk);
  first.TakeWinner().Close();  // now the loop has its own descriptors, too
  const std::size_t before = OpenDescriptors();
  ConnectRace race(io_.get_executor(), signal_, Parse({"127.0.0.1", "127.0.0.2"}), place.port());
  EXPECT_EQ(Settle(race, kBegin), IoStatus::kAgain);
  EXPECT_EQ(race.next_at(), kBegin + kNextAddressAfter);
  EXPECT_EQ(Settle(race, kBegin + kNextAddressAfter - Milliseconds{1}), IoStatus::kAgain);
  EXPECT_EQ(OpenDescriptors(), before + 1);
  EXPECT_EQ(Settle(race, kBegin + kNextAddressAfter), IoStatus::kOk);
  EXPECT_EQ(race.winner().to_string(), "127.0.0.2");
  EXPECT_EQ(OpenDescriptors(), before + 1);
  Stream winner = race.TakeWinner();
  EXPECT_EQ(winner.Write("x", 1).bytes, 1U);
}

TEST_F(ConnectRaceTest, AllSilentIsNoEnd) {
  LoopbackPlace one(1);
  one.BeBlackHole();
  LoopbackPlace two(2, one.port());
  two.BeBlackHole();
  ConnectRace race(io_.get_executor(), signal_, Parse({"127.0.0.1", "127.0.0.2"}), one.port());
  EXPECT_EQ(Settle(race, kBegin), IoStatus::kAgain);
  EXPECT_EQ(Settle(race, kBegin + kNextAddressAfter), IoStatus::kAgain);
  EXPECT_EQ(race.next_at(), MonotonicTime::max());  // the caller's limit ends it
}

TEST_F(ConnectRaceTest, ARefusalWhileAnotherIsSilentDoesNotWait) {
  LoopbackPlace hole(1);
  hole.BeBlackHole();
  const LoopbackPlace refuses(2, hole.port());
  const LoopbackPlace place(3, hole.port());
  place.Listen();
  ConnectRace race(io_.get_executor(), signal_, Parse({"127.0.0.1", "127.0.0.2", "127.0.0.3"}),
                   hole.port());
  EXPECT_EQ(Settle(race, kBegin), IoStatus::kAgain);
  EXPECT_EQ(Settle(race, kBegin + kNextAddressAfter), IoStatus::kOk);
  EXPECT_EQ(race.winner().to_string(), "127.0.0.3");
}

TEST_F(ConnectRaceTest, AfterAWinnerTheRestCanBeTried) {
  const LoopbackPlace one(1);
  one.Listen();
  const LoopbackPlace two(2, one.port());
  two.Listen();
  ConnectRace race(io_.get_executor(), signal_, Parse({"127.0.0.1", "127.0.0.2"}), one.port());
  EXPECT_EQ(Settle(race, kBegin), IoStatus::kOk);
  race.TakeWinner().Close();
  EXPECT_EQ(Settle(race, kBegin), IoStatus::kOk);
  EXPECT_EQ(race.winner().to_string(), "127.0.0.2");
  race.TakeWinner().Close();
  EXPECT_TRUE(race.exhausted());
}

TEST_F(ConnectRaceTest, SaysWhoseFaultItWas) {
  const LoopbackPlace refuses(1);
  ConnectRace refused(io_.get_executor(), signal_, Parse({"127.0.0.1"}), refuses.port());
  EXPECT_EQ(Settle(refused, kBegin), IoStatus::kError);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_NE(refused.error().message.find("Connection refused"), std::string::npos);

  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  ConnectRace local(io_.get_executor(), signal_, Parse({"127.0.0.1", "127.0.0.2"}), refuses.port());
  const IoStatus status = local.Poll(kBegin);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(status, IoStatus::kError);
  EXPECT_EQ(local.error().code, Code::kExhausted);
}

}  // namespace
}  // namespace reliability::net
