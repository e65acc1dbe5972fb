#include "operator/webhook/handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "libs/base/base64.h"
#include "tests/controllers/agent_policy/builders.h"
#include "tests/controllers/agent_policy/chain_builders.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_events.h"

namespace reliability::webhook {
namespace {

using controllers::agent_policy::Caches;
using controllers::agent_policy::MakePolicy;
using controllers::agent_policy::Share;
using testing::HasSubstr;
namespace resources = kube::resources;

class HandlerTest : public testing::Test {
 protected:
  HandlerTest()
      : client_(fakes::MakeFakeClient(server_, clock_)),
        caches_(policies_, slos_, chains_, deployments_, stateful_sets_, pods_),
        owners_(caches_, *client_, clock_),
        handler_(owners_, events_, registry_, clock_, {"sidecar:1", "IfNotPresent"}) {}

  void CacheWorkload() {
    api::Deployment deployment;
    deployment.metadata.namespace_ = "support";
    deployment.metadata.name = "refunds-agent";
    deployment.metadata.uid = "uid-workload";
    deployments_.Set("support/refunds-agent", std::make_shared<const api::Deployment>(deployment));
  }
  void CachePolicy() { policies_.Set("support/refunds", Share(MakePolicy())); }

  static Json PodObject() {
    return Json::parse(R"({"metadata":{"generateName":"refunds-agent-1-",
      "labels":{"pod-template-hash":"1"},"ownerReferences":[{"apiVersion":"apps/v1",
      "kind":"ReplicaSet","name":"refunds-agent-1","uid":"u","controller":true}]},
      "spec":{"containers":[{"name":"agent","image":"a"}]}})");
  }
  static Json Review(Json object, bool dry_run = false) {
    return {{"apiVersion", "admission.k8s.io/v1"},
            {"kind", "AdmissionReview"},
            {"request",
             {{"uid", "u1"},
              {"resource", {{"group", ""}, {"version", "v1"}, {"resource", "pods"}}},
              {"operation", "CREATE"},
              {"namespace", "support"},
              {"dryRun", dry_run},
              {"object", std::move(object)}}}};
  }
  net::HttpResponse Post(const std::string& path, const std::string& body,
                         const std::string& type = "application/json") {
    net::HttpRequest request;
    request.method = "POST";
    request.path = path;
    request.headers = {{"content-type", type}};
    request.body = body;
    return handler_.Handle(request);
  }
  // The patch; an empty array if there is none.
  Json Inject(const Json& object, bool dry_run = false) {
    const net::HttpResponse response = Post("/inject", Review(object, dry_run).dump());
    EXPECT_EQ(response.status, 200U);
    const Json answer = Json::parse(response.body)["response"];
    EXPECT_EQ(answer["allowed"], true);
    return answer.contains("patch") ? Json::parse(*Base64Decode(answer["patch"].get<std::string>()))
                                    : Json::array();
  }
  bool Counted(const std::string& reason) const {
    return registry_.Text().find("injections_total{reason=\"" + reason +
                                 "\",result=\"Skipped\"} 1") != std::string::npos;
  }

  fakes::FakeClock clock_;
  fakes::FakeApiServer server_;
  std::unique_ptr<kube::ApiClient> client_;
  fakes::MemoryEvents events_;
  metrics::Registry registry_;
  kube::Store<api::AgentReliabilityPolicy> policies_;
  kube::Store<api::AgentSlo> slos_;
  kube::Store<api::LlmFallbackChain> chains_;
  kube::Store<api::Deployment> deployments_;
  kube::Store<api::StatefulSet> stateful_sets_;
  kube::Store<api::Pod> pods_;
  Caches caches_;
  OwnerLookup owners_;
  Handler handler_;
};

TEST_F(HandlerTest, InjectsFromTheCachesAlone) {
  CacheWorkload();
  CachePolicy();
  EXPECT_NE(Inject(PodObject()), Json::array());
  EXPECT_TRUE(server_.Requests().empty());
  EXPECT_TRUE(events_.all().empty());
}

