#include "operator/webhook/validate_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controllers/agent_policy/builders.h"
#include "tests/controllers/agent_policy/chain_builders.h"

namespace reliability::webhook {
namespace {

using controllers::agent_policy::MakeChain;
using controllers::agent_policy::MakePolicy;
using controllers::agent_policy::Share;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ChainWarnings, AGoodPairIsSilent) {
  EXPECT_THAT(ChainWarnings(MakeChain(), {Share(MakePolicy())}), IsEmpty());
  EXPECT_THAT(ChainWarnings(MakeChain(), {}), IsEmpty());
  const auto chain = MakeChain();
  EXPECT_THAT(ChainWarnings(MakePolicy(), &chain), IsEmpty());
  EXPECT_THAT(ChainWarnings(MakePolicy(), nullptr), IsEmpty());
}

TEST(ChainWarnings, AScheduleThatDoesNotFitTheTurnShowsTheSumOnBothSides) {
  auto chain = MakeChain();
  chain.spec.tiers[0].timeout = seconds{10};
  chain.spec.tiers[1].timeout = seconds{10};
  const auto sum = HasSubstr("primary 10s + claude 10s = 20s > turn.timeout 15s");
  EXPECT_THAT(ChainWarnings(chain, {Share(MakePolicy())}), ElementsAre(sum));
  EXPECT_THAT(ChainWarnings(MakePolicy(), &chain), ElementsAre(sum));
  EXPECT_THAT(ChainWarnings(chain, {}), IsEmpty()) << "no turn is known";
}

TEST(ChainWarnings, ATierWithoutKeyIsSaidOnceAndNotRefused) {
  auto chain = MakeChain();
  chain.spec.tiers[1].secret_ref.reset();
  EXPECT_THAT(ChainWarnings(chain, {Share(MakePolicy())}),
              ElementsAre(HasSubstr("sidecars skip tiers: tier claude: has an endpoint and no "
                                    "secretRef")));
}

TEST(ChainWarnings, AProviderThatThePolicyDoesNotHave) {
  auto chain = MakeChain();
  chain.spec.tiers[0].provider = "azure";
  EXPECT_THAT(ChainWarnings(chain, {Share(MakePolicy())}),
              ElementsAre(HasSubstr("tier primary: provider azure is no entry of upstreams.llms "
                                    "of policy refunds")));
}

TEST(ChainWarnings, AnotherUpstreamWithoutKeyServesOnlyItsOwnCallers) {
  auto chain = MakeChain();
  api::ChainTier third;
  third.name = "third";
  third.provider = "mistral";
  chain.spec.tiers.push_back(third);
  EXPECT_THAT(ChainWarnings(chain, {}),
              ElementsAre(HasSubstr("tier third has no secretRef: it is used only for calls that "
                                    "the agent addresses to mistral itself")));
}

}  // namespace
}  // namespace reliability::webhook
