#include "libs/net/write_batch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace reliability::net {
namespace {

class WriteBatchTest : public testing::Test {
 protected:
  Task<> Write(int id) {
    co_await batch_.Turn();
    written_.push_back(id);
  }
  // `count` writers in one handler, as one look at the sockets finds them; how many of them had
  // written when the handler ended.
  std::size_t Together(int count) {
    std::size_t at_once = 0;
    boost::asio::post(io_, [&] {
      written_.clear();
      for (int id = 0; id < count; ++id) {
        detail::RunRoot(Write(id), [] {});
      }
      at_once = written_.size();
    });
    io_.restart();
    io_.run();
    EXPECT_EQ(written_.size(), static_cast<std::size_t>(count));
    return at_once;
  }

  IoContext io_{1};
  WriteBatch batch_{io_.get_executor()};
  std::vector<int> written_;
};

TEST_F(WriteBatchTest, AloneNobodyIsHeldButTheProbe) {
  unsigned held = 0;
  for (unsigned i = 0; i < 3 * WriteBatch::kProbe; ++i) {
    held += Together(1) == 0 ? 1U : 0U;
    EXPECT_FALSE(batch_.holding());
  }
  EXPECT_EQ(held, 3U);
}

TEST_F(WriteBatchTest, UnderLoadAllAreHeldAndLeaveInOrder) {
  // The probe is among the first so many; who comes behind it is held with it.
  EXPECT_EQ(Together(64), WriteBatch::kProbe - 1);
  EXPECT_TRUE(batch_.holding());
  EXPECT_EQ(Together(64), 0U);
  for (int id = 0; id < 64; ++id) {
    EXPECT_EQ(written_[static_cast<std::size_t>(id)], id);
  }
}

TEST_F(WriteBatchTest, HoldingEndsWithTheLoad) {
  EXPECT_LT(Together(64), 64U);
  EXPECT_TRUE(batch_.holding());
  EXPECT_EQ(Together(static_cast<int>(WriteBatch::kWorthwhile) - 1), 0U);
  EXPECT_FALSE(batch_.holding());
  EXPECT_EQ(Together(1), 1U);
}

TEST_F(WriteBatchTest, AWriterThatWritesAgainWaitsForTheNextTurn) {
  EXPECT_LT(Together(64), 64U);
  std::vector<std::string> order;
  auto twice = [&](std::string name) -> Task<> {
    co_await batch_.Turn();
    order.push_back(name + "1");
    co_await batch_.Turn();
    order.push_back(name + "2");
  };
  boost::asio::post(io_, [&] {
    for (const char* name : {"a", "b", "c", "d"}) {
      detail::RunRoot(twice(name), [] {});
    }
  });
  io_.restart();
  io_.run();
  EXPECT_EQ(order, (std::vector<std::string>{"a1", "b1", "c1", "d1", "a2", "b2", "c2", "d2"}));
}

}  // namespace
}  // namespace reliability::net
