#include "operator/webhook/inject_sidecar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/webhook/sidecar_container.h"
#include "tests/controllers/agent_policy/builders.h"
#include "tests/controllers/agent_policy/chain_builders.h"

namespace reliability::webhook {
namespace {

using controllers::agent_policy::kTarget;
using controllers::agent_policy::MakePolicy;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const SidecarOptions kOptions{"registry/sidecar:1", "IfNotPresent"};

Json Pod(const std::string& spec) {
  return Json::parse(R"({"metadata":{"labels":{"app":"refunds"}},"spec":)" + spec + "}");
}

Json AgentPod(const std::string& env = "[]") {
  return Pod(R"({"containers":[{"name":"agent","image":"a","env":)" + env +
             R"(,"futureField":{"kept":true}}],"futureField":1})");
}

// The pod after the patch.
Json Injected(const Json& pod, const Injection& injection) { return pod.patch(injection.patch); }

Json InjectedWith(const Json& pod, const api::AgentReliabilityPolicy& policy) {
  const Injection injection = InjectSidecar(pod, kTarget, policy, kOptions);
  EXPECT_EQ(injection.skip, Skip::kNone) << injection.skip_note;
  return Injected(pod, injection);
}

std::string EnvOf(const Json& container, const std::string& name) {
  for (const Json& variable : container["env"]) {
    if (variable["name"] == name) {
      return variable.value("value", "(no value)");
    }
  }
  return "(absent)";
}

TEST(InjectSidecar, IsANativeSidecarInFrontOfAllInitContainers) {
  Json pod = AgentPod();
  pod["spec"]["initContainers"] = Json::parse(R"([{"name":"migrate","image":"m"}])");
  const Json out = InjectedWith(pod, MakePolicy());
  const Json& containers = out["spec"]["initContainers"];
  ASSERT_THAT(containers, SizeIs(2));
  EXPECT_EQ(containers[0]["name"], "agent-reliability-sidecar");
  EXPECT_EQ(containers[0]["restartPolicy"], "Always");
  EXPECT_EQ(containers[0]["image"], "registry/sidecar:1");
  EXPECT_EQ(containers[0]["startupProbe"]["httpGet"]["path"], "/readyz");
  EXPECT_EQ(containers[1]["name"], "migrate");
}

TEST(InjectSidecar, MeetsRestrictedPodSecurity) {
  const Json out = InjectedWith(AgentPod(), MakePolicy());
  const Json& security = out["spec"]["initContainers"][0]["securityContext"];
  EXPECT_EQ(security["runAsNonRoot"], true);
  EXPECT_EQ(security["allowPrivilegeEscalation"], false);
  EXPECT_EQ(security["readOnlyRootFilesystem"], true);
  EXPECT_EQ(security["capabilities"]["drop"], Json::array({"ALL"}));
  EXPECT_EQ(security["seccompProfile"]["type"], "RuntimeDefault");
}

TEST(InjectSidecar, MountsTheConfigAsAFolderAndHidesTheToken) {
  const Json out = InjectedWith(AgentPod(), MakePolicy());
  const Json& volumes = out["spec"]["volumes"];
  EXPECT_EQ(volumes[0]["configMap"]["name"], "agent-reliability-deployment-refunds-agent");
  EXPECT_EQ(volumes[0]["configMap"]["optional"], true);
  EXPECT_TRUE(volumes[1]["emptyDir"].contains("sizeLimit"));
  bool token_hidden = false;
  for (const Json& mount : out["spec"]["initContainers"][0]["volumeMounts"]) {
    EXPECT_FALSE(mount.contains("subPath"));
    token_hidden |= mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount";
  }
  EXPECT_TRUE(token_hidden);
}

// Names of the mounts of one container.
std::vector<std::string> MountPaths(const Json& container) {
  std::vector<std::string> out;
  for (const Json& mount : container.value("volumeMounts", Json::array())) {
    out.push_back(mount["mountPath"]);
    EXPECT_TRUE(!out.back().starts_with("/etc/") || mount.value("readOnly", false)) << out.back();
  }
  return out;
}

TEST(InjectSidecar, KeysOfTheChainsTiersReachTheSidecarAlone) {
  auto chain = controllers::agent_policy::MakeChain();
  api::ChainTier third = chain.spec.tiers[1];
  third.name = "third";
  third.secret_ref = api::SecretKeyRef{"anthropic", "second-key"};
  chain.spec.tiers.push_back(third);
  const Injection injection = InjectSidecar(AgentPod(), kTarget, MakePolicy(), kOptions, &chain);
  const Json out = Injected(AgentPod(), injection);
  Json secrets = Json::array();
  Json ca_maps = Json::array();
  for (const Json& volume : out["spec"]["volumes"]) {
    if (volume.contains("secret")) {
      secrets.push_back(volume["secret"]);
    } else if (volume["name"] == "agent-reliability-ca-0") {
      ca_maps.push_back(volume["configMap"]["name"]);
    }
  }
  // Only the keys that are named, and a missing Secret does not keep the agent from starting.
  EXPECT_EQ(secrets, Json::parse(R"([{"secretName":"anthropic","optional":true,"items":[
      {"key":"api-key","path":"api-key"},{"key":"second-key","path":"second-key"}]}])"));
  EXPECT_EQ(ca_maps, Json::array({"corp-ca"}));
  EXPECT_THAT(MountPaths(out["spec"]["initContainers"][0]),
              testing::IsSupersetOf({"/etc/agent-reliability/secrets/anthropic",
                                     "/etc/agent-reliability/ca/corp-ca"}));
  EXPECT_THAT(MountPaths(out["spec"]["containers"][0]), testing::IsEmpty());
  EXPECT_EQ(InjectSidecar(out, kTarget, MakePolicy(), kOptions, &chain).patch, Json::array());
}

