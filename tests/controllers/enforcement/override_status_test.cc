#include "controllers/enforcement/override_status.h"

#include <gmock/gmock.h>

#include "libs/base/duration.h"
#include "tests/controllers/enforcement/fake_story.h"

namespace reliability::controllers::enforcement {
namespace {

using ::testing::HasSubstr;

api::ReliabilityOverride Order(SystemTime expires) {
  api::ReliabilityOverride order;
  order.metadata.name = "now";
  order.metadata.namespace_ = "support";
  order.metadata.generation = 2;
  order.metadata.creation_timestamp = kStart;
  order.spec.target_ref = {"apps", "Deployment", "refunds-agent"};
  order.spec.reason = "fixed the tool by hand";
  order.spec.expires_at = expires;
  return order;
}

std::string Reason(const api::ReliabilityOverrideStatus& status, std::string_view type) {
  return api::FindCondition(status.conditions, type)->reason;
}

TEST(OverrideStatus, ActiveThenExpired) {
  api::ReliabilityOverride order = Order(kStart + hours{1});
  OverrideDecision got = DecideOverride(order, true, kStart);
  EXPECT_EQ(got.status.target, "Deployment/refunds-agent");
  EXPECT_EQ(got.status.applied_at, kStart);
  EXPECT_TRUE(api::IsTrue(got.status.conditions, "Active"));
  EXPECT_FALSE(api::IsTrue(got.status.conditions, "Expired"));
  EXPECT_EQ(got.wake_at, kStart + hours{1});
  ASSERT_EQ(got.events.size(), 1U);
  EXPECT_EQ(got.events[0].reason, "OverrideActive");
  EXPECT_THAT(got.events[0].note, HasSubstr("nothing is held before 2027-01-15T09:00:00Z"));

  order.status = got.status;
  got = DecideOverride(order, true, kStart + minutes{30});
  EXPECT_TRUE(got.events.empty());
  got = DecideOverride(order, true, kStart + hours{1});
  EXPECT_EQ(Reason(got.status, "Active"), "Expired");
  EXPECT_TRUE(api::IsTrue(got.status.conditions, "Expired"));
  ASSERT_EQ(got.events.size(), 1U);
  EXPECT_EQ(got.events[0].reason, "OverrideExpired");
  EXPECT_FALSE(got.wake_at.has_value());
}

TEST(OverrideStatus, WaitsForItsTarget) {
  const OverrideDecision got = DecideOverride(Order(kStart + hours{1}), false, kStart);
  EXPECT_EQ(Reason(got.status, "Active"), "TargetNotFound");
  EXPECT_FALSE(got.status.applied_at.has_value());
  EXPECT_TRUE(got.events.empty());
}

TEST(OverrideStatus, NeverLongerThanAWeek) {
  const OverrideDecision got = DecideOverride(Order(kStart + hours{24 * 30}), true, kStart);
  EXPECT_EQ(got.wake_at, kStart + hours{24 * 7});
}

TEST(OverrideController, WritesStatusOnceAndTells) {
  FakeStory story;
  OverrideController controller(story.process->caches, *story.client, story.events, story.clock);
  story.Put(
      kube::resources::kReliabilityOverrides,
      {{"metadata", {{"name", "now"}, {"namespace", "support"}}},
       {"spec",
        {{"targetRef", {{"group", "apps"}, {"kind", "Deployment"}, {"name", "refunds-agent"}}},
         {"type", "Release"},
         {"reason", "fixed the tool by hand"},
         {"expiresAt", FormatRfc3339(kClusterStart + hours{1})}}}});
  story.Tick();
  (void)controller.Reconcile("support/now");
  const auto status =
      story.server.Get(kube::resources::kReliabilityOverrides, "support", "now")["status"];
  EXPECT_EQ(status["target"], "Deployment/refunds-agent");
  EXPECT_EQ(story.events.Count("OverrideActive"), 1);
  story.Tick();
  const int writes = story.transport.writes();
  EXPECT_TRUE(std::holds_alternative<kube::RequeueAfter>(controller.Reconcile("support/now")));
  EXPECT_EQ(story.transport.writes(), writes);
  (void)controller.Reconcile("support/unknown");
  story.server.AddFault({.kind = fakes::Fault::Kind::kStatus,
                         .method = "PATCH",
                         .target = "reliabilityoverrides",
                         .times = 1,
                         .status = 409,
                         .reason = "Conflict",
                         .retry_after_seconds = 0});
  story.clock.Advance(hours{2});
  EXPECT_TRUE(std::holds_alternative<kube::Retry>(controller.Reconcile("support/now")));
  EXPECT_TRUE(std::holds_alternative<kube::Done>(controller.Reconcile("support/now")));
  EXPECT_EQ(story.events.Count("OverrideExpired"), 1);
}

}  // namespace
}  // namespace reliability::controllers::enforcement
