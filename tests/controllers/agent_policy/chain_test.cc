#include "controllers/agent_policy/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/agent_policy/decide.h"
#include "controllers/agent_policy/status.h"
#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/validate.h"
#include "tests/controllers/agent_policy/builders.h"
#include "tests/controllers/agent_policy/chain_builders.h"

namespace reliability::controllers::agent_policy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

api::AgentReliabilityPolicy PolicyWithChain() {
  auto policy = MakePolicy();
  policy.spec.fallback_chain_ref = api::NameRef{"ladder"};
  return policy;
}

Input WithChain() {
  Input input;
  input.ns = "support";
  input.target = kTarget;
  input.target_uid = "uid-workload";
  input.policies = {Share(PolicyWithChain())};
  input.chains["ladder"] = Share(MakeChain());
  return input;
}

PodView InjectedPod(const std::string& name, std::vector<std::string> mounted = {}) {
  PodView pod;
  pod.name = name;
  pod.uid = "uid-" + name;
  pod.injected = true;
  pod.mounted = std::move(mounted);
  return pod;
}

const std::vector<std::string> kAllMounts{api::SecretMount("anthropic", "api-key"),
                                          api::CaMount("corp-ca")};

TEST(RenderChain, EveryFieldReachesTheSidecar) {
  const auto chain = RenderChain(MakeChain(), PolicyWithChain());
  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(chain->name, "ladder");
  ASSERT_THAT(chain->tiers, SizeIs(2));
  EXPECT_EQ(chain->tiers[0].upstream, "openai");
  EXPECT_EQ(chain->tiers[0].url, "");
  EXPECT_EQ(chain->tiers[0].timeout, seconds{6});
  const sidecar_config::ChainTier& claude = chain->tiers[1];
  EXPECT_EQ(claude.upstream, "");
  EXPECT_EQ(claude.url, "https://claude.example");
  EXPECT_EQ(claude.provider, "anthropic");
  EXPECT_EQ(claude.format, sidecar_config::LlmFormat::kAnthropic);
  EXPECT_EQ(claude.model, "claude-haiku");
  EXPECT_EQ(claude.ca_file, "/etc/agent-reliability/ca/corp-ca/ca.crt");
  EXPECT_EQ(claude.credential, "/etc/agent-reliability/secrets/anthropic/api-key");
  EXPECT_TRUE(claude.larger_context);
  EXPECT_THAT(chain->advance_on, SizeIs(sidecar_config::DefaultAdvanceOn().size()));
  EXPECT_EQ(chain->sticky, seconds{60});
  EXPECT_EQ(chain->terminal.type, sidecar_config::TerminalType::kStaticResponse);
  EXPECT_EQ(chain->terminal.text, "{{.agent}}: {{.reason}}");
}

TEST(RenderChain, TimesAreClippedToTheTurnSoThatThePolicyStaysValid) {
  auto chain = MakeChain();
  chain.spec.tiers[0].timeout = seconds{3600};
  const auto rendered = RenderChain(chain, PolicyWithChain());
  EXPECT_EQ(rendered->tiers[0].timeout, seconds{15});
  sidecar_config::PolicyDocument document;
  document.upstreams = {{sidecar_config::UpstreamKind::kLlm, "openai",
                         sidecar_config::LlmFormat::kOpenAI, "http://llm", ""}};
  document.fallback_chain = rendered;
  EXPECT_THAT(sidecar_config::Validate(document), IsEmpty());
}

TEST(RenderChain, TiersWithoutAPlaceAreLeftOutAndSaid) {
  auto chain = MakeChain();
  chain.spec.tiers[0].provider = "azure";
  chain.spec.tiers[1].secret_ref.reset();
  const auto policy = PolicyWithChain();
  EXPECT_THAT(SkippedTiers(chain), SizeIs(1));
  const auto skipped = SkippedTiers(chain, policy);
  ASSERT_THAT(skipped, SizeIs(2));
  EXPECT_THAT(Describe(skipped),
              HasSubstr("tier primary: provider azure is no entry of upstreams.llms of policy "
                        "refunds. Next: add it, or set endpoint; tier claude: has an endpoint "
                        "and no secretRef"));
  const auto rendered = RenderChain(chain, policy);
  ASSERT_TRUE(rendered.has_value());
  ASSERT_THAT(rendered->tiers, SizeIs(1)) << "the sidecar skips a tier without key by itself";
  EXPECT_EQ(rendered->tiers[0].credential, "");
  chain.spec.tiers.pop_back();
  EXPECT_FALSE(RenderChain(chain, policy).has_value());
}

