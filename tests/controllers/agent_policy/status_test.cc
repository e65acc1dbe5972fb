#include "controllers/agent_policy/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controllers/agent_policy/builders.h"

namespace reliability::controllers::agent_policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TargetState InChargeState(const api::AgentReliabilityPolicy& policy) {
  TargetState state;
  state.target = kTarget;
  state.exists = true;
  state.plan.policy = Share(policy);
  state.plan.json = "{}";
  state.plan.hash = std::string(64, 'a');
  state.written = true;
  return state;
}

std::vector<std::string> Reasons(const StatusUpdate& update) {
  std::vector<std::string> out;
  for (const PolicyEvent& event : update.events) {
    out.push_back(event.reason.str());
  }
  return out;
}

std::string ReasonOf(const StatusUpdate& update, const char* type) {
  const auto* condition = api::FindCondition(update.status.conditions, type);
  return condition == nullptr ? "none" : condition->reason;
}

TEST(BuildStatus, AFreshPolicySaysWhatIsMissingAndTheNextStep) {
  const auto policy = MakePolicy();
  TargetState state = InChargeState(policy);
  state.plan.coverage.missing = {"a", "b", "c"};
  const StatusUpdate update = BuildStatus(policy, {state}, kNow);
  EXPECT_TRUE(update.changed);
  EXPECT_EQ(update.status.target, "Deployment/refunds-agent");
  EXPECT_EQ(update.status.covered, "0/3");
  EXPECT_EQ(update.status.config_hash, state.plan.hash);
  EXPECT_TRUE(api::IsTrue(update.status.conditions, "Accepted"));
  EXPECT_TRUE(api::IsTrue(update.status.conditions, "Programmed"));
  EXPECT_EQ(ReasonOf(update, "SidecarsCovered"), "SidecarsMissing");
  EXPECT_THAT(Reasons(update), ElementsAre("PolicyAccepted", "SidecarMissing"));
  EXPECT_THAT(update.events[1].note,
              HasSubstr("3 of 3 pods were created before the policy and have no sidecar. Next: "
                        "kubectl rollout restart deployment/refunds-agent -n support"));
}

TEST(BuildStatus, TheSameStateAgainIsNoChangeAndNoEvent) {
  auto policy = MakePolicy();
  TargetState state = InChargeState(policy);
  state.plan.coverage.missing = {"a"};
  policy.status = BuildStatus(policy, {state}, kNow).status;
  const StatusUpdate again = BuildStatus(policy, {state}, kNow + std::chrono::hours{1});
  EXPECT_FALSE(again.changed);
  EXPECT_THAT(again.events, IsEmpty());
}

TEST(BuildStatus, ConflictNamesTheOlderPolicy) {
  const auto policy = MakePolicy("young");
  TargetState state = InChargeState(MakePolicy("old"));
  state.plan.coverage.covered = {"a"};
  const StatusUpdate update = BuildStatus(policy, {state}, kNow);
  EXPECT_EQ(ReasonOf(update, "Accepted"), "Conflicted");
  EXPECT_EQ(ReasonOf(update, "Programmed"), "Overridden");
  EXPECT_EQ(update.status.covered, "0/0");
  EXPECT_THAT(Reasons(update), ElementsAre("PolicyConflicted"));
  EXPECT_THAT(update.events[0].note, HasSubstr("policy old is older"));
}

TEST(BuildStatus, AMissingTargetConvergesWhenItAppears) {
  auto policy = MakePolicy();
  TargetState state;
  state.target = kTarget;
  state.plan.policy = Share(policy);
  const StatusUpdate missing = BuildStatus(policy, {state}, kNow);
  EXPECT_EQ(ReasonOf(missing, "Accepted"), "TargetNotFound");
  EXPECT_THAT(missing.events, IsEmpty());
  policy.status = missing.status;
  const StatusUpdate there = BuildStatus(policy, {InChargeState(policy)}, kNow);
  EXPECT_TRUE(api::IsTrue(there.status.conditions, "Accepted"));
  EXPECT_EQ(ReasonOf(there, "SidecarsCovered"), "NoPods");
  EXPECT_THAT(Reasons(there), ElementsAre("PolicyAccepted"));
}

