// Which sidecars policy.json is written for: data-plane ruling 45.
#include "controllers/agent_policy/skew.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/agent_policy/decide.h"
#include "libs/sidecar_config/decode.h"
#include "tests/controllers/agent_policy/builders.h"

namespace reliability::controllers::agent_policy {
namespace {

using sidecar_config::kOldestMinor;
using sidecar_config::kSchemaMinor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kSilent = -1;   // injected, has not answered
constexpr int kWithout = -2;  // no sidecar

// Pods p0, p1, ... whose sidecars know these minors.
std::vector<PodView> Pods(const std::vector<int>& minors) {
  std::vector<PodView> pods;
  for (const int minor : minors) {
    PodView pod;
    pod.name = "p" + std::to_string(pods.size());
    pod.injected = minor != kWithout;
    if (minor >= 0) {
      pod.report = SidecarReport{"hash", "", minor};
    }
    pods.push_back(pod);
  }
  return pods;
}

TEST(SkewOf, IsTheOldestSidecarsWithinReach) {
  constexpr int kNew = kSchemaMinor;
  constexpr int kOld = kOldestMinor;
  struct Case {
    const char* name;
    std::vector<int> pods;
    std::optional<int> written;
    int minor;
  };
  for (const Case& c : {
           Case{"no pods", {}, {}, kNew},
           Case{"no pods, an old document", {}, kOld, kNew},
           Case{"all are new", {kNew, kNew}, kOld, kNew},
           Case{"one is older", {kNew, kNew - 1, kNew}, kNew, kNew - 1},
           Case{"the oldest counts", {kNew - 1, kOld}, kNew, kOld},
           Case{"too old", {kNew, kOld - 1}, kNew, kOld},
           Case{"newer than the operator", {kNew + 1}, kNew, kNew},
           Case{"pods without a sidecar say nothing", {kWithout, kNew}, kOld, kNew},
           Case{"a first pod that is silent", {kSilent}, {}, kNew},
           Case{"a silent pod raises nothing", {kNew, kSilent}, kOld, kOld},
           Case{"a silent pod lowers nothing", {kNew, kSilent}, kNew, kNew},
           Case{"nobody has answered a new leader", {kSilent, kSilent}, kNew - 1, kNew - 1},
           Case{"an old one among silent ones", {kSilent, kOld}, kNew, kOld},
           Case{"a document of an older operator", {kSilent}, kOld - 1, kOld},
           Case{"a document of a newer operator", {kSilent}, kNew + 1, kNew},
       }) {
    EXPECT_EQ(SkewOf(Pods(c.pods), c.written).minor, c.minor) << c.name;
  }
}

TEST(SkewOf, NamesSidecarsThatAreTooOld) {
  const Skew skew = SkewOf(Pods({kSchemaMinor, kOldestMinor - 1, kOldestMinor - 2}), {});
  EXPECT_THAT(skew.too_old, ElementsAre("p1", "p2"));
  EXPECT_EQ(skew.oldest, kOldestMinor - 2);
  EXPECT_EQ(
      Describe(skew, "support", kTarget),
      "the sidecars of pods p1, p2 know configuration 1.1, this operator writes 1.3 or newer: "
      "they ignore what they do not know. Next: kubectl rollout restart "
      "deployment/refunds-agent -n support");
}

TEST(AddWaiting, NamesThePodsThatDoNotKnowTheField) {
  const std::vector<sidecar_config::NewField> fields{{4, "a.b", "c happens"}};
  struct Case {
    const char* name;
    std::vector<int> pods;
    std::vector<std::string> holding;
  };
  for (const Case& c : {
           Case{"older ones", {5, 3, 4, 2}, {"p1", "p3"}},
           Case{"silent ones are not blamed with them", {5, 3, kSilent}, {"p1"}},
           Case{"silent ones alone", {5, kSilent, kWithout}, {"p1"}},
       }) {
    const auto pods = Pods(c.pods);
    Skew skew;
    AddWaiting(skew, pods, fields);
    EXPECT_EQ(skew.holding, c.holding) << c.name;
  }
  Skew nothing;
  AddWaiting(nothing, Pods({3, kSilent}), {});
  EXPECT_THAT(nothing.holding, IsEmpty());
  EXPECT_EQ(Describe(nothing, "support", kTarget), "");
}

TEST(Decide, WritesForTheOldestSidecarAndNamesWhatWaits) {
  auto policy = MakePolicy();
  policy.spec.tls.system_cas = false;
  Input input;
  input.ns = "support";
  input.target = kTarget;
  input.policies = {Share(policy)};
  input.pods = Pods({4, 3});
  const Plan old = Decide(input, "");
  EXPECT_THAT(old.json, HasSubstr(R"("schema":"1.3")"));
  EXPECT_EQ(old.json.find("systemCAs"), std::string::npos);
  EXPECT_EQ(
      Describe(old.skew, "support", kTarget),
      "in every pod of Deployment/refunds-agent these settings wait for newer sidecars in pod "
      "p1: tls.systemCAs (until then certificates of the system's CAs are accepted, too). "
      "Next: kubectl rollout restart deployment/refunds-agent -n support");
  input.pods = Pods({4, 4});
  const Plan newer = Decide(input, "");
  EXPECT_THAT(newer.json, HasSubstr(R"("schema":"1.4")"));
  EXPECT_THAT(newer.json, HasSubstr(R"("systemCAs":false)"));
  EXPECT_FALSE(newer.skew.any());
}

TEST(Decide, WithoutNewFieldsAnOldSidecarIsNoNews) {
  Input input;
  input.ns = "support";
  input.target = kTarget;
  input.policies = {Share(MakePolicy())};
  input.pods = Pods({kOldestMinor, kSchemaMinor});
  const Plan plan = Decide(input, "");
  EXPECT_EQ(plan.skew.minor, kOldestMinor);
  EXPECT_FALSE(plan.skew.any());
  const auto document = sidecar_config::DecodePolicy(plan.json);
  ASSERT_TRUE(document.has_value()) << document.error().message;
  EXPECT_EQ(document->document.schema_minor, kOldestMinor);
}

TEST(Decide, RoutesWithoutPolicyAreWrittenForTheOldestToo) {
  Input input;
  input.ns = "support";
  input.target = kTarget;
  input.policies = {Share(MakePolicy())};
  const std::string last = Decide(input, "").json;
  input.policies.clear();
  input.pods = Pods({3});
  EXPECT_THAT(Decide(input, last).json, HasSubstr(R"("schema":"1.3")"));
}

}  // namespace
}  // namespace reliability::controllers::agent_policy