TEST(InjectSidecar, ASecondPassChangesNothing) {
  auto policy = MakePolicy();
  policy.spec.upstreams.llms[0].url = "";
  const Json once =
      InjectedWith(AgentPod(R"([{"name":"OPENAI_BASE_URL","value":"http://gw/v1"}])"), policy);
  const Injection again = InjectSidecar(once, kTarget, policy, kOptions);
  EXPECT_EQ(again.patch, Json::array());
  EXPECT_EQ(EnvOf(once["spec"]["initContainers"][0], "AGENT_RELIABILITY_UPSTREAM_OPENAI"),
            "http://gw/v1");
}

TEST(InjectSidecar, ReinvocationServesContainersThatOthersAddedAndKeepsTheirChanges) {
  Json once = InjectedWith(AgentPod(), MakePolicy());
  once["spec"]["containers"].push_back({{"name", "late"}, {"image", "l"}});
  once["spec"]["initContainers"][0]["volumeMounts"].push_back(
      {{"name", "foreign"}, {"mountPath", "/foreign"}});
  once["spec"]["initContainers"].insert(once["spec"]["initContainers"].begin(),
                                        Json{{"name", "foreign-init"}, {"image", "f"}});
  const Json twice = InjectedWith(once, MakePolicy());
  EXPECT_EQ(EnvOf(twice["spec"]["containers"][1], "OPENAI_BASE_URL"),
            "http://127.0.0.1:15100/llm/openai/v1");
  EXPECT_EQ(twice["spec"]["initContainers"][0]["name"], "agent-reliability-sidecar");
  EXPECT_EQ(twice["spec"]["initContainers"][0]["volumeMounts"].back()["name"], "foreign");
  EXPECT_THAT(twice["spec"]["initContainers"], SizeIs(2));
  EXPECT_EQ(twice["spec"]["volumes"], once["spec"]["volumes"]);
}

TEST(InjectSidecar, UnknownFieldsSurvive) {
  const Json out = InjectedWith(AgentPod(), MakePolicy());
  EXPECT_EQ(out["spec"]["futureField"], 1);
  EXPECT_EQ(out["spec"]["containers"][0]["futureField"]["kept"], true);
}

TEST(InjectSidecar, BaseUrlsAreSetWhereTheyAreAbsent) {
  auto policy = MakePolicy();
  api::LlmUpstream claude;
  claude.name = "claude";
  claude.format = api::LlmFormat::kAnthropic;
  claude.url = "http://claude";
  policy.spec.upstreams.llms.push_back(claude);
  const Json out = InjectedWith(AgentPod(), policy);
  const Json& agent = out["spec"]["containers"][0];
  EXPECT_EQ(EnvOf(agent, "OPENAI_BASE_URL"), "http://127.0.0.1:15100/llm/openai/v1");
  EXPECT_EQ(EnvOf(agent, "ANTHROPIC_BASE_URL"), "http://127.0.0.1:15100/llm/claude");
}

TEST(InjectSidecar, ValuesEqualToAnUpstreamsUrlBecomeItsRoute) {
  const Json out = InjectedWith(
      AgentPod(R"([{"name":"ORDERS","value":"http://orders-mcp.simulator.svc:8080/mcp/"},
                   {"name":"OTHER","value":"http://orders-mcp.simulator.svc:8080/mcp/x"}])"),
      MakePolicy());
  EXPECT_EQ(EnvOf(out["spec"]["containers"][0], "ORDERS"), "http://127.0.0.1:15100/mcp/orders");
  EXPECT_EQ(EnvOf(out["spec"]["containers"][0], "OTHER"),
            "http://orders-mcp.simulator.svc:8080/mcp/x");
}

TEST(InjectSidecar, NamedVariablesGetTheRoute) {
  auto policy = MakePolicy();
  policy.spec.upstreams.mcp_servers[0].env = {"ORDERS_MCP_URL"};
  EXPECT_EQ(EnvOf(InjectedWith(AgentPod(), policy)["spec"]["containers"][0], "ORDERS_MCP_URL"),
            "http://127.0.0.1:15100/mcp/orders");
}

TEST(InjectSidecar, AnInHouseGatewayBecomesTheUpstream) {
  auto policy = MakePolicy();
  policy.spec.upstreams.llms[0].url = "";
  const Json out =
      InjectedWith(AgentPod(R"([{"name":"OPENAI_BASE_URL","value":"http://gateway/v1"}])"), policy);
  EXPECT_EQ(EnvOf(out["spec"]["containers"][0], "OPENAI_BASE_URL"),
            "http://127.0.0.1:15100/llm/openai/v1");
  EXPECT_EQ(EnvOf(out["spec"]["initContainers"][0], "AGENT_RELIABILITY_UPSTREAM_OPENAI"),
            "http://gateway/v1");
}

TEST(InjectSidecar, WithoutAnyUrlTheSdksOwnDefaultIsTheUpstream) {
  auto policy = MakePolicy();
  policy.spec.upstreams.llms[0].url = "";
  EXPECT_EQ(EnvOf(InjectedWith(AgentPod(), policy)["spec"]["initContainers"][0],
                  "AGENT_RELIABILITY_UPSTREAM_OPENAI"),
            "https://api.openai.com/v1");
}

TEST(InjectSidecar, APolicysUrlWinsAndBothAreNamed) {
  const Injection injection =
      InjectSidecar(AgentPod(R"([{"name":"OPENAI_BASE_URL","value":"http://gateway/v1"}])"),
                    kTarget, MakePolicy(), kOptions);
  ASSERT_THAT(injection.notes, SizeIs(1));
  EXPECT_THAT(injection.notes[0], HasSubstr("http://gateway/v1"));
  EXPECT_THAT(injection.notes[0], HasSubstr("http://llm.simulator.svc:8080/v1"));
}

TEST(InjectSidecar, VariablesFromElsewhereAreLeftAloneWithANote) {
  for (const char* variable :
       {R"({"name":"OPENAI_BASE_URL","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}})",
        R"({"name":"OPENAI_BASE_URL","value":"http://$(HOST)/v1"})"}) {
    const Json pod = AgentPod("[" + std::string(variable) + "]");
    const Injection injection = InjectSidecar(pod, kTarget, MakePolicy(), kOptions);
    ASSERT_THAT(injection.notes, SizeIs(1)) << variable;
    EXPECT_EQ(Injected(pod, injection)["spec"]["containers"][0]["env"][0], Json::parse(variable));
  }
}

TEST(InjectSidecar, TwoDifferentOriginalsAreNotInjected) {
  auto policy = MakePolicy();
  policy.spec.upstreams.llms[0].url = "";
  const Json pod = Pod(R"({"containers":[
    {"name":"a","env":[{"name":"OPENAI_BASE_URL","value":"http://one/v1"}]},
    {"name":"b","env":[{"name":"OPENAI_BASE_URL","value":"http://two/v1"}]}]})");
  const Injection injection = InjectSidecar(pod, kTarget, policy, kOptions);
  EXPECT_EQ(injection.skip, Skip::kDifferentUpstreams);
  EXPECT_THAT(injection.skip_note, HasSubstr("http://one/v1"));
  EXPECT_THAT(injection.skip_note, HasSubstr("http://two/v1"));
  EXPECT_EQ(injection.patch, Json::array());
}