TEST(BuildStatus, StaleSidecarsAreReportedOnceAfterAMinute) {
  auto policy = MakePolicy();
  TargetState state = InChargeState(policy);
  state.plan.coverage.covered = {"a"};
  state.plan.coverage.stale = {"b"};
  state.plan.coverage.first_error = "pod b: schema: unknown version 2.0";
  policy.status = BuildStatus(policy, {state}, kNow).status;
  EXPECT_EQ(api::FindCondition(policy.status.conditions, "SidecarsCovered")->reason, "Reconciling");
  state.pods_overdue = true;
  const StatusUpdate update = BuildStatus(policy, {state}, kNow);
  EXPECT_EQ(ReasonOf(update, "SidecarsCovered"), "SidecarsStale");
  EXPECT_THAT(Reasons(update), ElementsAre("SidecarStale"));
  EXPECT_THAT(update.events[0].note, HasSubstr("unknown version 2.0"));
}

TEST(BuildStatus, SettingsThatWaitForNewerSidecarsAreNamedAndToldOnce) {
  auto policy = MakePolicy();
  TargetState state = InChargeState(policy);
  state.plan.coverage.covered = {"a", "b"};
  policy.status = BuildStatus(policy, {state}, kNow).status;
  state.plan.skew.waiting = {{4, "tls.systemCAs", "the system's CAs are trusted"}};
  state.plan.skew.holding = {"a"};
  const StatusUpdate update = BuildStatus(policy, {state}, kNow);
  EXPECT_EQ(ReasonOf(update, "SidecarsCovered"), "SidecarsOutdated");
  EXPECT_THAT(Reasons(update), ElementsAre("SidecarOutdated"));
  EXPECT_TRUE(update.events[0].warning);
  EXPECT_THAT(update.events[0].note,
              HasSubstr("wait for newer sidecars in pod a: tls.systemCAs (until then the system's "
                        "CAs are trusted). Next: kubectl rollout restart"));
  policy.status = update.status;
  EXPECT_THAT(BuildStatus(policy, {state}, kNow).events, IsEmpty());
  // While something else is wrong, too, they are named all the same.
  state.plan.coverage.stale = {"b"};
  const StatusUpdate stale = BuildStatus(policy, {state}, kNow);
  EXPECT_EQ(ReasonOf(stale, "SidecarsCovered"), "Reconciling");
  EXPECT_THAT(api::FindCondition(stale.status.conditions, "SidecarsCovered")->message,
              HasSubstr("tls.systemCAs"));
  state.plan.coverage.stale.clear();
  state.plan.skew = {};
  EXPECT_EQ(ReasonOf(BuildStatus(policy, {state}, kNow), "SidecarsCovered"), "SidecarsCovered");
}

TEST(BuildStatus, AFailedWriteIsNamed) {
  const auto policy = MakePolicy();
  TargetState state = InChargeState(policy);
  state.written = false;
  state.write_error = "denied: configmaps is forbidden";
  const StatusUpdate update = BuildStatus(policy, {state}, kNow);
  EXPECT_EQ(ReasonOf(update, "Programmed"), "Reconciling");
  EXPECT_THAT(api::FindCondition(update.status.conditions, "Programmed")->message,
              HasSubstr("configmaps is forbidden"));
}

TEST(BuildStatus, OneOfTwoTargetsIsNotEnough) {
  auto policy = MakePolicy();
  TargetState good = InChargeState(policy);
  good.plan.coverage.covered = {"a"};
  TargetState bad;
  bad.target = {"apps", "StatefulSet", "db"};
  policy.spec.target_refs.push_back(bad.target);
  const StatusUpdate update = BuildStatus(policy, {good, bad}, kNow);
  EXPECT_EQ(update.status.target, "Deployment/refunds-agent +1");
  EXPECT_EQ(update.status.covered, "1/1");
  EXPECT_EQ(update.status.config_hash, "") << "only with one target";
  EXPECT_EQ(ReasonOf(update, "Accepted"), "TargetNotFound");
  EXPECT_EQ(ReasonOf(update, "Programmed"), "PartiallyProgrammed");
  EXPECT_EQ(update.status.ancestors.size(), 2U);
}

TEST(BuildStatus, AnInvalidPolicySaysTheField) {
  const auto policy = MakePolicy();
  TargetState state = InChargeState(policy);
  state.plan.invalid = "upstreams[0].url: not an http URL";
  const StatusUpdate update = BuildStatus(policy, {state}, kNow);
  EXPECT_EQ(ReasonOf(update, "Accepted"), "Invalid");
  EXPECT_EQ(ReasonOf(update, "Programmed"), "Invalid");
}

}  // namespace
}  // namespace reliability::controllers::agent_policy
