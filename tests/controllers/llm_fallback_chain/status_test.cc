#include "controllers/llm_fallback_chain/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controllers/llm_fallback_chain/chain_facts.h"

namespace reliability::controllers::llm_fallback_chain {
namespace {

using agent_policy::kNow;
using api::ConditionStatus;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::SizeIs;

StatusUpdate Build(const Input& input, std::optional<std::int32_t> percent = std::nullopt,
                   SystemTime now = kNow) {
  return BuildStatus(input, [percent](const std::string&) { return percent; }, now);
}

const api::Condition& Of(const api::Conditions& conditions, const char* type) {
  static const api::Condition kNone;
  const api::Condition* found = api::FindCondition(conditions, type);
  return found == nullptr ? kNone : *found;
}

const api::Condition& Reachable(const StatusUpdate& update, std::size_t tier) {
  return Of(update.status.tiers.at(tier).conditions, "Reachable");
}

// A sidecar that tried both tiers.
SidecarView Tried(const std::string& pod, bool primary, bool claude) {
  sidecar_config::ChainCounts counts = Counts(1, 1);
  counts.tiers[0].reachable = primary;
  counts.tiers[0].last_class = primary ? "" : "overloaded";
  counts.tiers[1].reachable = claude;
  counts.tiers[1].last_class = claude ? "" : "connect";
  return Sidecar(pod, counts);
}

// The chain as the API server has it after the write.
Input After(Input input, const StatusUpdate& update) {
  auto chain = *input.chain;
  chain.status = update.status;
  input.chain = agent_policy::Share(chain);
  return input;
}

TEST(ChainStatus, BeforeAnyCallTheFirstTierIsActive) {
  const StatusUpdate update = Build(InputOf({Sidecar("a", Counts(0, 0))}));
  EXPECT_TRUE(update.changed);
  EXPECT_TRUE(update.urgent);
  EXPECT_EQ(update.status.tier_names, "primary,claude,StaticResponse");
  EXPECT_EQ(update.status.active, "primary");
  ASSERT_THAT(update.status.tiers, SizeIs(2));
  EXPECT_EQ(Reachable(update, 0).reason, "NotTried");
  EXPECT_EQ(update.status.tiers[0].served_percent, std::nullopt);
  EXPECT_EQ(Of(update.status.conditions, "Accepted").reason, "Accepted");
  EXPECT_EQ(Of(update.status.conditions, "Programmed").status, ConditionStatus::kTrue);
  EXPECT_EQ(update.active_note, "") << "the first sight is no change";
}

TEST(ChainStatus, AnOutageMovesTheActiveTierAndSaysWhy) {
  Input input = InputOf({Tried("a", true, true), Tried("b", true, true)});
  input = After(input, Build(input));
  input.uses[0].sidecars = {Tried("a", false, true), Tried("b", false, true)};
  const StatusUpdate outage = Build(input);
  EXPECT_TRUE(outage.urgent);
  EXPECT_EQ(Reachable(outage, 0).reason, "Unreachable");
  EXPECT_THAT(Reachable(outage, 0).message, HasSubstr("last failure overloaded"));
  EXPECT_EQ(outage.status.active, "claude");
  EXPECT_TRUE(outage.active_is_worse);
  EXPECT_THAT(outage.active_note, HasSubstr("claude answers instead of primary. Not reachable: "
                                            "primary: no sidecar that tried it got an answer"));
  input = After(input, outage);
  input.uses[0].sidecars = {Tried("a", true, true), Tried("b", true, true)};
  const StatusUpdate back = Build(input);
  EXPECT_EQ(back.status.active, "primary");
  EXPECT_FALSE(back.active_is_worse);
  input.uses[0].sidecars = {Tried("a", false, false)};
  EXPECT_EQ(Build(input).status.active, "StaticResponse");
}

TEST(ChainStatus, ARefusedKeyAndAnUnknownModelSayWhatToCorrect) {
  SidecarView sidecar = Tried("a", false, false);
  sidecar.counts->tiers[0].last_class = "not_found";
  sidecar.counts->tiers[1].last_class = "auth";
  const StatusUpdate update = Build(InputOf({sidecar}));
  const auto chain = agent_policy::MakeChain();
  EXPECT_EQ(Reachable(update, 0).status, ConditionStatus::kFalse);
  EXPECT_EQ(Reachable(update, 0).reason, "ModelNotFound");
  EXPECT_THAT(Reachable(update, 0).message, HasSubstr("correct model"));
  EXPECT_EQ(Reachable(update, 1).status, ConditionStatus::kFalse);
  EXPECT_EQ(Reachable(update, 1).reason, "CredentialRefused");
  EXPECT_THAT(Reachable(update, 1).message,
              HasSubstr("Secret " + chain.spec.tiers.at(1).secret_ref->name));
}

TEST(ChainStatus, OneSidecarThatReachesATierIsEnough) {
  const StatusUpdate update = Build(InputOf({Tried("a", true, true), Tried("b", false, true)}));
  EXPECT_EQ(Reachable(update, 0).status, ConditionStatus::kTrue);
  EXPECT_THAT(Reachable(update, 0).message,
              HasSubstr("1 of 2 sidecars that tried it got no answer"));
}

TEST(ChainStatus, SharesAloneAreNotUrgentAndStayWhenTheyAreNotKnown) {
  Input input = InputOf({Tried("a", true, true)});
  input = After(input, Build(input, 50));
  EXPECT_FALSE(Build(input, 50, kNow + seconds{999}).changed);
  EXPECT_FALSE(Build(input, std::nullopt).changed) << "a new leader knows none";
  const StatusUpdate update = Build(input, 55);
  EXPECT_TRUE(update.changed);
  EXPECT_FALSE(update.urgent);
}

TEST(ChainStatus, WhySidecarsSkipATier) {
  sidecar_config::ChainCounts counts = Counts(1, 0);
  counts.tiers[1].skipped = "credential_missing";
  StatusUpdate update = Build(InputOf({Sidecar("a", counts)}));
  EXPECT_EQ(Reachable(update, 1).reason, "CredentialMissing");
  EXPECT_THAT(Reachable(update, 1).message, HasSubstr("Secret anthropic has no key api-key"));
  counts.tiers[1].skipped = "ca_missing";
  EXPECT_EQ(Reachable(Build(InputOf({Sidecar("a", counts)})), 1).reason, "CaBundleMissing");
  counts.tiers[1].skipped = "something_new";
  EXPECT_EQ(Reachable(Build(InputOf({Sidecar("a", counts)})), 1).reason, "Skipped");
}

TEST(ChainStatus, PodsOlderThanAReferenceMustBeReplaced) {
  sidecar_config::ChainCounts counts = Counts(1, 0);
  counts.tiers[1].skipped = "credential_missing";
  Input input = InputOf({Sidecar("a", counts), Tried("b", true, true)});
  input.uses[0].sidecars[0].outdated = {"claude"};
  const StatusUpdate update = Build(input);
  const api::Condition& programmed = Of(update.status.conditions, "Programmed");
  EXPECT_EQ(programmed.reason, "RestartRequired");
  EXPECT_THAT(programmed.message,
              HasSubstr("pods a were created before a secretRef or caBundleRef and skip its tier. "
                        "Next: kubectl rollout restart deployment/refunds-agent -n support"));
  EXPECT_EQ(Reachable(update, 1).status, ConditionStatus::kTrue) << "of the pods that have it";
  input.uses[0].sidecars.pop_back();
  EXPECT_EQ(Reachable(Build(input), 1).reason, "RestartRequired");
}

TEST(ChainStatus, TiersThatCannotWorkAreSkippedNotRefused) {
  Input input = InputOf({Sidecar("a", Counts(0, 0))});
  auto chain = agent_policy::MakeChain();
  chain.spec.tiers[0].provider = "azure";
  chain.spec.tiers[1].secret_ref.reset();
  input.chain = agent_policy::Share(chain);
  const StatusUpdate update = Build(input);
  const api::Condition& accepted = Of(update.status.conditions, "Accepted");
  EXPECT_EQ(accepted.status, ConditionStatus::kTrue);
  EXPECT_EQ(accepted.reason, "TiersSkipped");
  EXPECT_EQ(Reachable(update, 0).reason, "UnknownProvider");
  EXPECT_EQ(Reachable(update, 1).reason, "NoCredential");
  EXPECT_EQ(update.status.active, "StaticResponse");
  chain.spec.tiers.erase(chain.spec.tiers.begin());
  input.chain = agent_policy::Share(chain);
  EXPECT_EQ(Of(Build(input).status.conditions, "Accepted").reason, "NoUsableTier");
}

TEST(ChainStatus, AScheduleThatDoesNotFitIsSaidWithItsSum) {
  Input input = InputOf({Sidecar("a", Counts(0, 0))});
  auto chain = agent_policy::MakeChain();
  chain.spec.tiers[1].timeout = seconds{12};
  input.chain = agent_policy::Share(chain);
  const StatusUpdate update = Build(input);
  const api::Condition& accepted = Of(update.status.conditions, "Accepted");
  EXPECT_EQ(accepted.reason, "ScheduleTooLong");
  EXPECT_THAT(accepted.message, HasSubstr("primary 6s + claude 12s = 18s > turn.timeout 15s"));
}

TEST(ChainStatus, WhoUsesIt) {
  Input input = InputOf({});
  EXPECT_EQ(Of(Build(input).status.conditions, "Programmed").reason, "NoPods");
  input.uses.clear();
  input.policies.clear();
  EXPECT_EQ(Of(Build(input).status.conditions, "Programmed").reason, "NotReferenced");
  input = InputOf({Sidecar("a", Counts(0, 0)), Sidecar("b", std::nullopt)});
  input.uses[0].covered = 1;
  const StatusUpdate update = Build(input);
  EXPECT_EQ(Of(update.status.conditions, "Programmed").reason, "Reconciling");
  EXPECT_THAT(Of(update.status.conditions, "Programmed").message, HasSubstr("1 of 2 sidecars"));
}

}  // namespace
}  // namespace reliability::controllers::llm_fallback_chain