struct Obstacle {
  const char* spec;
  Skip skip;
};
class ObstacleTest : public testing::TestWithParam<Obstacle> {};
TEST_P(ObstacleTest, MeansNoInjection) {
  const Injection injection = InjectSidecar(Pod(GetParam().spec), kTarget, MakePolicy(), kOptions);
  EXPECT_EQ(injection.skip, GetParam().skip);
  EXPECT_EQ(injection.patch, Json::array());
  EXPECT_NE(injection.skip_note, "");
}
INSTANTIATE_TEST_SUITE_P(
    InjectSidecar, ObstacleTest,
    testing::Values(
        Obstacle{R"({"hostNetwork":true,"containers":[{"name":"a"}]})", Skip::kHostNetwork},
        Obstacle{R"({"os":{"name":"windows"},"containers":[{"name":"a"}]})", Skip::kWindows},
        Obstacle{R"({"nodeSelector":{"kubernetes.io/os":"windows"},"containers":[{"name":"a"}]})",
                 Skip::kWindows},
        Obstacle{R"({"containers":[{"name":"a","ports":[{"containerPort":15100}]}]})",
                 Skip::kPortInUse},
        Obstacle{R"({"containers":[{"name":"a"}],
                     "initContainers":[{"name":"b","ports":[{"containerPort":15190}]}]})",
                 Skip::kPortInUse},
        Obstacle{R"({"containers":[]})", Skip::kNotAPod},
        Obstacle{R"({"containers":"text"})", Skip::kNotAPod}, Obstacle{"7", Skip::kNotAPod}));

