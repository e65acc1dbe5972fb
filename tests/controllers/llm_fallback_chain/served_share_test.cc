#include "controllers/llm_fallback_chain/served_share.h"

#include <gtest/gtest.h>

#include "tests/controllers/llm_fallback_chain/chain_facts.h"

namespace reliability::controllers::llm_fallback_chain {
namespace {

using std::chrono::minutes;

constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};
constexpr const char* kNew = "1800000000001-cd";  // started after kStart
constexpr const char* kOld = "1799999999999-ef";

MonotonicTime At(int minute) { return MonotonicTime{minutes{minute}}; }

TEST(ServedShare, IsUnknownBeforeTheFirstCall) {
  ServedShare share(kStart);
  EXPECT_EQ(share.Percent("primary"), std::nullopt);
  share.Update(InputOf({Sidecar("a", Counts(0, 0), kNew)}), At(0));
  EXPECT_EQ(share.Percent("primary"), std::nullopt);
}

TEST(ServedShare, CountersOfBeforeOurTimeAreTheBaseline) {
  ServedShare share(kStart);
  share.Update(InputOf({Sidecar("a", Counts(1000, 0), kOld)}), At(0));
  EXPECT_EQ(share.Percent("primary"), std::nullopt);
  share.Update(InputOf({Sidecar("a", Counts(1001, 3), kOld)}), At(0));
  EXPECT_EQ(share.Percent("primary"), 25);
  EXPECT_EQ(share.Percent("claude"), 75);
  share.Update(InputOf({Sidecar("a", Counts(4, 0), kNew)}), At(0));
  EXPECT_EQ(share.Percent("primary"), 65) << "5 of 8, a restarted sidecar counts from zero";
}

TEST(ServedShare, StepsAreFiveAndOnlyNoneIsZeroAndAllIsHundred) {
  struct Case {
    std::uint64_t primary, claude, terminal;
    int percent;
  };
  for (const Case& c :
       {Case{0, 9, 0, 0}, Case{9, 0, 0, 100}, Case{1, 999, 0, 5}, Case{999, 1, 0, 95},
        Case{1, 1, 0, 50}, Case{1, 2, 0, 35}, Case{1, 0, 3, 25}, Case{0, 0, 3, 0}}) {
    ServedShare share(kStart);
    share.Update(InputOf({Sidecar("a", Counts(c.primary, c.claude, c.terminal), kNew)}), At(0));
    EXPECT_EQ(share.Percent("primary"), c.percent) << c.primary << " " << c.claude;
  }
}

TEST(ServedShare, IdleTimeChangesNothingAndOldTrafficIsForgottenByNewOne) {
  ServedShare share(kStart);
  share.Update(InputOf({Sidecar("a", Counts(10, 0), kNew)}), At(0));
  for (int minute = 1; minute < 600; ++minute) {
    share.Update(InputOf({Sidecar("a", Counts(10, 0), kNew)}), At(minute));
  }
  EXPECT_EQ(share.Percent("primary"), 100);
  for (int i = 1; i <= 10; ++i) {
    share.Update(InputOf({Sidecar("a", Counts(10, static_cast<std::uint64_t>(i)), kNew)}),
                 At(600 + i));
  }
  EXPECT_EQ(share.Percent("primary"), 0);
}

TEST(ServedShare, PodsAddUpAndOneThatLosesTheChainForAWhileIsNotCountedTwice) {
  ServedShare share(kStart);
  share.Update(InputOf({Sidecar("a", Counts(5, 0), kNew), Sidecar("b", Counts(0, 5), kNew)}),
               At(0));
  EXPECT_EQ(share.Percent("primary"), 50);
  share.Update(InputOf({Sidecar("a", std::nullopt, kNew), Sidecar("b", Counts(0, 5), kNew)}),
               At(0));
  share.Update(InputOf({Sidecar("a", Counts(5, 0), kNew), Sidecar("b", Counts(0, 15), kNew)}),
               At(0));
  EXPECT_EQ(share.Percent("primary"), 25);
}

}  // namespace
}  // namespace reliability::controllers::llm_fallback_chain
