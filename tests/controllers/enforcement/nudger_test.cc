#include "controllers/enforcement/nudger.h"

#include <gtest/gtest.h>

namespace reliability::controllers::enforcement {
namespace {

using std::chrono::milliseconds;

PodFacts Pod(std::string uid, std::int64_t generation) {
  PodFacts pod;
  pod.uid = uid;
  pod.name = "pod-" + uid;
  pod.covered = true;
  pod.leader_epoch = 1;
  pod.generation = generation;
  return pod;
}

TEST(Nudger, AnnotatesAtOnceThenEverySecondAtMostFiveTimesMore) {  // ruling 4
  Nudger nudger;
  MonotonicTime now{};
  std::vector<std::string> annotations;
  for (int i = 0; i < 100; ++i) {
    for (const auto& nudge : nudger.Next({Pod("a", 1)}, {1, 2}, now).nudges) {
      annotations.push_back(nudge.annotation);
    }
    now += milliseconds{200};
  }
  EXPECT_EQ(annotations,
            (std::vector<std::string>{"1.2", "1.2#1", "1.2#2", "1.2#3", "1.2#4", "1.2#5"}));
  // Another order starts anew.
  EXPECT_EQ(nudger.Next({Pod("a", 1)}, {1, 3}, now).nudges.size(), 1U);
}

TEST(Nudger, LeavesPodsAloneThatObeyOrCannot) {
  Nudger nudger;
  PodFacts starting = Pod("s", 0);
  starting.covered = false;
  PodFacts ending = Pod("e", 0);
  ending.terminating = true;
  const auto plan = nudger.Next({Pod("a", 2), starting, ending}, {1, 2}, MonotonicTime{});
  EXPECT_TRUE(plan.nudges.empty());
  EXPECT_FALSE(plan.again.has_value());
}

}  // namespace
}  // namespace reliability::controllers::enforcement