TEST(InjectSidecar, OddShapesDoNotStopIt) {
  for (const char* spec : {
           R"({"containers":[7,"x",null,{"name":"a","env":"no list"}]})",
           R"({"containers":[{"name":5,"env":[1,{"name":2},{"name":"OPENAI_BASE_URL"}]}]})",
           R"({"containers":[{"name":"a"}],"initContainers":{},"volumes":"x"})",
           R"({"containers":[{"name":"a","ports":[{"containerPort":"15100"}]}]})",
       }) {
    EXPECT_EQ(InjectSidecar(Pod(spec), kTarget, MakePolicy(), kOptions).skip, Skip::kNone) << spec;
  }
}

TEST(InjectSidecar, GuaranteedPodsStayGuaranteed) {
  const Json pod = Pod(R"({"containers":[{"name":"a","resources":{
    "limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1000m","memory":"1024Mi"}}}]})");
  EXPECT_TRUE(IsGuaranteed(pod["spec"]));
  const Json out = InjectedWith(pod, MakePolicy());
  const Json& resources = out["spec"]["initContainers"][0]["resources"];
  EXPECT_EQ(resources["requests"], resources["limits"]);
  EXPECT_TRUE(IsGuaranteed(out["spec"]));
}

TEST(InjectSidecar, OtherPodsGetSmallRequests) {
  const Json pod = Pod(R"({"containers":[{"name":"a","resources":{"limits":{"cpu":"1"}}}]})");
  EXPECT_FALSE(IsGuaranteed(pod["spec"]));
  const Json out = InjectedWith(pod, MakePolicy());
  const Json& resources = out["spec"]["initContainers"][0]["resources"];
  EXPECT_NE(resources["requests"], resources["limits"]);
}

TEST(InjectSidecar, CaMapsAreMountedOnce) {
  auto policy = MakePolicy();
  policy.spec.upstreams.llms[0].ca_config_map_ref = api::CaConfigMapRef{"corp-ca", "ca.crt"};
  policy.spec.upstreams.mcp_servers[0].ca_config_map_ref = api::CaConfigMapRef{"corp-ca", "x.pem"};
  const Json out = InjectedWith(AgentPod(), policy);
  int maps = 0;
  for (const Json& volume : out["spec"]["volumes"]) {
    maps += volume.contains("configMap") && volume["configMap"]["name"] == "corp-ca" ? 1 : 0;
  }
  EXPECT_EQ(maps, 1);
}

}  // namespace
}  // namespace reliability::webhook
