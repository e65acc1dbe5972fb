#include "libs/api/names.h"

#include <gtest/gtest.h>

namespace reliability::api {
namespace {

TEST(Names, OfAShortWorkload) {
  const TargetRef target{"apps", "Deployment", "refunds-agent"};
  EXPECT_EQ(ConfigMapName(target), "agent-reliability-deployment-refunds-agent");
  EXPECT_EQ(EnforcementName(target), "deployment-refunds-agent");
  EXPECT_EQ(CheckpointName("refunds-completed"), "agentslo-refunds-completed-history");
}

TEST(Names, OfLongWorkloadsFitAndDiffer) {
  const std::string a = ConfigMapName({"apps", "StatefulSet", std::string(253, 'a')});
  const std::string b = ConfigMapName({"apps", "StatefulSet", std::string(252, 'a') + "b"});
  EXPECT_EQ(a.size(), 253U);
  EXPECT_EQ(b.size(), 253U);
  EXPECT_NE(a, b);
  EXPECT_EQ(a.substr(0, 242), b.substr(0, 242));
  EXPECT_EQ(a[242], '-');
}

TEST(Names, WorkloadKeysRoundTrip) {
  const std::string key = WorkloadKey("support", {"apps", "Deployment", "refunds-agent"});
  EXPECT_EQ(key, "support/Deployment/refunds-agent");
  const auto workload = ParseWorkloadKey(key);
  ASSERT_TRUE(workload.has_value());
  EXPECT_EQ(workload->ns, "support");
  EXPECT_EQ(ToString(workload->target), "Deployment/refunds-agent");
  EXPECT_FALSE(ParseWorkloadKey("a/b").has_value());
  EXPECT_FALSE(ParseWorkloadKey("//x").has_value());
}

TEST(Names, WorkloadOfAPodByItsController) {
  ObjectMeta pod;
  EXPECT_FALSE(WorkloadOf(pod).has_value());
  pod.owner_references = {{"apps/v1", "ReplicaSet", "refunds-agent-5d4f", "u", true}};
  EXPECT_FALSE(WorkloadOf(pod).has_value()) << "a ReplicaSet without Deployment has no such label";
  pod.labels.Set("pod-template-hash", "5d4f");
  EXPECT_EQ(ToString(*WorkloadOf(pod)), "Deployment/refunds-agent");
  pod.owner_references = {{"apps/v1", "StatefulSet", "db", "u", true}};
  EXPECT_EQ(ToString(*WorkloadOf(pod)), "StatefulSet/db");
  pod.owner_references = {{"batch/v1", "Job", "db", "u", true}};
  EXPECT_FALSE(WorkloadOf(pod).has_value());
}

TEST(Names, SloKeyChangesWithTheSliAndTheObject) {
  AgentSlo slo;
  slo.metadata.uid = "u1";
  const std::string key = SloKey(slo);
  EXPECT_EQ(key.size(), std::string("u1/").size() + 8);
  AgentSlo other = slo;
  other.spec.window = SloWindow::k1h;
  EXPECT_EQ(SloKey(other), key);
  other.spec.sli.type = SliType::kTurnLatency;
  other.spec.sli.threshold = Milliseconds{8000};
  const std::string latency = SloKey(other);
  EXPECT_NE(latency, key);
  other.spec.sli.threshold = Milliseconds{9000};
  EXPECT_NE(SloKey(other), latency);
  other = slo;
  other.spec.sli.degraded_is = DegradedIs::kGood;
  const std::string good = SloKey(other);
  EXPECT_NE(good, key);
  other.spec.sli.degraded_is = DegradedIs::kBad;
  EXPECT_NE(SloKey(other), good);
  other = slo;
  other.metadata.uid = "u2";
  EXPECT_NE(SloKey(other), key);
}

}  // namespace
}  // namespace reliability::api
