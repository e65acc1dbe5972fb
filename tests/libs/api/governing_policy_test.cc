#include "libs/api/governing_policy.h"

#include <gtest/gtest.h>

namespace reliability::api {
namespace {

const TargetRef kAgent{"apps", "Deployment", "refunds-agent"};
constexpr SystemTime kNow{Milliseconds{1'800'000'000'000}};

std::shared_ptr<const AgentReliabilityPolicy> Policy(const std::string& name, SystemTime created) {
  AgentReliabilityPolicy policy;
  policy.metadata.name = name;
  policy.metadata.creation_timestamp = created;
  policy.spec.target_refs = {kAgent};
  return std::make_shared<const AgentReliabilityPolicy>(std::move(policy));
}

TEST(GoverningPolicy, TheOlderThenTheFirstByName) {
  const auto old = Policy("z", kNow - Milliseconds{1000});
  const auto young = Policy("a", kNow);
  const auto same = Policy("b", kNow);
  EXPECT_EQ(GoverningPolicy({young, old}), old);
  EXPECT_EQ(GoverningPolicy({same, young}), young);
  EXPECT_EQ(GoverningPolicy({}), nullptr);
}

TEST(GoverningPolicy, TargetsNamedWorkloadsUntilItIsDeleted) {
  AgentReliabilityPolicy policy = *Policy("a", kNow);
  EXPECT_TRUE(Targets(policy, kAgent));
  EXPECT_FALSE(Targets(policy, {"apps", "StatefulSet", "refunds-agent"}));
  policy.metadata.deletion_timestamp = kNow;
  EXPECT_FALSE(Targets(policy, kAgent));
}

}  // namespace
}  // namespace reliability::api
