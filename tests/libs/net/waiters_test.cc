#include "libs/net/waiters.h"

#include <gtest/gtest.h>

#include <string>

namespace reliability::net {
namespace {

class WaitersTest : public testing::Test {
 protected:
  void Add(IoContext& loop, const char* name) {
    waiters_.Add(loop.get_executor(), [this, name] { woken_ += name; });
  }
  void Run(IoContext& loop) {
    loop.restart();
    loop.poll();
  }

  IoContext first_{1};
  IoContext second_{1};
  Waiters waiters_;
  std::string woken_;
};

TEST_F(WaitersTest, EachIsWokenOnceOnItsOwnLoop) {
  Add(first_, "a");
  Add(second_, "b");
  Add(first_, "c");
  waiters_.Wake();
  EXPECT_EQ(woken_, "");  // not inside
  Run(first_);
  EXPECT_EQ(woken_, "ac");
  Run(second_);
  EXPECT_EQ(woken_, "acb");
  waiters_.Wake();
  Run(first_);
  EXPECT_EQ(woken_, "acb");
}

TEST_F(WaitersTest, WhoIsWokenMayWaitAgain) {
  waiters_.Add(first_.get_executor(), [this] {
    woken_ += "a";
    Add(first_, "b");
  });
  waiters_.Wake();
  Run(first_);
  EXPECT_EQ(woken_, "a");
  waiters_.Wake();
  Run(first_);
  EXPECT_EQ(woken_, "ab");
}

TEST_F(WaitersTest, AfterClearNobodyWaits) {
  Add(first_, "a");
  waiters_.Clear();
  waiters_.Wake();
  Run(first_);
  EXPECT_EQ(woken_, "");
}

}  // namespace
}  // namespace reliability::net
