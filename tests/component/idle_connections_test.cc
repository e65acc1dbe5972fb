// Which connection an attempt takes: one that was idle for less than 4 s, or 1 s if the call must
// not be made twice (data-plane ruling 11).
#include <gtest/gtest.h>

#include "tests/component/stopped_time.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kShop = "/tools/shop/orders";
constexpr Milliseconds kUnrepeatable{1000};
constexpr Milliseconds kRepeatable{4000};
constexpr Milliseconds kMoment{1};

class IdleConnections : public StoppedTime {
 protected:
  static void AnswerChat(FakeUpstream::Connection& c, const SeenRequest&) {
    c.Respond(200, "application/json", kChatAnswer);
  }

  FakeUpstream upstream_{AnswerChat};
};

TEST_F(IdleConnections, ACallThatMayChangeSomethingTakesNoneThatWasIdleForASecond) {
  Start(MakePolicy(upstream_.url(), {.max_retries = 2}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kShop, "{}").status, 200);
  stopped_.Advance(kUnrepeatable - kMoment);
  EXPECT_EQ(agent.Post(kShop, "{}").status, 200);
  EXPECT_EQ(upstream_.connections(), 1);
  stopped_.Advance(kUnrepeatable);
  EXPECT_EQ(agent.Post(kShop, "{}").status, 200);
  EXPECT_EQ(upstream_.connections(), 2);
}

TEST_F(IdleConnections, ACallThatCanBeMadeAgainTakesOneThatWasIdleForLonger) {
  Start(MakePolicy(upstream_.url(), {.max_retries = 2}));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  stopped_.Advance(kRepeatable - kMoment);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_EQ(agent.Get(kShop).status, 200);
  EXPECT_EQ(upstream_.connections(), 1);
  stopped_.Advance(kRepeatable);
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  EXPECT_EQ(upstream_.connections(), 2);
}

// The same call, once no retry is left for it.
TEST_F(IdleConnections, WithoutRetriesAndInObserveNoCallCanBeMadeAgain) {
  for (const bool enforce : {true, false}) {
    workers_.clear();
    Start(MakePolicy(upstream_.url(), {.enforce = enforce, .max_retries = enforce ? 0 : 2}));
    const int before = upstream_.connections();
    Agent agent(port());
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
    stopped_.Advance(kUnrepeatable);
    EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
    EXPECT_EQ(upstream_.connections(), before + 2) << enforce;
  }
}

}  // namespace
}  // namespace reliability::component
