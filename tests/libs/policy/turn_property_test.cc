// Many users, equal questions, random interleaving, failures, retries and cancellations: each call
// joins the turn of its own user, and each turn is recorded once.
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "tests/libs/policy/turn_test_support.h"

namespace reliability::policy {
namespace {

struct User {
  TurnHandle turn = 0;
  MonotonicTime started;
  std::vector<std::string> ids;     // asked for by the last answer
  std::vector<std::uint64_t> args;  // of these calls
  bool llm_running = false;
};

class TurnPropertyTest : public TurnTest {
 protected:
  void Ask(User& user, std::uint64_t question) {
    user = User{};
    user.turn = Begin(Question(question));
    user.started = now_;
    user.llm_running = true;
    ASSERT_TRUE(opened_.insert(user.turn).second) << "a new question joined an old turn";
  }
  bool Blown(const User& user) const { return now_ > user.started + Milliseconds{15'000}; }

  std::set<TurnHandle> opened_;
  std::map<TurnHandle, int> recorded_;
};

TEST_F(TurnPropertyTest, UsersAreNeverMergedAndTurnsAreRecordedOnce) {
  constexpr std::uint64_t kSeed = 4711;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 rng(kSeed);
  const auto chance = [&](unsigned percent) { return rng() % 100 < percent; };
  std::vector<User> users(12);
  std::uint64_t serial = 0;
  for (int step = 0; step < 40'000; ++step) {
    Advance(static_cast<std::int64_t>(rng() % 400));
    User& user = users[rng() % users.size()];
    const std::uint64_t question = rng() % 3;  // few questions: prefixes collide all the time
    if (user.turn == 0 || Blown(user)) {
      Ask(user, question);
    } else if (user.llm_running) {
      user.llm_running = false;
      if (chance(10)) {
        FailLlm(user.turn, chance(50) ? ErrorClass::kServerError : ErrorClass::kClientCancelled);
        user.turn = 0;  // this agent gives up
      } else if (chance(30)) {
        Answer(user.turn);
        user.turn = 0;
      } else {
        std::vector<RequestedTool> tools;
        for (std::uint64_t i = 0; i <= rng() % 2; ++i) {
          user.args.push_back(++serial);
          user.ids.push_back("call_" + std::to_string(serial));
          tools.push_back({user.ids.back(), "search", serial});
        }
        AskForTools(user.turn, tools);
      }
    } else if (!user.args.empty()) {
      const ToolClues call = ToolCall("search", user.args.back());
      user.args.pop_back();
      const TurnMatch match = tracker_.MatchToolCall(call, now_);
      ASSERT_EQ(match.kind, MatchKind::kRunning) << "step " << step;
      ASSERT_EQ(match.turn, user.turn) << "step " << step;
      const std::uint64_t number = tracker_.BeginToolCall(match.turn, call);
      tracker_.EndToolCall(match.turn, number, "search", ErrorClass::kNone, now_);
    } else {
      const TurnMatch match = tracker_.Match(Continuation(user.ids, question), now_);
      ASSERT_EQ(match.kind, MatchKind::kRunning) << "step " << step;
      ASSERT_EQ(match.turn, user.turn) << "step " << step;
      tracker_.BeginLlmCall(match.turn);
      user.llm_running = true;
      user.ids.clear();
    }
    for (const TurnRecord& record : tracker_.TakeEnded()) {
      ++recorded_[record.handle];
    }
  }
  Advance(15'000 + 60'000);  // calls of turns that were given up are still out
  tracker_.Expire(now_);
  for (const TurnRecord& record : tracker_.TakeEnded()) {
    ++recorded_[record.handle];
  }
  EXPECT_EQ(tracker_.running(), 0U);
  EXPECT_EQ(tracker_.NextWake(), std::nullopt);
  EXPECT_EQ(recorded_.size(), opened_.size());
  for (const auto& [turn, times] : recorded_) {
    EXPECT_EQ(times, 1) << turn;
  }
}

}  // namespace
}  // namespace reliability::policy
