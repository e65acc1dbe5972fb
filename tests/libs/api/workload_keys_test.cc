#include "libs/api/workload_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reliability::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TargetRef kAgent{"apps", "Deployment", "refunds-agent"};

TEST(WorkloadKeys, APolicyHasOneForEachTarget) {
  AgentReliabilityPolicy policy;
  policy.metadata.namespace_ = "support";
  policy.spec.target_refs = {kAgent, {"apps", "StatefulSet", "memory"}};
  EXPECT_THAT(PolicyWorkloadKeys(policy),
              ElementsAre("support/Deployment/refunds-agent", "support/StatefulSet/memory"));
}

TEST(WorkloadKeys, OfWhatNamesOneWorkload) {
  AgentSlo slo;
  slo.metadata.namespace_ = "support";
  slo.spec.target_ref = kAgent;
  EXPECT_THAT(SloWorkloadKeys(slo), ElementsAre("support/Deployment/refunds-agent"));
  ReliabilityOverride order;
  order.metadata.namespace_ = "support";
  order.spec.target_ref = kAgent;
  EXPECT_THAT(OverrideWorkloadKeys(order), ElementsAre("support/Deployment/refunds-agent"));
  HorizontalPodAutoscaler autoscaler;
  autoscaler.metadata.namespace_ = "support";
  autoscaler.scale_target_ref.kind = "Deployment";
  autoscaler.scale_target_ref.name = "refunds-agent";
  EXPECT_THAT(AutoscalerWorkloadKeys(autoscaler), ElementsAre("support/Deployment/refunds-agent"));
}

TEST(WorkloadKeys, APodBelongsToWhatRunsIt) {
  Pod pod;
  pod.metadata.namespace_ = "support";
  EXPECT_THAT(PodWorkloadKeys(pod), IsEmpty());
  pod.metadata.labels.Set("pod-template-hash", "6f8d57594c");
  pod.metadata.owner_references.push_back(
      {"apps/v1", "ReplicaSet", "refunds-agent-6f8d57594c", "uid", true});
  EXPECT_THAT(PodWorkloadKeys(pod), ElementsAre("support/Deployment/refunds-agent"));
}

}  // namespace
}  // namespace reliability::api
