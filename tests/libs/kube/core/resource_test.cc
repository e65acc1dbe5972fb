#include "libs/kube/core/resource.h"

#include <gtest/gtest.h>

namespace reliability::kube {
namespace {

TEST(Resource, ApiVersionOfCoreAndGroups) {
  EXPECT_EQ(resources::kPods.ApiVersion(), "v1");
  EXPECT_EQ(resources::kDeployments.ApiVersion(), "apps/v1");
  EXPECT_EQ(resources::kAgentSlos.ApiVersion(), "agentreliability.dev/v1alpha1");
}

TEST(Resource, KeysGoBothWays) {
  EXPECT_EQ(MakeKey("ns", "name"), "ns/name");
  EXPECT_EQ(MakeKey("", "node-1"), "node-1");
  EXPECT_EQ(SplitKey("ns/name").ns, "ns");
  EXPECT_EQ(SplitKey("ns/name").name, "name");
  EXPECT_EQ(SplitKey("node-1").ns, "");
  EXPECT_EQ(SplitKey("node-1").name, "node-1");
}

TEST(ObjectRef, ReadsWellInMessages) {
  EXPECT_EQ((ObjectRef{resources::kPods, "default", "web-0"}).ToString(), "Pod default/web-0");
  EXPECT_EQ((ObjectRef{resources::kNamespaces, "", "shop"}).ToString(), "Namespace shop");
}

}  // namespace
}  // namespace reliability::kube