TEST_F(HandlerTest, APolicyAppliedTogetherWithItsDeploymentIsFoundLive) {
  server_.Put(resources::kReplicaSets, Json::parse(R"({"metadata":{"namespace":"support",
    "name":"refunds-agent-1","ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment",
    "name":"refunds-agent","uid":"d","controller":true}]},"spec":{}})"));
  server_.Put(resources::kAgentReliabilityPolicies, Json::parse(R"({"metadata":{
    "namespace":"support","name":"refunds"},"spec":{"targetRefs":[{"group":"apps",
    "kind":"Deployment","name":"refunds-agent"}],"upstreams":{"llms":[{"name":"openai",
    "format":"OpenAI","url":"http://llm/v1"}]}}})"));
  EXPECT_NE(Inject(PodObject()), Json::array());
  EXPECT_EQ(server_.Count("GET", "agentreliabilitypolicies"), 1U);
  EXPECT_EQ(server_.Count("GET", "replicasets"), 1U);
}

TEST_F(HandlerTest, AMissIsRememberedForASecond) {
  CacheWorkload();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Inject(PodObject()), Json::array());
  }
  EXPECT_EQ(server_.Count("GET", "agentreliabilitypolicies"), 1U);
  clock_.Advance(std::chrono::seconds{2});
  (void)Inject(PodObject());
  EXPECT_EQ(server_.Count("GET", "agentreliabilitypolicies"), 2U);
}

TEST_F(HandlerTest, TheKeysOfTheChainAreMountedAlsoWhenItIsYoungerThanTheCache) {
  CacheWorkload();
  auto policy = MakePolicy();
  policy.spec.fallback_chain_ref = api::NameRef{"ladder"};
  policies_.Set("support/refunds", Share(policy));
  EXPECT_THAT(Inject(PodObject()).dump(), testing::Not(HasSubstr("secretName")));
  (void)Inject(PodObject());
  EXPECT_EQ(server_.Count("GET", "llmfallbackchains"), 1U) << "a miss is remembered for a second";
  clock_.Advance(std::chrono::seconds{2});
  server_.Put(resources::kLlmFallbackChains, Json::parse(R"({"metadata":{"namespace":"support",
    "name":"ladder"},"spec":{"tiers":[{"name":"a","provider":"p","endpoint":"https://a",
    "format":"OpenAI","secretRef":{"name":"keys","key":"k"}}]}})"));
  EXPECT_THAT(Inject(PodObject()).dump(), HasSubstr(R"("secretName":"keys")"));
  const std::size_t asked = server_.Count("GET", "llmfallbackchains");
  chains_.Set("support/ladder", Share(controllers::agent_policy::MakeChain()));
  EXPECT_THAT(Inject(PodObject()).dump(), HasSubstr(R"("secretName":"anthropic")"));
  EXPECT_EQ(server_.Count("GET", "llmfallbackchains"), asked);
  EXPECT_TRUE(events_.all().empty());
}

TEST_F(HandlerTest, AChainThatCannotBeReadIsAnEventAndThePodIsInjected) {
  CacheWorkload();
  auto policy = MakePolicy();
  policy.spec.fallback_chain_ref = api::NameRef{"ladder"};
  policies_.Set("support/refunds", Share(policy));
  fakes::Fault away;
  away.kind = fakes::Fault::Kind::kTimeout;
  away.times = 10;
  server_.AddFault(away);
  EXPECT_NE(Inject(PodObject()), Json::array());
  ASSERT_EQ(events_.all().size(), 1U);
  EXPECT_THAT(events_.all()[0].note, HasSubstr("without the keys of fallback chain ladder"));
}

TEST_F(HandlerTest, AnApiServerThatDoesNotAnswerNeverBlocksThePod) {
  CacheWorkload();
  fakes::Fault away;
  away.kind = fakes::Fault::Kind::kTimeout;
  away.times = 10;
  server_.AddFault(away);
  EXPECT_EQ(Inject(PodObject()), Json::array());
  EXPECT_TRUE(Counted("LookUpFailed"));
  ASSERT_EQ(events_.all().size(), 1U);
  EXPECT_EQ(events_.all()[0].reason, "SidecarNotInjected");
  EXPECT_EQ(events_.all()[0].regarding.name, "refunds-agent");
}

