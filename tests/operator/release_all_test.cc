#include "operator/release_all.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::op {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
namespace resources = kube::resources;

json Enforcement(const std::string& name, const std::string& mode, bool finalizer) {
  json object{
      {"metadata", {{"namespace", "support"}, {"name", name}}},
      {"spec", {{"targetRef", {{"group", "apps"}, {"kind", "Deployment"}, {"name", name}}}}},
      {"status", {{"mode", mode}, {"cause", "slo/stop"}, {"ledger", {{"originalReplicas", 3}}}}}};
  if (finalizer) {
    object["metadata"]["finalizers"] = json::array({"agentreliability.dev/restore"});
  }
  return object;
}

class ReleaseAllTest : public testing::Test {
 protected:
  ReleaseAllTest() : client_(fakes::MakeFakeClient(server_, clock_)) {
    server_.Put(resources::kAgentEnforcements, Enforcement("calm", "Normal", false));
  }
  fakes::FakeClock clock_;
  fakes::FakeApiServer server_;
  std::unique_ptr<kube::ApiClient> client_;
};

TEST_F(ReleaseAllTest, NothingHeldIsDoneAtOnce) {
  const auto left = ReleaseHeld(*client_, clock_, Milliseconds{0});
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(*left, IsEmpty());
  EXPECT_EQ(server_.Writes(), 0U);
}

TEST_F(ReleaseAllTest, WaitsUntilTheControllerGaveTheWorkloadBack) {
  server_.Put(resources::kAgentEnforcements, Enforcement("held", "ScaledDown", true));
  auto done = std::async(std::launch::async,
                         [this] { return ReleaseHeld(*client_, clock_, Milliseconds{60000}); });
  server_.AwaitRequests(1, "DELETE", "held");
  clock_.AwaitWaiters(1);
  // The controller restores and drops its finalizer.
  server_.Merge(resources::kAgentEnforcements, "support", "held",
                {{"metadata", {{"finalizers", nullptr}}}});
  clock_.Advance(Milliseconds{500});
  const auto left = done.get();
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(*left, IsEmpty());
  EXPECT_FALSE(server_.Get(resources::kAgentEnforcements, "support", "calm").is_null());
}

TEST_F(ReleaseAllTest, NamesWhatIsLeft) {
  server_.Put(resources::kAgentEnforcements, Enforcement("stuck", "Paused", true));
  const auto left = ReleaseHeld(*client_, clock_, Milliseconds{0});
  ASSERT_TRUE(left.has_value());
  ASSERT_THAT(*left, SizeIs(1));
  EXPECT_THAT((*left)[0].text,
              HasSubstr("support/Deployment/stuck: Paused by slo/stop, 3 replicas saved"));
}

}  // namespace
}  // namespace reliability::op
