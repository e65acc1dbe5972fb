#include "controllers/agent_policy/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/hash.h"
#include "libs/sidecar_config/decode.h"
#include "tests/controllers/agent_policy/builders.h"

namespace reliability::controllers::agent_policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Input OneWorkload() {
  Input input;
  input.ns = "support";
  input.target = kTarget;
  input.target_uid = "uid-workload";
  return input;
}

PodView Pod(const std::string& name, bool injected, std::optional<SidecarReport> report = {}) {
  PodView pod;
  pod.name = name;
  pod.uid = "uid-" + name;
  pod.injected = injected;
  pod.report = std::move(report);
  return pod;
}

TEST(Decide, RendersTheWorkloadsDocument) {
  Input input = OneWorkload();
  input.policies = {Share(MakePolicy())};
  const Plan plan = Decide(input, "");
  EXPECT_EQ(plan.invalid, "");
  EXPECT_EQ(plan.hash, Sha256Hex(plan.json));
  const auto document = sidecar_config::DecodePolicy(plan.json);
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->document.workload, "support/Deployment/refunds-agent");
}

TEST(Decide, EqualInputsGiveEqualBytes) {
  Input input = OneWorkload();
  input.policies = {Share(MakePolicy())};
  input.slos = {MakeSlo("a"), MakeSlo("b")};
  const std::string first = Decide(input, "").json;
  std::swap(input.slos[0], input.slos[1]);
  EXPECT_EQ(Decide(input, "").json, first);
}

TEST(Decide, CountsCoveredStaleAndMissingPods) {
  Input input = OneWorkload();
  input.policies = {Share(MakePolicy())};
  const std::string hash = Decide(input, "").hash;
  input.pods = {Pod("a", true, SidecarReport{hash, ""}), Pod("b", true, SidecarReport{"old", ""}),
                Pod("c", true, SidecarReport{"old", "upstreams[0].url: no URL"}), Pod("d", true),
                Pod("e", false)};
  const Coverage coverage = Decide(input, "").coverage;
  EXPECT_THAT(coverage.covered, ElementsAre("a"));
  EXPECT_THAT(coverage.stale, ElementsAre("b", "c", "d"));
  EXPECT_THAT(coverage.missing, ElementsAre("e"));
  EXPECT_EQ(coverage.first_error, "pod c: upstreams[0].url: no URL");
}

TEST(Decide, TellsPodsThatAreYoungerThanThePolicy) {
  Input input = OneWorkload();
  input.policies = {Share(MakePolicy())};
  input.pods = {Pod("a", false)};
  EXPECT_FALSE(Decide(input, "").coverage.missing_is_new);
  input.pods[0].created = kNow + Milliseconds{1000};
  EXPECT_TRUE(Decide(input, "").coverage.missing_is_new);
}

TEST(Decide, WithoutPolicyTheRoutesStay) {
  Input input = OneWorkload();
  input.policies = {Share(MakePolicy())};
  input.slos = {MakeSlo("a")};
  const std::string last = Decide(input, "").json;
  input.policies.clear();
  const Plan plan = Decide(input, last);
  const auto document = sidecar_config::DecodePolicy(plan.json);
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->document.upstreams.size(), 2U);
  EXPECT_EQ(document->document.enforcement, sidecar_config::Enforcement::kObserve);
  EXPECT_EQ(Decide(input, plan.json).json, plan.json) << "a second pass changes nothing";
}

TEST(Decide, WithoutPolicyAndMapThereIsNothingToDo) {
  const Plan plan = Decide(OneWorkload(), "");
  EXPECT_EQ(plan.json, "");
  EXPECT_EQ(plan.policy, nullptr);
}

TEST(Decide, BrokenMapWithoutPolicyIsLeftAlone) {
  const Plan plan = Decide(OneWorkload(), "{");
  EXPECT_EQ(plan.json, "");
  EXPECT_NE(plan.invalid, "");
}

TEST(Decide, AnInvalidDocumentIsNotWritten) {
  auto policy = MakePolicy();
  policy.spec.upstreams.llms[0].url = "ftp://no";
  Input input = OneWorkload();
  input.policies = {Share(policy)};
  const Plan plan = Decide(input, "");
  EXPECT_EQ(plan.json, "");
  EXPECT_THAT(plan.invalid, HasSubstr("upstreams[0].url"));
}

TEST(BumpOf, ReadsTheAnnotation) {
  EXPECT_EQ(BumpOf("abc", "abc"), 0);
  EXPECT_EQ(BumpOf("abc#3", "abc"), 3);
  EXPECT_EQ(BumpOf("abd", "abc"), std::nullopt);
  EXPECT_EQ(BumpOf("", "abc"), std::nullopt);
  EXPECT_EQ(BumpOf("abc#x", "abc"), std::nullopt);
  EXPECT_EQ(BumpOf("abcd", "abc"), std::nullopt);
}

}  // namespace
}  // namespace reliability::controllers::agent_policy