TEST_F(HandlerTest, ObstaclesAreEventsButNotInADryRun) {
  CacheWorkload();
  CachePolicy();
  Json pod = PodObject();
  pod["spec"]["hostNetwork"] = true;
  EXPECT_EQ(Inject(pod, true), Json::array());
  EXPECT_TRUE(events_.all().empty());
  EXPECT_EQ(Inject(pod), Json::array());
  ASSERT_EQ(events_.all().size(), 1U);
  EXPECT_EQ(events_.all()[0].regarding.uid, "uid-workload");
  EXPECT_THAT(events_.all()[0].note, HasSubstr("hostNetwork"));
}

TEST_F(HandlerTest, OptedOutPodsAndPodsOfOthersAreLeftAlone) {
  CacheWorkload();
  CachePolicy();
  Json out = PodObject();
  out["metadata"]["labels"]["agentreliability.dev/inject"] = "disabled";
  EXPECT_EQ(Inject(out), Json::array());
  EXPECT_TRUE(Counted("OptedOut"));
  Json bare = PodObject();
  bare["metadata"].erase("ownerReferences");
  EXPECT_EQ(Inject(bare), Json::array());
  EXPECT_TRUE(Counted("NoWorkload"));
  EXPECT_TRUE(events_.all().empty());
}

TEST_F(HandlerTest, WrongRequestsAre4xxAndTheNextOneWorks) {
  const std::string review = Review(PodObject()).dump();
  EXPECT_EQ(Post("/inject", "{").status, 400U);
  EXPECT_EQ(Post("/inject", "[]").status, 400U);
  EXPECT_EQ(Post("/inject", review, "text/plain").status, 415U);
  EXPECT_EQ(Post("/inject", review, "").status, 415U);
  EXPECT_EQ(Post("/other", review).status, 404U);
  net::HttpRequest get;
  get.method = "GET";
  get.path = "/inject";
  EXPECT_EQ(handler_.Handle(get).status, 405U);
  EXPECT_EQ(Post("/inject", review, "application/json; charset=utf-8").status, 200U);
  EXPECT_THAT(registry_.Text(), HasSubstr("agent_reliability_webhook_refused_total 6"));
}

TEST_F(HandlerTest, OtherObjectsThanPodsAreAllowedUntouched) {
  Json review = Review(nullptr);
  review["request"]["operation"] = "DELETE";
  EXPECT_EQ(Post("/inject", review.dump()).status, 200U);
  EXPECT_EQ(Post("/validate", review.dump()).status, 200U);
}

TEST_F(HandlerTest, AChainIsCheckedAgainstThePoliciesThatNameIt) {
  auto policy = MakePolicy();
  policy.spec.fallback_chain_ref = api::NameRef{"ladder"};
  policies_.Set("support/refunds", Share(policy));
  Json review = Review(Json::parse(R"({"metadata":{"namespace":"support","name":"ladder"},"spec":{
    "tiers":[{"name":"a","provider":"openai","timeout":"10s"},
             {"name":"b","provider":"openai","model":"small","timeout":"6s"}]}})"));
  review["request"]["resource"] = {{"group", "agentreliability.dev"},
                                   {"resource", "llmfallbackchains"}};
  Json answer = Json::parse(Post("/validate", review.dump()).body)["response"];
  EXPECT_EQ(answer["allowed"], true);
  EXPECT_THAT(answer["warnings"][0].get<std::string>(), HasSubstr("a 10s + b 6s = 16s"));
  policies_.Erase("support/refunds");
  answer = Json::parse(Post("/validate", review.dump()).body)["response"];
  EXPECT_FALSE(answer.contains("warnings"));
}

TEST_F(HandlerTest, ValidateWarnsAndAllows) {
  Json review = Review(Json::parse(R"({"metadata":{"namespace":"a","name":"b"},"spec":{
    "objective":"0.95","window":"30d","targetRef":{"kind":"Deployment","name":"x"},
    "sli":{"type":"TaskSuccess"}}})"));
  review["request"]["resource"] = {{"group", "agentreliability.dev"}, {"resource", "agentslos"}};
  const Json answer = Json::parse(Post("/validate", review.dump()).body)["response"];
  EXPECT_EQ(answer["allowed"], true);
  EXPECT_THAT(answer["warnings"][0].get<std::string>(), HasSubstr("Did you mean"));
}

}  // namespace
}  // namespace reliability::webhook