TEST(WhyTooLong, ShowsTheWorkedSum) {
  auto chain = MakeChain();
  EXPECT_EQ(WhyTooLong(chain, PolicyWithChain()), "");
  chain.spec.tiers[0].timeout.reset();
  chain.spec.tiers[1].timeout = seconds{10};
  EXPECT_THAT(WhyTooLong(chain, PolicyWithChain()),
              HasSubstr("primary 10s + claude 10s = 20s > turn.timeout 15s"));
  chain.spec.tiers[1].secret_ref.reset();
  EXPECT_EQ(WhyTooLong(chain, PolicyWithChain()), "") << "a skipped tier takes no time";
}

TEST(DecideChain, IsPartOfTheDocument) {
  const Plan plan = Decide(WithChain(), "");
  EXPECT_EQ(plan.invalid, "");
  const auto document = sidecar_config::DecodePolicy(plan.json);
  ASSERT_TRUE(document.has_value()) << document.error().message;
  ASSERT_TRUE(document->document.fallback_chain.has_value());
  EXPECT_EQ(document->document.fallback_chain->tiers[1].name, "claude");
  EXPECT_THAT(plan.chain.skipped, IsEmpty());
}

TEST(DecideChain, WithoutTheChainEverythingElseApplies) {
  Input input = WithChain();
  input.chains.clear();
  const Plan plan = Decide(input, "");
  EXPECT_EQ(plan.invalid, "");
  EXPECT_EQ(plan.json.find("fallbackChain"), std::string::npos);
  EXPECT_EQ(plan.chain.name, "ladder");
  EXPECT_EQ(plan.chain.chain, nullptr);
}

TEST(DecideChain, PodsOlderThanAReferenceAreNamed) {
  Input input = WithChain();
  PodView bare = InjectedPod("bare");
  bare.injected = false;
  input.pods = {InjectedPod("old"), InjectedPod("half", {kAllMounts[0]}),
                InjectedPod("new", kAllMounts), bare};
  const Plan plan = Decide(input, "");
  EXPECT_THAT(plan.chain.outdated, ElementsAre("half", "old"));
  EXPECT_THAT(plan.chain.unmounted, ElementsAre("claude"));
}

api::Condition RefsOf(const Input& input) {
  TargetState state;
  state.target = kTarget;
  state.exists = true;
  state.plan = Decide(input, "");
  state.written = true;
  const StatusUpdate update = BuildStatus(*input.policies[0], {state}, kNow);
  const auto* condition = api::FindCondition(update.status.conditions, "ResolvedRefs");
  return condition == nullptr ? api::Condition{} : *condition;
}

TEST(ResolvedRefs, SaysWhatIsMissing) {
  Input input = WithChain();
  input.pods = {InjectedPod("a", kAllMounts)};
  EXPECT_EQ(RefsOf(input).status, api::ConditionStatus::kTrue);
  input.pods.push_back(InjectedPod("b"));
  const api::Condition restart = RefsOf(input);
  EXPECT_EQ(restart.reason, "RestartRequired");
  EXPECT_THAT(restart.message,
              HasSubstr("pods b were created before the references of tiers claude of chain "
                        "ladder, and skip these tiers. Next: kubectl rollout restart "
                        "deployment/refunds-agent -n support"));
  input.pods.clear();
  auto chain = MakeChain();
  chain.spec.tiers[0].provider = "azure";
  input.chains["ladder"] = Share(chain);
  EXPECT_EQ(RefsOf(input).reason, "TiersSkipped");
  input.chains.clear();
  EXPECT_EQ(RefsOf(input).reason, "ChainNotFound");
}

TEST(ResolvedRefs, IsOnlyThereWithAReference) {
  Input input = WithChain();
  auto policy = PolicyWithChain();
  TargetState state;
  state.target = kTarget;
  state.exists = true;
  state.plan = Decide(input, "");
  policy.status = BuildStatus(policy, {state}, kNow).status;
  EXPECT_THAT(policy.status.conditions, SizeIs(4));
  policy.spec.fallback_chain_ref.reset();
  const StatusUpdate update = BuildStatus(policy, {state}, kNow);
  EXPECT_THAT(update.status.conditions, SizeIs(3));
  EXPECT_THAT(update.status.ancestors[0].conditions, SizeIs(3));
}

}  // namespace
}  // namespace reliability::controllers::agent_policy
