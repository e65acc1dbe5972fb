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
  EXPECT_EQ(got.wake_at, kStart + minutes{45});
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
  EXPECT_EQ(got.wake_at, kStart + hours{24 * 7} - minutes{15});
}

TEST(OverrideStatus, TheEndIsAnnouncedOncePerExpiry) {
  api::ReliabilityOverride order = Order(kStart + hours{1});
  const auto step = [&](SystemTime now) {
    OverrideDecision got = DecideOverride(order, true, now);
    order.status = got.status;  // all that a restarted operator knows
    return got;
  };
  (void)step(kStart);
  EXPECT_TRUE(step(kStart + minutes{44}).events.empty());
  OverrideDecision got = step(kStart + minutes{45});
  ASSERT_EQ(got.events.size(), 1U);
  EXPECT_TRUE(got.events[0].warning);
  EXPECT_EQ(got.events[0].reason, "OverrideExpiring");
  EXPECT_EQ(got.events[0].note,
            "\"fixed the tool by hand\" ends in 15m, at 2027-01-15T09:00:00Z: then the rules apply "
            "to Deployment/refunds-agent again. Next: see that its budget does not burn any more "
            "(kubectl get agslo), or set a later expiresAt");
  EXPECT_EQ(Reason(got.status, "Active"), "ExpiresSoon");
  EXPECT_TRUE(api::IsTrue(got.status.conditions, "Active"));
  EXPECT_EQ(got.wake_at, kStart + hours{1});
  EXPECT_TRUE(step(kStart + minutes{46}).events.empty());

  order.spec.expires_at = kStart + hours{2};  // put off: a new end, announced anew
  EXPECT_TRUE(step(kStart + minutes{50}).events.empty());
  EXPECT_EQ(step(kStart + minutes{106}).events.size(), 1U);
  order.spec.expires_at = kStart + minutes{121};
  EXPECT_EQ(step(kStart + minutes{107}).events.size(), 1U);
  EXPECT_TRUE(step(kStart + minutes{108}).events.empty());
  EXPECT_EQ(step(kStart + minutes{121}).events.at(0).reason, "OverrideExpired");
}

TEST(OverrideStatus, AShortLifeIsAnnouncedInItsLastQuarter) {
  api::ReliabilityOverride order = Order(kStart + minutes{8});
  EXPECT_EQ(DecideOverride(order, true, kStart).wake_at, kStart + minutes{6});
  // Not without a workload that it releases.
  EXPECT_TRUE(DecideOverride(order, false, kStart + minutes{7}).events.empty());
}

TEST(OverrideStatus, TheLongestLifeCannotBePutOff) {
  api::ReliabilityOverride order = Order(kStart + hours{24 * 30});
  order.status = DecideOverride(order, true, kStart).status;
  const OverrideDecision got = DecideOverride(order, true, kStart + hours{24 * 7} - minutes{5});
  ASSERT_EQ(got.events.size(), 1U);
  EXPECT_THAT(got.events[0].note, HasSubstr("or create another override"));
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
  EXPECT_EQ(story.events.Count("OverrideActive", "Deployment"), 1);
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
  EXPECT_EQ(story.events.Count("OverrideExpired", "Deployment"), 1);
}

}  // namespace
}  // namespace reliability::controllers::enforcement
