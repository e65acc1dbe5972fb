#include "libs/api/core_objects.h"

#include <gtest/gtest.h>

#include "libs/api/decode.h"
#include "libs/api/names.h"
#include "libs/api/pod.h"
#include "libs/api/workloads.h"
#include "libs/base/duration.h"

namespace reliability::api {
namespace {

TEST(Pod, WithANativeSidecarThatEnded) {
  const auto pod = Decode<Pod>(R"({"metadata":{"name":"a-7f-x","namespace":"support","uid":"u-1",
      "deletionTimestamp":"2026-01-01T00:00:09Z","deletionGracePeriodSeconds":30,
      "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"a-7f","uid":"r-1",
                          "controller":true,"blockOwnerDeletion":true}]},
    "spec":{"nodeName":"n1","containers":[{"name":"agent","image":"x","env":[{"name":"A"}]}],
            "initContainers":[{"name":"agent-reliability-sidecar","restartPolicy":"Always"}]},
    "status":{"phase":"Running","podIP":"10.1.0.7",
      "conditions":[{"type":"Initialized","status":"True"},{"type":"Ready","status":"True"}],
      "containerStatuses":[{"name":"agent","ready":true,"restartCount":0,
                            "state":{"running":{"startedAt":"2026-01-01T00:00:01Z"}}}],
      "initContainerStatuses":[{"name":"agent-reliability-sidecar","ready":false,"restartCount":2,
        "state":{"terminated":{"exitCode":0,"reason":"Completed","message":"{\"u\":\"u-1\"}",
                               "finishedAt":"2026-01-01T00:00:10Z"}},
        "lastState":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})");
  ASSERT_TRUE(pod.has_value()) << pod.error().message;
  EXPECT_EQ(pod->metadata.Controller()->name, "a-7f");
  EXPECT_TRUE(pod->Terminating());
  EXPECT_TRUE(pod->Ready());
  EXPECT_FALSE(pod->Finished());
  EXPECT_EQ(pod->pod_ip, "10.1.0.7");
  EXPECT_EQ(pod->containers, std::vector<std::string>{"agent"});
  EXPECT_TRUE(pod->HasContainer("agent-reliability-sidecar"));
  EXPECT_FALSE(pod->HasContainer("other"));
  const ContainerStatus* sidecar = pod->FindStatus("agent-reliability-sidecar");
  ASSERT_NE(sidecar, nullptr);
  EXPECT_EQ(sidecar->restart_count, 2);
  EXPECT_EQ(sidecar->state.terminated->message, R"({"u":"u-1"})");
  EXPECT_EQ(sidecar->last_state.waiting_reason, "CrashLoopBackOff");
  EXPECT_EQ(pod->FindStatus("agent")->state.running_since, *ParseRfc3339("2026-01-01T00:00:01Z"));
  EXPECT_EQ(pod->FindStatus("other"), nullptr);
}

TEST(Pod, KeepsWhatOurVolumesBringIn) {
  const auto pod = Decode<Pod>(R"({"metadata":{"name":"a"},"spec":{"volumes":[
    {"name":"kube-api-access-x","projected":{"sources":[]}},
    {"name":"theirs","secret":{"secretName":"theirs","items":[{"key":"k","path":"k"}]}},
    {"name":"odd","configMap":{}},
    {"name":"agent-reliability-config","configMap":{"name":"agent-reliability-deployment-a"}},
    {"name":"agent-reliability-ca-0","configMap":{"name":"corp-ca","optional":true}},
    {"name":"agent-reliability-secret-0","secret":{"secretName":"gpt","optional":true,
      "items":[{"key":"key","path":"key"},{"key":"old","path":"old"}]}}],
    "containers":[{"name":"c"}]},"status":{"phase":"Pending"}})");
  ASSERT_TRUE(pod.has_value()) << pod.error().message;
  EXPECT_EQ(pod->mounted, (std::vector<std::string>{CaMount("corp-ca"), SecretMount("gpt", "key"),
                                                    SecretMount("gpt", "old")}));
  EXPECT_EQ(pod->containers, std::vector<std::string>{"c"});
}

TEST(Pod, NewAndEmpty) {
  const auto pod = Decode<Pod>(R"({"metadata":{"name":"a"},"spec":{"containers":[{"name":"c"}]},
    "status":{"phase":"Pending"}})");
  ASSERT_TRUE(pod.has_value());
  EXPECT_FALSE(pod->Ready());
  EXPECT_TRUE(pod->pod_ip.empty());
  EXPECT_EQ(pod->metadata.Controller(), nullptr);
}

TEST(Workloads, DeploymentAndItsDefaults) {
  const auto full = Decode<Deployment>(R"({"metadata":{"name":"a"},"spec":{"replicas":0,
    "selector":{"matchLabels":{"app":"a"}},"template":{"spec":{"containers":[]}}},
    "status":{"replicas":3,"readyReplicas":2,"updatedReplicas":1,"observedGeneration":4}})");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->spec.replicas, 0);
  EXPECT_EQ(full->status.ready_replicas, 2);
  EXPECT_EQ(Decode<StatefulSet>(R"({"metadata":{"name":"a"},"spec":{}})")->spec.replicas, 1);
}

