#include "operator/webhook/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/webhook/certificate_plan.h"

namespace reliability::webhook {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr SystemTime kNow{Milliseconds{1'800'000'000'000}};
constexpr hours kDay{24};
const std::vector<std::string> kNames = ServiceNames("hook", "system");

CertificatePlan Fresh(SystemTime now = kNow) {
  auto plan = PlanCertificates(std::nullopt, kNames, now);
  EXPECT_TRUE(plan.has_value());
  return *std::move(plan);
}

TEST(Certificate, TheLeafBelongsToItsKeyAndAuthority) {
  const CertificatePlan plan = Fresh();
  EXPECT_TRUE(Belongs(plan.set.leaf.certificate_pem, plan.set.leaf.key_pem,
                      plan.set.authority.certificate_pem));
  EXPECT_FALSE(Belongs(plan.set.leaf.certificate_pem, plan.set.authority.key_pem,
                       plan.set.authority.certificate_pem));
  EXPECT_FALSE(Belongs(plan.set.leaf.certificate_pem, plan.set.leaf.key_pem,
                       Fresh().set.authority.certificate_pem));
  const auto facts = ReadCertificate(plan.set.leaf.certificate_pem);
  ASSERT_TRUE(facts.has_value());
  EXPECT_THAT(facts->dns_names, ElementsAre("hook.system.svc", "hook.system.svc.cluster.local",
                                            "hook.system", "hook"));
  EXPECT_LT(facts->not_before, kNow);
  EXPECT_EQ(facts->not_after, kNow + 90 * kDay);
}

TEST(Certificate, BrokenTextsAreErrors) {
  EXPECT_FALSE(ReadCertificate("nothing").has_value());
  EXPECT_FALSE(IssueServer({"x", "y"}, kNames, kNow, kNow + kDay).has_value());
  EXPECT_FALSE(Belongs("", "", ""));
}

TEST(PlanCertificates, GoodOnesStay) {
  const CertificatePlan first = Fresh();
  EXPECT_TRUE(first.changed);
  const auto again = PlanCertificates(first.set, kNames, kNow + 10 * kDay);
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->set, first.set);
  EXPECT_EQ(again->ca_bundle, first.set.authority.certificate_pem);
}

TEST(PlanCertificates, TheLeafIsRenewedInTimeByTheSameAuthority) {
  const CertificatePlan first = Fresh();
  const auto later = PlanCertificates(first.set, kNames, kNow + 65 * kDay);
  ASSERT_TRUE(later.has_value());
  EXPECT_TRUE(later->changed);
  EXPECT_EQ(later->reason, "the certificate expires");
  EXPECT_EQ(later->set.authority, first.set.authority);
  EXPECT_NE(later->set.leaf, first.set.leaf);
  EXPECT_EQ(later->ca_bundle, first.ca_bundle);
}

TEST(PlanCertificates, AnOldAuthorityIsTrustedForADayMore) {
  const CertificatePlan first = Fresh();
  const SystemTime renewal = kNow + 250 * kDay;
  const auto renewed = PlanCertificates(first.set, kNames, renewal);
  ASSERT_TRUE(renewed.has_value());
  EXPECT_EQ(renewed->reason, "the authority expires");
  EXPECT_EQ(renewed->set.previous_authority_pem, first.set.authority.certificate_pem);
  EXPECT_THAT(renewed->ca_bundle, HasSubstr(first.set.authority.certificate_pem));
  EXPECT_THAT(renewed->ca_bundle, HasSubstr(renewed->set.authority.certificate_pem));
  EXPECT_TRUE(Belongs(renewed->set.leaf.certificate_pem, renewed->set.leaf.key_pem,
                      renewed->set.authority.certificate_pem));
  const auto soon = PlanCertificates(renewed->set, kNames, renewal + hours{23});
  EXPECT_FALSE(soon->changed);
  EXPECT_EQ(soon->ca_bundle, renewed->ca_bundle);
  const auto next_day = PlanCertificates(renewed->set, kNames, renewal + hours{24});
  EXPECT_FALSE(next_day->changed);
  EXPECT_EQ(next_day->ca_bundle, renewed->set.authority.certificate_pem);
}

TEST(PlanCertificates, OtherNamesNeedAnotherLeaf) {
  const auto moved = PlanCertificates(Fresh().set, ServiceNames("hook", "elsewhere"), kNow);
  EXPECT_EQ(moved->reason, "the service has other names");
}

TEST(PlanCertificates, BrokenContentsAreReplaced) {
  CertificateSet broken = Fresh().set;
  broken.authority.key_pem = "garbage";
  const auto replaced = PlanCertificates(broken, kNames, kNow);
  ASSERT_TRUE(replaced.has_value());
  EXPECT_EQ(replaced->reason, "the authority cannot be read");
  EXPECT_FALSE(PlanCertificates(replaced->set, kNames, kNow)->changed);
  const auto from_nothing = PlanCertificates(CertificateSet{}, kNames, kNow);
  ASSERT_TRUE(from_nothing.has_value());
  EXPECT_FALSE(from_nothing->set.previous_until.has_value());
}

}  // namespace
}  // namespace reliability::webhook