TEST(Workloads, SelectorsMatch) {
  const auto rs = Decode<ReplicaSet>(R"({"metadata":{"name":"a"},"spec":{"selector":{
    "matchLabels":{"app":"a"},"matchExpressions":[
      {"key":"tier","operator":"In","values":["x","y"]},
      {"key":"zone","operator":"NotIn","values":["z"]},
      {"key":"on","operator":"Exists"},{"key":"off","operator":"DoesNotExist"}]}}})");
  ASSERT_TRUE(rs.has_value());
  const LabelSelector& selector = rs->spec.selector;
  EXPECT_TRUE(Matches(selector, {{"app", "a"}, {"tier", "y"}, {"on", ""}, {"more", "m"}}));
  EXPECT_FALSE(Matches(selector, {{"app", "b"}, {"tier", "y"}, {"on", ""}}));
  EXPECT_FALSE(Matches(selector, {{"app", "a"}, {"tier", "z"}, {"on", ""}}));
  EXPECT_FALSE(Matches(selector, {{"app", "a"}, {"tier", "x"}, {"on", ""}, {"zone", "z"}}));
  EXPECT_FALSE(Matches(selector, {{"app", "a"}, {"tier", "x"}}));
  EXPECT_FALSE(Matches(selector, {{"app", "a"}, {"tier", "x"}, {"on", ""}, {"off", ""}}));
  EXPECT_EQ(ToString(selector), "app=a,tier in (x,y),zone notin (z),on,!off");
}

TEST(Workloads, AnEmptySelectorMatchesNothing) {
  EXPECT_FALSE(Matches(LabelSelector(), {{"app", "a"}}));
  LabelSelector odd;
  odd.match_expressions.push_back({"app", "Like", {"a"}});
  EXPECT_FALSE(Matches(odd, {{"app", "a"}}));
}

TEST(Workloads, AutoscalerAndScale) {
  const auto hpa = Decode<HorizontalPodAutoscaler>(R"({"metadata":{"name":"h"},"spec":{
    "scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"a"},"maxReplicas":9},
    "status":{"currentReplicas":2,"desiredReplicas":3}})");
  ASSERT_TRUE(hpa.has_value());
  EXPECT_EQ(hpa->scale_target_ref.name, "a");
  EXPECT_EQ(hpa->min_replicas, 1);
  EXPECT_EQ(hpa->max_replicas, 9);
  EXPECT_EQ(hpa->desired_replicas, 3);
  const auto scale = Decode<Scale>(R"({"metadata":{"name":"a","resourceVersion":"5"},
    "spec":{},"status":{"replicas":2,"selector":"app=a"}})");
  ASSERT_TRUE(scale.has_value());
  EXPECT_EQ(scale->spec_replicas, 0);  // the API leaves out a zero
  EXPECT_EQ(scale->status_replicas, 2);
  EXPECT_EQ(scale->selector, "app=a");
}

TEST(CoreObjects, NamespaceAndConfigMap) {
  EXPECT_EQ(Decode<Namespace>(R"({"metadata":{"name":"n","labels":{"a":"b"}}})")
                ->metadata.labels.Get("a"),
            "b");
  const auto map = Decode<ConfigMap>(R"({"metadata":{"name":"m"},"data":{"policy.json":"{\"a\":1}"},
    "binaryData":{"x":"AAE="}})");
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->data.Get("policy.json"), R"({"a":1})");
  EXPECT_TRUE(map->binary_data.Has("x"));
  EXPECT_EQ(map->data.Find("mode.json"), nullptr);
}

TEST(ReplicasManagers, NewestFirst) {
  const auto managers = ReplicasManagers(R"({"metadata":{"name":"a","managedFields":[
    {"manager":"helm","operation":"Apply","time":"2026-01-01T00:00:00Z",
     "fieldsV1":{"f:spec":{"f:replicas":{},"f:template":{}}}},
    {"manager":"deployment-controller","operation":"Update","time":"2026-01-03T00:00:00Z",
     "subresource":"status","fieldsV1":{"f:status":{"f:replicas":{}}}},
    {"manager":"horizontal-pod-autoscaler","operation":"Update","time":"2026-01-02T00:00:00Z",
     "subresource":"scale","fieldsV1":{"f:spec":{"f:replicas":{}}}}]},"spec":{"replicas":3}})");
  ASSERT_TRUE(managers.has_value()) << managers.error().message;
  ASSERT_EQ(managers->size(), 2U);
  EXPECT_EQ((*managers)[0].manager, "horizontal-pod-autoscaler");
  EXPECT_EQ((*managers)[0].subresource, "scale");
  EXPECT_EQ((*managers)[1].manager, "helm");
  EXPECT_EQ((*managers)[1].operation, "Apply");
}

TEST(ReplicasManagers, NobodyRecordedAndBadInput) {
  EXPECT_TRUE(ReplicasManagers(R"({"metadata":{"name":"a"}})")->empty());
  EXPECT_FALSE(ReplicasManagers(R"({"metadata":{"managedFields":{}}})").has_value());
}

TEST(StringMap, StaysSortedAndUnique) {
  StringMap map{{"b", "1"}, {"a", "2"}, {"b", "3"}};
  ASSERT_EQ(map.size(), 2U);
  EXPECT_EQ(map.begin()->first, "a");
  EXPECT_EQ(map.Get("b"), "3");
  EXPECT_EQ(map.Get("c"), "");
}

}  // namespace
}  // namespace reliability::api
